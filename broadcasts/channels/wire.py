"""Tambour's own callback format, signed the Standard Webhooks way; the webhook channel and the sandbox speak it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from standardwebhooks.webhooks import Webhook as Signature
from standardwebhooks.webhooks import WebhookVerificationError

from broadcasts import secrets
from broadcasts.channels.base import InboundButton, InboundText, Poison, ReceiptStatus, ReceiptUpdate, Update
from broadcasts.models import Sender

SIGNATURE_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
STATUSES = {
    "held": ReceiptStatus.HELD,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "failed": ReceiptStatus.FAILED,
}


def sign(secret: str, *, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the three signature headers for ``body``."""
    signature = Signature(secret).sign(message_id, now, body.decode())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def verify(sender: Sender, headers: Mapping[str, str], body: bytes) -> bool:
    """Signed by this sender's secret, over these very bytes, within five minutes (constant-time compare inside)."""
    try:
        Signature(secrets.of_sender(sender)).verify(body, {name: headers.get(name, "") for name in SIGNATURE_HEADERS})
    except (WebhookVerificationError, ValueError, TypeError, UnicodeDecodeError):
        return False
    return True


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
