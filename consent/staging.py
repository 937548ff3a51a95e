"""Takes the good rows of a file into the house at once: one transaction, set-based, safe beside other imports.

Order matters. Numbers are claimed first, in one order for everybody, so that two files with the same new people wait
for each other instead of making them twice; only then are the people known before locked, for as short as possible.
Stops come before any contact of the same file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple

from django.db import connection

from consent import beginnings, ledger, suppressions, trust
from consent.models import Address, ImportBatch, Interaction
from consent.reading import Reading
from consent.sieve import MAX_FAULTS

SQL = Path(__file__).parent / "sql"
COPY_BYTES = 1 << 17
# From here on a plan that believes in a few contacts costs more than looking once how many there are.
MANY_CONTACTS = 1_000
COPY_ROWS = "COPY import_row FROM STDIN (FORMAT csv, FORCE_NOT_NULL (name, language, evidence))"
COPY_FAULTS = 'COPY import_fault FROM STDIN (FORMAT csv, FORCE_NOT_NULL ("column", value))'
KIND_NAMES = [Interaction.Kind(number).name.lower() for number in sorted(Interaction.Kind.values)]


class Counts(NamedTuple):
    """What a file did, or would do: contacts made and changed, people stopped now and before."""

    n_new: int
    n_updated: int
    n_stopped: int
    n_already_stopped: int


@cache
def statement(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


def merge(*, batch: ImportBatch, reading: Reading, now: datetime) -> Counts:
    """Take everything in. The caller's transaction makes it all or nothing.

    The staging tables stay for ``finish``, until it commits.
    """
    values = _values(batch, now)
    with connection.cursor() as cursor:
        _stage(cursor, reading, values)
        _find_people(cursor, values)
        # The lock is a statement of its own: what follows sees everything that was committed while it waited.
        cursor.execute(statement("import_lock"))
        cursor.execute(statement("import_erased"), values)
        cursor.execute(statement("import_refusals"), values)
        n_already_stopped = _count(cursor, statement("import_refused"), values)
        n_stopped = _stop(cursor, values) if reading.n_stops else 0
        with beginnings.sealed(cursor, batch=batch, now=now) as links:
            cursor.execute(statement("import_contacts"), values)
            n_new, n_updated = cursor.fetchone()
            cursor.execute(statement("import_evidence"), values)
            links.write(cursor)
        ledger.append_many(now=now)
    # The caller holds the batch's lock.
    trust.put_on_probation(batch=batch, now=now)
    return Counts(n_new, n_updated, n_stopped, n_already_stopped)


def rehearse(*, batch: ImportBatch, reading: Reading, now: datetime) -> Counts:
    """Say what ``merge`` would do, and change nothing but the staging tables."""
    values = _values(batch, now) | {"makes_people": False}
    with connection.cursor() as cursor:
        _stage(cursor, reading, values)
        cursor.execute(statement("import_people"), values)
        cursor.execute("ANALYZE import_person")
        n_already_stopped = _count(cursor, statement("import_refused"), values)
        cursor.execute(statement("import_rehearse"), values)
        n_new, n_updated, n_stopped = cursor.fetchone()
    return Counts(n_new, n_updated, n_stopped, n_already_stopped)


def finish(*, batch: ImportBatch, counts: Counts, reading: Reading, state: ImportBatch.State, now: datetime) -> None:
    """Write faults and counts of the batch, from the staging tables that were filled in the same transaction."""
    values: dict[str, Any] = {
        "batch_id": batch.pk,
        "state": state,
        "n_rows": reading.n_rows,
        "n_bytes": batch.n_bytes,
        "max_faults": MAX_FAULTS,
        "now": now,
        **counts._asdict(),
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM import_fault WHERE cells IS NOT NULL")
        (n_read,) = cursor.fetchone()
        values["n_unlisted_faults"] = reading.n_faults - n_read
        cursor.execute(statement("import_finish"), values)
        cursor.execute(statement("import_faults"), values)


def tell_planner(counts: Counts) -> None:
    """Let the next questions about these people be planned for as many as there are now: a fraction of a second.

    PostgreSQL looks by itself about every minute; a business asks what it may send right after its first file.
    """
    if counts.n_new >= MANY_CONTACTS:
        with connection.cursor() as cursor:
            cursor.execute("SELECT analyze_contacts()")


def _values(batch: ImportBatch, now: datetime) -> dict[str, Any]:
    business = batch.business
    address_kind = Address.Kind.SANDBOX if business.is_test else Address.Kind.E164
    return {
        "batch_id": batch.pk,
        "batch_code": batch.code,
        "business_id": business.pk,
        "legal_entity_id": business.legal_entity_id,
        "address_kind": address_kind,
        "prefix": suppressions.prefix(address_kind),
        "kind_names": KIND_NAMES,
        "makes_people": True,
        "now": now,
        **suppressions.pads(),
    }


def _stage(cursor: Any, reading: Reading, values: dict[str, Any]) -> None:
    """Copy the spools, and take out what repeats, contradicts itself, or must not be known."""
    cursor.execute(statement("import_stage"))
    for spool in reading.spools:
        _copy(cursor, COPY_ROWS, spool.rows)
        _copy(cursor, COPY_FAULTS, spool.faults)
    cursor.execute("ANALYZE import_row")
    if reading.n_stops:
        # Before duplicates: of two rows of one person the one that stops must stay.
        cursor.execute(statement("import_outvoted"))
    cursor.execute(statement("import_duplicates"))
    cursor.execute(statement("import_suppressed"), values)


def _find_people(cursor: Any, values: dict[str, Any]) -> None:
    """Find or make the person behind every number."""
    cursor.execute(statement("import_people"), values)
    cursor.execute(statement("import_recipients"), values)
    n_made = cursor.rowcount
    cursor.execute(statement("import_addresses"), values)
    if cursor.rowcount < n_made:
        cursor.execute(statement("import_yield"), values)
    cursor.execute("ANALYZE import_person")


def _stop(cursor: Any, values: dict[str, Any]) -> int:
    """Stop everybody who stops in the file; returns for how many that is news."""
    return _count(cursor, statement("import_stops"), values) + _count(cursor, statement("import_hush"), values)


def _count(cursor: Any, query: str, values: dict[str, Any]) -> int:
    cursor.execute(query, values)
    n: int = cursor.fetchone()[0]
    return n


def _copy(cursor: Any, query: str, file: IO[str]) -> None:
    with cursor.copy(query) as copy:
        for part in _parts(file):
            copy.write(part)


def _parts(file: IO[str]) -> Iterator[str]:
    file.seek(0)
    while part := file.read(COPY_BYTES):
        yield part
