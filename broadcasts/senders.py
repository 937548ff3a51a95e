"""Giving a business its voice: a sandbox sender is ready at once, a webhook sender needs an address and a secret."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from broadcasts import secrets
from broadcasts.models import Sender
from businesses import audit
from businesses.models import Business, User


class CannotConnect(ValidationError):
    """The sender cannot be used as it was described; the sentence says what to change."""


def connect_sandbox(*, business: Business, name: str, now: datetime, messages_per_second: int = 80) -> Sender:
    """Make a sender whose messages arrive on pretended phones inside Tambour."""
    return _connect(
        business, Sender.Channel.SANDBOX, name, {}, secrets.new_signing_secret(), messages_per_second, None, now
    )


def connect_webhook(
    *, business: Business, name: str, url: str, now: datetime, by: User | None = None, messages_per_second: int = 80
) -> tuple[Sender, str]:
    """Make a sender that POSTs to the operator's messaging service; return it and its secret, shown this once."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise CannotConnect(_("Give the full address of the service, for example https://messages.example.com/send."))
    secret = secrets.new_signing_secret()
    sender = _connect(business, Sender.Channel.WEBHOOK, name, {"url": url}, secret, messages_per_second, by, now)
    return sender, secret


@transaction.atomic
def _connect(
    business: Business,
    channel: str,
    name: str,
    settings: dict[str, str],
    secret: str,
    messages_per_second: int,
    by: User | None,
    now: datetime,
) -> Sender:
    if not name.strip():
        raise CannotConnect(_("Give the sender the name that people will see."))
    sender = Sender.objects.create(
        business=business,
        channel=channel,
        name=name.strip(),
        settings=settings,
        secret_encrypted=secrets.encrypt(secret),
        messages_per_second=messages_per_second,
        created_at=now,
    )
    audit.note(
        action="sender.connected",
        object_kind="sender",
        object_code=sender.code,
        actor=by,
        business=business,
        after={"channel": channel, "name": sender.name},
        now=now,
    )
    return sender
