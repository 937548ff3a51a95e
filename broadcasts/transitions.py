"""What a bulk change of deliveries amounts to: count deltas for the pages, money for the budget, slots given back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from broadcasts.models import Broadcast, Budget, Delivery
from broadcasts.statements import statement
from consent import verdicts
from consent.verdicts import array

State = Delivery.State

# While in these states a delivery's price is reserved in the budget.
RESERVED_STATES = frozenset({State.SENDING, State.UNKNOWN, State.ACCEPTED, State.HELD, State.SENT})
ARRIVED_STATES = frozenset({State.DELIVERED, State.READ})


class Transition(NamedTuple):
    """``n`` deliveries went from one state to another; ``recipient_ids`` only where slots change hands."""

    from_state: int
    to_state: int
    reason: int
    n: int
    price_micro: int
    recipient_ids: list[int]
    # Why they had been in ``from_state``: none for most states.
    from_reason: int = 0
    # When each of ``recipient_ids`` got what arrived, as PostgreSQL writes it: nobody here looks into it.
    arrived_ats: Sequence[str] = ()


def count(broadcast_id: int, transitions: Iterable[Transition]) -> None:
    """Write the count deltas of ``transitions``, in the transaction that made them."""
    deltas: Counter[tuple[int, int]] = Counter()
    for move in transitions:
        deltas[int(move.from_state), move.from_reason] -= move.n
        deltas[int(move.to_state), int(move.reason)] += move.n
    changed = [(state, reason, n) for (state, reason), n in deltas.items() if n]
    if changed:
        states, reasons, numbers = map(array, zip(*changed, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(
                statement("count"), {"broadcast_id": broadcast_id, "states": states, "reasons": reasons, "ns": numbers}
            )


def give_back_slots(cursor: verdicts.Cursor, broadcast_id: int, transitions: Iterable[Transition]) -> None:
    """Free the slots of what certainly did not arrive: never started, or refused by the provider in so many words."""
    ids = _without_arrival(transitions)
    if ids:
        verdicts.lock_slot_holders(cursor, recipient_ids=ids)
        verdicts.give_back(cursor, recipient_ids=ids, broadcast_id=broadcast_id)


def move_slots(
    cursor: verdicts.Cursor, *, broadcast_id: int, business_id: int, transitions: Sequence[Transition], now: datetime
) -> None:
    """Free slots as ``give_back_slots`` does, and let those of what arrived count from then on.

    A slot that had been given back is taken again. All whom a lock is needed of are locked together, in one order.
    """
    freed = _without_arrival(transitions)
    arrived: dict[int, str] = {}
    without_slot: list[int] = []
    for move in transitions:
        arrived.update(zip(move.recipient_ids, move.arrived_ats, strict=False))
        if move.arrived_ats and move.from_state not in RESERVED_STATES:
            without_slot += move.recipient_ids
    if freed or without_slot:
        verdicts.lock_slot_holders(cursor, recipient_ids=sorted({*freed, *without_slot}))
    if freed:
        verdicts.give_back(cursor, recipient_ids=freed, broadcast_id=broadcast_id)
    if arrived:
        ids = sorted(arrived)
        verdicts.arrive(
            cursor,
            recipient_ids=ids,
            arrived_ats=[arrived[i] for i in ids],
            broadcast_id=broadcast_id,
            business_id=business_id,
            now=now,
        )


def _without_arrival(transitions: Iterable[Transition]) -> list[int]:
    return [i for move in transitions if move.to_state in (State.QUEUED, State.FAILED) for i in move.recipient_ids]


def move_money(broadcast_id: int, transitions: Iterable[Transition]) -> None:
    """Follow ``transitions`` in the broadcast's budget; what arrives after the money was closed is written off."""
    reserved = captured = late = 0
    for move in transitions:
        was_reserved, is_reserved = move.from_state in RESERVED_STATES, move.to_state in RESERVED_STATES
        arrives = move.to_state in ARRIVED_STATES and move.from_state not in ARRIVED_STATES
        if arrives and was_reserved:
            captured += move.price_micro
        elif arrives:
            late += move.price_micro
        elif was_reserved and not is_reserved:
            reserved -= move.price_micro
    if not (reserved or captured or late):
        return
    budget = Budget.objects.select_for_update(no_key=True).get(broadcast_id=broadcast_id)
    budget.reserved_micro += reserved
    budget.captured_micro += captured
    is_closed = Broadcast.objects.filter(pk=broadcast_id, settled_at__isnull=False).exists()
    if late and not is_closed and budget.reserved_micro + late <= budget.ceiling_micro:
        budget.reserved_micro += late
        budget.captured_micro += late
    else:
        budget.written_off_micro += late
    budget.save(update_fields=["reserved_micro", "captured_micro", "written_off_micro"])
