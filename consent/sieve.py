"""Parts the rows of a file: good ones to one side, in the columns of the staging table, faulty ones to the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from businesses.codes import ALPHABET, CODE_LETTERS
from consent.columns import Columns
from consent.rows import BadCell, RowReader

MAX_FAULTS = 10_000
MAX_CELL_LETTERS = 500
MAX_COLUMN_LETTERS = 80
MAX_VALUE_LETTERS = 120
CODES_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the rows of one file are to be read, in words that another process can be told."""

    n: int
    own: dict[str, int]
    attributes: tuple[tuple[int, str], ...]
    stops: tuple[int, ...]
    titles: tuple[str, ...]
    for_all: dict[str, str]
    country: str
    timezone: str
    now: str
    allow_fiction: bool
    is_of_stops: bool
    has_serials: bool
    delimiter: str

    def reader(self) -> RowReader:
        columns = Columns(
            n=self.n,
            own=self.own,
            attributes=tuple((place, key) for place, key in self.attributes),
            stops=tuple(self.stops),
            titles=tuple(self.titles),
        )
        return RowReader(
            columns=columns,
            country=self.country,
            timezone=self.timezone,
            now=datetime.fromisoformat(self.now),
            for_all=self.for_all,
            is_of_stops=self.is_of_stops,
            has_serials=self.has_serials,
            allow_fiction=self.allow_fiction,
        )


class Sieve:
    """Takes records as ``CsvFile.records`` yields them, and writes what comes of each."""

    def __init__(
        self, recipe: Recipe, write_row: Callable[[Any], object], write_fault: Callable[[Any], object]
    ) -> None:
        self.delimiter = recipe.delimiter
        self.read = recipe.reader().read
        self.write_row, self.write_fault = write_row, write_fault
        self.codes = _Codes()
        self.n_rows = self.n_faults = self.n_stops = 0

    def take(self, line: int, record: Any, value: str | None = None) -> None:
        """Take one record: a plain line, the cells of one, or (with ``value``) a reason why the line is none."""
        self.n_rows += 1
        if value is not None:
            self._report(line, [value], BadCell("", value, record))
            return
        row = record.split(self.delimiter) if isinstance(record, str) else record
        try:
            person = self.read(line, row)
        except BadCell as bad:
            self._report(line, row, bad)
            return
        self.n_stops += person.is_stop
        self.write_row((*person, f"ctc_{self.codes.next()}", f"rcp_{self.codes.next()}"))

    def _report(self, line: int, row: list[str], bad: BadCell) -> None:
        self.n_faults += 1
        if self.n_faults <= MAX_FAULTS:
            cells = orjson.dumps([cell[:MAX_CELL_LETTERS].replace("\x00", "␀") for cell in row[:MAX_COLUMN_LETTERS]])
            value = bad.value.replace("\x00", "␀")[:MAX_VALUE_LETTERS]
            self.write_fault((line, bad.column[:MAX_COLUMN_LETTERS], value, str(bad.reason), cells.decode()))


class _Codes:
    """Public ids like ``businesses.codes.new_code``, by the thousand: 32 letters divide 256 evenly."""

    def __init__(self) -> None:
        self.letters, self.at = "", 0

    def next(self) -> str:
        if self.at == len(self.letters):
            self.letters = os.urandom(CODE_LETTERS * CODES_AT_ONCE).translate(_LETTER_OF_BYTE).decode()
            self.at = 0
        self.at += CODE_LETTERS
        return self.letters[self.at - CODE_LETTERS : self.at]


_LETTER_OF_BYTE = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
