"""What an earlier owner of a chunk left in the air: handed over, or about to be, and nobody wrote down what came of it.

On a channel that knows idempotency keys the same attempt is handed over again, after asking once more; on any other it
is *unknown* and never sent again on our own: better unknown than twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from broadcasts import gate, transitions
from broadcasts.channels.base import Message
from broadcasts.chunks import Claim
from broadcasts.models import Broadcast, Delivery
from broadcasts.plan import Plan
from broadcasts.statements import statement
from broadcasts.transitions import Transition
from consent import verdicts
from consent.reasons import GO

State = Delivery.State
# What was decided with the slot that the message holds already; asking again would count that very slot.
SETTLED_BY_GATE = 80


class InFlight(NamedTuple):
    recipient_id: int
    lacks_variable: bool
    attempt: int
    version_id: int
    variables: str
    price_micro: int
    state: int
    gated_at: datetime


def left_behind(*, claim: Claim) -> list[int]:
    """Return who of the chunk hangs in the air."""
    rows = Delivery.objects.filter(broadcast_id=claim.broadcast_id, recipient_id__in=claim.recipient_ids)
    in_the_air = rows.filter(state__in=[State.SENDING, State.UNKNOWN])
    return list(in_the_air.order_by("recipient_id").values_list("recipient_id", flat=True))


@transaction.atomic
def again(
    *,
    claim: Claim,
    owner: UUID,
    plan: Plan,
    recipient_ids: Sequence[int] | None = None,
    now: datetime | None = None,
) -> list[Message]:
    """Return the messages of the chunk (or to ``recipient_ids`` of it) to hand over once more, with their old keys.

    The others are marked unknown; on a channel that knows keys not while the broadcast is only paused: they are asked
    about again when it goes on. Raises ``gate.LeaseLost``.
    """
    ids = claim.recipient_ids if recipient_ids is None else recipient_ids
    with connection.cursor() as cursor:
        state, ends_at, now = gate.hold(cursor, chunk_id=claim.chunk_id, owner=owner, now=now)
        cursor.execute(statement("in_flight"), {"broadcast_id": claim.broadcast_id, "ids": list(ids)})
        rows = [InFlight(*row) for row in cursor.fetchall()]
        if not rows:
            return []
        window = plan.traits.idempotency_window
        is_alive = state in (Broadcast.State.SENDING, Broadcast.State.PAUSED) and ends_at > now
        may_go_on = is_alive and state == Broadcast.State.SENDING and plan.obstacle is None
        if window and is_alive and not may_go_on:
            return []
        willing = _still_willing(cursor, plan, rows, now) if window and may_go_on else set()
        repeat = [row for row in rows if row.recipient_id in willing and row.gated_at > now - (window or timedelta())]
        _mark_unknown(claim.broadcast_id, [row for row in rows if row not in repeat])
        again_ids = [row.recipient_id for row in repeat]
        addresses = verdicts.addresses(cursor, question=plan.question, recipient_ids=again_ids)
        passed = [(row.recipient_id, row.attempt, row.version_id, row.variables, row.price_micro) for row in repeat]
        messages = gate.write_messages(plan, passed, addresses)
        # As the gate's last look: it may have been paused or stopped while this waited for a lock.
        state, _, _ = gate.hold(cursor, chunk_id=claim.chunk_id, owner=owner, now=now)
        return messages if state == Broadcast.State.SENDING else []


def _still_willing(cursor: verdicts.Cursor, plan: Plan, rows: list[InFlight], now: datetime) -> set[int]:
    ids = [row.recipient_id for row in rows]
    verdicts.lock(cursor, recipient_ids=ids)
    decided = verdicts.decide(
        cursor, question=plan.question, recipient_ids=ids, lacks_variable=[row.lacks_variable for row in rows], now=now
    )
    return {verdict.recipient_id for verdict in decided if verdict.reason == GO or verdict.reason >= SETTLED_BY_GATE}


def _mark_unknown(broadcast_id: int, rows: list[InFlight]) -> None:
    ids = [row.recipient_id for row in rows if row.state == State.SENDING]
    if ids:
        Delivery.objects.filter(broadcast_id=broadcast_id, recipient_id__in=ids).update(state=State.UNKNOWN)
        moves = [Transition(State.SENDING, State.UNKNOWN, 0, len(ids), 0, [])]
        transitions.count(broadcast_id, moves)
