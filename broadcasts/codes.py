"""Two kinds of public code for a delivery, both reversible encryptions: no second index, nothing to guess.

The delivery code travels to the provider and is shown to the business. The preference token is given to the person
alone and opens their page; its key differs, so that nobody who sees the one can make the other.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from broadcasts import secrets

# One AES block: check (4 bytes of zeros), attempt (1), broadcast (5), recipient (6). A forged code decrypts to
# zeros in the check with probability 2⁻³².
BLOCK_BYTES = 16
MAX_BROADCAST_ID = 2**40 - 1
MAX_RECIPIENT_ID = 2**48 - 1


@cache
def _cipher(purpose: str) -> Cipher[modes.ECB]:
    # ECB over exactly one block of unique content is a plain permutation: that is what is wanted here.
    return Cipher(algorithms.AES(secrets.derive(purpose)), modes.ECB())  # noqa: S305


def _pack(broadcast_id: int, recipient_id: int, attempt: int) -> bytes:
    return struct.pack(">IB", 0, attempt) + broadcast_id.to_bytes(5, "big") + recipient_id.to_bytes(6, "big")


def _spell(block: bytes) -> str:
    return base64.b32encode(block).decode().rstrip("=").lower()


def _read(purpose: str, letters: str) -> tuple[int, int, int] | None:
    try:
        block = base64.b32decode(letters.upper() + "======")
    except ValueError:
        return None
    if len(block) != BLOCK_BYTES or _spell(block) != letters:
        return None
    plain = _cipher(purpose).decryptor().update(block)
    if plain[:4] != b"\0\0\0\0":
        return None
    return int.from_bytes(plain[5:10], "big"), int.from_bytes(plain[10:], "big"), plain[4]


def delivery_codes(keys: Iterable[tuple[int, int, int]]) -> list[str]:
    """Return the codes of many (broadcast, recipient, attempt) in one pass of the cipher."""
    blocks = _cipher("delivery code").encryptor().update(b"".join(_pack(*key) for key in keys))
    return ["dlv_" + _spell(blocks[at : at + BLOCK_BYTES]) for at in range(0, len(blocks), BLOCK_BYTES)]


def delivery_code(broadcast_id: int, recipient_id: int, attempt: int) -> str:
    return delivery_codes([(broadcast_id, recipient_id, attempt)])[0]


def read_delivery_code(code: str) -> tuple[int, int, int] | None:
    """Return (broadcast, recipient, attempt), or None when we never made this code."""
    return _read("delivery code", code[4:]) if code.startswith("dlv_") else None


def preference_tokens(keys: Iterable[tuple[int, int]]) -> list[str]:
    """Return the page tokens of many (broadcast, recipient)."""
    blocks = _cipher("preference token").encryptor().update(b"".join(_pack(*key, 0) for key in keys))
    return [_spell(blocks[at : at + BLOCK_BYTES]) for at in range(0, len(blocks), BLOCK_BYTES)]


def preference_token(broadcast_id: int, recipient_id: int) -> str:
    return preference_tokens([(broadcast_id, recipient_id)])[0]


def read_preference_token(token: str) -> tuple[int, int] | None:
    """Return (broadcast, recipient), or None when we never gave this token to anybody."""
    key = _read("preference token", token)
    return key[:2] if key else None
