"""The sandbox channel: messages arrive on pretended phones inside Tambour, which answer like any provider."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from broadcasts.channels import wire
from broadcasts.channels.base import (
    Message,
    NoticeMessage,
    NoticeReport,
    Outcome,
    OutcomeKind,
    Report,
    Traits,
    Update,
    Wording,
    plain_wording,
)
from broadcasts.channels.sandbox import habits
from broadcasts.models import PhoneMessage, Sender
from templates_approval.models import Version


class Sandbox:
    """Hands messages over by writing them where the phones look. The delivery code is the idempotency key."""

    traits = Traits(
        kind=Sender.Channel.SANDBOX,
        idempotency_window=timedelta(hours=1),
        receipt_horizon=timedelta(minutes=5),
        address_kinds=("sandbox", "e164"),
    )

    async def send(self, sender: Sender, messages: Sequence[Message], report: Report) -> None:
        ready = [message for message in messages if not message.is_stale]
        for message in messages:
            if message.is_stale and message not in ready:
                report(message, Outcome(OutcomeKind.NOT_STARTED))
        try:
            await asyncio.to_thread(_deliver, sender, ready)
        except Exception as fault:
            for message in ready:
                report(message, Outcome(OutcomeKind.UNKNOWN, error_code=type(fault).__name__))
            return
        for message in ready:
            report(message, Outcome(OutcomeKind.ACCEPTED, provider_id=provider_id(message.code)))

    async def tell(self, sender: Sender, notices: Sequence[NoticeMessage], report: NoticeReport) -> None:
        # In the thread of whoever carries them, on its own connection.
        await sync_to_async(_show)(sender, notices, timezone.now())
        for notice in notices:
            report(notice, Outcome(OutcomeKind.ACCEPTED, provider_id=provider_id(notice.code)))

    async def close(self) -> None:
        return None

    @staticmethod
    def wording(sender: Sender, version: Version) -> Wording:
        return plain_wording(sender, version)

    @staticmethod
    def code_content(sender: Sender, *, code: str, language: str) -> dict[str, Any] | None:
        return None

    def verify(self, sender: Sender, headers: Mapping[str, str], body: bytes) -> bool:
        return wire.verify(sender, headers, body)

    def parse(self, sender: Sender, body: bytes) -> list[Update]:
        return wire.parse(sender, body)

    def shake_hands(self, sender: Sender, query: Mapping[str, str]) -> str | None:
        return None


def provider_id(code: str) -> str:
    """Return the sandbox's own id of the message with this delivery code."""
    return "sbx_" + code.removeprefix("dlv_")


def _show(sender: Sender, notices: Sequence[NoticeMessage], now: datetime) -> None:
    """Put notices on their phones, each once. Only a test is owed receipts, under the notice's code."""
    PhoneMessage.objects.bulk_create(
        [
            PhoneMessage(
                sender=sender,
                address=notice.address,
                delivery_code="" if notice.content is None else notice.code,
                provider_id=provider_id(notice.code),
                content={"text": notice.text} if notice.content is None else notice.content,
                created_at=now,
                delivered_at=now if notice.content is None else None,
                is_delivery_reported=notice.content is None,
            )
            for notice in notices
        ],
        ignore_conflicts=True,
    )


def _deliver(sender: Sender, messages: Sequence[Message]) -> None:
    try:
        _write(sender, messages, timezone.now())
    finally:
        # This thread belongs to the event loop, which does not know about database connections.
        connection.close()


def _write(sender: Sender, messages: Sequence[Message], now: datetime) -> None:
    rows = [_laid_down(sender, message, now) for message in messages]
    PhoneMessage.objects.bulk_create(rows, ignore_conflicts=True)


def _laid_down(sender: Sender, message: Message, now: datetime) -> PhoneMessage:
    fate = habits.fate(sender.settings, address=message.address)
    return PhoneMessage(
        sender=sender,
        address=message.address,
        delivery_code=message.code,
        provider_id=provider_id(message.code),
        content={**message.content, "preference_url": message.preference_url},
        created_at=now,
        due_at=now + fate.arrives_after if fate.arrives_after else None,
        acts_at=now + fate.reads_after if fate.reads_after else None,
    )
