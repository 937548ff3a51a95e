"""The life of a contact file: received, read row by row, taken in all at once, and reported on.

Reading needs no transaction: good rows and faults go to two spools on disk, and progress is there for everybody to
see. Then one transaction takes everything in (``staging``). A file is thus either in or not; a reader that is killed
leaves nothing behind but its batch, which another worker takes over when it has been silent for a while.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import IO, Any, BinaryIO, cast

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from businesses import audit, events
from businesses.codes import ALPHABET, CODE_LETTERS
from businesses.models import Business, User
from consent import csv_file, fiction, rows, staging
from consent.csv_file import BadLine, CsvFile, Row
from consent.models import ImportBatch
from consent.rows import BadCell, RowReader

MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_FAULTS = 10_000
MAX_ATTEMPTS = 3
LEASE_SECONDS = 60
PROGRESS_SECONDS = 0.5
PROGRESS_ROWS = 500


class CannotImport(ValidationError):
    """The file cannot be read as contacts at all."""


def receive(*, business: Business, file: File[bytes], filename: str, by: User | None, now: datetime) -> ImportBatch:
    """Store an uploaded file and return its batch, which waits to be read. Raises ``CannotImport``.

    The file is kept only until it has been read: it is full of addresses.
    """
    size = file.size or 0
    if size == 0:
        raise CannotImport(_("The file is empty."))
    if size > MAX_FILE_BYTES:
        raise CannotImport(_("The file is larger than 512 MB: split it."))
    batch = ImportBatch(business=business, filename=filename[-200:], uploaded_by=by, n_bytes=size, created_at=now)
    with transaction.atomic():
        batch.file.save(f"{batch.code}.csv", file, save=False)
        batch.save()
        audit.note(
            action="import.received",
            object_kind="import",
            object_code=batch.code,
            actor=by,
            business=business,
            after={"filename": PurePath(filename).name[-200:], "n_bytes": size},
            now=now,
        )
    return batch


def run(*, batch: ImportBatch, now: datetime) -> ImportBatch:
    """Read the file and take it in; returns the batch as it is then. Whoever finds it in other hands leaves it there.

    Faulty rows are recorded and left out. Running the same file again, in a new batch, adds nothing twice.
    """
    if not _claim(batch):
        batch.refresh_from_db()
        return batch
    batch.refresh_from_db()
    try:
        if batch.n_attempts > MAX_ATTEMPTS:
            raise CannotImport(_("Reading this file was broken off several times: try a smaller part of it."))
        with _spools() as spools:
            _read(batch, spools, now)
            _take_in(batch, spools, now)
    except CannotImport as error:
        _fail(batch, error, now)
    batch.refresh_from_db()
    if batch.state in (ImportBatch.State.DONE, ImportBatch.State.FAILED) and batch.file:
        batch.file.delete()
    return batch


def run_waiting(*, now: datetime) -> int:
    """Read every file that waits or whose reader fell silent, oldest first; returns how many."""
    n = 0
    while batch := ImportBatch.objects.filter(_unclaimed()).select_related("business").order_by("created_at").first():
        run(batch=batch, now=now)
        n += 1
    return n


@dataclass
class Spools:
    """What reading leaves for the merge: two CSV files on disk, and how much there was."""

    rows: IO[str]
    faults: IO[str]
    n_rows: int = 0
    n_faults: int = 0


def _unclaimed() -> Q:
    silent = Q(touched_at__lt=Now() - timedelta(seconds=LEASE_SECONDS))
    return Q(state=ImportBatch.State.UPLOADED) | (Q(state=ImportBatch.State.READING) & silent)


def _claim(batch: ImportBatch) -> bool:
    taken = ImportBatch.objects.filter(_unclaimed(), pk=batch.pk)
    return bool(
        taken.update(
            state=ImportBatch.State.READING, touched_at=Now(), n_attempts=F("n_attempts") + 1, n_bytes_read=0, n_rows=0
        )
    )


@contextmanager
def _spools() -> Iterator[Spools]:
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as good,
        tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as faulty,
    ):
        yield Spools(good, faulty)


def _read(batch: ImportBatch, spools: Spools, now: datetime) -> None:
    """Read the whole file into the spools, showing progress. Raises ``CannotImport``."""
    write_row, write_fault = csv.writer(spools.rows).writerow, csv.writer(spools.faults).writerow
    with batch.file.open("rb") as file:
        opened = csv_file.open_csv(cast(BinaryIO, file), recognise=rows.n_recognised)
        reader = _row_reader(opened, batch.business, now)
        shown_at = time.monotonic()
        for record in opened.rows():
            spools.n_rows += 1
            try:
                person = reader.read(*_cells(record))
            except BadCell as bad:
                spools.n_faults += 1
                if spools.n_faults <= MAX_FAULTS:
                    write_fault((batch.pk, record.line, bad.column[:80], _shown(bad.value), str(bad.reason)))
            else:
                write_row((*person, _code("ctc"), _code("rcp")))
            if spools.n_rows % PROGRESS_ROWS == 0 and time.monotonic() - shown_at > PROGRESS_SECONDS:
                _show_progress(batch, n_bytes_read=file.tell(), n_rows=spools.n_rows)
                shown_at = time.monotonic()
    _show_progress(batch, n_bytes_read=batch.n_bytes, n_rows=spools.n_rows)


def _row_reader(opened: CsvFile, business: Business, now: datetime) -> RowReader:
    columns = rows.columns_of(opened.header)
    if rows.PHONE not in columns.own:
        raise CannotImport(_("No column holds the phone numbers: name one “phone” in the first line."))
    if columns.n > rows.MAX_COLUMNS:
        raise CannotImport(_("The file has more than 60 columns: leave out those that no message needs."))
    return RowReader(
        columns=columns,
        country=business.country,
        timezone=business.timezone,
        now=now,
        allow_fiction=fiction.is_allowed(business),
    )


def _cells(record: Row | BadLine) -> tuple[int, list[str]]:
    if isinstance(record, BadLine):
        raise BadCell("", record.value, record.reason)
    return record.line, record.cells


def _show_progress(batch: ImportBatch, *, n_bytes_read: int, n_rows: int) -> None:
    """Tell everybody how far reading is, which is a sign of life too."""
    mine = ImportBatch.objects.filter(pk=batch.pk, state=ImportBatch.State.READING)
    mine.update(n_bytes_read=n_bytes_read, n_rows=n_rows, touched_at=Now())


@transaction.atomic
def _take_in(batch: ImportBatch, spools: Spools, now: datetime) -> None:
    """Take everything in, or nothing. Does nothing when another worker was faster with the same batch."""
    mine = ImportBatch.objects.select_for_update(no_key=True).filter(pk=batch.pk, state=ImportBatch.State.READING)
    if not mine.exists():
        return
    merged = staging.merge(batch=batch, rows=spools.rows, faults=spools.faults, now=now)
    staging.finish(
        batch=batch,
        merged=merged,
        n_rows=spools.n_rows,
        n_unlisted_faults=max(0, spools.n_faults - MAX_FAULTS),
        now=now,
    )
    _tell(batch, "import.done", now)


@transaction.atomic
def _fail(batch: ImportBatch, error: CannotImport, now: datetime) -> None:
    with override(batch.business.locale):
        sentence = " ".join(error.messages)[:300]
    mine = ImportBatch.objects.filter(pk=batch.pk, state=ImportBatch.State.READING)
    if mine.update(state=ImportBatch.State.FAILED, failure=sentence, finished_at=now):
        _tell(batch, "import.failed", now)


def _tell(batch: ImportBatch, kind: str, now: datetime) -> None:
    known = ImportBatch.objects.filter(pk=batch.pk).values(
        "code", "state", "failure", "n_rows", "n_new", "n_updated", "n_faulty", "n_without_evidence"
    )
    payload: dict[str, Any] = dict(known.get())
    events.record(business_id=batch.business_id, kind=kind, payload=payload, now=now)


def _shown(value: str) -> str:
    return value.replace("\x00", "␀")[:120]


_LETTER_OF_BYTE = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))


def _code(prefix: str) -> str:
    """Return a public id like ``businesses.codes.new_code``, fast enough for millions: 32 letters divide 256 evenly."""
    return f"{prefix}_{os.urandom(CODE_LETTERS).translate(_LETTER_OF_BYTE).decode()}"
