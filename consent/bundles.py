"""Closes links of proof, many at once, and spells them in the bytes that PostgreSQL's COPY takes as they are."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from consent import sealing

COPY_LINKS = (
    "COPY consent_consentevent (recipient_id, position, business_id, kind, sealed, previous_hash, hash, created_at)"
    " FROM STDIN (FORMAT binary)"
)
COPY_KEYS = "COPY consent_personkey (recipient_id, business_id, wrapped) FROM STDIN (FORMAT binary)"
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
# What a link takes of the machine's randomness: a new key, and a nonce each for the key and for the link.
CHANCE_BYTES = sealing.KEY_BYTES + 2 * sealing.NONCE_BYTES

# recipient, business, kind, what to say (None: nothing), position, hash of the link before, wrapped key if there is one
Head = tuple[int, int | None, str, str | None, int, bytes | None, bytes | None]


class Closed(NamedTuple):
    """A link as it is stored, and the wrapped key when it was made for it."""

    sealed: bytes
    previous_hash: bytes
    hash: bytes
    wrapped: bytes | None


def close(head: Head, business_code: str | None, moment: str, chance: bytes) -> Closed:
    """Seal what is to be said, with the person's key or a new one, and chain it. ``chance``: ``CHANCE_BYTES``."""
    recipient_id, business_id, kind, text, position, last_hash, wrapped = head
    header = sealing.header(position=position, business_code=business_code, kind=kind, moment=moment)
    previous_hash = last_hash or sealing.genesis(recipient_id)
    if text is None:
        sealed, link_hash = sealing.close_blank(header=header, previous_hash=previous_hash)
        return Closed(sealed, previous_hash, link_hash, None)
    if wrapped is None:
        key = chance[:32]
        new = sealing.wrap(key=key, nonce=chance[32:44], recipient_id=recipient_id, business_id=business_id or 0)
    else:
        key, new = sealing.unwrap(wrapped=wrapped, recipient_id=recipient_id, business_id=business_id or 0), None
    sealed, link_hash = sealing.close(
        key=key, nonce=chance[44:], header=header, text=text.encode(), previous_hash=previous_hash
    )
    return Closed(sealed, previous_hash, link_hash, new)


def packed(heads: Sequence[Head], codes: Mapping[int | None, str | None], now: datetime) -> tuple[bytes, bytes]:
    """Close the links; return them as rows of ``COPY_LINKS``, and the keys made for them as rows of ``COPY_KEYS``."""
    # One call for all the randomness: a million small ones take a second.
    chance = os.urandom(CHANCE_BYTES * len(heads))
    moment, written_at = sealing.moment(now), _MOMENT.pack(8, (now - _EPOCH) // timedelta(microseconds=1))
    links: list[bytes] = []
    keys: list[bytes] = []
    for n, head in enumerate(heads):
        recipient_id, business_id, kind, _, position, *_ = head
        link = close(head, codes[business_id], moment, chance[n * CHANCE_BYTES : (n + 1) * CHANCE_BYTES])
        sealed, previous_hash, link_hash, wrapped = link
        links += (
            _LINK.pack(8, 8, recipient_id, 4, position),
            _NULL if business_id is None else _NUMBER.pack(8, business_id),
            _field(kind.encode()), _field(sealed), _field(previous_hash), _field(link_hash), written_at,
        )  # fmt: skip
        if wrapped is not None:
            keys += (_KEY.pack(3, 8, recipient_id, 8, business_id or 0), _field(wrapped))
    return b"".join(links), b"".join(keys)


def copy(cursor: Any, query: str, parts: Iterable[bytes]) -> None:
    """Let the database take in what ``packed`` returned, part by part."""
    with cursor.copy(query) as copying:
        copying.write(SIGNATURE)
        for part in parts:
            copying.write(part)
        copying.write(_END)


def _field(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


# A row begins with the number of its columns, a value with its length; moments are microseconds since 2000.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LINK, _KEY = struct.Struct("!hiqii"), struct.Struct("!hiqiq")
_NUMBER = _MOMENT = struct.Struct("!iq")
_NULL, _END = struct.pack("!i", -1), struct.pack("!h", -1)
