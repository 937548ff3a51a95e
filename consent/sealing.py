"""How one link of proof is closed, chained and opened again: bytes in, bytes out, no database.

A link is its *header* (position, business, kind, moment), readable by everybody, and what it says, *sealed* with
ChaCha20-Poly1305 under a key of its own, which comes from the key of the person and a random nonce. The chain runs over
both, in two steps, so that a link can be shown to be in its place without being shown itself:

    content = sha256(header ‖ sealed)
    hash    = sha256(hash of the link before ‖ content)

The first link follows ``genesis`` of its person. ``docs/proof.md`` tells outsiders the same, with a program.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from businesses import secrets

KEY_BYTES = 32
NONCE_BYTES = 12
BLANK_BYTES = 16


def moment(at: datetime) -> str:
    """Spell a moment in UTC with microseconds, as headers do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def header(*, position: int, business_code: str | None, kind: str, moment: str) -> bytes:
    """Return what everybody may read of a link, one fact a line; ``-`` stands for no business."""
    return f"{position}\n{business_code or '-'}\n{kind}\n{moment}\n".encode()


def close(*, key: bytes, nonce: bytes, header: bytes, text: bytes, previous_hash: bytes) -> tuple[bytes, bytes]:
    """Encrypt what a link says and chain it: return what is sealed, and the link's hash.

    ``nonce`` is random and not the position: after a restore the same position is written a second time.
    """
    sealed = nonce + ChaCha20Poly1305(sha256(key + nonce).digest()).encrypt(nonce, text, header)
    return sealed, sha256(previous_hash + sha256(header + sealed).digest()).digest()


def close_blank(*, header: bytes, previous_hash: bytes) -> tuple[bytes, bytes]:
    """Chain a link that says nothing but its header; a few random bytes keep its content from being guessed."""
    sealed = os.urandom(BLANK_BYTES)
    return sealed, chained(previous_hash=previous_hash, content=content(header=header, sealed=sealed))


def is_blank(sealed: bytes) -> bool:
    return len(sealed) == BLANK_BYTES


def link_key(*, key: bytes, nonce: bytes) -> bytes:
    """Return the key of one link alone, which may be shown to whoever may read that link."""
    return sha256(key + nonce).digest()


def unseal(*, link_key: bytes, header: bytes, sealed: bytes) -> bytes | None:
    """Return what a link says; None when this is not its key, or not one letter is what it was."""
    try:
        return ChaCha20Poly1305(link_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], header)
    except InvalidTag:
        return None


def content(*, header: bytes, sealed: bytes) -> bytes:
    return sha256(header + sealed).digest()


def chained(*, previous_hash: bytes, content: bytes) -> bytes:
    return sha256(previous_hash + content).digest()


def genesis(recipient_id: int) -> bytes:
    """Return what the first link of a person follows, so that no chain can be given to somebody else."""
    return sha256(b"tambour chain of %d" % recipient_id).digest()


# --- Keys of people -------------------------------------------------------------------------------


def wrap(*, key: bytes, nonce: bytes, recipient_id: int, business_id: int) -> bytes:
    """Encrypt a person's key for the database, bound to whom it belongs to."""
    return nonce + _wrapper().encrypt(nonce, key, b"%d %d" % (recipient_id, business_id))


class WrongSecret(ValueError):
    """A person's key does not open: the installation's secret is another one, or the row was tampered with."""


def unwrap(*, wrapped: bytes, recipient_id: int, business_id: int) -> bytes:
    """Return a person's key. Raises ``WrongSecret``."""
    try:
        return _wrapper().decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], b"%d %d" % (recipient_id, business_id))
    except InvalidTag:
        raise WrongSecret(
            f"The key of recipient {recipient_id} does not open: SECRET_KEY is not the one that it was made with."
        ) from None


@cache
def _wrapper() -> ChaCha20Poly1305:
    return ChaCha20Poly1305(secrets.derive("keys of people"))
