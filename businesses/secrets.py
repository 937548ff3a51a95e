"""Keys derived from the installation's own secret, which lies in no database: one for every purpose."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def derive(purpose: str, *, length: int = 32) -> bytes:
    """Return ``length`` key bytes for one purpose, so that no two uses share a key."""
    hkdf = HKDF(algorithm=hashes.SHA256(), length=length, salt=b"tambour", info=purpose.encode())
    return hkdf.derive(settings.SECRET_KEY.encode())
