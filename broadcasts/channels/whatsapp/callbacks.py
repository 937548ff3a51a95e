"""What the Cloud API tells: proven by its signature over the raw body, read element by element."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from broadcasts import codes
from broadcasts.channels.base import (
    AccountNews,
    InboundButton,
    InboundPreference,
    InboundText,
    Poison,
    ReceiptStatus,
    ReceiptUpdate,
    Unheeded,
    Update,
)
from broadcasts.channels.whatsapp import account, errors
from broadcasts.channels.whatsapp.wording import BOUND
from broadcasts.models import ProviderMessage, Sender

STATUSES = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "failed": ReceiptStatus.FAILED,
}
# A voice message was played, a message was deleted on the phone: nothing of it concerns an offer.
OTHER_STATUSES = frozenset({"played", "deleted", "warning"})
# What people send besides words; the business reads that something came.
WORDLESS = frozenset({"image", "video", "audio", "document", "sticker", "location", "contacts", "order"})
NOT_SAID = frozenset({"reaction", "system", "unsupported", "request_welcome"})
ACCOUNT_FIELDS = frozenset(
    {
        "account_update",
        "account_alerts",
        "account_review_update",
        "business_capability_update",
        "phone_number_quality_update",
        "phone_number_name_update",
        "message_template_status_update",
        "message_template_quality_update",
        "template_category_update",
    }
)
OTHER_FIELDS = frozenset({"message_template_components_update", "security", "flows", "message_echoes", "history"})
MAX_CHALLENGE = 200


def verify(sender: Sender, headers: Mapping[str, str], body: bytes) -> bool:
    """Say whether ``body`` was signed, byte for byte, with the app's secret: ``X-Hub-Signature-256: sha256=…``.

    It carries no time, so that an old call may come again: everything in it is told apart by its own id or moment.
    """
    secret = account.keys_of(sender).signing_secret
    if not secret:
        return False
    genuine = "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
    return hmac.compare_digest(genuine.encode(), headers.get("X-Hub-Signature-256", "").encode())


def shake_hands(sender: Sender, query: Mapping[str, str]) -> str | None:
    """Return the challenge to repeat, or None unless the provider knows our word (``hub.verify_token``)."""
    ours = account.keys_of(sender).verify_token
    given, challenge = query.get("hub.verify_token", ""), query.get("hub.challenge", "")
    is_ours = bool(ours) and hmac.compare_digest(ours.encode(), given.encode())
    is_plain = 0 < len(challenge) <= MAX_CHALLENGE and challenge.isascii() and challenge.isprintable()
    return challenge if query.get("hub.mode") == "subscribe" and is_ours and is_plain else None


def parse(sender: Sender, body: bytes) -> list[Update]:
    """Read ``{"entry": [{"id", "time", "changes": [{"field", "value"}]}]}``; what is not that is ``Poison``."""
    try:
        entries = orjson.loads(body)["entry"]
        if not isinstance(entries, list):
            raise TypeError
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return [Poison('The body is not {"entry": […]}.', None)]
    reader = _Reader(sender)
    return reader.bind([update for entry in entries for update in reader.entry(entry)])


class _Reader:
    """Reads one call. ``answered`` remembers which messages its texts quote, to be looked up all at once."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.answered: dict[int, str] = {}
        self._senders: dict[str, int] = {account.number_id(sender): sender.pk}

    def entry(self, entry: Any) -> Iterator[Update]:
        try:
            changes, at = entry["changes"], _moment(entry.get("time"))
            changes = changes if isinstance(changes, list) else [changes]
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            yield _poison(fault, entry)
            return
        for change in changes:
            yield from self._change(change, at)

    def _change(self, change: Any, at: datetime) -> Iterator[Update]:
        try:
            field, value = change["field"], change["value"]
            if not isinstance(field, str) or not isinstance(value, dict):
                raise TypeError("a change has a field and an object as its value")
        except (KeyError, TypeError) as fault:
            yield _poison(fault, change)
            return
        if field == "messages":
            yield from self._messages(value)
        elif field == "user_preferences":
            yield from _each(value.get("user_preferences"), _preference)
        elif field in ACCOUNT_FIELDS:
            yield AccountNews(field, value, at)
        elif field in OTHER_FIELDS:
            yield Unheeded(field)
        else:
            yield Poison(f"an unknown field: {field}"[:200], change)

    def _messages(self, value: dict[str, Any]) -> Iterator[Update]:
        sender_id = self._whose(value)
        if sender_id is None:
            yield Poison("of a number that is not this business's", value)
            return
        for status in _list(value.get("statuses")):
            yield from self._status(status, sender_id)
        yield from _each(value.get("messages"), self._said)
        for fault in _list(value.get("errors")):
            code = _code_of(fault)
            kind = errors.class_of(code)
            yield _refused(code, datetime.now(UTC)) if kind is errors.Class.STOP else Unheeded(f"error {code}")

    def _whose(self, value: dict[str, Any]) -> int | None:
        """One account's calls come to one address: they may be about another number of the same business."""
        metadata = value.get("metadata")
        number = str(metadata.get("phone_number_id", "")) if isinstance(metadata, dict) else ""
        if not number:
            return self.sender.pk
        if number not in self._senders:
            others = Sender.objects.filter(
                business_id=self.sender.business_id,
                channel=Sender.Channel.WHATSAPP,
                settings__phone_number_id=number,
                settings__account_id=account.account_id(self.sender),
            )
            self._senders[number] = others.values_list("pk", flat=True).first() or 0
        return self._senders[number] or None

    def _status(self, status: Any, sender_id: int) -> Iterator[Update]:
        try:
            word = status["status"]
            if word in OTHER_STATUSES:
                yield Unheeded(f"status {word}")
                return
            code = _code_of(next(iter(_list(status.get("errors"))), None))
            sent = str(status.get("biz_opaque_callback_data") or "").replace("\x00", "")
            message_code, _bound, file = sent.partition(BOUND)
            receipt = ReceiptUpdate(
                status=STATUSES[word],
                at=_moment(status["timestamp"]),
                sender_id=sender_id,
                message_code=message_code[:64],
                provider_id=_text(status["id"], 128),
                error_code=code[:32],
            )
            yield receipt
            if receipt.status == ReceiptStatus.FAILED and code == errors.STOPPED:
                # They stopped this business's offers in WhatsApp itself: whatever comes later would fail like this.
                yield InboundPreference(number(status["recipient_id"]), is_stop=True, at=receipt.at)
            elif receipt.status == ReceiptStatus.FAILED and errors.class_of(code) is errors.Class.STOP:
                yield _refused(code, receipt.at)
            elif receipt.status == ReceiptStatus.FAILED and errors.class_of(code) is errors.Class.FILE:
                yield AccountNews("file_lost", {"sender_id": sender_id, "media_id": file[:64]}, receipt.at)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
            yield _poison(fault, status)

    def _said(self, message: dict[str, Any]) -> Update:
        kind = message["type"]
        if kind in NOT_SAID:
            return Unheeded(f"message {kind}")
        said: dict[str, Any] = {
            "address": number(message["from"]),
            "provider_id": _text(message["id"], 128),
            "at": _moment(message["timestamp"]),
        }
        quoted = _quoted(message)
        if kind in ("button", "interactive"):
            payload, code = _pressed(message, kind)
            pressed = InboundButton(button=payload, message_code=code, **said)
            return pressed if code else self._quoting(pressed, quoted)
        if kind == "text":
            words = str(message["text"]["body"])[:4096]
        elif kind in WORDLESS:
            part = message.get(kind)
            words = str((isinstance(part, dict) and part.get("caption")) or f"[{kind}]")[:4096]
        else:
            raise ValueError(f"an unknown kind of message: {kind}")
        return self._quoting(InboundText(text=words.replace("\x00", ""), **said), quoted)

    def _quoting(self, update: InboundText | InboundButton, quoted: str) -> InboundText | InboundButton:
        if quoted:
            self.answered[id(update)] = quoted
        return update

    def bind(self, updates: list[Update]) -> list[Update]:
        """Put our own code in place of the provider's id of the message that a text or press quotes."""
        if not self.answered:
            return updates
        known = ProviderMessage.objects.filter(
            sender_id__in=self._senders.values(), provider_id__in=set(self.answered.values())
        )
        code_of = {
            row.provider_id: codes.delivery_code(row.broadcast_id, row.recipient_id, row.attempt) for row in known
        }
        return [self._bound(update, code_of) for update in updates]

    def _bound(self, update: Update, code_of: Mapping[str, str]) -> Update:
        code = code_of.get(self.answered.get(id(update), ""))
        match update:
            case InboundText() if code:
                return InboundText(update.address, update.text, update.provider_id, update.at, code)
            case InboundButton() if code:
                return InboundButton(update.address, update.button, update.provider_id, update.at, code)
            case _:
                return update


