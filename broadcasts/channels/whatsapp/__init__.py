"""The WhatsApp channel: Meta's Cloud API. It knows no idempotency keys, so an unknown hand-over is never repeated."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from broadcasts.channels import http
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
)
from broadcasts.channels.whatsapp import account, callbacks, errors, notes, wording
from broadcasts.models import Notice, Sender
from templates_approval.models import Version

log = logging.getLogger(__name__)

# For each sender: one slow number never takes the room of another.
IN_FLIGHT = 128
NOTICE_SECONDS = 5
CONNECTION_WAIT_SECONDS = 5.0
NOTED_SECONDS = 1.0
E164 = re.compile(r"\+[0-9]{7,15}")
TAKEN = frozenset({"", "accepted"})
HELD = frozenset({"held_for_quality_assessment", "paused"})


class WhatsApp:
    """Hands approved templates over. Whatever happens after the first byte and is no documented refusal is unknown."""

    traits = Traits(
        kind=Sender.Channel.WHATSAPP,
        idempotency_window=None,
        # Meta tells nothing of what expires: after the offer's life and this, no receipt will come.
        receipt_horizon=timedelta(days=1),
        address_kinds=("e164",),
        messages_per_second=80,
        cannot_see=(
            "blocks and reports made in WhatsApp itself",
            "Interested and Not interested chosen in WhatsApp's own menus",
            "messages that expire before the phone is reached",
        ),
        has_own_review=True,
        only_answers=True,
    )

    def __init__(self) -> None:
        self._clients = http.Clients()
        self._rooms: dict[int, asyncio.Semaphore] = {}
        self._keys: dict[bytes, account.Keys] = {}
        self._noted: dict[tuple[int, str, str], float] = {}

    async def send(self, sender: Sender, messages: Sequence[Message], report: Report) -> None:
        room = self._rooms.setdefault(sender.pk, asyncio.Semaphore(IN_FLIGHT))
        waiting = iter(messages)

        async def one_after_another() -> None:
            for message in waiting:
                async with room:
                    report(message, await self._send_one(sender, message))

        await asyncio.gather(*[one_after_another() for _ in range(min(len(messages), IN_FLIGHT))])

    async def _send_one(self, sender: Sender, message: Message) -> Outcome:
        if message.is_stale:
            return Outcome(OutcomeKind.NOT_STARTED)
        try:
            body = _body(message)
        except Exception as fault:
            log.exception("whatsapp: a message of broadcast %s cannot be written", message.broadcast_id)
            return Outcome(OutcomeKind.REJECTED, error_code=type(fault).__name__[:32])
        path = "marketing_messages" if account.uses_marketing_api(sender) else "messages"
        outcome = await self._post(sender, path, body, message.attempt)
        await self._take_note(sender, message.content, message.address, outcome)
        return outcome

    async def tell(self, sender: Sender, notices: Sequence[NoticeMessage], report: NoticeReport) -> None:
        async def tell_one(notice: NoticeMessage) -> None:
            try:
                async with asyncio.timeout(NOTICE_SECONDS):
                    outcome = await self._post(sender, _path_of(sender, notice), _notice_body(notice), 1)
                report(notice, outcome)
                await self._obey(sender, notice.address, outcome)
            except Exception as fault:
                report(notice, Outcome(OutcomeKind.UNKNOWN, error_code=type(fault).__name__[:32]))

        await asyncio.gather(*(tell_one(notice) for notice in notices))

    async def _post(self, sender: Sender, path: str, body: bytes, attempt: int) -> Outcome:
        keys, number = self._keys_of(sender), account.number_id(sender)
        if not keys.token or not number:
            return Outcome(OutcomeKind.REJECTED, error_code="sender_incomplete")
        headers = {"authorization": f"Bearer {keys.token}", "content-type": "application/json"}
        try:
            answer = await self._clients.post_trusted(f"{settings.WHATSAPP_API_URL}/{number}/{path}", headers, body)
        except http.NotSent:
            if attempt >= errors.MOST_ATTEMPTS:
                return Outcome(OutcomeKind.REJECTED, error_code="gave_up")
            return Outcome(
                OutcomeKind.NOT_STARTED,
                error_code="not_connected",
                wait_seconds=CONNECTION_WAIT_SECONDS,
            )
        except Exception as fault:
            return Outcome(OutcomeKind.UNKNOWN, error_code=type(fault).__name__[:32])
        return read(answer, attempt=attempt)

    def _keys_of(self, sender: Sender) -> account.Keys:
        """Decrypted once for each secret; a new token is a new one."""
        sealed = bytes(sender.secret_encrypted or b"")
        if sealed not in self._keys:
            self._keys[sealed] = account.keys_of(sender)
        return self._keys[sealed]

    async def _obey(self, sender: Sender, address: str, outcome: Outcome) -> None:
        """What an answer says of this one person: a stop in WhatsApp itself, or another number that they write from."""
        if outcome.error_code == errors.STOPPED:
            await self._note(notes.stop, sender=sender, address=address)
        if outcome.known_as and outcome.known_as != address:
            await self._note(notes.also_at, sender=sender, address=address, alias=outcome.known_as)

    async def _take_note(self, sender: Sender, content: Mapping[str, Any], address: str, outcome: Outcome) -> None:
        """A stop is obeyed; what concerns everybody is written down, so that the next gate of any lane knows it."""
        await self._obey(sender, address, outcome)
        topic = f"{content['name']} {wording.file_of(content)}"
        if not outcome.error_code or not self._is_news(sender, outcome.error_code, topic):
            return
        match errors.class_of(outcome.error_code):
            case errors.Class.STOP:
                await self._note(notes.restrict, sender=sender, code=outcome.error_code)
            case errors.Class.TEMPLATE:
                await self._note(
                    notes.suspend_template,
                    sender=sender,
                    name=content["name"],
                    language=content["language"]["code"],
                    code=outcome.error_code,
                )
            case errors.Class.FILE:
                await self._note(notes.lose_file, sender=sender, media_id=wording.file_of(content))
            case errors.Class.SOON if outcome.error_code == errors.RATE:
                await self._note(notes.slow_down, sender=sender)

    def _is_news(self, sender: Sender, code: str, topic: str) -> bool:
        """All messages of a batch get the same refusal: one of them a second is enough."""
        now, key = time.monotonic(), (sender.pk, code, topic)
        is_news = now - self._noted.get(key, 0.0) > NOTED_SECONDS
        if is_news:
            self._noted[key] = now
        return is_news

    async def _note(self, write: Callable[..., object], **facts: Any) -> None:
        try:
            await asyncio.to_thread(_in_a_thread, write, facts | {"now": datetime.now(UTC)})
        except Exception:
            log.exception("whatsapp: could not be noted")

    async def close(self) -> None:
        await self._clients.close()

    @staticmethod
    def wording(sender: Sender, version: Version) -> Wording:
        return wording.of_version(sender, version)

    @staticmethod
    def code_content(sender: Sender, *, code: str, language: str) -> dict[str, Any] | None:
        return wording.of_code(sender, code=code, language=language)

    def verify(self, sender: Sender, headers: Mapping[str, str], body: bytes) -> bool:
        return callbacks.verify(sender, headers, body)

    def parse(self, sender: Sender, body: bytes) -> list[Update]:
        return callbacks.parse(sender, body)

    def shake_hands(self, sender: Sender, query: Mapping[str, str]) -> str | None:
        return callbacks.shake_hands(sender, query)


def _in_a_thread(write: Callable[..., object], facts: dict[str, Any]) -> None:
    try:
        write(**facts)
    finally:
        # This thread belongs to the event loop, which does not know about database connections.
        connection.close()


def _body(message: Message) -> bytes:
    return orjson.dumps(
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.address,
            "type": "template",
            "template": wording.bound(message.content, message.code),
            # Comes back with every status: a receipt finds its delivery even when this answer is lost.
            "biz_opaque_callback_data": wording.told_back(message.content, message.code),
        }
    )


def _path_of(sender: Sender, notice: NoticeMessage) -> str:
    is_offer = notice.kind == Notice.Kind.TEST and account.uses_marketing_api(sender)
    return "marketing_messages" if is_offer else "messages"


def _notice_body(notice: NoticeMessage) -> bytes:
    """A test is the approved template, to the letter; everything else is words."""
    said: dict[str, Any] = {"type": "text", "text": {"preview_url": False, "body": notice.text}}
    if notice.content is not None:
        said = {"type": "template", "template": wording.bound(notice.content, notice.code)}
    return orjson.dumps(
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": notice.address,
            **said,
            "biz_opaque_callback_data": wording.told_back(notice.content or {}, notice.code),
        }
    )


def read(answer: http.Answer, *, attempt: int) -> Outcome:
    """Turn any answer into what it proves; what proves nothing is unknown."""
    try:
        told = orjson.loads(answer.body)
        if "error" in told:
            code = str(int(told["error"]["code"]))
            return errors.outcome(code, attempt=attempt, retry_after=answer.retry_after)
        if not 200 <= answer.status < 300:
            return Outcome(OutcomeKind.UNKNOWN, error_code=f"http_{answer.status}")
        sent = told["messages"][0]
        state = str(sent.get("message_status", ""))
        # PostgreSQL keeps no NUL, and one such id must not hold up everybody's outcomes.
        provider_id = str(sent["id"]).replace("\x00", "")
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, IndexError, AttributeError):
        code = "unreadable_answer" if answer.status < 300 else f"http_{answer.status}"
        return Outcome(OutcomeKind.UNKNOWN, error_code=code)
    if state in TAKEN or state in HELD:
        kind = OutcomeKind.HELD if state in HELD else OutcomeKind.ACCEPTED
        return Outcome(kind, provider_id=provider_id, known_as=_known_as(told))
    return Outcome(OutcomeKind.UNKNOWN, provider_id=provider_id, error_code="unreadable_answer")


def _known_as(told: Any) -> str:
    """Return the number under which WhatsApp knows whom we wrote to, as ours are spelt; '' when it does not say."""
    try:
        known_as = callbacks.number(told["contacts"][0]["wa_id"])
    except (KeyError, TypeError, ValueError, IndexError):
        return ""
    return known_as if E164.fullmatch(known_as) else ""
