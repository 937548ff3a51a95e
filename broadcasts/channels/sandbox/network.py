"""The sandbox's provider network: pretended phones, what their owners do, and the receipts owed for both."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q, Value
from django.db.models.functions import Coalesce

from broadcasts.channels import wire
from broadcasts.channels.sandbox import habits
from broadcasts.models import PhoneMessage, Sender
from broadcasts.secrets import of_sender

UPDATES_PER_BODY = 100
MESSAGES_PER_ROUND = 2_000
POSTS_AT_ONCE = 4
POST_SECONDS = 20


def signed(*, sender: Sender, updates: Sequence[dict[str, Any]], now: datetime) -> tuple[bytes, dict[str, str]]:
    """Return the body of one call to the callback door, and the headers that prove it is the sandbox's."""
    body = orjson.dumps({"updates": list(updates)})
    return body, wire.sign(of_sender(sender), message_id="evt_" + secrets.token_hex(12), body=body, now=now)


def sender(*, code: str) -> Sender | None:
    """Return the sandbox sender with this code."""
    return Sender.objects.select_related("business").filter(code=code, channel=Sender.Channel.SANDBOX).first()


@dataclass(frozen=True)
class Phone:
    """A pretended phone, as a list shows it."""

    address: str
    last: PhoneMessage
    n_unread: int


def phones(*, sender: Sender, search: str = "", most: int = 50) -> list[Phone]:
    """Return the phones that talked with ``sender`` last, newest first; ``search`` is a part of their number."""
    chats = PhoneMessage.objects.filter(sender=sender, address__contains=search)
    newest = chats.values("address").annotate(last=Max("id"), n=Count("id", filter=Q(is_inbound=False, read_at=None)))
    rows = list(newest.order_by("-last")[:most])
    messages = PhoneMessage.objects.in_bulk([row["last"] for row in rows])
    return [Phone(row["address"], messages[row["last"]], row["n"]) for row in rows]


def chat(*, sender: Sender, address: str, last: int) -> list[PhoneMessage]:
    """Return the ``last`` messages of one phone, oldest first."""
    messages = PhoneMessage.objects.filter(sender=sender, address=address).order_by("-id")[:last]
    return list(messages)[::-1]


def message(*, sender: Sender, address: str, provider_id: str) -> PhoneMessage | None:
    """Return a message that this phone was sent, with its sender at hand."""
    found = PhoneMessage.objects.select_related("sender").filter(
        sender=sender, address=address, provider_id=provider_id
    )
    return found.exclude(delivery_code="").first()


def write(*, sender: Sender, address: str, text: str, now: datetime) -> dict[str, Any]:
    """Show on the phone what its owner wrote, and return the update that tells the door."""
    message = _written(sender, address, {"text": text}, now)
    return {"type": "text", "from": address, "text": text, "id": message.provider_id, "at": now.isoformat()}


def press(*, message: PhoneMessage, place: int, now: datetime) -> dict[str, Any]:
    """Press a quick reply of ``message``: its label shows as an answer, the returned update tells the door."""
    button = message.content["buttons"][place]
    answer = _written(message.sender, message.address, {"text": button["text"]}, now)
    return {
        "type": "button",
        "from": message.address,
        "message_code": message.delivery_code,
        "button": button.get("payload") or button["text"],
        "id": answer.provider_id,
        "at": now.isoformat(),
    }


def look(*, sender: Sender, address: str, now: datetime) -> list[dict[str, Any]]:
    """Open the chat: mark what was not read yet as read, and return the read receipts that the door is owed."""
    with transaction.atomic():
        new = PhoneMessage.objects.filter(sender=sender, address=address, is_inbound=False, read_at__isnull=True)
        messages = list(new.select_for_update().order_by("id"))
        PhoneMessage.objects.filter(pk__in=[m.pk for m in messages]).update(read_at=now)
    return [receipt(message, "read", now) for message in messages if message.delivery_code]


def receipt(message: PhoneMessage, status: str, at: datetime) -> dict[str, Any]:
    return {
        "type": "receipt",
        "message_code": message.delivery_code,
        "id": message.provider_id,
        "status": status,
        "at": at.isoformat(),
    }


def report_deliveries(*, now: datetime) -> int:
    """Post *delivered* for every message that reached a phone, through the real callback door; return how many.

    A message counts as reported only when the door has answered 200. The rows stay locked while their receipts travel,
    so that two reporters do not report the same; should they, a receipt that comes twice is harmless.
    """
    n_reported = 0
    while n_round := _report_round(now):
        n_reported += n_round
    return n_reported


