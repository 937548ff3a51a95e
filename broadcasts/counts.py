"""How far a broadcast is: sums of deltas, so that a page costs the same with ten deliveries or ten million."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from broadcasts.models import Broadcast, Count, CountDelta, Delivery
from broadcasts.statements import statement
from consent.reasons import Reason

State = Delivery.State


@dataclass(frozen=True)
class Funnel:
    """Each number counts people; ``audience = queued + skipped + sent + failed + unknown`` at any moment."""

    audience: int
    queued: int
    skipped: int
    # Handed over and not failed: accepted, held, sent, delivered, read, or without a receipt.
    sent: int
    delivered: int
    read: int
    failed: int
    # Being handed over, or nobody knows whether they arrived.
    unknown: int
    # Raw sums by name, for the system and the operator; pages use ``disclosure`` for the reasons.
    states: dict[str, int]
    reasons: dict[str, int]


def funnel(broadcast: Broadcast) -> Funnel:
    """Return the counts of ``broadcast`` as of now, from squashed sums and the deltas since."""
    sums = _sums(broadcast.pk)
    by_state: Counter[int] = Counter()
    reasons: Counter[str] = Counter()
    for (state, reason), n in sums.items():
        by_state[state] += n
        if reason:
            reasons[Reason(reason).name.lower()] += n
    arrived = by_state[State.DELIVERED] + by_state[State.READ]
    on_the_way = sum(by_state[state] for state in (State.ACCEPTED, State.HELD, State.SENT, State.NO_RECEIPT))
    return Funnel(
        audience=sum(by_state.values()),
        queued=by_state[State.QUEUED],
        skipped=by_state[State.SKIPPED],
        sent=on_the_way + arrived,
        delivered=arrived,
        read=by_state[State.READ],
        failed=by_state[State.FAILED],
        unknown=by_state[State.SENDING] + by_state[State.UNKNOWN] + by_state[State.UNCONFIRMED],
        states={State(state).name.lower(): n for state, n in sorted(by_state.items()) if n},
        reasons={name: n for name, n in reasons.items() if n},
    )


def in_the_air(broadcast_id: int) -> int:
    """Return how many deliveries may still change by a receipt or a decision."""
    open_states = (State.QUEUED, State.SENDING, State.UNKNOWN, State.ACCEPTED, State.HELD, State.SENT)
    return sum(n for (state, _), n in _sums(broadcast_id).items() if state in open_states)


def open_outcomes() -> dict[int, int]:
    """Return, by the id of each broadcast that has any, of how many messages nobody knows whether they were taken."""
    n_open: Counter[int] = Counter()
    for broadcast_id, n in _added_up("broadcast_id", state=State.UNKNOWN):
        n_open[broadcast_id] += n
    return {broadcast_id: n for broadcast_id, n in n_open.items() if n > 0}


def _sums(broadcast_id: int) -> Counter[tuple[int, int]]:
    total: Counter[tuple[int, int]] = Counter()
    for state, reason, n in _added_up("state", "reason", broadcast_id=broadcast_id):
        total[state, reason] += n
    return total


def _added_up(*by: str, **which: int) -> QuerySet[Any, tuple[int, ...]]:
    """One statement, so that a squash between two reads cannot count anything twice."""
    squashed = Count.objects.filter(**which).values_list(*by).annotate(total=Sum("n"))
    deltas = CountDelta.objects.filter(**which).values_list(*by).annotate(total=Sum("n"))
    return squashed.union(deltas, all=True)


@transaction.atomic
def squash() -> int:
    """Fold deltas into sums; return how many deltas went. Two at once share the work and never wait."""
    with connection.cursor() as cursor:
        cursor.execute(statement("squash_counts"))
        ((n,),) = cursor.fetchall()
    return int(n)


def verify(broadcast: Broadcast) -> list[str]:
    """Recount a broadcast from its deliveries and return what differs, in words; [] is good."""
    truth = Counter(
        {
            (state, reason or 0): n
            for state, reason, n in Delivery.objects.filter(broadcast_id=broadcast.pk)
            .values_list("state", "reason")
            .annotate(n=Sum(1))
        }
    )
    counted = Counter({key: n for key, n in _sums(broadcast.pk).items() if n})
    return [
        f"{broadcast.code}: {_named(*key)} counted {counted[key]}, is {truth[key]}"
        for key in sorted(truth.keys() | counted.keys())
        if truth[key] != counted[key]
    ]


def _named(state: int, reason: int) -> str:
    return f"{State(state).name} {Reason(reason).name if reason else ''}".strip()
