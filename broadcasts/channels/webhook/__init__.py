"""The webhook channel: every message is POSTed to the operator's own service, signed, with an idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from broadcasts import secrets
from broadcasts.channels import http, wire
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
from broadcasts.models import Sender
from templates_approval.models import Version

# The service says in so many words that it did not take the message.
DEFINITE_REFUSALS = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})
# And here that it takes nothing at the moment.
TRY_LATER = frozenset({429})
DEFAULT_WAIT_SECONDS = 1.0
CONNECTION_WAIT_SECONDS = 5.0
# For each sender: one slow service never takes the room of another.
IN_FLIGHT = 128
# A notice that cannot be handed over soon is tried again; meanwhile it must not hold up the courier.
NOTICE_SECONDS = 5


class Webhook:
    """Repeats an unknown hand-over with the same key within the hour; the service must tell repeats by it."""

    traits = Traits(
        kind=Sender.Channel.WEBHOOK,
        idempotency_window=timedelta(hours=1),
        receipt_horizon=timedelta(days=1),
        address_kinds=("e164",),
        may_reach_mobiles_only=True,
        cannot_see=("blocks and reports made in the messaging app itself",),
    )

    # The service was not there, or knew no key; or it said itself that another time it may go.
    MAY_BE_OVER = frozenset(
        {"http_401", "http_403", "http_404", "http_405", "http_410", "address_not_allowed", "later"}
    )

    def __init__(self) -> None:
        self._clients = http.Clients()
        self._rooms: dict[int, asyncio.Semaphore] = {}
        self._secrets: dict[int, str] = {}

    async def send(self, sender: Sender, messages: Sequence[Message], report: Report) -> None:
        room = self._rooms.setdefault(sender.pk, asyncio.Semaphore(IN_FLIGHT))
        waiting = iter(messages)

        async def one_after_another() -> None:
            async with room:
                for message in waiting:
                    report(message, await self._send_one(sender, message))

        # As many hands as there is room, instead of a task for each message.
        await asyncio.gather(*[one_after_another() for _ in range(min(len(messages), IN_FLIGHT))])

    async def _send_one(self, sender: Sender, message: Message) -> Outcome:
        if message.is_stale:
            return Outcome(OutcomeKind.NOT_STARTED)
        try:
            now = datetime.now(UTC)
            return await self._post(sender, message.code, _body(message, now), now)
        except Exception as fault:
            return Outcome(OutcomeKind.UNKNOWN, error_code=type(fault).__name__[:32])

    async def tell(self, sender: Sender, notices: Sequence[NoticeMessage], report: NoticeReport) -> None:
        async def tell_one(notice: NoticeMessage) -> None:
            try:
                async with asyncio.timeout(NOTICE_SECONDS):
                    now = datetime.now(UTC)
                    report(notice, await self._post(sender, notice.code, _notice_body(notice, now), now))
            except Exception as fault:
                report(notice, Outcome(OutcomeKind.UNKNOWN, error_code=type(fault).__name__[:32]))

        await asyncio.gather(*(tell_one(notice) for notice in notices))

    async def _post(self, sender: Sender, code: str, body: bytes, now: datetime) -> Outcome:
        headers = {
            "content-type": "application/json",
            "idempotency-key": code,
            **wire.sign(self._secret_of(sender), message_id=code, body=body, now=now),
        }
        try:
            answer = await self._clients.post(sender.settings["url"], headers, body)
        except http.NotSent as fault:
            return Outcome(OutcomeKind.NOT_STARTED, error_code=str(fault)[:32], wait_seconds=CONNECTION_WAIT_SECONDS)
        except http.NotAllowed:
            return Outcome(OutcomeKind.REJECTED, error_code="address_not_allowed")
        return _read(answer)

    def _secret_of(self, sender: Sender) -> str:
        if sender.pk not in self._secrets:
            self._secrets[sender.pk] = secrets.of_sender(sender)
        return self._secrets[sender.pk]

    async def close(self) -> None:
        await self._clients.close()

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


def _body(message: Message, now: datetime) -> bytes:
    return orjson.dumps(
        {
            "type": "message.send",
            "timestamp": now,
            "data": {
                "message_code": message.code,
                "to": message.address,
                "language": message.language,
                "content": message.content,
                "preference_url": message.preference_url,
            },
        }
    )


def _notice_body(notice: NoticeMessage, now: datetime) -> bytes:
    return orjson.dumps(
        {
            "type": "notice.send",
            "timestamp": now,
            "data": {
                "notice_code": notice.code,
                "kind": notice.kind,
                "to": notice.address,
                "language": notice.language,
                "text": notice.text,
                **({} if notice.content is None else {"content": notice.content}),
            },
        }
    )


def _read(answer: http.Answer) -> Outcome:
    """Turn any answer into what it proves; what proves nothing is unknown."""
    if answer.status in TRY_LATER:
        return Outcome(
            OutcomeKind.NOT_STARTED, error_code="throttled", wait_seconds=answer.retry_after or DEFAULT_WAIT_SECONDS
        )
    if answer.status in DEFINITE_REFUSALS:
        return Outcome(OutcomeKind.REJECTED, error_code=f"http_{answer.status}")
    if 200 <= answer.status < 300:
        try:
            provider_id = orjson.loads(answer.body)["id"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return Outcome(OutcomeKind.UNKNOWN, error_code="unreadable_answer")
        # PostgreSQL keeps no NUL, and one such id must not hold up everybody's outcomes.
        return Outcome(OutcomeKind.ACCEPTED, provider_id=str(provider_id).replace("\x00", ""))
    return Outcome(OutcomeKind.UNKNOWN, error_code=f"http_{answer.status}")
