"""What time does to broadcasts: begin, freeze, wake lanes, squash counts, move money, and bring all to an end."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from broadcasts import (
    chunks,
    counts,
    disclosure,
    freeze,
    guards,
    lifecycle,
    notices,
    own_numbers,
    transitions,
    trial,
    windows,
)
from broadcasts.channels import KINDS
from broadcasts.channels.sandbox import network
from broadcasts.models import Broadcast, Budget, Delivery, PhoneMessage
from broadcasts.statements import statement
from broadcasts.transitions import Transition
from businesses import events, idempotency, wallet
from businesses.models import Hold
from consent import verdicts
from consent.reasons import Reason

log = logging.getLogger(__name__)
State = Delivery.State

# While a broadcast runs, what was captured goes to the wallet's ledger once a minute; at its end at once.
POST_EVERY = timedelta(minutes=1)
# While launches keep coming, a turn that freezes comes to its end all the same: it wakes the lanes then.
JOIN_SECONDS = 5.0
# What a delivery ends as when no receipt can come any more.
SILENT_ENDS = {
    # Nobody should still wait then. Whoever does all the same ends like everybody, so that the money always does.
    State.QUEUED: (State.SKIPPED, Reason.EXPIRED),
    State.SENDING: (State.UNCONFIRMED, Reason.UNCONFIRMED),
    State.UNKNOWN: (State.UNCONFIRMED, Reason.UNCONFIRMED),
    State.ACCEPTED: (State.NO_RECEIPT, Reason.NO_RECEIPT),
    State.HELD: (State.NO_RECEIPT, Reason.NO_RECEIPT),
    State.SENT: (State.NO_RECEIPT, Reason.NO_RECEIPT),
}


def begin(*, now: datetime) -> bool:
    """Start what is due, pause what an emergency stop or a guard holds; return whether audiences wait to be frozen."""
    lifecycle.begin_scheduled(now=now)
    for look in (lifecycle.pause_stopped, guards.watch):
        try:
            look(now=now)
        except Exception:
            # Whatever is wrong with one broadcast, all others are still begun, frozen and sent.
            log.exception("clock: %s failed", look.__name__)
    return Broadcast.objects.filter(state=Broadcast.State.PREPARING).exists()


def freeze_waiting(*, now: datetime) -> None:
    """Freeze the audiences of launched broadcasts to their end, a slice of each in turn.

    What is launched within ``JOIN_SECONDS`` joins at the next round, instead of waiting for another turn of the clock.
    """
    begun, moment = time.monotonic(), now
    preparing = Broadcast.objects.filter(state=Broadcast.State.PREPARING).order_by("launched_at")
    waiting = list(preparing.values_list("pk", flat=True))
    seen = set(waiting)
    while waiting:
        waiting = [pk for pk in waiting if freeze.next_slice(broadcast_id=pk, now=moment)]
        if time.monotonic() - begun < JOIN_SECONDS:
            waiting += [pk for pk in preparing.values_list("pk", flat=True) if pk not in seen]
            seen.update(waiting)
        # Read after who joins: nobody is frozen by a clock from before its launch.
        moment = now + timedelta(seconds=time.monotonic() - begun)


def lanes_wanted(*, most: int, now: datetime) -> int:
    """Return how many lanes to wake: enough for what is due, no more than ``most`` together with the living."""
    with connection.cursor() as cursor:
        cursor.execute(statement("count_due_chunks"), {"now": now, "most": most})
        ((n_due,),) = cursor.fetchall()
    return max(0, min(most, n_due) - chunks.living(now=now)) if n_due else 0


def phones_are_awake(*, now: datetime) -> bool:
    """Say whether messages lie on sandbox phones whose arrival was not reported yet, or that somebody reads now."""
    return PhoneMessage.objects.filter(network.arrived(now) | Q(acts_at__lte=now, is_delivery_reported=True)).exists()


def close_books(*, now: datetime) -> int:
    """Move money and end what can end; return how many broadcasts were settled. One bad broadcast stops no other."""
    n = 0
    for broadcast in _unsettled():
        try:
            n += _close(broadcast, now)
        except Exception:
            log.exception("clock: broadcast %s cannot be settled", broadcast.code)
    return n


def _unsettled() -> QuerySet[Broadcast]:
    launched = Q(launched_at__isnull=False) | Q(state=Broadcast.State.CANCELLED)
    return Broadcast.objects.select_related("hold", "sender", "business").filter(launched, settled_at__isnull=True)


def _close(broadcast: Broadcast, now: datetime) -> bool:
    has_ended = broadcast.completed_at is not None
    is_silent = has_ended and _no_receipt_can_come(broadcast, now)
    if is_silent:
        end_silent(broadcast_id=broadcast.pk)
    is_over = has_ended and counts.in_the_air(broadcast.pk) == 0
    if is_over and not is_silent:
        is_over = not disclosure.keeps_a_secret(counts.funnel(broadcast))
    if broadcast.hold is not None:
        _post_captured(broadcast.hold, broadcast, now, at_once=has_ended)
    return is_over and _settle(broadcast, now)


def _no_receipt_can_come(broadcast: Broadcast, now: datetime) -> bool:
    horizon = KINDS[broadcast.sender.channel].traits.receipt_horizon
    return broadcast.ends_at is not None and broadcast.ends_at + horizon < now


@transaction.atomic
def end_silent(*, broadcast_id: int) -> int:
    """After the channel's receipt horizon what still hangs in the air ends, unpaid; return how many rows did.

    The slot of each person stays taken: it may well have arrived.
    """
    moves = []
    for from_state, (to_state, reason) in SILENT_ENDS.items():
        rows = Delivery.objects.select_for_update(no_key=True).filter(broadcast_id=broadcast_id, state=from_state)
        prices = list(rows.order_by("recipient_id").values_list("recipient_id", "price_micro"))
        if prices:
            ids = [recipient_id for recipient_id, _ in prices]
            Delivery.objects.filter(broadcast_id=broadcast_id, recipient_id__in=ids).update(
                state=to_state, reason=reason
            )
            moves.append(Transition(from_state, to_state, reason, len(ids), sum(price for _, price in prices), []))
    transitions.count(broadcast_id, moves)
    transitions.move_money(broadcast_id, moves)
    return sum(move.n for move in moves)


@transaction.atomic
def _post_captured(hold: Hold, broadcast: Broadcast, now: datetime, *, at_once: bool) -> None:
    """Bring the wallet up to what the broadcast's budget has captured: one entry a minute, each with its own key."""
    budget = Budget.objects.select_for_update(no_key=True).get(broadcast=broadcast)
    # Read again behind the budget's lock: another clock may have posted in the meantime.
    hold = Hold.objects.get(pk=hold.pk)
    due = budget.captured_micro - hold.captured_micro
    newest = hold.entries.filter(kind="capture").order_by("-created_at").values_list("created_at", flat=True).first()
    if due > 0 and (at_once or newest is None or newest < now - POST_EVERY):
        # The key says up to which sum the broadcast is paid: said twice, it is paid once.
        wallet.capture(hold=hold, amount_micro=due, key=f"capture:{broadcast.code}:{budget.captured_micro}", now=now)


