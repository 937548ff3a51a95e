"""Looks into a file that has come: what it is, which sheet and columns it has, and what we take them for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from consent import columns, reading, workbook
from consent.columns import DETAILS, PHONE, Layout
from consent.csv_file import CsvFile, Row
from consent.formats import Format, format_of
from consent.models import ImportBatch, RememberedLayout

ROWS_SHOWN = 5
ROWS_LOOKED_AT = 200
MAX_SHOWN_LETTERS = 80
MAX_TITLE_LETTERS = 80


class CannotImport(ValidationError):
    """The file cannot be read as contacts at all."""


TROUBLES = {
    "encrypted": _("This workbook has a password: save it without one, and bring it again."),
    "broken": _("This workbook is damaged, or no workbook at all: save it again from your spreadsheet, or as CSV."),
    "too_large": _("This workbook is too large to unfold: save the sheet as CSV, and bring that."),
    "empty": _("The sheets of this workbook are empty."),
    "no_sheet": _("This workbook has no sheet of this name."),
}
NOT_A_TABLE = {
    Format.PDF: _("This is a PDF: export the table as CSV or XLSX instead."),
    Format.WEB_PAGE: _(
        "This is a web page that was named like a table: open it in a spreadsheet and save it as XLSX or CSV."
    ),
    Format.PICTURE: _("This is a picture: export the table as CSV or XLSX instead."),
    Format.PACKED: _("This file is packed: unpack it first."),
}


@dataclass(frozen=True)
class Glance:
    """What was seen: titles, first rows (short), sheets, and what we take the columns for."""

    titles: list[str]
    rows: list[list[str]]
    sheet: str
    sheets: list[str]
    layout: Layout
    is_remembered: bool

    def as_preview(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "sheet": self.sheet,
            "sheets": self.sheets,
            "roles": list(self.layout.roles),
            "is_remembered": self.is_remembered,
        }


def refuse_what_is_no_table(file: BinaryIO) -> None:
    """Raise ``CannotImport`` with the sentence for this kind of file, if it is not one that can be read."""
    if sentence := NOT_A_TABLE.get(format_of(file)):
        raise CannotImport(sentence)


def look(*, batch: ImportBatch, sheet: str = "") -> Glance:
    """Open the file, turn a workbook's sheet into a table, and guess its columns. Raises ``CannotImport``."""
    with batch.file.open("rb") as file:
        refuse_what_is_no_table(cast(BinaryIO, file))
        opened = None
        if format_of(cast(BinaryIO, file)) == Format.WORKBOOK:
            opened = _unfold(batch, file, sheet)
    with table_of(batch) as table:
        glance = _glance(table, batch)
    return glance if opened is None else _in_sheet(glance, opened)


@contextmanager
def table_of(batch: ImportBatch) -> Iterator[CsvFile]:
    """Open what is to be read of a batch: its file, or the sheet that was taken from it."""
    with source_of(batch) as file:
        yield reading.opened(file)


@contextmanager
def source_of(batch: ImportBatch) -> Iterator[BinaryIO]:
    with (batch.table or batch.file).open("rb") as file:
        yield cast(BinaryIO, file)


def remembered(*, business: Business, kind: str, titles: list[str]) -> Layout | None:
    """Return what the business said of an earlier file with this header."""
    known = RememberedLayout.objects.of(business).filter(kind=kind, fingerprint=columns.fingerprint(titles)).first()
    return Layout(tuple(known.roles)) if known and len(known.roles) == len(titles) else None


def remember(*, business: Business, kind: str, titles: list[str], layout: Layout, now: datetime) -> None:
    """Keep the roles for the next file with this header, but no evidence: that is attested for each file anew."""
    RememberedLayout.objects.update_or_create(
        business=business,
        kind=kind,
        fingerprint=columns.fingerprint(titles),
        defaults={"roles": list(layout.roles), "used_at": now},
    )


def must_be_readable(titles: list[str], layout: Layout) -> None:
    """Raise ``CannotImport`` if nobody can be found in a file with these columns."""
    if not {PHONE, DETAILS} & set(layout.roles):
        raise CannotImport(_("No column holds the phone numbers: name one “phone” in the first line."))
    if len(titles) > columns.MAX_COLUMNS:
        raise CannotImport(_("The file has more than 60 columns: leave out those that no message needs."))


def _unfold(batch: ImportBatch, file: File[Any], sheet: str) -> workbook.Opened:
    with tempfile.TemporaryDirectory() as folder:
        source, table = Path(folder, "workbook"), Path(folder, "table.csv")
        with source.open("wb") as copy:
            for chunk in file.chunks(1 << 20):
                copy.write(chunk)
        opened = workbook.to_table(str(source), str(table), sheet=sheet)
        if opened.trouble:
            raise CannotImport(TROUBLES[opened.trouble])
        if batch.table:
            batch.table.delete(save=False)
        with table.open("rb") as unfolded:
            batch.table.save(f"{batch.code}.csv", File(unfolded), save=False)
    batch.save(update_fields=["table"])
    return opened


def _glance(table: CsvFile, batch: ImportBatch) -> Glance:
    titles = [title.strip()[:MAX_TITLE_LETTERS] for title in table.header]
    sample = [record.cells for record in islice(table.rows(), ROWS_LOOKED_AT) if isinstance(record, Row)]
    known = remembered(business=batch.business, kind=batch.kind, titles=titles)
    guessed = columns.guess(titles, sample, of_stops=batch.kind == ImportBatch.Kind.STOPS)
    shown = [[cell.strip()[:MAX_SHOWN_LETTERS] for cell in row[: columns.MAX_COLUMNS]] for row in sample[:ROWS_SHOWN]]
    return Glance(titles, shown, "", [], known or guessed, known is not None)


def _in_sheet(glance: Glance, opened: workbook.Opened) -> Glance:
    return Glance(glance.titles, glance.rows, opened.sheet, list(opened.sheets), glance.layout, glance.is_remembered)
