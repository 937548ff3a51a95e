"""The inbox: a provider's call is proven genuine and kept as it came; a refusal in it holds before it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction

from broadcasts.channels import channel_for
from broadcasts.channels.base import Poison, ReceiptUpdate, Update
from broadcasts.models import Sender
from feedback import replies
from feedback.models import Callback


class NotGenuine(Exception):
    """No such sender, or not signed by its secret over these bytes within five minutes: deliberately not said which."""


def accept(*, sender_code: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Callback:
    """Keep one call of a provider, durably, and let stops, resumes and reactions in it take effect at once.

    All of it is one transaction: once this returns, the row exists and no gate that starts later can miss a stop.
    Receipts and conversation are left to ``receipts.fold``. An element that cannot be read or obeyed is noted in
    ``failure`` and keeps nothing else from happening. Raises ``NotGenuine``.
    """
    sender = Sender.objects.select_related("business").filter(code=sender_code).first()
    if sender is None:
        raise NotGenuine
    channel = channel_for(sender)
    if not channel.verify(sender, headers, body):
        raise NotGenuine
    updates = replies.spell_out(updates=channel.parse(sender, body))
    with transaction.atomic():
        _make_durable()
        faults = replies.obey(sender=sender, updates=updates, now=now)
        return Callback.objects.create(
            sender=sender,
            body=body,
            received_at=now,
            folded_at=None if any(is_for_later(update) for update in updates) else now,
            failure=in_words(faults + [update.why for update in updates if isinstance(update, Poison)]),
        )


def is_for_later(update: Update) -> bool:
    """Say whether ``receipts.fold`` has something to do with this element."""
    return isinstance(update, ReceiptUpdate) or replies.is_conversation(update)


def in_words(faults: list[str]) -> str:
    """Return at most 300 letters for ``Callback.failure``: how many elements were set aside, and why the first were."""
    if not faults:
        return ""
    return f"{len(faults)} set aside: {'; '.join(faults)}".replace("\x00", "")[:300]


def _make_durable() -> None:
    """A 200 means that the row survives a crash, whatever the session was told before."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO on")
