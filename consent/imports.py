"""The life of a contact file: received, looked into, read row by row, taken in all at once, and reported on.

    uploaded → mapping (the business says what the columns hold) → uploaded → reading → checked (a dry run) →
    uploaded → reading → done;  failed and dropped end it anywhere. A program's file skips what it does not ask for.

Reading needs no transaction: good rows and faults go to spools on disk, and progress is there for everybody to see.
Then one transaction takes everything in (``staging``). A file is thus either in or not; a reader that is killed leaves
nothing behind but its batch, which another worker takes over when it has been silent for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from businesses import audit
from businesses.models import Business, User
from consent import fiction, opening, reading, staging, uploads
from consent.choosing import Choice
from consent.columns import Layout
from consent.csv_file import CsvFile
from consent.formats import Format, format_of
from consent.models import ImportBatch, ImportFault
from consent.opening import CannotImport
from consent.reading import ParserDied, Reading
from consent.sieve import Recipe

__all__ = ["CannotImport"]


class CannotTakeIn(ValidationError):
    """The file is not waiting for this: it is being read, or it is over."""


MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_ATTEMPTS = 3
LEASE_SECONDS = 60
FORGOTTEN_AFTER = timedelta(days=7)
State = ImportBatch.State


def receive(
    *,
    business: Business,
    file: File[bytes],
    filename: str,
    by: User | None,
    now: datetime,
    kind: str = ImportBatch.Kind.CONTACTS,
    choice: Choice | None = None,
    asks_for_columns: bool = False,
    is_dry_run: bool = False,
) -> ImportBatch:
    """Store an uploaded file and return its batch, which waits to be read. Raises ``CannotImport``.

    Without ``choice`` our guess of the columns is taken, unless the business ``asks_for_columns`` to say so itself.
    The file is kept only until it has been taken in or discarded: it is full of addresses.
    """
    size = file.size or 0
    if size == 0:
        raise CannotImport(_("The file is empty."))
    if size > MAX_FILE_BYTES:
        raise CannotImport(_("The file is larger than 512 MB: split it."))
    opening.refuse_what_is_no_table(cast(BinaryIO, file))
    batch = ImportBatch(
        business=business, kind=kind, filename=PurePath(filename).name[-200:], uploaded_by=by, n_bytes=size,
        asks_for_columns=asks_for_columns, is_dry_run=is_dry_run, created_at=now,
        layout=choice.as_json() if choice else None,
    )  # fmt: skip
    with transaction.atomic():
        batch.file.save(f"{batch.code}.{_ending(file)}", file, save=False)
        batch.save()
        _note("import.received", batch, by, now, filename=batch.filename, n_bytes=size, kind=kind)
    return batch


def opens_at_once(batch: ImportBatch) -> bool:
    """Say whether looking into the file takes no longer than a page may: workbooks are unfolded by a worker."""
    return str(batch.file.name).endswith(".csv")


@transaction.atomic
def arrange(*, batch: ImportBatch, layout: Layout, by: User | None, now: datetime) -> bool:
    """Say what the columns hold; the file is read for trial next. Returns False when it is too late for that."""
    opening.must_be_readable(batch.titles, layout)
    waiting = ImportBatch.objects.filter(pk=batch.pk, state__in=(State.MAPPING, State.CHECKED))
    if not waiting.update(state=State.UPLOADED, layout=layout.as_json(), is_dry_run=True, n_attempts=0):
        return False
    opening.remember(business=batch.business, kind=batch.kind, titles=batch.titles, layout=layout, now=now)
    _note("import.arranged", batch, by, now, **layout.as_json())
    return True


@transaction.atomic
def take_sheet(*, batch: ImportBatch, sheet: str) -> bool:
    """Look into another sheet of the workbook. Returns False when it is too late for that."""
    waiting = ImportBatch.objects.filter(pk=batch.pk, state=State.MAPPING)
    layout = Choice(sheet=sheet).as_json()
    return bool(waiting.update(state=State.UPLOADED, layout=layout, titles=[], preview=None, n_attempts=0))


@transaction.atomic
def take_in(*, batch: ImportBatch, by: User | None, now: datetime) -> bool:
    """Let a checked file be taken in. Returns False when it is not waiting for that (any more)."""
    checked = ImportBatch.objects.filter(pk=batch.pk, state=State.CHECKED)
    if not checked.update(state=State.UPLOADED, is_dry_run=False, n_attempts=0):
        return False
    _note("import.accepted", batch, by, now)
    return True


@transaction.atomic
def discard(*, batch: ImportBatch, by: User | None, now: datetime) -> bool:
    """Forget a file that was not taken in. Returns False when it is being read, or is over."""
    waiting = ImportBatch.objects.filter(pk=batch.pk, state__in=(State.UPLOADED, State.MAPPING, State.CHECKED))
    if not waiting.update(state=State.DROPPED, preview=None, finished_at=now):
        return False
    ImportFault.objects.filter(batch=batch).delete()
    _note("import.discarded", batch, by, now)
    transaction.on_commit(lambda: uploads.forget_file(batch=batch))
    return True


def run(*, batch: ImportBatch, now: datetime) -> ImportBatch:
    """Do what the file waits for; returns the batch as it is then. Whoever finds it in other hands leaves it there.

    Faulty rows are recorded and left out. Running the same file again, in a new batch, adds nothing twice.
    """
    if not _claim(batch):
        batch.refresh_from_db()
        return batch
    batch.refresh_from_db()
    try:
        if batch.n_attempts > MAX_ATTEMPTS:
            raise CannotImport(_("Reading this file was broken off several times: try a smaller part of it."))
        if batch.titles or not _asks(batch):
            _read_and_take_in(batch, now)
    except CannotImport as error:
        _fail(batch, error, now)
    except ParserDied:
        # Its turn comes again when the lease is over.
        return batch
    batch.refresh_from_db()
    if batch.state in (State.DONE, State.FAILED):
        uploads.forget_file(batch=batch)
    return batch


def run_waiting(*, now: datetime) -> int:
    """Read every file that waits or whose reader fell silent, oldest first; returns how many."""
    n = 0
    while batch := ImportBatch.objects.filter(_unclaimed()).select_related("business").order_by("created_at").first():
        run(batch=batch, now=now)
        n += 1
    return n


def forget_old(*, now: datetime) -> int:
    """Discard files that nobody took in for a week; returns how many."""
    forgotten = ImportBatch.objects.filter(
        state__in=(State.MAPPING, State.CHECKED), created_at__lt=now - FORGOTTEN_AFTER
    )
    return sum(discard(batch=batch, by=None, now=now) for batch in forgotten.select_related("business"))


def _asks(batch: ImportBatch) -> bool:
    """Look into a file for the first time; say whether the business is asked about its columns now."""
    told = Choice.from_json(batch.layout)
    glance = opening.look(batch=batch, sheet=told.sheet)
    if not batch.asks_for_columns:
        layout = told.applied_to(glance.titles, glance.layout, batch.kind)
        opening.must_be_readable(glance.titles, layout)
        _reading(batch).update(titles=glance.titles, layout=layout.as_json(), touched_at=Now())
        batch.titles, batch.layout = glance.titles, layout.as_json()
        return False
    _reading(batch).update(
        state=State.MAPPING, titles=glance.titles, preview=glance.as_preview(), layout=None, finished_at=None
    )
    return True


def _read_and_take_in(batch: ImportBatch, now: datetime) -> None:
    n_bytes = batch.n_bytes

    def show(n_bytes_read: int, n_rows: int) -> None:
        _show_progress(batch, n_bytes_read=min(n_bytes_read, n_bytes), n_rows=n_rows)

    with (
        opening.source_of(batch) as file,
        reading.read(file, lambda table: _recipe(batch, table, now), n_bytes=n_bytes, show=show) as found,
    ):
        show(n_bytes, found.n_rows)
        _finish(batch, found, now)


def _recipe(batch: ImportBatch, table: CsvFile, now: datetime) -> Recipe:
    return reading.recipe_for(
        table,
        layout=Layout.from_json(cast("Mapping[str, Any]", batch.layout)),
        country=batch.business.country,
        timezone=batch.business.timezone,
        now=now,
        allow_fiction=fiction.is_allowed(batch.business),
        is_of_stops=batch.kind == ImportBatch.Kind.STOPS,
        has_serials=bool(batch.table),
    )


def _finish(batch: ImportBatch, found: Reading, now: datetime) -> None:
    if batch.is_dry_run:
        _rehearse(batch, found, now)
    else:
        _take_in(batch, found, now)


@transaction.atomic
def _take_in(batch: ImportBatch, found: Reading, now: datetime) -> None:
    """Take everything in, or nothing. Does nothing when another worker was faster with the same batch."""
    if not _reading(batch).select_for_update(no_key=True).exists():
        return
    counts = staging.merge(batch=batch, reading=found, now=now)
    staging.finish(batch=batch, counts=counts, reading=found, state=State.DONE, now=now)
    ImportBatch.objects.filter(pk=batch.pk).update(preview=None)
    uploads.tell(batch=batch, kind="import.done", now=now)
    # Afterwards, so that nobody's analysing waits for this one's commit.
    transaction.on_commit(lambda: staging.tell_planner(counts), robust=True)


@transaction.atomic
def _rehearse(batch: ImportBatch, found: Reading, now: datetime) -> None:
    if not _reading(batch).select_for_update(no_key=True).exists():
        return
    counts = staging.rehearse(batch=batch, reading=found, now=now)
    staging.finish(batch=batch, counts=counts, reading=found, state=State.CHECKED, now=now)
    uploads.tell(batch=batch, kind="import.checked", now=now)


@transaction.atomic
def _fail(batch: ImportBatch, error: CannotImport, now: datetime) -> None:
    with override(batch.business.locale):
        sentence = " ".join(error.messages)[:300]
    if _reading(batch).update(state=State.FAILED, failure=sentence, preview=None, finished_at=now):
        uploads.tell(batch=batch, kind="import.failed", now=now)


def _ending(file: File[bytes]) -> str:
    return "csv" if format_of(cast(BinaryIO, file)) == Format.TEXT else "book"


def _unclaimed() -> Q:
    silent = Q(touched_at__lt=Now() - timedelta(seconds=LEASE_SECONDS))
    return Q(state=State.UPLOADED) | (Q(state=State.READING) & silent)


def _claim(batch: ImportBatch) -> bool:
    taken = ImportBatch.objects.filter(_unclaimed(), pk=batch.pk)
    return bool(
        taken.update(state=State.READING, touched_at=Now(), n_attempts=F("n_attempts") + 1, n_bytes_read=0, n_rows=0)
    )


def _reading(batch: ImportBatch) -> Any:
    return ImportBatch.objects.filter(pk=batch.pk, state=State.READING)


def _show_progress(batch: ImportBatch, *, n_bytes_read: int, n_rows: int) -> None:
    """Tell everybody how far reading is, which is a sign of life too."""
    _reading(batch).update(n_bytes_read=n_bytes_read, n_rows=n_rows, touched_at=Now())


def _note(action: str, batch: ImportBatch, by: User | None, now: datetime, **after: Any) -> None:
    audit.note(
        action=action, object_kind="import", object_code=batch.code, actor=by, business=batch.business, after=after,
        now=now,
    )  # fmt: skip
