"""What a row of a contact file says about a person, or which cell is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from consent import cells, columns, phones
from consent.columns import COUNTRY, DATE, DETAILS, EVIDENCE, INTERACTION, LANGUAGE, NAME, OPT_OUT_OFFERED, PHONE
from consent.faults import Fault
from consent.phones import BadNumber, Phone

MAX_NAME_LETTERS = 120
MAX_EVIDENCE_LETTERS = 200
MAX_ATTRIBUTE_LETTERS = 500
# How far a business's clock may be ahead of ours.
SKEW = timedelta(minutes=5)
IN_ORDER = (PHONE, NAME, LANGUAGE, COUNTRY, INTERACTION, DATE, EVIDENCE, OPT_OUT_OFFERED)


class PersonRow(NamedTuple):
    """One good row, in the order of the staging table's columns; ``kind`` '' means that nothing was proved."""

    line: int
    value: str
    country: str
    timezone: str
    line_type: int
    name: str
    language: str
    attributes: str
    kind: int | str
    occurred_at: str
    opt_out_offered: bool
    evidence: str
    is_stop: bool


class Happened(NamedTuple):
    """An interaction as a row tells it, or ``NOTHING_HAPPENED``."""

    kind: int | str
    occurred_at: str
    opt_out_offered: bool
    evidence: str


NOTHING_HAPPENED = Happened("", "", False, "")


