"""What became of messages: outcomes of the hand-over and receipts of the provider, written back in bulk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from broadcasts import chunks, codes, transitions
from broadcasts.channels.base import Message, Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast, ProviderMessage
from broadcasts.statements import statement
from broadcasts.transitions import Transition
from consent import verdicts
from consent.verdicts import array, array_of_moments, array_of_texts


@transaction.atomic
def outcomes(
    *,
    broadcast_id: int,
    sender_id: int,
    results: Sequence[tuple[Message, Outcome]],
    now: datetime,
    owner: UUID | None = None,
    chunk_of: Mapping[int, int] | None = None,
) -> list[int]:
    """Write hand-over outcomes back; return the people who were not started and wait again.

    Safe to repeat: a row moves only while it hangs in the air, and only for the attempt the outcome is about. What was
    *not started* goes back only while lane ``owner`` still has its chunk (``chunk_of`` each person): another lane may
    have handed it over by now, or given it up as unknown and closed the chunk, and nobody would ever look at it again.
    """
    results = sorted(results, key=lambda result: result[0].recipient_id)
    if owner is not None and chunk_of is not None:
        results = _without_lost(results, owner, chunk_of)
    with connection.cursor() as cursor:
        # A crash loses a few outcomes at worst; their rows are found again as *sending* and resolved as unknown.
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(
            statement("settle"),
            {
                "broadcast_id": broadcast_id,
                "now": now,
                "ids": array(message.recipient_id for message, _ in results),
                "attempts": array(message.attempt for message, _ in results),
                "kinds": array(int(outcome.kind) for _, outcome in results),
                "error_codes": array_of_texts(outcome.error_code[:32] for _, outcome in results),
            },
        )
        moves = [Transition(*row) for row in cursor.fetchall()]
        _remember_provider_ids(cursor, broadcast_id, sender_id, results)
        transitions.give_back_slots(cursor, broadcast_id, moves)
        transitions.count(broadcast_id, moves)
        transitions.move_money(broadcast_id, moves)
    return [i for move in moves if move.to_state == transitions.State.QUEUED for i in move.recipient_ids]


def _without_lost(
    results: Sequence[tuple[Message, Outcome]], owner: UUID, chunk_of: Mapping[int, int]
) -> Sequence[tuple[Message, Outcome]]:
    idle = {chunk_of[m.recipient_id] for m, outcome in results if outcome.kind == OutcomeKind.NOT_STARTED}
    if not idle:
        return results
    owned = chunks.still_owned(owner=owner, chunk_ids=idle)
    return [
        (message, outcome)
        for message, outcome in results
        if outcome.kind != OutcomeKind.NOT_STARTED or chunk_of[message.recipient_id] in owned
    ]


def _remember_provider_ids(
    cursor: verdicts.Cursor, broadcast_id: int, sender_id: int, results: Sequence[tuple[Message, Outcome]]
) -> None:
    known = [
        (message, outcome)
        for message, outcome in results
        if outcome.kind in (OutcomeKind.ACCEPTED, OutcomeKind.HELD) and outcome.provider_id
    ]
    if known:
        cursor.execute(
            statement("remember_provider_ids"),
            {
                "broadcast_id": broadcast_id,
                "sender_id": sender_id,
                "provider_ids": array_of_texts(outcome.provider_id[:128] for _, outcome in known),
                "ids": array(message.recipient_id for message, _ in known),
                "attempts": array(message.attempt for message, _ in known),
            },
        )


class Key(NamedTuple):
    broadcast_id: int
    recipient_id: int
    attempt: int


@dataclass
class Receipt:
    """Everything that a bundle of updates says of one delivery."""

    attempt: int
    status: ReceiptStatus = ReceiptStatus.HELD
    error_code: str = ""
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None

    def add(self, update: ReceiptUpdate) -> None:
        if update.status >= self.status:
            self.status = update.status
        if update.status == ReceiptStatus.FAILED:
            self.failed_at, self.error_code = update.at, update.error_code or "failed"
        elif update.status == ReceiptStatus.SENT:
            self.sent_at = update.at
        elif update.status == ReceiptStatus.DELIVERED:
            self.delivered_at = update.at
        elif update.status == ReceiptStatus.READ:
            self.read_at = update.at


def fold_receipts(*, updates: Sequence[ReceiptUpdate], now: datetime) -> int:
    """Move deliveries forward by what providers reported; return how many transitions were made.

    A sender's provider speaks of that sender's broadcasts only. Duplicates, disorder and unknown ids change nothing.
    One transaction a broadcast, so that people are never locked in different orders: call it outside of any other.
    Repeating all of it is harmless.
    """
    by_broadcast: dict[int, dict[int, Receipt]] = defaultdict(dict)
    for key, update in _of_their_senders(_resolve(updates)):
        receipts = by_broadcast[key.broadcast_id]
        receipt = receipts.setdefault(key.recipient_id, Receipt(key.attempt))
        # Attempts are told apart: what is said of an older one counts only when it arrived.
        if key.attempt >= receipt.attempt or update.status >= ReceiptStatus.DELIVERED:
            if key.attempt > receipt.attempt and receipt.status < ReceiptStatus.DELIVERED:
                receipts[key.recipient_id] = receipt = Receipt(key.attempt)
            receipt.add(update)
    return sum(_fold(broadcast_id, by_broadcast[broadcast_id], now) for broadcast_id in sorted(by_broadcast))


def _of_their_senders(resolved: Sequence[tuple[Key, ReceiptUpdate]]) -> list[tuple[Key, ReceiptUpdate]]:
    """Drop what a sender's provider says about somebody else's broadcast."""
    rows = Broadcast.objects.filter(pk__in={key.broadcast_id for key, _ in resolved}).values_list("pk", "sender_id")
    sender_of = dict(rows)
    return [(key, update) for key, update in resolved if sender_of.get(key.broadcast_id) == update.sender_id]


def _resolve(updates: Sequence[ReceiptUpdate]) -> list[tuple[Key, ReceiptUpdate]]:
    """Find out which delivery each update is about: by our own code, else by the provider's id."""
    resolved = []
    by_provider_id: dict[tuple[int, str], list[ReceiptUpdate]] = defaultdict(list)
    keys = codes.read_delivery_codes(update.message_code for update in updates)
    for update, key in zip(updates, keys, strict=True):
        if key:
            resolved.append((Key(*key), update))
        elif update.provider_id:
            by_provider_id[update.sender_id, update.provider_id].append(update)
    if by_provider_id:
        sender_ids = {sender_id for sender_id, _ in by_provider_id}
        provider_ids = [provider_id for _, provider_id in by_provider_id]
        for row in ProviderMessage.objects.filter(sender_id__in=sender_ids, provider_id__in=provider_ids):
            key = Key(row.broadcast_id, row.recipient_id, row.attempt)
            resolved += [(key, update) for update in by_provider_id.get((row.sender_id, row.provider_id), ())]
    return resolved


