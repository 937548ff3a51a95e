"""Uploads: the files of contacts that lie on disk until they are taken in. They are full of addresses, so none outlives
its purpose: what no batch waits for any more is swept, and a file that names somebody who was erased goes whole.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import phonenumbers
from django.core.files.storage import Storage
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from businesses import events
from consent import workbook
from consent.csv_file import detect_encoding
from consent.formats import Format, format_of
from consent.models import ImportBatch, ImportFault

FOLDER = "imports"
# An upload of half a gigabyte over a slow line, from its first byte to its row, takes less.
SWEPT_AFTER = timedelta(hours=1)
NAMES_AT_ONCE = 500
LETTERS_AT_ONCE = 1 << 20
# As many letters as the longest spelling of a number takes.
OVERLAP = 100
# Of fewer digits, others begin alike too often.
LONG_ENOUGH = 9
State = ImportBatch.State
WAITING = (State.UPLOADED, State.MAPPING, State.CHECKED)
OVER = (State.DONE, State.FAILED, State.DROPPED)


def tell(*, batch: ImportBatch, kind: str, now: datetime) -> None:
    """Tell programs what has become of a file."""
    known = ImportBatch.objects.filter(pk=batch.pk).values(
        "code", "kind", "state", "failure", "n_rows", "n_new", "n_updated", "n_stopped", "n_faulty",
        "n_without_evidence",
    )  # fmt: skip
    payload: dict[str, Any] = dict(known.get())
    events.record(business_id=batch.business_id, kind=kind, payload=payload, now=now)


def forget_file(*, batch: ImportBatch) -> None:
    """Delete what lies on disk of a batch; whoever is killed in between leaves the rest to ``sweep``."""
    for stored in (batch.file, batch.table):
        if stored:
            stored.delete(save=False)
    ImportBatch.objects.filter(pk=batch.pk).update(file="", table="")


# --- What nobody waits for ------------------------------------------------------------------------


def sweep(*, now: datetime) -> int:
    """Delete the files that no waiting batch names, left by somebody who was killed an hour ago or earlier.

    Between a file and its row, or between the end of a batch and its file. Returns how many files went.
    """
    storage, before = _storage(), now - SWEPT_AFTER
    lost = ImportBatch.objects.filter(state__in=OVER, finished_at__lt=before).exclude(file="", table="")
    lost.update(file="", table="")
    names = sorted(_old_files(storage, before))
    return sum(_sweep(storage, names[i : i + NAMES_AT_ONCE]) for i in range(0, len(names), NAMES_AT_ONCE))


def _storage() -> Storage:
    return cast(Any, ImportBatch._meta.get_field("file")).storage  # type: ignore[no-any-return]


def _old_files(storage: Storage, before: datetime) -> Iterator[str]:
    if not storage.exists(FOLDER):
        return
    for name in storage.listdir(FOLDER)[1]:
        path = f"{FOLDER}/{name}"
        if storage.get_modified_time(path) < before:
            yield path


def _sweep(storage: Storage, names: list[str]) -> int:
    named = ImportBatch.objects.filter(Q(file__in=names) | Q(table__in=names)).values_list("file", "table")
    orphans = set(names) - {name for both in named for name in both}
    for name in orphans:
        storage.delete(name)
    return len(orphans)


# --- Who was erased -------------------------------------------------------------------------------


def forget_person(*, numbers: list[str], test_numbers: list[str], business_id: int | None, now: datetime) -> bool:
    """Delete the waiting files (of all businesses, or of one) that hold one of the numbers (E.164), and tell whose.

    Files of test accounts are searched for ``test_numbers``: nobody gets a real person's files deleted by a pretended
    phone. A file goes whole, with a sentence that asks to bring it again; what it then holds of the person is not
    accepted. Returns False when somebody began to read one of them meanwhile: ask again when that is over.
    """
    waiting = ImportBatch.objects.filter(state__in=WAITING).exclude(file="").select_related("business").order_by("pk")
    if business_id is not None:
        waiting = waiting.filter(business_id=business_id)
    sought = {False: _spellings(numbers), True: _spellings(test_numbers)}
    found = [batch for batch in waiting if (these := sought[batch.business.is_test]) and _holds(batch, these)]
    given_up = [_give_up(batch, now) for batch in found]
    return all(given_up)


def are_being_read(*, since_before: datetime, business_id: int | None) -> bool:
    """Say whether a file that came before that moment is in a reader's hands, who may leave copies of its rows."""
    reading = ImportBatch.objects.filter(state=State.READING, created_at__lt=since_before)
    return (reading if business_id is None else reading.filter(business_id=business_id)).exists()


