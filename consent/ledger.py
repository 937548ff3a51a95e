"""The proof of consent: per person an append-only chain of events, each sealed with the hash of the one before.

``hash = sha256(previous hash ‖ text)``, where the text is, one a line: recipient, position, business (or -), kind,
moment in UTC with microseconds, payload as PostgreSQL spells jsonb. The first link's previous hash is 32 zero bytes.
PostgreSQL writes the hashes; this module recomputes them in Python, so that two programs have to agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection
from psycopg.types.json import Jsonb

from businesses.models import Business
from consent.models import ConsentEvent, Recipient

APPEND_LINKS = (Path(__file__).parent / "sql" / "append_links.sql").read_text()
ONE_LINK = (
    "WITH new_link (recipient_id, business_id, kind, payload) AS"
    " (SELECT %(recipient_id)s::bigint, %(business_id)s::bigint, %(kind)s::text, %(payload)s::jsonb)"
)
FIRST_HASH = bytes(32)
SLICE_LINKS = 10_000


class Link(NamedTuple):
    """A stored link with its payload in the very letters that were hashed."""

    recipient_id: int
    position: int
    business_id: int | None
    kind: str
    created_at: datetime
    payload: str
    previous_hash: bytes
    hash: bytes


def append(
    *, recipient: Recipient, business: Business | None, kind: str, payload: dict[str, Any], now: datetime
) -> ConsentEvent:
    """Add one link to a person's chain, in the caller's transaction, which holds the recipient's lock.

    Never put an address into ``payload``: the chain outlives the person's erasure.
    """
    values: dict[str, Any] = {
        "recipient_id": recipient.pk,
        "business_id": business.pk if business else None,
        "kind": kind,
        "payload": Jsonb(payload),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(f"{ONE_LINK} {APPEND_LINKS} RETURNING id", values)
        (pk,) = cursor.fetchone()
    return ConsentEvent.objects.get(pk=pk)


def append_many(*, now: datetime) -> int:
    """Add a link for each row of the temporary table ``new_link`` (recipient_id, business_id, kind, payload).

    At most one row per recipient; the caller holds their locks. Returns how many were added.
    """
    with connection.cursor() as cursor:
        cursor.execute(APPEND_LINKS, {"now": now})
        n_links: int = cursor.rowcount
        return n_links


def verify(*, recipient_id: int | None = None) -> list[str]:
    """Recompute every chain (or one person's) and say in words where it is broken; nothing to say means it is whole.

    A chain that was cut at its end cannot be seen from inside; a root kept outside the database tells.
    """
    findings: list[str] = []
    before: Link | None = None
    for link in _links(recipient_id):
        is_first = before is None or before.recipient_id != link.recipient_id
        findings += _wrong_with(link, None if is_first else before)
        before = link
    return findings


def link_hash(link: Link) -> bytes:
    """Return the hash that ``link`` must carry, computed from its other fields."""
    text = "\n".join(
        (
            str(link.recipient_id),
            str(link.position),
            "-" if link.business_id is None else str(link.business_id),
            link.kind,
            link.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f"),
            link.payload,
        )
    )
    return hashlib.sha256(link.previous_hash + text.encode()).digest()


def _wrong_with(link: Link, before: Link | None) -> list[str]:
    place = f"recipient {link.recipient_id}, link {link.position}"
    found = []
    if link.position != (before.position + 1 if before else 1):
        found.append(f"{place}: the link before it is missing")
    if link.previous_hash != (before.hash if before else FIRST_HASH):
        found.append(f"{place}: it is not chained to the link before it")
    if link.hash != link_hash(link):
        found.append(f"{place}: its content was changed after it was sealed")
    return found


def _links(recipient_id: int | None) -> Iterator[Link]:
    """Yield the links in order, a slice at a time, so that any number of them fits into memory."""
    last = (recipient_id or 0, 0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT recipient_id, position, business_id, kind, created_at, payload::text, previous_hash, hash"
                " FROM consent_consentevent WHERE (recipient_id, position) > (%s, %s) AND (%s OR recipient_id = %s)"
                " ORDER BY recipient_id, position LIMIT %s",
                [*last, recipient_id is None, recipient_id, SLICE_LINKS],
            )
            slice_of_rows = cursor.fetchall()
        for row in slice_of_rows:
            link = Link(*row)
            yield link._replace(previous_hash=bytes(link.previous_hash), hash=bytes(link.hash))
        if len(slice_of_rows) < SLICE_LINKS:
            return
        last = slice_of_rows[-1][:2]
