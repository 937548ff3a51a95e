"""Two recipients turn out to be one person: everything that protects or reaches them moves to the one that is kept.

Nothing gets looser by it: refusals of either hold, the lower limit wins, and every slot of patience that either has
spent stays spent. The chains of proof stay two, each saying where the other is.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from businesses import audit, events
from businesses.models import User
from consent import ledger, verdicts
from consent.models import Recipient

SQL = Path(__file__).parent / "sql"


class CannotMerge(ValidationError):
    """These two cannot be made one; the sentence says why."""


@cache
def statement(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


@transaction.atomic
def merge(*, keep_id: int, gone_id: int, now: datetime, by: User | None = None) -> Recipient:
    """Make ``gone`` part of ``keep`` and return that one. Raises ``CannotMerge``.

    Both are locked, in id order like everywhere, with whoever is part of ``gone``. Deliveries keep their key: what is
    still queued for ``gone`` finds no address and is skipped, so that nobody is told the same thing twice.
    """
    if keep_id == gone_id:
        raise CannotMerge(_("Choose two different people."))
    with connection.cursor() as cursor:
        _lock(cursor, keep_id, gone_id)
        people = Recipient.objects.in_bulk([keep_id, gone_id])
        _check(people, keep_id, gone_id)
        keep, gone = people[keep_id], people[gone_id]
        values: dict[str, Any] = {"keep": keep_id, "gone": gone_id, "now": now}
        cursor.execute(statement("merge_contacts"), values)
        doubled = cursor.fetchall()
        cursor.execute(statement("merge_interactions"), values)
        cursor.execute(statement("merge_refusals"), values)
        cursor.execute(statement("merge_slots"), values)
        cursor.execute(statement("merge_people"), values)
    ledger.append(
        recipient=keep, business=None, kind="merged", payload={"person": gone.code}, actor="operator", now=now
    )
    ledger.append(
        recipient=gone, business=None, kind="merged_into", payload={"person": keep.code}, actor="operator", now=now
    )
    _tell(keep, gone, doubled, by, now)
    keep.refresh_from_db()
    return keep


class _HasMoreParts(Exception):
    """Others are part of the one who goes: their rows will point elsewhere, and are not locked yet."""


def _lock(cursor: verdicts.Cursor, keep_id: int, gone_id: int) -> None:
    """Lock the two, and whoever is part of ``gone``: a late receipt holds such a one, and waits for ``gone``."""
    ids = {keep_id, gone_id}
    while True:
        # As in ``refusals.locked``: whoever misses one lets go of the others first.
        with suppress(_HasMoreParts), transaction.atomic():
            verdicts.lock(cursor, recipient_ids=sorted(ids))
            parts = set(Recipient.objects.filter(merged_into=gone_id).values_list("pk", flat=True))
            if parts <= ids:
                return
            ids |= parts
            raise _HasMoreParts


def _check(people: dict[int, Recipient], *ids: int) -> None:
    if len(people) < len(ids):
        raise CannotMerge(_("One of the two is not known."))
    if any(person.erased_at for person in people.values()):
        raise CannotMerge(_("One of the two was erased: there is nothing left to merge."))
    if any(person.merged_into_id for person in people.values()):
        raise CannotMerge(_("One of the two is part of somebody else already."))


def _tell(
    keep: Recipient, gone: Recipient, doubled: list[tuple[int, str, str]], by: User | None, now: datetime
) -> None:
    """Tell the operator's trail, and the businesses that knew both which of their contacts is left."""
    audit.note(
        action="person.merged",
        object_kind="person",
        object_code=keep.code,
        actor=by,
        before={"people": [keep.code, gone.code]},
        after={"people": [keep.code]},
        now=now,
    )
    for business_id, kept_code, gone_code in sorted(doubled):
        payload = {"contact": kept_code, "replaces": gone_code}
        events.record(business_id=business_id, kind="contact.merged", payload=payload, now=now)
