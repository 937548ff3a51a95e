"""The inbox: a provider's call is proven genuine and kept as it came; a refusal in it holds before it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction

from broadcasts import standing
from broadcasts.channels import channel_for
from broadcasts.channels.base import AccountNews, Poison, ReceiptUpdate, Update
from broadcasts.models import Sender
from consent.erasure import Traces
from feedback import arrivals, joining, replies
from feedback.models import Callback

KEEP = (Path(__file__).parent / "sql" / "keep_callback.sql").read_text()
FORGET_BODIES = (Path(__file__).parent / "sql" / "forget_bodies.sql").read_text()


class NotGenuine(Exception):
    """No such sender, or not signed by its secret over these bytes within five minutes: deliberately not said which."""


def accept(*, sender_code: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Callback:
    """Keep one call of a provider, durably; stops, resumes, reactions and restrictions in it take effect at once.

    What people say is one transaction with the row: once this returns, the row exists and no gate that starts later can
    miss a stop or a restriction.
    Receipts and conversation are left to ``receipts.fold``. An element that cannot be read or obeyed is noted in
    ``failure`` and keeps nothing else from happening. Raises ``NotGenuine``.
    """
    sender = _sender(sender_code)
    channel = channel_for(sender)
    if not channel.verify(sender, headers, body):
        raise NotGenuine
    updates = replies.spell_out(updates=channel.parse(sender, body))
    everything = updates
    updates, faults = joining.hear(sender=sender, updates=updates, now=now)
    # Before people are locked, each in a transaction of its own; a call that is not kept after all comes again.
    faults += standing.hear(
        sender=sender, news=[update for update in updates if isinstance(update, AccountNews)], now=now
    )
    arrivals.note_window(sender=sender, updates=everything, now=now)
    if all(isinstance(update, ReceiptUpdate) for update in updates):
        # By far the most of them: nobody has said anything, so that there is only one row to write.
        return _keep(sender, body, updates, faults, now)
    with transaction.atomic():
        faults += replies.obey(sender=sender, updates=updates, now=now)
        return _keep(sender, body, updates, faults, now)


def _sender(code: str) -> Sender:
    # Asked at every call. Without its business, which receipts are not about; spelt out, because composing the
    # statement would take four times as long as asking it.
    for sender in Sender.objects.raw("SELECT * FROM broadcasts_sender WHERE code = %s", [code]):
        return sender
    raise NotGenuine


def _keep(sender: Sender, body: bytes, updates: Sequence[Update], faults: list[str], now: datetime) -> Callback:
    faults = faults + [update.why for update in updates if isinstance(update, Poison)]
    is_waiting = any(is_for_later(update, sender) for update in updates)
    callback = Callback(
        sender=sender,
        # What is obeyed and understood needs to be read by nobody any more.
        body=body if is_waiting or is_puzzling(faults) else b"",
        received_at=now,
        folded_at=None if is_waiting else now,
        failure=in_words(faults),
    )
    with connection.cursor() as cursor:
        fields = ("sender_id", "body", "received_at", "folded_at", "failure")
        cursor.execute(KEEP, {name: getattr(callback, name) for name in fields})
        (callback.pk,) = cursor.fetchone()
    return callback


def shake_hands(*, sender_code: str, query: Mapping[str, str]) -> str:
    """Return what a provider that asks whether this address is ours wants to hear.

    Raises ``NotGenuine`` when the sender is unknown, its provider asks no such thing, or the word is not ours.
    """
    sender = Sender.objects.filter(code=sender_code).first()
    answer = channel_for(sender).shake_hands(sender, query) if sender else None
    if answer is None:
        raise NotGenuine
    return answer


def is_for_later(update: Update, sender: Sender) -> bool:
    """Say whether ``receipts.fold`` has something to do with this element."""
    return isinstance(update, ReceiptUpdate) or replies.is_conversation(update, sender.business.locale)


def is_puzzling(faults: list[str]) -> bool:
    """Say whether somebody has to look at the body; that a person is unknown is understood well enough."""
    return any(fault != replies.NOBODY for fault in faults)


def has_puzzled(failure: str) -> bool:
    """Say the same of a failure that was put ``in_words``."""
    return bool(failure) and is_puzzling(failure.partition(": ")[2].split("; "))


def forget_copies(*, traces: Traces) -> int:
    """Empty the calls that were set aside and name the person; return how many."""
    of_business = Sender.objects.filter(business_id=traces.business_id or 0).values_list("pk", flat=True)
    values = {
        "words": [*traces.values, *traces.names],
        "numbers": traces.numbers,
        "sender_ids": None if traces.business_id is None else list(of_business),
    }
    with connection.cursor() as cursor:
        cursor.execute(FORGET_BODIES, values)
        return int(cursor.rowcount)


def in_words(faults: list[str]) -> str:
    """Return at most 300 letters for ``Callback.failure``: how many elements were set aside, and why the first were."""
    if not faults:
        return ""
    return f"{len(faults)} set aside: {'; '.join(faults)}".replace("\x00", "")[:300]
