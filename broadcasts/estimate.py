"""Before sending: who will be reached, who not and why, and what it costs. The gate's rules, read-only.

They are asked as if this business were the only one: what other businesses did, and what a person chose for all of
them, is in no number of an estimate but one, the share of all contacts that can be reached (``reach``).
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from math import ceil
from typing import Any

from django.db import connection
from django.db.models import F, Sum
from django.db.models.functions import Mod

from broadcasts import audience, own_caps, plan, quote, reach, wordings
from broadcasts.channels import KINDS
from broadcasts.models import Broadcast, Count, Delivery, Estimate
from consent import verdicts
from consent.models.people import ContactQuerySet
from consent.reasons import GO, Reason
from templates_approval.models import Version

# Up to here everybody is asked; above, a sample answers at once and the exact count follows as a job.
EXACT_UP_TO = 50_000
SAMPLE_ROWS = 2_000
SLICE_ROWS = 50_000
# People skipped for these reasons today may be reachable when their turn comes: the maximum must cover them.
PASSING_REASONS = frozenset({Reason.CAP_BUSINESS, Reason.HOLDOUT})
Tally = Counter[tuple[str, int]]


def estimate(*, broadcast: Broadcast, now: datetime, exact: bool | None = None) -> Estimate:
    """Ask about everybody in the audience (or a sample of it) what the gate would say now, and store the answer.

    ``exact``: True counts everybody, False samples, None decides by size. Raises ``quote.CannotQuote`` when there are
    no approved words, ``prices.NoPrice`` when there is no price, ``audience.BadDefinition`` when a segment is gone.
    """
    agreed = quote.terms(broadcast, now)
    quote.check_may_launch(broadcast, agreed, now)
    definition = audience.frozen(business=broadcast.business, definition=broadcast.audience)
    everybody = audience.contacts(business=broadcast.business, definition=definition, now=now)
    n_audience = audience.count(business=broadcast.business, definition=definition, now=now)
    is_exact = n_audience <= EXACT_UP_TO if exact is None else exact
    asked = everybody if is_exact else _sample(everybody, n_audience)
    tally = _ask(broadcast, agreed.versions, asked, now)
    return _store(broadcast, agreed, tally if is_exact else _scale(tally, n_audience), n_audience, is_exact, now)


def _sample(everybody: ContactQuerySet, n_audience: int) -> ContactQuerySet:
    step = max(1, n_audience // SAMPLE_ROWS)
    return everybody.alias(part=Mod(F("pk"), step)).filter(part=secrets.randbelow(step))


def _scale(tally: Tally, n_audience: int) -> Tally:
    """Blow a sample up to the whole; rounding goes to the largest group, so that the sum is the audience."""
    n_asked = tally.total()
    if not n_asked:
        return tally
    scaled = Counter({key: n * n_audience // n_asked for key, n in tally.items()})
    scaled[tally.most_common(1)[0][0]] += n_audience - scaled.total()
    return scaled


def _ask(broadcast: Broadcast, versions: list[Version], asked: ContactQuerySet, now: datetime) -> Tally:
    question = plan.question_about(broadcast)
    mine = own_caps.recent(business=broadcast.business, now=now)
    total: Tally = Counter()
    with connection.cursor() as cursor:
        for ids, lacks in _slices(asked, wordings.Values(broadcast, versions)):
            total += verdicts.tally_alone(
                cursor,
                question=question,
                recipient_ids=ids,
                lacks_variable=lacks,
                held_back=own_caps.held_back(recent=mine, recipient_ids=ids, now=now),
                now=now,
            )
    return total


def _slices(asked: ContactQuerySet, values: wordings.Values) -> Iterator[tuple[list[int], list[bool]]]:
    """Yield (recipients, lacks a variable), a bounded number at a time."""
    last = 0
    columns = (
        ("pk", "recipient_id", "language", "name", "attributes")
        if values.come_from_contacts
        else ("pk", "recipient_id")
    )
    while rows := list(asked.filter(pk__gt=last).order_by("pk").values_list(*columns)[:SLICE_ROWS]):
        last = rows[-1][0]
        yield [row[1] for row in rows], _lacks(rows, values)


def _lacks(rows: Sequence[tuple[Any, ...]], values: wordings.Values) -> list[bool]:
    if not values.come_from_contacts:
        return [False] * len(rows)
    return [values.lack(language, name, attributes) for _, _, language, name, attributes in rows]


def _store(
    broadcast: Broadcast, agreed: quote.Terms, tally: Tally, n_audience: int, is_exact: bool, now: datetime
) -> Estimate:
    elsewhere = agreed.prices.get("", 0)
    price_of = {country: agreed.prices.get(country, elsewhere) for country, _ in tally}
    go = Counter({country: n for (country, reason), n in tally.items() if reason == GO})
    likely = sum(n * price_of[country] for country, n in go.items())
    most = sum(
        n * price_of[country] for (country, reason), n in tally.items() if reason == GO or reason in PASSING_REASONS
    )
    if broadcast.budget_micro is not None:
        likely, most = min(likely, broadcast.budget_micro), min(most, broadcast.budget_micro)
    worst, usual = _delivery_rates(broadcast)
    traits = KINDS[broadcast.sender.channel].traits
    reach_permille = reach.share(business=broadcast.business, address_kinds=traits.address_kinds, now=now)
    reached = (1000 if reach_permille is None or go.total() < reach.MIN_AUDIENCE else reach_permille) / 1000
    reasons: Counter[str] = Counter()
    for (_country, reason), n in tally.items():
        if reason != GO:
            reasons[Reason(reason).name.lower()] += n
    return Estimate.objects.create(
        broadcast=broadcast,
        token=secrets.token_urlsafe(24),
        fingerprint=quote.fingerprint(broadcast, agreed),
        is_exact=is_exact,
        n_audience=n_audience,
        n_eligible=go.total(),
        reasons=dict(reasons),
        reach_permille=reach_permille,
        price_lines=[{"country": country, "n": n, "price_micro": price_of[country]} for country, n in go.most_common()],
        min_micro=int(likely * worst * reached),
        likely_micro=int(likely * usual * reached),
        max_micro=most,
        seconds=ceil(go.total() / _rate(broadcast)),
        created_at=now,
    )


def _rate(broadcast: Broadcast) -> int:
    return min(
        broadcast.sender.messages_per_second, broadcast.messages_per_second or broadcast.sender.messages_per_second
    )


def _delivery_rates(broadcast: Broadcast) -> tuple[float, float]:
    """Return the worst and the mean share delivered in this sender's last five broadcasts; 1 and 1 without any."""
    recent = Broadcast.objects.of(broadcast.business).filter(sender=broadcast.sender, state=Broadcast.State.COMPLETED)
    counts = Count.objects.filter(broadcast__in=list(recent.order_by("-created_at")[:5]))
    sent: Counter[int] = Counter()
    arrived: Counter[int] = Counter()
    rows = (
        counts.filter(state__gte=Delivery.State.SENDING).values_list("broadcast_id", "state").annotate(total=Sum("n"))
    )
    for broadcast_id, state, n in rows:
        sent[broadcast_id] += n
        arrived[broadcast_id] += n if state >= Delivery.State.DELIVERED else 0
    shares = [arrived[key] / n for key, n in sent.items() if n > 0]
    return (min(shares), sum(arrived.values()) / sum(sent.values())) if shares else (1.0, 1.0)
