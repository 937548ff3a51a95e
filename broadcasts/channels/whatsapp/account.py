"""What a WhatsApp sender is made of: whose account, which number, and the secrets that open them."""

from __future__ import annotations

import secrets as randomness
from dataclasses import asdict, dataclass

import orjson
from django.conf import settings

from broadcasts import secrets
from broadcasts.models import Sender


@dataclass(frozen=True, slots=True)
class Keys:
    """Encrypted at rest as one; none of them is ever shown or logged."""

    token: str
    # '' when the operator's own app serves all: then WHATSAPP_APP_SECRET signs.
    app_secret: str
    # What the provider must say when it asks whether the callback address is ours.
    verify_token: str

    def __repr__(self) -> str:
        return "Keys(…)"

    @property
    def signing_secret(self) -> str:
        return self.app_secret or str(settings.WHATSAPP_APP_SECRET)


def new_keys(*, token: str, app_secret: str) -> Keys:
    return Keys(token, app_secret, randomness.token_urlsafe(24))


def sealed(keys: Keys) -> bytes:
    """Return ``keys`` as ``Sender.secret_encrypted`` keeps them."""
    return secrets.encrypt(orjson.dumps(asdict(keys)).decode())


def keys_of(sender: Sender) -> Keys:
    """Return a sender's keys; empty ones when it has none that can be read."""
    try:
        return Keys(**orjson.loads(secrets.of_sender(sender)))
    except (ValueError, TypeError):
        return Keys("", "", "")


def number_id(sender: Sender) -> str:
    return str(sender.settings.get("phone_number_id", ""))


def account_id(sender: Sender) -> str:
    return str(sender.settings.get("account_id", ""))


def code_template(sender: Sender) -> dict[str, list[str] | str]:
    """Return the authentication template that carries codes to people who did not write lately, or {}.

    ``{"name": "our_code", "languages": ["en", "fr"]}``: those in which it is approved.
    """
    kept = sender.settings.get("code_template") or {}
    return dict(kept) if kept.get("name") and kept.get("languages") else {}


def uses_marketing_api(sender: Sender) -> bool:
    return bool(sender.settings.get("uses_marketing_api"))


def callback_address(sender: Sender) -> str:
    return f"{settings.PUBLIC_URL}/callbacks/{sender.code}/"
