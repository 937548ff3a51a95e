"""What is kept of an address whose owner was erased or refused for good: a keyed hash, enough to recognise it.

The key comes from the installation's ``SECRET_KEY``: whoever changes that forgets whom to leave alone.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache

from django.conf import settings

BLOCK_BYTES = 64


def hash_address(value: str) -> bytes:
    """Return HMAC-SHA256 of an address as it is stored (``+33639981234``)."""
    return hmac.digest(_key(), value.encode(), "sha256")


def pads() -> dict[str, bytes]:
    """Return the two halves of the key (RFC 2104), with which SQL computes ``hash_address`` for whole tables."""
    padded = _key().ljust(BLOCK_BYTES, b"\0")
    return {
        "inner_pad": bytes(byte ^ 0x36 for byte in padded),
        "outer_pad": bytes(byte ^ 0x5C for byte in padded),
    }


@cache
def _key() -> bytes:
    return hashlib.sha256(b"tambour suppressions\n" + settings.SECRET_KEY.encode()).digest()
