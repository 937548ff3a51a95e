"""Takes the good rows of a file into the house at once: one transaction, set-based, safe beside other imports.

Order matters. Numbers are claimed first, in one order for everybody, so that two files with the same new people wait
for each other instead of making them twice; only then are the people known before locked, for as short as possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple

from django.db import connection

from consent import ledger, suppressions, trust
from consent.models import Address, ImportBatch, Interaction

SQL = Path(__file__).parent / "sql"
COPY_BYTES = 1 << 17
COPY_ROWS = "COPY import_row FROM STDIN (FORMAT csv, FORCE_NOT_NULL (name, language, evidence))"
COPY_FAULTS = (
    'COPY consent_importfault (batch_id, line, "column", value, reason) FROM STDIN'
    ' (FORMAT csv, FORCE_NOT_NULL ("column", value))'
)
KIND_NAMES = [Interaction.Kind(number).name.lower() for number in sorted(Interaction.Kind.values)]


class Merged(NamedTuple):
    """How many contacts were made and changed."""

    n_new: int
    n_changed: int


@cache
def statement(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


def merge(*, batch: ImportBatch, rows: IO[str], faults: IO[str], now: datetime) -> Merged:
    """Take everything in; ``rows`` and ``faults`` are CSV in the columns of the two COPY statements.

    The caller's transaction makes it all or nothing. The staging tables stay for ``finish``, until it commits.
    """
    business = batch.business
    values: dict[str, Any] = {
        "batch_id": batch.pk,
        "batch_code": batch.code,
        "business_id": business.pk,
        "legal_entity_id": business.legal_entity_id,
        "address_kind": Address.Kind.SANDBOX if business.is_test else Address.Kind.E164,
        "kind_names": KIND_NAMES,
        "now": now,
        **suppressions.pads(),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("import_stage"))
        _copy(cursor, COPY_ROWS, rows)
        _copy(cursor, COPY_FAULTS, faults)
        cursor.execute("ANALYZE import_row")
        cursor.execute(statement("import_duplicates"), values)
        cursor.execute(statement("import_suppressed"), values)
        _find_people(cursor, values)
        # The lock is a statement of its own: what follows sees everything that was committed while it waited.
        cursor.execute(statement("import_lock"))
        cursor.execute(statement("import_contacts"), values)
        merged = Merged(*cursor.fetchone())
        cursor.execute(statement("import_evidence"), values)
        ledger.append_many(now=now)
    # The caller holds the batch's lock.
    trust.put_on_probation(batch=batch, now=now)
    return merged


def finish(*, batch: ImportBatch, merged: Merged, n_rows: int, n_unlisted_faults: int, now: datetime) -> None:
    """Write the batch's counts, from the staging tables that ``merge`` filled in the same transaction."""
    values: dict[str, Any] = {
        "batch_id": batch.pk,
        "n_rows": n_rows,
        "n_bytes": batch.n_bytes,
        "made": merged.n_new,
        "changed": merged.n_changed,
        "n_unlisted_faults": n_unlisted_faults,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("import_finish"), values)


def _find_people(cursor: Any, values: dict[str, Any]) -> None:
    """Find or make the person behind every number."""
    cursor.execute(statement("import_people"), values)
    cursor.execute(statement("import_recipients"), values)
    n_made = cursor.rowcount
    cursor.execute(statement("import_addresses"), values)
    if cursor.rowcount < n_made:
        cursor.execute(statement("import_yield"), values)
    cursor.execute("ANALYZE import_person")


def _copy(cursor: Any, query: str, file: IO[str]) -> None:
    with cursor.copy(query) as copy:
        for part in _parts(file):
            copy.write(part)


def _parts(file: IO[str]) -> Iterator[str]:
    file.seek(0)
    while part := file.read(COPY_BYTES):
        yield part
