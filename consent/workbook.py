"""Turns a sheet of a workbook (XLSX, XLSB, XLS, ODS) into a CSV file whose lines are the sheet's rows.

    python -m consent.workbook WORKBOOK TABLE [SHEET | '' 'all sheets']

runs as a process of its own, with little memory and little time to spend: a workbook may be a trap (a few kilobytes
that unfold to gigabytes, two cells at opposite corners of an endless sheet). What comes of it is one line of JSON.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from consent.columns import looks_like_people, n_recognised

MAX_MEMORY_BYTES = 2 << 30
MAX_UNFOLDED_BYTES = 3 << 29
MAX_TABLE_BYTES = 1 << 30
MAX_SECONDS = 120
MAX_SHEETS = 30
ROWS_LOOKED_AT = 10
MAX_CELL_LETTERS = 2_000
ALL_SHEETS = "all sheets"
ENDINGS = (".xlsx", ".xls", ".ods")


class Opened(NamedTuple):
    """The sheet that was taken, and what else there was; or why none could be (``encrypted``, ``broken`` …)."""

    sheet: str
    sheets: tuple[str, ...]
    trouble: str = ""


def to_table(workbook: str, table: str, *, sheet: str = "") -> Opened:
    """Write the sheet's rows to the file ``table``; '' takes the first one that has a column of numbers."""
    return _ask([workbook, table, *([sheet] if sheet else [])])


def to_text(workbook: str, table: str) -> str:
    """Write the rows of all sheets, hidden ones too, to the file ``table``; return why not, or ''."""
    return _ask([workbook, table, "", ALL_SHEETS]).trouble


def _ask(arguments: list[str]) -> Opened:
    command = [sys.executable, "-m", "consent.workbook", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MAX_SECONDS * 3,
        )
        told = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Opened("", (), "too_large")
    except ValueError:
        # It was ended for spending too much, or choked on what it read.
        return Opened("", (), "too_large" if done.returncode < 0 else "broken")
    return Opened(told["sheet"], tuple(told["sheets"]), told["trouble"])


def main() -> None:
    """Spend no more than allowed, and say what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_TABLE_BYTES, MAX_TABLE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, table = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        is_all = sys.argv[4:5] == [ALL_SHEETS]
        opened = _convert_all(source, table) if is_all else _convert(source, table, *sys.argv[3:4])
    except PasswordError:
        opened = Opened("", (), "encrypted")
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        is_encrypted = "password" in str(error).lower() or _has_password(source)
        opened = Opened("", (), "encrypted" if is_encrypted else "broken")
    except MemoryError:
        opened = Opened("", (), "too_large")
    sys.stdout.write(json.dumps(opened._asdict()))


def _convert(source: Path, table: Path, sheet: str = "") -> Opened:
    if _unfolds_too_far(source):
        return Opened("", (), "too_large")
    with CalamineWorkbook.from_path(source) as book:
        names = [
            about.name
            for about in book.sheets_metadata
            if about.typ == SheetTypeEnum.WorkSheet and about.visible == SheetVisibleEnum.Visible
        ][:MAX_SHEETS]
        if not names or (sheet and sheet not in names):
            return Opened("", tuple(names), "no_sheet")
        taken = sheet or _best(book, names)
        if not taken:
            return Opened("", tuple(names), "empty")
        _write(book.get_sheet_by_name(taken), table)
        return Opened(taken, tuple(names))


def _has_password(source: Path) -> bool:
    """Ask again under each ending: without one, the library finds no reader for what is encrypted, and says no more."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ENDINGS:
            named = Path(folder, f"workbook{ending}")
            named.symlink_to(source.resolve())
            try:
                CalamineWorkbook.from_path(named).close()
            except PasswordError:
                return True
            except (CalamineError, zipfile.BadZipFile, OSError, ValueError):
                continue
    return False


def _convert_all(source: Path, table: Path) -> Opened:
    if _unfolds_too_far(source):
        return Opened("", (), "too_large")
    with CalamineWorkbook.from_path(source) as book, table.open("w", encoding="utf-8", newline="") as file:
        names = [about.name for about in book.sheets_metadata if about.typ == SheetTypeEnum.WorkSheet]
        for name in names:
            csv.writer(file, lineterminator="\n").writerows(_rows(book.get_sheet_by_name(name)))
    return Opened("", tuple(names))


def _unfolds_too_far(source: Path) -> bool:
    """What the archive's own list says; if it lies, the limits on memory and time still hold."""
    if not zipfile.is_zipfile(source):
        return False
    with zipfile.ZipFile(source) as archive:
        return sum(entry.file_size for entry in archive.infolist()) > MAX_UNFOLDED_BYTES


def _best(book: CalamineWorkbook, names: list[str]) -> str:
    """Return the first sheet with a column of numbers, else the first one that holds anything."""
    filled = ""
    for name in names:
        sheet = book.get_sheet_by_name(name)
        if sheet.height == 0:
            continue
        filled = filled or name
        first = [row for row, _ in zip(_rows(sheet), range(ROWS_LOOKED_AT), strict=False)]
        if any(n_recognised(row) >= 10 or looks_like_people(row) for row in first):
            return name
    return filled


def _write(sheet: Any, table: Path) -> None:
    n_above = sheet.start[0] if sheet.start else 0
    with table.open("w", encoding="utf-8", newline="") as file:
        # Line n of the table is row n of the sheet.
        file.write("\n" * n_above)
        write = csv.writer(file, lineterminator="\n").writerow
        for row in _rows(sheet):
            write(row)


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        yield [_text(cell) for cell in row]


def _text(cell: Any) -> str:
    """Return what the cell shows, in one line: whole numbers whole, dates as 2026-03-14."""
    if isinstance(cell, str):
        return " ".join(cell[:MAX_CELL_LETTERS].replace("\x00", "").split()) if not cell.isalnum() else cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() and abs(cell) < 1e18 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds").removesuffix(" 00:00:00")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


if __name__ == "__main__":
    main()