@transaction.atomic
def _report_round(now: datetime) -> int:
    owed = PhoneMessage.objects.filter(arrived(now)).select_related("sender")
    messages = list(owed.select_for_update(skip_locked=True, of=("self",)).order_by("id")[:MESSAGES_PER_ROUND])
    told = {message.pk: [receipt(message, "delivered", now)] for message in messages}
    reported = asyncio.run(_post_all(list(_bodies(messages)), told, now)) if messages else []
    PhoneMessage.objects.filter(pk__in=reported).update(is_delivery_reported=True, delivered_at=now)
    return len(reported)


def arrived(now: datetime) -> Q:
    """Return which messages have reached their phones and were not reported yet."""
    is_there = Q(due_at__isnull=True) | Q(due_at__lte=now)
    return Q(is_delivery_reported=False, is_inbound=False) & is_there


def live(*, now: datetime) -> int:
    """Let the owners of phones with habits read, and answer; return how many did. Each message once at most."""
    n = 0
    while n_round := _live_round(now):
        n += n_round
    return n


@transaction.atomic
def _live_round(now: datetime) -> int:
    awake = PhoneMessage.objects.filter(acts_at__lte=now, is_delivery_reported=True).select_related("sender")
    messages = list(awake.select_for_update(skip_locked=True, of=("self",)).order_by("id")[:MESSAGES_PER_ROUND])
    unread = [message for message in messages if message.read_at is None]
    mine = PhoneMessage.objects.filter(pk__in=[message.pk for message in messages])
    mine.update(acts_at=None, read_at=Coalesce("read_at", Value(now)))
    told = {message.pk: [receipt(message, "read", now), *_answer(message, now)] for message in unread}
    if unread:
        asyncio.run(_post_all(list(_bodies(unread)), told, now))
    return len(messages)


def _answer(message: PhoneMessage, now: datetime) -> list[dict[str, Any]]:
    answer = habits.fate(message.sender.settings, address=message.address).answer
    if answer == habits.STOP:
        return [write(sender=message.sender, address=message.address, text="STOP", now=now)]
    payloads = [button.get("payload") for button in message.content.get("buttons", [])]
    return [press(message=message, place=payloads.index(answer), now=now)] if answer in payloads else []


def _bodies(messages: Sequence[PhoneMessage]) -> Iterable[tuple[Sender, list[PhoneMessage]]]:
    by_sender = sorted(messages, key=lambda m: (m.sender_id, m.pk))
    for _, of_one in groupby(by_sender, key=lambda m: m.sender_id):
        mine = list(of_one)
        for first in range(0, len(mine), UPDATES_PER_BODY):
            yield mine[0].sender, mine[first : first + UPDATES_PER_BODY]


async def _post_all(
    bodies: Sequence[tuple[Sender, list[PhoneMessage]]], told: Mapping[int, list[dict[str, Any]]], now: datetime
) -> list[int]:
    slots = asyncio.Semaphore(POSTS_AT_ONCE)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=POST_SECONDS)) as session:
        posts = await asyncio.gather(*(_post(session, slots, sender, batch, told, now) for sender, batch in bodies))
    return [pk for reported in posts for pk in reported]


async def _post(
    session: aiohttp.ClientSession,
    slots: asyncio.Semaphore,
    sender: Sender,
    messages: list[PhoneMessage],
    told: Mapping[int, list[dict[str, Any]]],
    now: datetime,
) -> list[int]:
    updates = [update for message in messages for update in told[message.pk]]
    body, headers = signed(sender=sender, updates=updates, now=now)
    headers |= _as_from_outside()
    url = f"{settings.INTERNAL_URL}/callbacks/{sender.code}/"
    async with slots:
        try:
            async with session.post(url, data=body, headers=headers) as response:
                return [m.pk for m in messages] if response.status == 200 else []
        except (aiohttp.ClientError, TimeoutError):
            return []


def _as_from_outside() -> dict[str, str]:
    """The door knows itself by its public name, whatever the shorter way inside the house is called."""
    public = urlsplit(settings.PUBLIC_URL)
    return {"Host": public.netloc, "X-Forwarded-Proto": public.scheme}


def _written(sender: Sender, address: str, content: dict[str, str], now: datetime) -> PhoneMessage:
    return PhoneMessage.objects.create(
        sender=sender,
        address=address,
        is_inbound=True,
        provider_id=_new_id(),
        content=content,
        created_at=now,
        is_delivery_reported=True,
    )


def _new_id() -> str:
    return "sbx_" + secrets.token_hex(12)