def _each(elements: Any, read: Any) -> Iterator[Update]:
    for element in _list(elements):
        try:
            yield read(element)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
            yield _poison(fault, element)


def _preference(said: dict[str, Any]) -> Update:
    """``value`` is stop, resume or signup; only of offers. Who signs up over a link writes next, which is evidence."""
    if said["category"] != "marketing_messages":
        return Unheeded(f"preference about {str(said['category'])[:40]}")
    if said["value"] == "signup":
        return Unheeded("preference signup")
    is_stop = {"stop": True, "resume": False}[said["value"]]
    return InboundPreference(number(said["wa_id"]), is_stop=is_stop, at=_moment(said["timestamp"]))


def _pressed(message: dict[str, Any], kind: str) -> tuple[str, str]:
    """Return a button's payload, else its label, and the delivery code that we bound to it."""
    if kind == "button":
        given = str(message["button"].get("payload") or message["button"]["text"])
    else:
        reply = message["interactive"]
        reply = reply[reply["type"]]
        given = str(reply.get("id") or reply["title"])
    payload, _bound, code = given.replace("\x00", "").rpartition(BOUND)
    if payload and code.startswith(("dlv_", "ntc_")):
        return payload[:256], code[:64]
    return given.replace("\x00", "")[:256], ""


def _quoted(message: dict[str, Any]) -> str:
    context = message.get("context")
    return str(context.get("id") or "")[:128].replace("\x00", "") if isinstance(context, dict) else ""


