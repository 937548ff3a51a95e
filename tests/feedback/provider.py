"""The tests' provider: calls the door as a sender's messaging service would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from broadcasts import secrets
from broadcasts.channels import wire
from broadcasts.channels.base import Message
from broadcasts.models import Sender
from businesses.models import Business
from consent.models import Refusal


def body_of(updates: Sequence[Any]) -> bytes:
    return json.dumps({"updates": list(updates)}).encode()


def call(
    sender: Sender, body: bytes, *, secret: str = "", at: datetime | None = None, changed: bytes = b"", **headers: str
) -> Any:
    """Call the door as the sender's provider would; the keywords are what an attacker may change."""
    moment = at or datetime.now(UTC)
    signed = wire.sign(secret or secrets.of_sender(sender), message_id="evt_1", body=body, now=moment) | headers
    return Client().post(
        f"/callbacks/{sender.code}/",
        data=changed or body,
        content_type="application/json",
        headers={name: value for name, value in signed.items() if value},
    )


def text(message: Message, words: str, *, key: str = "in_1", at: datetime | None = None) -> dict[str, Any]:
    moment = (at or datetime.now(UTC)).isoformat()
    return {"type": "text", "from": message.address, "text": words, "id": key, "at": moment}


def button(message: Message, payload: str, *, key: str = "in_1") -> dict[str, Any]:
    pressed = {"type": "button", "from": message.address, "message_code": message.code, "button": payload}
    return {**pressed, "id": key, "at": datetime.now(UTC).isoformat()}


def receipt(message: Message, status: str) -> dict[str, Any]:
    return {"type": "receipt", "message_code": message.code, "status": status, "at": datetime.now(UTC).isoformat()}


def has_stopped(message: Message, business: Business) -> bool:
    return Refusal.objects.filter(
        recipient_id=message.recipient_id, legal_entity=business.legal_entity, kind=1, lifted_at=None
    ).exists()
