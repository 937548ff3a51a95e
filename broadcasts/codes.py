"""Two kinds of public code for a delivery, both reversible encryptions: no second index, nothing to guess.

The delivery code travels to the provider and is shown to the business. The preference token is given to the person
alone and opens their page; its key differs, so that nobody who sees the one can make the other.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from businesses import secrets

# One AES block: check (4 bytes of zeros), attempt (1), broadcast (5), recipient (6). A forged code decrypts to
# zeros in the check with probability 2⁻³².
BLOCK_BYTES = 16
MAX_BROADCAST_ID = 2**40 - 1
MAX_RECIPIENT_ID = 2**48 - 1


@cache
def _cipher(purpose: str) -> Cipher[modes.ECB]:
    # ECB over exactly one block of unique content is a plain permutation: that is what is wanted here.
    return Cipher(algorithms.AES(secrets.derive(purpose)), modes.ECB())  # noqa: S305


_LAYOUT = struct.Struct(">IBBIHI")


def _pack(broadcast_id: int, recipient_id: int, attempt: int) -> bytes:
    return _LAYOUT.pack(
        0, attempt, broadcast_id >> 32, broadcast_id & 0xFFFFFFFF, recipient_id >> 32, recipient_id & 0xFFFFFFFF
    )


# Base32 of very many blocks: the standard library takes 10 µs for one of them, which is a twentieth of a whole message.
# Each block gets a field of 32 bytes in one very long number. Halving five times spreads its bits until every byte of
# the field holds five of them, and the alphabet is then looked up for all bytes at once.
FIELD_BYTES = 32
LETTERS = 26
FIELDS_AT_ONCE = 64
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567".ljust(256, b"?")


def _fields(n_bits: int, every: int, *, shifted: int = 0) -> int:
    """Return a mask with ``n_bits`` ones in every so many bits of all fields."""
    ones = (1 << n_bits) - 1 << shifted
    return sum(ones << at for at in range(0, FIELDS_AT_ONCE * FIELD_BYTES * 8, every))


# (upper half, lower half, how far the upper half moves): 160 bits in 256, 80 in 128, 40 in 64, 20 in 32, 10 in 16.
_HALVES = [
    (_fields(n_bits, every, shifted=n_bits), _fields(n_bits, every), every // 2 - n_bits)
    for n_bits, every in ((80, 256), (40, 128), (20, 64), (10, 32), (5, 16))
]


def _spell_all(blocks: bytes) -> list[str]:
    """Return base32, in small letters and without padding, of each block."""
    spelt: list[str] = []
    group_bytes = FIELDS_AT_ONCE * BLOCK_BYTES
    for start in range(0, len(blocks), group_bytes):
        group = blocks[start : start + group_bytes]
        n = len(group) // BLOCK_BYTES
        fields = [
            group[at : at + BLOCK_BYTES].rjust(28, b"\0") + b"\0\0\0\0" for at in range(0, len(group), BLOCK_BYTES)
        ]
        number = int.from_bytes(b"".join(fields), "big")
        for upper, lower, distance in _HALVES:
            number = (number & upper) << distance | number & lower
        letters = number.to_bytes(n * FIELD_BYTES, "big").translate(_ALPHABET).decode()
        spelt += [letters[at : at + LETTERS] for at in range(0, n * FIELD_BYTES, FIELD_BYTES)]
    return spelt


_LETTERS = re.compile(r"[a-z2-7]{26}")
_DIGITS = str.maketrans("abcdefghijklmnopqrstuvwxyz234567", "0123456789abcdefghijklmnopqrstuv")


def _read_all(purpose: str, spelt: Iterable[str]) -> Iterator[tuple[int, int, int] | None]:
    """Read (broadcast, recipient, attempt) from each, in one pass of the cipher; None where we never wrote it."""
    # Base32 is a number in another alphabet; two bits of it are left over, and zero in what we wrote.
    numbers = [int(one.translate(_DIGITS), 32) if _LETTERS.fullmatch(one) else 1 for one in spelt]
    blocks = b"".join([(number >> 2).to_bytes(BLOCK_BYTES, "big") for number in numbers])
    plain = _cipher(purpose).decryptor().update(blocks)
    for number, (check, attempt, upper, broadcast_id, far, recipient_id) in zip(
        numbers, _LAYOUT.iter_unpack(plain), strict=True
    ):
        is_ours = check == 0 and number & 3 == 0
        yield (upper << 32 | broadcast_id, far << 32 | recipient_id, attempt) if is_ours else None


def _read(purpose: str, letters: str) -> tuple[int, int, int] | None:
    return next(_read_all(purpose, [letters]))


def delivery_codes(keys: Iterable[tuple[int, int, int]]) -> list[str]:
    """Return the codes of many (broadcast, recipient, attempt) in one pass of the cipher."""
    blocks = _cipher("delivery code").encryptor().update(b"".join(_pack(*key) for key in keys))
    return ["dlv_" + letters for letters in _spell_all(blocks)]


def delivery_code(broadcast_id: int, recipient_id: int, attempt: int) -> str:
    return delivery_codes([(broadcast_id, recipient_id, attempt)])[0]


def read_delivery_code(code: str) -> tuple[int, int, int] | None:
    """Return (broadcast, recipient, attempt), or None when we never made this code."""
    return read_delivery_codes([code])[0]


def read_delivery_codes(codes: Iterable[str]) -> list[tuple[int, int, int] | None]:
    """Return what ``read_delivery_code`` says of each, for a twentieth of the time."""
    return list(_read_all("delivery code", [code[4:] if code.startswith("dlv_") else "" for code in codes]))


def preference_tokens(keys: Iterable[tuple[int, int]]) -> list[str]:
    """Return the page tokens of many (broadcast, recipient)."""
    blocks = _cipher("preference token").encryptor().update(b"".join(_pack(*key, 0) for key in keys))
    return _spell_all(blocks)


def preference_token(broadcast_id: int, recipient_id: int) -> str:
    return preference_tokens([(broadcast_id, recipient_id)])[0]


def read_preference_token(token: str) -> tuple[int, int] | None:
    """Return (broadcast, recipient), or None when we never gave this token to anybody."""
    key = _read("preference token", token)
    return key[:2] if key else None