@transaction.atomic
def _settle(broadcast: Broadcast, now: datetime) -> bool:
    """Release what was not spent and close the money. Conditional: two clocks at once settle once."""
    if not Broadcast.objects.filter(pk=broadcast.pk, settled_at__isnull=True).update(settled_at=now):
        return False
    if broadcast.hold is not None:
        hold = Hold.objects.get(pk=broadcast.hold.pk)
        if hold.remaining_micro:
            wallet.release(hold=hold, amount_micro=hold.remaining_micro, key=f"release:{hold.code}", now=now)
    events.record(
        business_id=broadcast.business_id, kind="broadcast.settled", payload={"code": broadcast.code}, now=now
    )
    return True


def tidy(*, now: datetime) -> None:
    """Squash the counts' deltas, and forget the recipient ids of chunks that are long done."""
    while counts.squash():
        pass
    ended = Broadcast.objects.filter(settled_at__lt=now - timedelta(hours=1), n_chunks__gt=0, chunks__isnull=False)
    for broadcast in ended.distinct()[:20]:
        broadcast.chunks.all().delete()


def prune(*, now: datetime) -> None:
    """Forget what nobody will ask for again: spent slots, answers to repeated requests, old notices."""
    with connection.cursor() as cursor:
        verdicts.forget_spent(cursor, now=now)
    idempotency.forget_old(before=now - idempotency.KEPT)
    notices.forget_old(now=now)
    windows.forget_closed(now=now)
    own_numbers.forget_unverified(now=now)
    trial.forget_days(now=now)
