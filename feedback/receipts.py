"""Receipts: what the inbox kept is read again, in bulk, and deliveries move forward by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.db import OperationalError, connection, transaction

from broadcasts import notices, settle
from broadcasts.channels import channel_for
from broadcasts.channels.base import ReceiptUpdate, Update
from feedback import arrivals, inbox, replies
from feedback.models import Callback

CLAIM = (Path(__file__).parent / "sql" / "claim_callbacks.sql").read_text()
# Longer than any fold takes. After a crash the calls wait so long, and are then folded again: harmless.
CLAIM_SECONDS = 60
BYTES_AT_ONCE = 8 * 1024 * 1024
# No provider keeps a receipt for longer than a week; one that claims to be older gets this age.
OLDEST = timedelta(days=8)

log = structlog.get_logger(__name__)


def fold(*, now: datetime, limit: int) -> int:
    """Fold the oldest ``limit`` calls that nobody else is folding, and return how many they were; 0 means none waits.

    What cannot be read or folded is set aside with its ``failure``, element by element; everything else is folded.
    """
    callbacks = _claim(now, limit)
    if not callbacks:
        return 0
    faults: dict[int, list[str]] = defaultdict(list)
    receipts: list[tuple[Callback, list[ReceiptUpdate]]] = []
    for callback in callbacks:
        updates = _read(callback, faults)
        receipts.append((callback, [_plausible(u, now) for u in updates if isinstance(u, ReceiptUpdate)]))
        with transaction.atomic():
            faults[callback.pk] += replies.take(sender=callback.sender, updates=updates, now=now)
        # Whoever was new has an address only now.
        arrivals.note_window(sender=callback.sender, updates=updates, now=now)
    _fold_receipts(receipts, faults, now)
    _mark_folded(callbacks, faults, now)
    return len(callbacks)


@transaction.atomic
def _claim(now: datetime, limit: int) -> list[Callback]:
    until = now + timedelta(seconds=CLAIM_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "until": until, "limit": limit, "max_bytes": BYTES_AT_ONCE})
        claimed = [row[0] for row in cursor.fetchall()]
    return list(Callback.objects.filter(pk__in=claimed).select_related("sender__business").order_by("pk"))


def _read(callback: Callback, faults: dict[int, list[str]]) -> list[Update]:
    """The door has noted elements that are no updates; a parser that fails altogether is noted here."""
    try:
        updates = channel_for(callback.sender).parse(callback.sender, bytes(callback.body))
        return replies.spell_out(updates=updates)
    except Exception as fault:
        log.exception("callback.unreadable", callback=callback.pk)
        faults[callback.pk].append(f"unreadable: {type(fault).__name__}")
        return []


def _plausible(update: ReceiptUpdate, now: datetime) -> ReceiptUpdate:
    """A provider's clock may be wrong: nothing happened later than now, or before it could have."""
    at = min(max(update.at, now - OLDEST), now)
    return update if at == update.at else replace(update, at=at)


def _fold_receipts(
    receipts: Sequence[tuple[Callback, list[ReceiptUpdate]]], faults: dict[int, list[str]], now: datetime
) -> None:
    """All calls at once; should that fail, call by call, and within the bad one by halves, down to the bad element."""
    if _try([update for _, updates in receipts for update in updates], now) is None:
        return
    for callback, updates in receipts:
        faults[callback.pk] += _fold_by_halves(updates, now)


def _fold_by_halves(updates: list[ReceiptUpdate], now: datetime) -> list[str]:
    fault = _try(updates, now)
    if fault is None:
        return []
    if len(updates) == 1:
        log.error("receipt.set_aside", fault=repr(fault))
        return [f"receipt: {type(fault).__name__}"]
    middle = len(updates) // 2
    return _fold_by_halves(updates[:middle], now) + _fold_by_halves(updates[middle:], now)


def _try(updates: list[ReceiptUpdate], now: datetime) -> Exception | None:
    """Fold, and return what went wrong. The database's own troubles are nobody's fault here: they are raised."""
    try:
        if updates:
            of_notices = [update for update in updates if notices.is_about_one(update)]
            settle.fold_receipts(updates=[u for u in updates if not notices.is_about_one(u)], now=now)
            notices.hear(updates=of_notices)
    except OperationalError:
        raise
    except Exception as fault:
        return fault
    return None


def _mark_folded(callbacks: Sequence[Callback], faults: dict[int, list[str]], now: datetime) -> None:
    folded = Callback.objects.filter(pk__in=[c.pk for c in callbacks])
    understood = [c.pk for c in callbacks if not inbox.has_puzzled(c.failure) and not inbox.is_puzzling(faults[c.pk])]
    folded.filter(pk__in=understood).update(body=b"", folded_at=now, claimed_until=None)
    folded.exclude(pk__in=understood).update(folded_at=now, claimed_until=None)
    for callback in callbacks:
        if words := inbox.in_words(faults[callback.pk]):
            known = f"{callback.failure} · " if callback.failure else ""
            Callback.objects.filter(pk=callback.pk).update(failure=(known + words)[:300])


def n_waiting() -> int:
    """How many calls are still to be folded, for the operator's eyes."""
    return Callback.objects.filter(folded_at__isnull=True).count()
