"""What the installation signs: a document, written in one way only, with an Ed25519 key that lies in no database."""

from __future__ import annotations

import base64
import binascii
import json
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from businesses import secrets

SIGNED_BY = ("key_id", "public_key", "signature")


def canonical(document: dict[str, Any]) -> bytes:
    """Return the one spelling that is signed: JSON in ASCII, names in order, no spaces, no signature."""
    unsigned = {name: value for name, value in document.items() if name not in SIGNED_BY}
    return json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def signed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with its signature and the public half of the key."""
    public = public_key()
    return {
        **document,
        "key_id": key_id(public),
        "public_key": _letters(public),
        "signature": _letters(_private_key().sign(canonical(document))),
    }


def is_genuine(document: dict[str, Any], *, trusted: set[bytes] | None = None) -> bool:
    """Say whether one of the ``trusted`` keys (by default this installation's, past ones too) signed all of this."""
    try:
        public = base64.b64decode(document["public_key"], validate=True)
        signature = base64.b64decode(document["signature"], validate=True)
        if public not in (trusted_keys() if trusted is None else trusted) or document["key_id"] != key_id(public):
            return False
        Ed25519PublicKey.from_public_bytes(public).verify(signature, canonical(document))
    except (KeyError, TypeError, ValueError, binascii.Error, InvalidSignature):
        return False
    return True


def public_key() -> bytes:
    return _private_key().public_key().public_bytes_raw()


def trusted_keys() -> set[bytes]:
    """The key in use, and those of ``LEDGER_PUBLIC_KEYS``, which signed before it."""
    return {public_key(), *(base64.b64decode(letters) for letters in settings.LEDGER_PUBLIC_KEYS)}


def key_id(public: bytes) -> str:
    """Return a short name for a public key, to be read aloud and compared."""
    return sha256(public).hexdigest()[:16]


def _letters(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@cache
def _private_key() -> Ed25519PrivateKey:
    own = settings.LEDGER_SIGNING_KEY
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(own) if own else secrets.derive("signatures"))