class BadCell(Exception):
    """A cell that stops its row: which column, what stood there, and a reason of ``faults``."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(column, value, reason)
        self.column, self.value, self.reason = column, value, reason


@dataclass(frozen=True, kw_only=True)
class RowReader:
    """Reads the rows of one file: numbers and dates without country or zone are those of the business."""

    columns: columns.Columns
    country: str
    timezone: str
    now: datetime
    for_all: Mapping[str, str] = field(default_factory=dict)
    is_of_stops: bool = False
    has_serials: bool = False
    allow_fiction: bool = False
    _places: tuple[int | None, ...] = field(init=False)
    _absent: tuple[str, ...] = field(init=False)
    _details: int | None = field(init=False)

    def __post_init__(self) -> None:
        own = self.columns.own
        object.__setattr__(self, "_places", tuple(own.get(column) for column in IN_ORDER))
        object.__setattr__(
            self, "_absent", tuple("" if column in own else self.for_all.get(column, "") for column in IN_ORDER)
        )
        object.__setattr__(self, "_details", own.get(DETAILS))

    def read(self, line: int, row: list[str]) -> PersonRow:
        """Return what the row says; raises ``BadCell`` for the first cell that is wrong.

        Missing cells at the end are empty ones (spreadsheets leave them out). More cells than columns means that
        something has shifted, unless they are empty.
        """
        n_missing = self.columns.n - len(row)
        if n_missing > 0:
            row = row + [""] * n_missing
        elif n_missing < 0 and any(map(str.strip, row[self.columns.n :])):
            raise BadCell("", row[self.columns.n], Fault.EXTRA_COLUMNS)
        phone, name, language, country, kind, date, evidence, opt_out = (
            absent if place is None else row[place].strip()
            for place, absent in zip(self._places, self._absent, strict=True)
        )
        details = {} if self._details is None else self._read_details(row[self._details])
        number = self._number(phone or _number_in(details), country)
        if self._is_stopped(row):
            return PersonRow(line, *number, "", "", "{}", "", "", False, "", True)
        attributes = self._attributes(row, details)
        name = name or " ".join(filter(None, (attributes.get("first_name"), attributes.get("last_name"))))
        happened = self._interaction(kind, date, evidence, opt_out)
        return PersonRow(
            line,
            *number,
            self._short(NAME, _unquoted(name), MAX_NAME_LETTERS),
            self._code(LANGUAGE, language, cells.language_code, Fault.UNKNOWN_LANGUAGE),
            orjson.dumps(attributes).decode() if attributes else "{}",
            happened.kind,
            happened.occurred_at,
            happened.opt_out_offered,
            happened.evidence,
            False,
        )

    def _number(self, phone: str, country: str) -> Phone:
        home = self._code(COUNTRY, country, cells.country_code, Fault.UNKNOWN_COUNTRY) or self.country
        try:
            return phones.parse(phone, default_country=home, allow_fiction=self.allow_fiction)
        except BadNumber as error:
            raise BadCell(self._title(PHONE), phone, error.reason) from None

    def _is_stopped(self, row: list[str]) -> bool:
        """Say whether the row is about somebody who wants no more offers; nothing else in it matters then.

        In a list of stops with a column about states, only a state that plainly allows offers is not a stop.
        """
        said = [(place, cells.stopped_or_not(row[place].strip())) for place in self.columns.stops]
        if self.is_of_stops:
            if said and all(state is False and row[place].strip() for place, state in said):
                raise BadCell(self.columns.titles[said[0][0]], row[said[0][0]], Fault.NOT_STOPPED)
            return True
        for place, state in said:
            if state is None:
                raise BadCell(self.columns.titles[place], row[place].strip(), Fault.STOPPED_OR_NOT)
        return any(state for _, state in said)

    def _interaction(self, kind: str, date: str, evidence: str, opt_out: str) -> Happened:
        if not kind:
            if date or evidence:
                raise BadCell(self._title(INTERACTION), "", Fault.MISSING_INTERACTION)
            return NOTHING_HAPPENED
        known = cells.kind_of(kind)
        if known is None:
            raise BadCell(self._title(INTERACTION), kind, Fault.UNKNOWN_INTERACTION)
        if not date:
            raise BadCell(self._title(DATE), "", Fault.MISSING_DATE)
        if not evidence:
            raise BadCell(self._title(EVIDENCE), "", Fault.MISSING_EVIDENCE)
        offered = cells.yes_or_no(opt_out)
        if offered is None:
            raise BadCell(self._title(OPT_OUT_OFFERED), opt_out, Fault.NOT_YES_OR_NO)
        proof = self._short(EVIDENCE, _unquoted(evidence), MAX_EVIDENCE_LETTERS)
        return Happened(known, self._moment(date), offered, proof)

    def _moment(self, date: str) -> str:
        try:
            moment = cells.read_date(date, self.timezone, self.country == "US", self.has_serials)
        except ValueError:
            raise BadCell(self._title(DATE), date, Fault.IMPOSSIBLE_DATE) from None
        if moment is None:
            raise BadCell(self._title(DATE), date, Fault.UNREADABLE_DATE)
        if moment > self.now + SKEW:
            raise BadCell(self._title(DATE), date, Fault.DATE_IN_FUTURE)
        return moment.isoformat()

    def _attributes(self, row: list[str], details: dict[str, str]) -> dict[str, str]:
        found = {key: _unquoted(value) for i, key in self.columns.attributes if (value := row[i].strip())}
        found |= {key: value for key, value in details.items() if cells.plain(key) not in _TITLES_OF_NUMBERS}
        for key, value in found.items():
            if len(value) > MAX_ATTRIBUTE_LETTERS:
                raise BadCell(key, value, Fault.TOO_LONG)
        return found

    def _read_details(self, text: str) -> dict[str, str]:
        """Read a cell that holds an object in JSON, as listmonk writes a subscriber's attributes."""
        try:
            told = orjson.loads(text) if text.strip() else {}
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict) or len(told) > columns.MAX_COLUMNS:
            raise BadCell(self._title(DETAILS), text, Fault.NO_OBJECT)
        plain = {key: value for key, value in told.items() if isinstance(value, str | int | float)}
        return {columns.key_of(key): str(value).replace("\x00", "") for key, value in plain.items()}

    def _code(self, column: str, text: str, code_of: Callable[[str], str], reason: Fault) -> str:
        code = code_of(text) if text else ""
        if text and not code:
            raise BadCell(self._title(column), text, reason)
        return code

    def _short(self, column: str, text: str, n_letters: int) -> str:
        if len(text) > n_letters:
            raise BadCell(self._title(column), text, Fault.TOO_LONG)
        return text

    def _title(self, column: str) -> str:
        """Return what the file itself calls the column."""
        place = self.columns.own.get(column)
        return column if place is None else self.columns.titles[place]


_TITLES_OF_NUMBERS = frozenset(columns.SYNONYMS[PHONE].split("|"))


def _number_in(details: Mapping[str, str]) -> str:
    return next((value for key, value in details.items() if cells.plain(key) in _TITLES_OF_NUMBERS), "")


def _unquoted(text: str) -> str:
    """Take away the mark with which our own report keeps a spreadsheet from calculating (``'=1+1``)."""
    return text[1:] if text.startswith(_INERT) else text


# See ``faults.inert``.
_INERT = tuple(f"'{sign}" for sign in "=+-@\t\r＝＋－＠")
