"""Channel secrets at rest: encrypted with a key derived from the installation's own, never shown twice."""

from __future__ import annotations

import base64
import secrets
from functools import cache

from cryptography.fernet import Fernet

from broadcasts.models import Sender
from businesses.secrets import derive


@cache
def _box() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derive("sender secrets")))


def encrypt(text: str) -> bytes:
    return _box().encrypt(text.encode())


def decrypt(token: bytes | memoryview) -> str:
    return _box().decrypt(bytes(token)).decode()


def new_signing_secret() -> str:
    """Return a Standard Webhooks secret: ``whsec_`` and 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def of_sender(sender: Sender) -> str:
    """Return the secret that signs what this sender and its provider tell each other."""
    if sender.secret_encrypted is None:
        raise ValueError("this sender has no secret")
    return decrypt(sender.secret_encrypted)
