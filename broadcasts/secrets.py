"""Channel secrets at rest: encrypted with a key derived from the installation's own, never shown twice."""

from __future__ import annotations

import base64
import secrets
from functools import cache

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from broadcasts.models import Sender


def derive(purpose: str, *, length: int = 32) -> bytes:
    """Return ``length`` key bytes for one purpose, so that no two uses share a key."""
    hkdf = HKDF(algorithm=hashes.SHA256(), length=length, salt=b"tambour", info=purpose.encode())
    return hkdf.derive(settings.SECRET_KEY.encode())


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
