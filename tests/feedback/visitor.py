"""Somebody with a phone: presses what a page shows, and reads the codes that arrive."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from broadcasts import courier
from broadcasts.models import PhoneMessage
from feedback import passcodes

FORM = re.compile(
    r'name="action" value="([\w-]+)"><input type="hidden" name="seal" value="([^"]+)">'
    r'(?:<input type="hidden" name="business" value="([^"]+)">)?'
)
CODE = re.compile(r"\b\d{6}\b")


def seals(client: Client, path: str) -> dict[str, str]:
    """The page's forms: action → seal."""
    return {action: seal for action, seal, _ in FORM.findall(client.get(path).content.decode())}


def press(client: Client, path: str, action: str, **fields: str) -> Any:
    """Press a button as the page shows it, and see the page that follows."""
    form = {"action": action, "seal": seals(client, path)[action], **fields}
    return client.post(path, form, follow=True)


def carry(now: datetime | None = None) -> None:
    """What the clock does within two seconds."""
    moment = now or datetime.now(UTC)
    passcodes.send_waiting(now=moment)
    courier.carry(now=moment)


def read_code(address: str) -> str:
    """The newest code on this phone."""
    texts = PhoneMessage.objects.filter(address=address, is_inbound=False, delivery_code="").order_by("-id")
    found = [match[0] for text in texts if (match := CODE.search(text.content["text"]))]
    assert found, f"no code has arrived at {address}"
    return found[0]


def with_code(client: Client, page: Any, address: str) -> Any:
    """Read the code that ``page`` waits for, enter it, and see the page that follows."""
    carry()
    path = page.redirect_chain[-1][0]
    assert "/p/code/" in path, path
    return client.post(path, {"digits": read_code(address)}, follow=True)
