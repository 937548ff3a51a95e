"""P3: no hand-over starts more than a second after a stop was answered, whatever door it came through."""

import asyncio
import json
import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections

from broadcasts import counts, lanes
from broadcasts.channels.base import Message
from broadcasts.models import Sender
from consent.models import CapRule
from feedback import receipts
from tests.conftest import House
from tests.make import EURO, make_business, make_launched, make_people, make_sandbox_sender, make_sent, open_policy
from tests.promises import doors, oracle
from tests.promises.provider import make_sender, provider

LONG = bool(os.environ.get("PROMISES"))
N_PEOPLE, N_RECEIPTS, MESSAGES_PER_SECOND, STOPS_PER_SECOND = (
    (4_000, 1_000_000, 80, 20) if LONG else (480, 20_000, 80, 24)
)

pytestmark = [pytest.mark.promise("P3"), pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_stop_through_any_door_is_obeyed_within_a_second(
    house: House, settings: Any, tell_cases: Callable[[str], None]
) -> None:
    """The web server answers, a lane sends, and receipts wait (in the long profile they are being folded, too)."""
    open_policy()
    CapRule.objects.all().delete()
    settings.PUBLIC_URL = house.url
    now = datetime.now(UTC)
    business = make_business(money=1_000 * EURO, now=now)
    make_people(business=business, n=N_PEOPLE, now=now)
    sandbox = make_sandbox_sender(business=business)
    _, earlier = make_sent(business=business, sender=sandbox, now=now)
    _let_receipts_wait(sandbox, earlier)
    for name in ("web", "desk", "beat") if LONG else ("web",):
        house.start(name)
    through = {
        "page": doors.by_page,
        "provider": doors.by_provider(sandbox),
        "phone": doors.by_phone(sandbox, business),
        "program": doors.by_program(business),
    }
    with provider() as service:
        settings.TRUSTED_HOSTS = [service.host]
        sender = make_sender(
            business=business, url=f"{service.url}/messages/shop", messages_per_second=MESSAGES_PER_SECOND
        )
        broadcast = make_launched(business=business, sender=sender, now=now)
        chosen = random.Random(3).sample(earlier, len(earlier) // 3)
        with ThreadPoolExecutor(1) as thread:
            run = thread.submit(_send)
            answered = doors.stop_through(
                through, host=urlsplit(house.url).netloc, people=chosen, per_second=STOPS_PER_SECOND, until=run.done
            )
            run.result()
        n_waiting = receipts.n_waiting()
        began_at = {arrival.to: arrival.first_byte_at for arrival in service.arrivals()}

    address_of = {message.recipient_id: message.address for message in earlier}
    n_spared = 0
    for door, answered_at in answered.items():
        began = {who: began_at[address_of[who]] - at for who, at in answered_at.items() if address_of[who] in began_at}
        n_here = len(answered_at) - len(began)
        tell_cases(f"{door}: {len(answered_at)} stops, {n_here} spared, latest {_latest(began):.3f} s")
        assert {who: seconds for who, seconds in began.items() if seconds > 1.0} == {}, door
        assert n_here > len(answered_at) * 0.1, f"{door}: hardly a stop came before its message: this proved nothing"
        n_spared += n_here
    tell_cases(f"{n_waiting:,} calls of the provider still waited to be folded")
    assert n_waiting > 0, "nothing waited any more: this proved nothing"
    assert counts.funnel(broadcast).reasons == {"opted_out": n_spared}
    assert oracle.faults(broadcast) == []
    assert oracle.slot_faults() == []


def _latest(began: dict[int, float]) -> float:
    """How long after its stop's answer the latest hand-over began; negative when all had begun before."""
    return max(began.values(), default=float("-inf"))


def _send() -> int:
    try:
        return asyncio.run(lanes.Lane(life_seconds=600).run())
    finally:
        connections.close_all()


def _let_receipts_wait(sender: Sender, earlier: Sequence[Message]) -> None:
    """``N_RECEIPTS`` receipts about the earlier messages, each a call of its own: most are told more than once."""
    at = datetime.now(UTC)
    bodies = [
        json.dumps(
            {"updates": [{"type": "receipt", "message_code": m.code, "status": "delivered", "at": at.isoformat()}]}
        ).encode()
        for m in earlier
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO feedback_callback (sender_id, body, received_at, failure)
            SELECT %s, (%s::bytea[])[1 + i %% %s], %s, '' FROM generate_series(1, %s) i
            """,
            [sender.pk, bodies, len(bodies), at, N_RECEIPTS],
        )