def _refused(code: str, at: datetime) -> AccountNews:
    return AccountNews("send_error", {"code": code}, at)


def _code_of(fault: Any) -> str:
    return str(fault.get("code", "")).replace("\x00", "")[:32] if isinstance(fault, dict) else ""


# WhatsApp keeps the spelling that a number had when it came: Mexico's 1 and Brazil's missing 9 were dropped since.
MEXICO = re.compile(r"521(\d{10})")
BRAZIL = re.compile(r"55([1-9][1-9])([6-9]\d{7})")


def number(wa_id: Any) -> str:
    """Return a WhatsApp id as we spell numbers (E.164): with the +, and as the country's plan has it today."""
    digits = _text(wa_id, 40).removeprefix("+")
    if mexican := MEXICO.fullmatch(digits):
        return f"+52{mexican[1]}"
    if brazilian := BRAZIL.fullmatch(digits):
        return f"+55{brazilian[1]}9{brazilian[2]}"
    return "+" + digits


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str | int) or not value:
        raise ValueError("an id is missing")
    return str(value)[:most]


def _moment(seconds: Any) -> datetime:
    """Unix seconds, as a number or in a text; Meta also writes milliseconds in some places."""
    value = int(seconds)
    return datetime.fromtimestamp(value / 1000 if value > 10**11 else value, UTC)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _poison(fault: Exception, element: Any) -> Poison:
    return Poison(f"{type(fault).__name__}: {fault}"[:200], element)
