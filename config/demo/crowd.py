"""What people do with the offers they got, by seed: they read, answer, stop, ask for less, block and report.

Everything goes through the doors that real people and providers use: signed callbacks, and each person's own page.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from broadcasts.channels.sandbox import network
from broadcasts.models import PhoneMessage, Sender

# Share of the people, in this order; the rest leaves the message unread or reads it in silence.
SHARES = {
    "interested": 0.08,
    "not interested": 0.04,
    "wrote STOP": 0.02,
    "stopped on their page": 0.01,
    "asked for fewer": 0.03,
    "paused everybody": 0.01,
    "blocked and reported": 0.015,
    "asked a question": 0.01,
}
READ_SHARE = 0.6
STOP_WORDS = ("STOP", "Stop svp", "arrêtez", "Unsubscribe")
REASONS = ("too_many", "not_relevant", "no_sign_up", "spam", "other")
UPDATES_PER_BODY = 50
AT_ONCE = 4
FORM = re.compile(
    r'<input type="hidden" name="action" value="([a-z-]+)"><input type="hidden" name="seal" value="([^"]+)">'
)


class Refused(Exception):
    """A door did not take what a person did."""


def react(*, sender: Sender, seed: int) -> Counter[str]:
    """Let everybody whose phone has a message of ``sender`` react; return how many did what."""
    arrived = PhoneMessage.objects.filter(sender=sender, is_inbound=False).exclude(delivery_code="")
    messages = list(arrived.select_related("sender").order_by("id"))
    chance = random.Random(seed)
    deeds = [(message, _deed(chance)) for message in messages]
    return asyncio.run(_all(sender, deeds, chance))


def deny(*, sender: Sender, n: int) -> int:
    """Let the first ``n`` with a message say on their page that they never signed up; return how many did."""
    arrived = PhoneMessage.objects.filter(sender=sender, is_inbound=False).exclude(delivery_code="")
    messages = list(arrived.select_related("sender").order_by("id")[:n])
    asyncio.run(_deny(sender, messages))
    return len(messages)


async def _deny(sender: Sender, messages: Sequence[PhoneMessage]) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        door, room = Door(session, sender), asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*[door.visit(one, "blocked and reported", "no_sign_up", room) for one in messages])


def _deed(chance: random.Random) -> str:
    at = chance.random()
    for deed, share in SHARES.items():
        at -= share
        if at < 0:
            return deed
    return "read" if chance.random() < READ_SHARE else ""


async def _all(sender: Sender, deeds: Sequence[tuple[PhoneMessage, str]], chance: random.Random) -> Counter[str]:
    done: Counter[str] = Counter(deed for _, deed in deeds if deed)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        door = Door(session, sender)
        readers = [message for message, deed in deeds if deed]
        await door.tell(await sync_to_async(_read)(readers))
        await door.tell(await sync_to_async(_answers)(deeds, chance))
        on_their_page = [
            (m, deed)
            for m, deed in deeds
            if deed in ("stopped on their page", "asked for fewer", "paused everybody", "blocked and reported")
        ]
        room = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(
            *[door.visit(message, deed, chance.choice(REASONS), room) for message, deed in on_their_page]
        )
    return done


def _read(messages: Sequence[PhoneMessage]) -> list[dict[str, Any]]:
    """Open the chats, and return the read receipts that the sandbox owes."""
    now = timezone.now()
    PhoneMessage.objects.filter(pk__in=[message.pk for message in messages]).update(read_at=now)
    return [network.receipt(message, "read", now) for message in messages]


def _answers(deeds: Iterable[tuple[PhoneMessage, str]], chance: random.Random) -> list[dict[str, Any]]:
    """Press buttons and write words on the phones, and return what the sandbox has to tell."""
    updates = []
    for message, deed in deeds:
        now = timezone.now()
        if deed in ("interested", "not interested"):
            updates.append(network.press(message=message, place=_button(message, deed), now=now))
        elif deed in ("wrote STOP", "asked a question"):
            text = chance.choice(STOP_WORDS) if deed == "wrote STOP" else "Bonjour, jusqu'à quelle heure ?"
            updates.append(network.write(sender=message.sender, address=message.address, text=text, now=now))
    return updates


def _button(message: PhoneMessage, deed: str) -> int:
    payload = deed.replace(" ", "_")
    return next(place for place, button in enumerate(message.content["buttons"]) if button.get("payload") == payload)


class Door:
    """The two ways in: the provider's callback, and a person's page."""

    def __init__(self, session: aiohttp.ClientSession, sender: Sender) -> None:
        self._session = session
        self._sender = sender
        public = urlsplit(settings.PUBLIC_URL)
        self._host = {"Host": public.netloc}

    async def tell(self, updates: list[dict[str, Any]]) -> None:
        url = f"{settings.INTERNAL_URL}/callbacks/{self._sender.code}/"
        for part in _parts(updates, UPDATES_PER_BODY):
            body, headers = network.signed(sender=self._sender, updates=part, now=timezone.now())
            async with self._session.post(url, data=body, headers=headers | self._host) as response:
                if response.status != 200:
                    raise Refused(f"the callback door answered {response.status}")

    async def visit(self, message: PhoneMessage, deed: str, reason: str, room: asyncio.Semaphore) -> None:
        """Open the page behind the message's link and press what is there to press."""
        form = {
            "stopped on their page": {"action": "stop"},
            "asked for fewer": {"action": "fewer", "limit": "1"},
            "paused everybody": {"action": "pause-all"},
            "blocked and reported": {"action": "block", "reason": reason, "words": "Trop souvent, merci d'arrêter."},
        }[deed]
        url = settings.INTERNAL_URL + urlsplit(message.content["preference_url"]).path
        async with room:
            async with self._session.get(url, headers=self._host) as page:
                seals = dict(FORM.findall(await page.text()))
            form["seal"] = seals[form["action"]]
            async with self._session.post(url, data=form, headers=self._host, allow_redirects=False) as answer:
                if answer.status != 303:
                    raise Refused(f"the person's page answered {answer.status} to “{form['action']}”")


def _parts(updates: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    rest = iter(updates)
    while part := list(islice(rest, size)):
        yield part
