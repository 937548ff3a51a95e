"""The webhook channel: every message is POSTed to the operator's own service, signed, with an idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import orjson
from standardwebhooks.webhooks import Webhook as Signature

from broadcasts import secrets
from broadcasts.channels import http, wire
from broadcasts.channels.base import Message, Outcome, OutcomeKind, Report, Traits, Update
from broadcasts.models import Sender

# The service says in so many words that it did not take the message.
DEFINITE_REFUSALS = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})
# And here that it takes nothing at the moment.
TRY_LATER = frozenset({429})
DEFAULT_WAIT_SECONDS = 1.0
CONNECTION_WAIT_SECONDS = 5.0
IN_FLIGHT = 128


class Webhook:
    """Repeats an unknown hand-over with the same key within the hour; the service must tell repeats by it."""

    traits = Traits(
        kind=Sender.Channel.WEBHOOK,
        idempotency_window=timedelta(hours=1),
        receipt_horizon=timedelta(days=1),
        address_kinds=("e164",),
        cannot_see=("blocks and reports made in the messaging app itself",),
    )

    def __init__(self) -> None:
        self._clients = http.Clients()
        self._room: asyncio.Semaphore | None = None
        self._signatures: dict[int, Signature] = {}

    async def send(self, sender: Sender, messages: Sequence[Message], report: Report) -> None:
        self._room = self._room or asyncio.Semaphore(IN_FLIGHT)
        await asyncio.gather(*[self._send_one(sender, message, report, self._room) for message in messages])

    async def _send_one(self, sender: Sender, message: Message, report: Report, room: asyncio.Semaphore) -> None:
        async with room:
            if message.is_stale:
                report(message, Outcome(OutcomeKind.NOT_STARTED))
                return
            try:
                outcome = await self._post(sender, message)
            except Exception as fault:
                outcome = Outcome(OutcomeKind.UNKNOWN, error_code=type(fault).__name__[:32])
            report(message, outcome)

    async def _post(self, sender: Sender, message: Message) -> Outcome:
        now = datetime.now(UTC)
        body = _body(message, now)
        headers = {
            "content-type": "application/json",
            "idempotency-key": message.code,
            "webhook-id": message.code,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signature_of(sender).sign(message.code, now, body.decode()),
        }
        try:
            answer = await self._clients.post(sender.settings["url"], headers, body)
        except http.NotSent as fault:
            return Outcome(OutcomeKind.NOT_STARTED, error_code=str(fault)[:32], wait_seconds=CONNECTION_WAIT_SECONDS)
        except http.NotAllowed:
            return Outcome(OutcomeKind.REJECTED, error_code="address_not_allowed")
        return _read(answer)

    def _signature_of(self, sender: Sender) -> Signature:
        if sender.pk not in self._signatures:
            self._signatures[sender.pk] = Signature(secrets.of_sender(sender))
        return self._signatures[sender.pk]

    async def close(self) -> None:
        await self._clients.close()

    def verify(self, sender: Sender, headers: Mapping[str, str], body: bytes) -> bool:
        return wire.verify(sender, headers, body)

    def parse(self, sender: Sender, body: bytes) -> list[Update]:
        return wire.parse(sender, body)


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
        return Outcome(OutcomeKind.ACCEPTED, provider_id=str(provider_id))
    return Outcome(OutcomeKind.UNKNOWN, error_code=f"http_{answer.status}")