def _give_up(batch: ImportBatch, now: datetime) -> bool:
    with override(batch.business.locale):
        sentence = _("Somebody in this file asked to be forgotten, so the whole file was deleted: bring it again.")
    with transaction.atomic():
        waiting = ImportBatch.objects.filter(pk=batch.pk, state__in=WAITING)
        if not waiting.update(state=State.FAILED, failure=sentence, preview=None, finished_at=now):
            return not ImportBatch.objects.filter(pk=batch.pk, state=State.READING).exists()
        ImportFault.objects.filter(batch=batch).delete()
        tell(batch=batch, kind="import.failed", now=now)
    forget_file(batch=batch)
    return True


def _holds(batch: ImportBatch, spellings: list[tuple[str, re.Pattern[str]]]) -> bool:
    """Say whether a number stands in the file, in whatever sheet. What cannot be searched is not kept either."""
    try:
        with batch.file.open("rb") as file:
            if format_of(cast(BinaryIO, file)) != Format.WORKBOOK:
                return _is_in(cast(BinaryIO, file), spellings)
            with _unfolded(cast(BinaryIO, file)) as table:
                return table is None or _is_in(table, spellings)
    except FileNotFoundError:
        return False


@contextmanager
def _unfolded(book: BinaryIO) -> Iterator[IO[bytes] | None]:
    """Every sheet of a workbook, hidden ones too, one after the other; None when it does not open."""
    with tempfile.TemporaryDirectory(prefix="tambour-") as folder:
        source, table = Path(folder, "workbook"), Path(folder, "table.csv")
        with source.open("wb") as copy:
            while chunk := book.read(LETTERS_AT_ONCE):
                copy.write(chunk)
        if workbook.to_text(str(source), str(table)):
            yield None
            return
        with table.open("rb") as text:
            yield text


def _is_in(file: BinaryIO | IO[bytes], spellings: list[tuple[str, re.Pattern[str]]]) -> bool:
    encoding = detect_encoding(cast(BinaryIO, file))
    file.seek(0)
    text = io.TextIOWrapper(cast(BinaryIO, file), encoding=encoding, errors="replace")
    try:
        tail = ""
        while chunk := text.read(LETTERS_AT_ONCE):
            letters = tail + (chunk if chunk.isascii() else chunk.translate(_digits()))
            # Looking for the digits alone is a hundred times faster, and seldom finds anything.
            bare = letters.translate(_BETWEEN_DIGITS)
            if any(digits in bare and pattern.search(letters) for digits, pattern in spellings):
                return True
            tail = letters[-OVERLAP:]
        return False
    finally:
        text.detach()


def _spellings(numbers: list[str]) -> list[tuple[str, re.Pattern[str]]]:
    return [spelling for number in numbers if (spelling := _spelling(number))]


def _spelling(e164: str) -> tuple[str, re.Pattern[str]] | None:
    """Return a number's national digits, and an expression for all ways to write it: ``+33 (0)6 39…``, ``0639…``."""
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return None
    digits = str(number.national_number)
    between = f"[{re.escape(''.join(map(chr, _BETWEEN_DIGITS)))}]{{0,3}}"
    abroad = rf"(?:(?:\+|00)?{between}{between.join(str(number.country_code))}{between})?\(?0{{0,2}}\)?{between}"
    end = "" if len(digits) >= LONG_ENOUGH else r"(?!\d)"
    return digits, re.compile(rf"(?<!\d){abroad}{between.join(digits)}{end}", re.ASCII)


# No comma, semicolon or tab: they stand between two cells.
_BETWEEN_DIGITS = dict.fromkeys(map(ord, " .-/()_'\u00a0\u202f\u2009\u2010\u2011\u2012\u2013\u2014"))


@cache
def _digits() -> dict[int, str]:
    """Full-width, Arabic and other digits, as those of ASCII."""
    return {
        place: str(unicodedata.digit(letter))
        for place in range(128, sys.maxunicode)
        if unicodedata.category(letter := chr(place)) == "Nd"
    }
