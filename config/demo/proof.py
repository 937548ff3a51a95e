"""The promises that the demo checks at its end, over what is really there: in SQL, and P4 by the nightly recount."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from broadcasts import counts, recount
from broadcasts.models import Broadcast, PhoneMessage
from businesses import wallet

WORDS = {
    "P1": "nobody was handed the same broadcast twice",
    "P2": "no cap was exceeded in any sliding window",
    "P4": "everybody who was told was allowed to be, by rules worked out anew",
    "P5": "the money adds up, to the last micro-unit",
    "P10": "everybody has one reason, or a passport",
}
# Windows as the default policy has them: hours, offers, whether of one business only.
CAPS = ((24, 2, False), (168, 6, False), (24, 1, True), (720, 4, True))

MONEY = """
SELECT b.code
FROM broadcasts_broadcast b
JOIN broadcasts_budget g ON g.broadcast_id = b.id
JOIN businesses_hold h ON h.id = b.hold_id
WHERE b.settled_at IS NOT NULL
  AND (h.captured_micro <> g.captured_micro
       OR g.captured_micro + g.written_off_micro <> (
           SELECT COALESCE(sum(d.price_micro), 0) FROM broadcasts_delivery d
           WHERE d.broadcast_id = b.id AND d.state >= 70))
"""

ONE_REASON = """
SELECT broadcast_id, count(*)
FROM broadcasts_delivery
WHERE (reason IS NOT NULL) <> (state IN (5, 25, 55, 60))
   OR (state >= 10 AND (interaction_id IS NULL OR basis IS NULL OR version_id IS NULL OR cap_counts IS NULL))
GROUP BY broadcast_id
"""

TOO_OFTEN = """
SELECT count(*)
FROM (
    SELECT count(*) OVER (PARTITION BY d.recipient_id {business}
                          ORDER BY d.gated_at RANGE BETWEEN interval '{hours} hours' PRECEDING AND CURRENT ROW) AS n
    FROM broadcasts_delivery d
    JOIN broadcasts_broadcast b ON b.id = d.broadcast_id
    WHERE d.gated_at IS NOT NULL AND d.state <> 60
) offers
WHERE n > {most}
"""


def broken(*, sink_url: str) -> dict[str, list[str]]:
    """Return promise → what is broken; empty lists are kept promises."""
    return {
        "P1": _nobody_twice(sink_url),
        "P2": _no_cap_exceeded(),
        "P4": _all_were_allowed(),
        "P5": _money_adds_up(),
        "P10": _one_reason_each(),
    }


def _all_were_allowed() -> list[str]:
    now = timezone.now()
    found = recount.recount(since=now - timedelta(days=1), now=now)
    return [f"{kind}: {n}" for kind, n in sorted(found.kinds.items())]


def _nobody_twice(sink_url: str) -> list[str]:
    with urllib.request.urlopen(f"{sink_url}/log", timeout=30) as answer:  # noqa: S310
        arrivals = [json.loads(line) for line in answer.read().splitlines()]
    # The same key again is the same message to the person; another key for the same person is a second one.
    messages = {(arrival["to"], arrival["key"]) for arrival in arrivals}
    twice = len(messages) - len({to for to, _ in messages})
    faults = [f"{twice} people were handed the webhook broadcast twice"] if twice else []
    with connection.cursor() as cursor:
        # Each sandbox sender carries one broadcast in this story, so one message a phone.
        cursor.execute(
            "SELECT count(*) - count(DISTINCT (sender_id, address)) FROM broadcasts_phonemessage"
            " WHERE delivery_code <> ''"
        )
        ((n,),) = cursor.fetchall()
    if n:
        faults.append(f"{n} sandbox phones got an offer twice")
    if PhoneMessage.objects.exclude(delivery_code="").count() == 0:
        faults.append("no sandbox phone got anything")
    return faults


def _no_cap_exceeded() -> list[str]:
    faults = []
    with connection.cursor() as cursor:
        for hours, most, is_of_business in CAPS:
            business = ", b.business_id" if is_of_business else ""
            cursor.execute(TOO_OFTEN.format(business=business, hours=hours, most=most))
            ((n,),) = cursor.fetchall()
            if n:
                faults.append(f"{n} offers above {most} in {hours} h{' of one business' if is_of_business else ''}")
    return faults


def _money_adds_up() -> list[str]:
    faults = wallet.verify_books()
    with connection.cursor() as cursor:
        cursor.execute(MONEY)
        faults += [f"{code}: captured is not the price of what was delivered" for (code,) in cursor.fetchall()]
    return faults


def _one_reason_each() -> list[str]:
    faults = [fault for broadcast in Broadcast.objects.all() for fault in counts.verify(broadcast)]
    with connection.cursor() as cursor:
        cursor.execute(ONE_REASON)
        faults += [f"broadcast {pk}: {n} people without reason and passport" for pk, n in cursor.fetchall()]
    for broadcast in Broadcast.objects.filter(completed_at__isnull=False):
        if counts.funnel(broadcast).audience != broadcast.n_audience:
            faults.append(f"{broadcast.code}: the states do not add up to the audience")
    return faults
