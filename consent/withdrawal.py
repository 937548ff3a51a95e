"""Takes back what an import brought. It holds at once, for the gate and for all of its people; their proof follows.

The first transaction marks the batch, and from then on its evidence is none to the gate: rows that still wait in a
broadcast are skipped at their turn. Then, a slice of people at a time, each interaction is withdrawn by an event in the
person's chain, and the contacts that this file made and that have nothing else are removed. Whoever dies in between
leaves a cursor behind, where the clock goes on. Stops and blocks are the person's own and stay; so does the person.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from businesses import audit, events
from businesses.models import User
from consent import ledger, verdicts
from consent.models import ImportBatch, Interaction

SLICE_PEOPLE = 5_000
KIND_NAMES = [Interaction.Kind(number).name.lower() for number in sorted(Interaction.Kind.values)]
Stage = ImportBatch.Withdrawal


@cache
def statement(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text()


class CannotUndo(ValidationError):
    """There is nothing of this import to take back yet; the sentence says why."""


@transaction.atomic
def undo(*, batch: ImportBatch, by: User | None, now: datetime) -> bool:
    """Withdraw all evidence that came with ``batch``; returns False when that was done before.

    It holds when this returns. What is left to write down is done by ``carry_on``. Raises ``CannotUndo`` for a file
    that is still being read, or of which nothing was taken.
    """
    standing = ImportBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if standing.trust == ImportBatch.Trust.WITHDRAWN:
        return False
    if standing.state in (ImportBatch.State.UPLOADED, ImportBatch.State.READING):
        raise CannotUndo(_("This file is still being read. Wait until it is in, then undo it."))
    if standing.kind == ImportBatch.Kind.STOPS:
        raise CannotUndo(_("Stops are the people’s own: only they can lift them."))
    if standing.state != ImportBatch.State.DONE:
        raise CannotUndo(_("Nothing of this file was taken in: there is nothing to undo."))
    before = standing.trust
    ImportBatch.objects.filter(pk=batch.pk).update(
        trust=ImportBatch.Trust.WITHDRAWN,
        withdrawal=Stage.EVIDENCE,
        withdrawn_at=now,
        withdrawn_by=by,
        withdrawn_to=0,
    )
    audit.note(
        action="import.undone",
        object_kind="import",
        object_code=batch.code,
        actor=by,
        business=batch.business,
        before={"trust": before},
        after={"trust": ImportBatch.Trust.WITHDRAWN.value},
        now=now,
    )
    events.record(business_id=batch.business_id, kind="import.undone", payload={"code": batch.code}, now=now)
    return True


def carry_on(*, now: datetime, batch: ImportBatch | None = None) -> int:
    """Write down what undone imports have left to write, of all or of one; returns how many slices that took."""
    n = 0
    under_way = ImportBatch.objects.filter(withdrawal__in=[Stage.EVIDENCE, Stage.CONTACTS])
    if batch is not None:
        under_way = under_way.filter(pk=batch.pk)
    for pk in under_way.order_by("id").values_list("pk", flat=True):
        while _slice(pk, now):
            n += 1
    return n


@transaction.atomic
def _slice(pk: int, now: datetime) -> bool:
    """Do the next slice; False when nothing is left, or somebody else is at it."""
    mine = ImportBatch.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    batch = mine.filter(pk=pk).select_related("business").first()
    if batch is None:
        return False
    if batch.withdrawal == Stage.EVIDENCE:
        return _withdraw(batch, now)
    if batch.withdrawal == Stage.CONTACTS:
        return _remove(batch)
    return False


def _withdraw(batch: ImportBatch, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            statement("people_of_batch"), {"batch_id": batch.pk, "after": batch.withdrawn_to, "n": SLICE_PEOPLE}
        )
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return _move(batch, withdrawal=Stage.CONTACTS, withdrawn_to=0)
        verdicts.lock(cursor, recipient_ids=ids)
        values: dict[str, Any] = {
            "batch_id": batch.pk,
            "batch_code": batch.code,
            "business_id": batch.business_id,
            "ids": verdicts.array(ids),
            "kind_names": KIND_NAMES,
            "now": now,
        }
        ledger.begin_many()
        cursor.execute(statement("withdraw_evidence"), values)
        n = ledger.append_many(now=now)
    return _move(batch, withdrawn_to=ids[-1], n_withdrawn=F("n_withdrawn") + n)


def _remove(batch: ImportBatch) -> bool:
    values: dict[str, Any] = {
        "batch_id": batch.pk,
        "business_id": batch.business_id,
        "legal_entity_id": batch.business.legal_entity_id,
        "after": batch.withdrawn_to,
        "n": SLICE_PEOPLE,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("contacts_brought"), values)
        ids, last = cursor.fetchone()
        if last is None:
            return _move(batch, withdrawal=Stage.DONE)
        # Whoever brings new evidence of somebody holds their lock: what follows sees it.
        verdicts.lock(cursor, recipient_ids=ids)
        cursor.execute(statement("remove_brought"), values | {"ids": verdicts.array(ids)})
        n_removed = cursor.rowcount
    return _move(batch, withdrawn_to=last, n_removed=F("n_removed") + n_removed)


def _move(batch: ImportBatch, **changes: Any) -> bool:
    ImportBatch.objects.filter(pk=batch.pk).update(**changes)
    return True
