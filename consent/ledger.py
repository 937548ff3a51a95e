"""The proof of consent: per person an append-only chain of sealed events, each carrying the hash of the one before.

What a link says is encrypted with a key of the person (for each business one, so that each relation can be erased by
itself); the chain runs over what is encrypted. Whoever destroys the key makes the links unreadable, and the chain still
proves that none was changed, added between or taken out. How a link is closed is told in ``sealing``, what it may say
in ``links``; ``dossier`` opens what is here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, transaction

from businesses.models import Business
from consent import bundles, links, sealing, wordings
from consent.models import ConsentEvent, PersonKey, Recipient, Wording

SQL = Path(__file__).parent / "sql"
LINK_HEADS = (SQL / "link_heads.sql").read_text()
APPEND_LINK = (SQL / "append_link.sql").read_text()
ONE_LINK = (
    "WITH new_link (recipient_id, business_id, kind, payload) AS"
    " (SELECT %(recipient_id)s::bigint, %(business_id)s::bigint, %(kind)s::text, %(payload)s::text)"
)
NEW_LINKS = (
    "DROP TABLE IF EXISTS new_link;"
    " CREATE TEMPORARY TABLE new_link (recipient_id bigint NOT NULL, business_id bigint, kind text NOT NULL,"
    " payload jsonb NOT NULL) ON COMMIT DROP"
)
SLICE_LINKS = 5_000
PART_LINKS = 250


class Link(NamedTuple):
    """A link as it is stored."""

    recipient_id: int
    position: int
    business_id: int | None
    kind: str
    created_at: datetime
    sealed: bytes
    previous_hash: bytes
    hash: bytes


def append(
    *,
    recipient: Recipient,
    business: Business | None,
    kind: str,
    payload: dict[str, Any],
    now: datetime,
    actor: str = "",
    wording: Wording | None = None,
    locale: str = "",
) -> ConsentEvent:
    """Add one link to a person's chain, in the caller's transaction, which holds the recipient's lock.

    ``actor`` is told by the door when it is not given; ``wording`` is what the person was shown, in ``locale``. Never
    put an address into ``payload``. Raises ``UnknownLink`` for what ``links`` does not know.
    """
    said = {**payload, "actor": actor or payload.get("actor") or links.actor_of(payload)}
    if wording is not None:
        said["wording"] = wordings.shown(wording)
    if language := locale or payload.get("locale") or (wording.locale if wording else recipient.locale):
        said["locale"] = language
    links.check(kind, said)
    return _append(recipient.pk, business, kind, json.dumps(said, sort_keys=True, separators=(",", ":")), now)


def begin_many() -> None:
    """Make the empty table that ``append_many`` reads, gone with the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(NEW_LINKS)


def append_many(*, now: datetime) -> int:
    """Add a link for each row of the temporary table ``new_link`` (recipient_id, business_id, kind, payload).

    At most one row per recipient; the caller holds their locks. Returns how many were added. They pass through this
    process in slices: memory stays the same however many there are.
    """
    n_links = 0
    codes: dict[int | None, str | None] = {None: None}
    # A cursor of the server's, and none that outlives the transaction: `new_link` goes with it.
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(LINK_HEADS)
        while heads := cursor.fetchmany(SLICE_LINKS):
            if unknown := {head[1] for head in heads} - codes.keys():
                codes.update(Business.objects.filter(pk__in=unknown).values_list("pk", "code"))
            # Statements are written once and run for all: one link of each kind tells whether it is as it should be.
            for kind, text in {head[2]: head[3] for head in heads}.items():
                links.check(kind, json.loads(text))
            _copy(heads, codes, now)
            n_links += len(heads)
    return n_links


@transaction.atomic
def destroy_key(*, recipient_id: int, now: datetime, business: Business | None = None) -> bool:
    """Make unreadable whatever the links say of a person: all of them, or those of one business.

    The chain stays provable and ends with a link ``erased`` that says nothing more. Links that come later, when the
    person comes back, get a new key. Returns whether there was anything left to do.
    """
    Recipient.objects.select_for_update(no_key=True).get(pk=recipient_id)
    keys, chain = PersonKey.objects.filter(recipient=recipient_id), ConsentEvent.objects.filter(recipient=recipient_id)
    if business is not None:
        keys, chain = keys.filter(business_id=business.pk), chain.filter(business=business)
    n_destroyed, _ = keys.delete()
    last = chain.order_by("-position").values_list("kind", flat=True).first()
    if not n_destroyed and last == links.ERASED:
        return False
    _append(recipient_id, business, links.ERASED, None, now)
    return True