@transaction.atomic
def _fold(broadcast_id: int, receipts: dict[int, Receipt], now: datetime) -> int:
    ordered = sorted(receipts.items())
    business_id = Broadcast.objects.values_list("business_id", flat=True).get(pk=broadcast_id)
    with connection.cursor() as cursor:
        cursor.execute(
            statement("fold"),
            {
                "broadcast_id": broadcast_id,
                "ids": array(recipient_id for recipient_id, _ in ordered),
                "attempts": array(receipt.attempt for _, receipt in ordered),
                "states": array(int(receipt.status) for _, receipt in ordered),
                "error_codes": array_of_texts(receipt.error_code for _, receipt in ordered),
                "sent_ats": array_of_moments(receipt.sent_at for _, receipt in ordered),
                "delivered_ats": array_of_moments(receipt.delivered_at for _, receipt in ordered),
                "read_ats": array_of_moments(receipt.read_at for _, receipt in ordered),
                "failed_ats": array_of_moments(receipt.failed_at or now for _, receipt in ordered),
            },
        )
        moves = [Transition(*row) for row in cursor.fetchall()]
        transitions.move_slots(cursor, broadcast_id=broadcast_id, business_id=business_id, transitions=moves, now=now)
        transitions.count(broadcast_id, moves)
        transitions.move_money(broadcast_id, moves)
    return sum(move.n for move in moves)
