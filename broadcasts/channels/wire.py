"""Tambour's own callback format, signed the Standard Webhooks way; the webhook channel and the sandbox speak it."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from broadcasts import secrets
from broadcasts.channels.base import InboundButton, InboundText, Poison, ReceiptStatus, ReceiptUpdate, Update
from broadcasts.models import Sender

SIGNATURE_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 5
STATUSES = {
    "held": ReceiptStatus.HELD,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "failed": ReceiptStatus.FAILED,
}


def sign(secret: str, *, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the three signature headers for ``body``."""
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_signature(secret, message_id, timestamp, body)}",
    }


def verify(sender: Sender, headers: Mapping[str, str], body: bytes) -> bool:
    """Say whether ``body`` was signed, byte for byte, with this sender's secret within five minutes.

    Written out instead of using the library's ``verify``, which also wants the body to be JSON: what is genuine and
    unreadable has to be kept. Several signatures may be given, while a secret is being replaced.
    """
    message_id, timestamp, signatures = (headers.get(name, "") for name in SIGNATURE_HEADERS)
    if not message_id or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    genuine = f"v1,{_signature(secrets.of_sender(sender), message_id, timestamp, body)}".encode()
    return any(hmac.compare_digest(genuine, given.encode()) for given in signatures.split(" ")[:MAX_SIGNATURES])


@lru_cache(maxsize=256)
def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, with the key that follows ``whsec_``."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


def parse(sender: Sender, body: bytes) -> list[Update]:
    """Read ``{"updates": […]}``; a body that is not even that is one ``Poison``."""
    try:
        updates = orjson.loads(body)["updates"]
        if not isinstance(updates, list):
            raise TypeError
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return [Poison('The body is not {"updates": […]}.', None)]
    return [_parse_one(sender, element) for element in updates]


def _parse_one(sender: Sender, element: Any) -> Update:
    try:
        return PARSERS[element["type"]](sender, element)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        return Poison(f"{type(fault).__name__}: {fault}"[:200], element)


def _receipt(sender: Sender, element: dict[str, Any]) -> Update:
    code, provider_id = str(element.get("message_code") or ""), str(element.get("id") or "")[:128]
    if not code and not provider_id:
        raise ValueError("a receipt needs message_code or id")
    return ReceiptUpdate(
        status=STATUSES[element["status"]],
        at=_moment(element["at"]),
        sender_id=sender.pk,
        message_code=code,
        provider_id=provider_id,
        error_code=str(element.get("error_code") or "")[:32],
    )


def _text(sender: Sender, element: dict[str, Any]) -> Update:
    return InboundText(
        address=str(element["from"]),
        text=str(element["text"])[:4096].replace("\x00", ""),
        provider_id=str(element["id"])[:128],
        at=_moment(element["at"]),
        message_code=str(element.get("message_code") or ""),
    )


def _button(sender: Sender, element: dict[str, Any]) -> Update:
    return InboundButton(
        address=str(element["from"]),
        button=str(element["button"])[:256],
        provider_id=str(element["id"])[:128],
        at=_moment(element["at"]),
        message_code=str(element.get("message_code") or ""),
    )


PARSERS = {"receipt": _receipt, "text": _text, "button": _button}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