# --- Writing --------------------------------------------------------------------------------------


def _append(recipient_id: int, business: Business | None, kind: str, text: str | None, now: datetime) -> ConsentEvent:
    values: dict[str, Any] = {
        "recipient_id": recipient_id,
        "business_id": business.pk if business else None,
        "kind": kind,
        "payload": text,
    }
    with connection.cursor() as cursor:
        cursor.execute(f"{ONE_LINK} {LINK_HEADS}", values)
        head = cursor.fetchone()
        code = business.code if business else None
        closed = bundles.close(head, code, sealing.moment(now), os.urandom(bundles.CHANCE_BYTES))
        event = {name: values[name] for name in ("recipient_id", "business_id", "kind")} | {
            "position": head[4],
            "sealed": closed.sealed,
            "previous_hash": closed.previous_hash,
            "hash": closed.hash,
        }
        cursor.execute(APPEND_LINK, {**event, "now": now, "wrapped": closed.wrapped})
        (pk,) = cursor.fetchone()
    return ConsentEvent(pk=pk, created_at=now, **event)


def _copy(heads: list[bundles.Head], codes: dict[int | None, str | None], now: datetime) -> None:
    """Write many links, and the keys made for them. The database takes in one part while the next is being sealed."""
    keys: list[bytes] = []

    def parts() -> Iterator[bytes]:
        for first in range(0, len(heads), PART_LINKS):
            links_made, keys_made = bundles.packed(heads[first : first + PART_LINKS], codes, now)
            keys.append(keys_made)
            yield links_made

    with connection.cursor() as cursor:
        bundles.copy(cursor, bundles.COPY_LINKS, parts())
        bundles.copy(cursor, bundles.COPY_KEYS, keys)


# --- Proving --------------------------------------------------------------------------------------


def verify(*, recipient_id: int | None = None) -> list[str]:
    """Recompute every chain (or one person's) and say in words where it is broken; nothing to say means it is whole.

    A chain that was cut at its end cannot be seen from inside: the signed ``roots`` tell.
    """
    return list(findings(recipient_id=recipient_id))


def findings(*, recipient_id: int | None = None, progress: Callable[[int], None] | None = None) -> Iterator[str]:
    """Yield what ``verify`` says, as it is found; ``progress`` is told how many links have been looked at."""
    codes = dict(Business.objects.values_list("pk", "code"))
    before: Link | None = None
    n_links = 0
    for slice_of_links in _slices(recipient_id):
        for link in slice_of_links:
            is_first = before is None or before.recipient_id != link.recipient_id
            yield from _wrong_with(link, None if is_first else before, codes.get(link.business_id or 0))
            before = link
        n_links += len(slice_of_links)
        if progress is not None:
            progress(n_links)


def _wrong_with(link: Link, before: Link | None, business_code: str | None) -> Iterator[str]:
    place = f"recipient {link.recipient_id}, link {link.position}"
    if link.position != (before.position + 1 if before else 1):
        yield f"{place}: the link before it is missing"
    if link.previous_hash != (before.hash if before else sealing.genesis(link.recipient_id)):
        yield f"{place}: it is not chained to the link before it"
    header = sealing.header(
        position=link.position,
        business_code=business_code,
        kind=link.kind,
        moment=sealing.moment(link.created_at),
    )
    content = sealing.content(header=header, sealed=link.sealed)
    if link.hash != sealing.chained(previous_hash=link.previous_hash, content=content):
        yield f"{place}: its content was changed after it was sealed"


def _slices(recipient_id: int | None) -> Iterator[list[Link]]:
    """Yield the links in order, a slice at a time, so that any number of them fits into memory."""
    last = (recipient_id or 0, 0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT recipient_id, position, business_id, kind, created_at, sealed, previous_hash, hash"
                " FROM consent_consentevent WHERE (recipient_id, position) > (%s, %s) AND (%s OR recipient_id = %s)"
                " ORDER BY recipient_id, position LIMIT %s",
                [*last, recipient_id is None, recipient_id, SLICE_LINKS],
            )
            links_in_order = [Link(*row) for row in cursor.fetchall()]
        if links_in_order:
            yield links_in_order
        if len(links_in_order) < SLICE_LINKS:
            return
        last = links_in_order[-1][:2]
