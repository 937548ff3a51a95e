"""What a row of a contact file says about a person, or which cell is wrong and how to mend it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson
from babel import Locale

from consent import phones
from consent.faults import Fault
from consent.models import Interaction
from consent.phones import BadNumber

MAX_NAME_LETTERS = 120
MAX_EVIDENCE_LETTERS = 200
MAX_ATTRIBUTE_LETTERS = 500
MAX_COLUMNS = 60
NEIGHBOURS = ("pl", "sv", "nl", "pt", "it", "es", "de", "fr", "en")

PHONE, NAME, LANGUAGE, COUNTRY = "phone", "name", "language", "country"
INTERACTION, DATE, EVIDENCE, OPT_OUT_OFFERED = "interaction", "interaction_date", "evidence", "opt_out_offered"

# The names that columns have in the wild, best first; compared without case, accents and punctuation.
SYNONYMS = {
    PHONE: (
        "phone|phone number|whatsapp|whatsapp number|mobile|mobile phone|mobile number|portable|gsm|cell"
        "|cell phone|msisdn|tel mobile|telephone mobile|telephone portable|n de telephone|numero de telephone"
        "|telephone|numero|tel|telephone number|handy|handynummer|mobilnummer|telefon|telefonnummer|telefono"
        "|movil|cellulare|telefone|celular|number"
    ),
    NAME: (
        "name|full name|nom complet|nom et prenom|prenom et nom|nom prenom|nom|contact|client|customer|nombre completo"
    ),
    LANGUAGE: "language|langue|lang|locale|sprache|idioma|lingua",
    COUNTRY: "country|pays|country code|code pays|land|pais|paese",
    INTERACTION: "interaction|interaction type|type d interaction|type interaction|origine|evenement|event|source",
    DATE: "interaction date|date d interaction|date interaction|date de l interaction|date|datum|fecha|data",
    EVIDENCE: "evidence|preuve|proof|justificatif|reference|order|order number|numero de commande|commande|nachweis",
    OPT_OUT_OFFERED: (
        "opt out offered|optout offered|opposition proposee|desinscription proposee|refus propose|opt out propose"
    ),
    "first_name": "first name|firstname|given name|prenom|vorname|nombre|nome",
    "last_name": "last name|lastname|surname|family name|nom de famille|nachname|apellido|apellidos|cognome",
    "city": "city|town|ville|stadt|ort|ciudad|citta|cidade",
}
OWN_COLUMNS = (PHONE, NAME, LANGUAGE, COUNTRY, INTERACTION, DATE, EVIDENCE, OPT_OUT_OFFERED)

KINDS = {
    Interaction.Kind.OPT_IN: "opt in|optin|consent|consentement|inscription|newsletter|abonnement|einwilligung",
    Interaction.Kind.PURCHASE: "purchase|order|sale|achat|commande|vente|kauf|compra",
    Interaction.Kind.INQUIRY: "inquiry|enquiry|question|message|demande|devis|anfrage|consulta",
    Interaction.Kind.VISIT: "visit|visite|besuch|visita",
}
KIND_OF_WORD = {word: kind for kind, words in KINDS.items() for word in words.split("|")}
YES_OR_NO = {
    **dict.fromkeys(("yes", "y", "true", "1", "x", "oui", "o", "vrai", "ja", "si", "sim"), True),
    **dict.fromkeys(("", "no", "n", "false", "0", "non", "faux", "nein", "nao"), False),
}


class PersonRow(NamedTuple):
    """One good row, in the order of the staging table's columns; ``kind`` '' means that nothing was proved."""

    line: int
    value: str
    country: str
    timezone: str
    name: str
    language: str
    attributes: str
    kind: int | str
    occurred_at: str
    opt_out_offered: bool
    evidence: str


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
class Columns:
    """Where each thing stands in a row; ``attributes`` are (position, key) of everything that is not our own."""

    n: int
    own: dict[str, int]
    attributes: tuple[tuple[int, str], ...]
    titles: tuple[str, ...]


def n_recognised(header: Sequence[str]) -> int:
    """Return how many of our own columns ``header`` has, the number counting most."""
    own = columns_of(header).own
    return len(own) + 10 * (PHONE in own)


def columns_of(header: Sequence[str]) -> Columns:
    """Find our columns among the titles of a file, in French, English or a neighbour's words."""
    plain = [_plain(title) for title in header[:MAX_COLUMNS]]
    found: dict[str, int] = {}
    for column, names in SYNONYMS.items():
        position = next((plain.index(name) for name in names.split("|") if name in plain), None)
        if position is not None and position not in found.values():
            found[column] = position
    if "first_name" in found and "last_name" not in found and plain[found.get(NAME, 0)] == "nom":
        # Beside a column "prénom", a column "nom" is the family's.
        found["last_name"] = found.pop(NAME)
    own = {column: position for column, position in found.items() if column in OWN_COLUMNS}
    known = {position: column for column, position in found.items()}
    taken = set(own.values())
    attributes = tuple(
        (i, known.get(i) or plain[i].replace(" ", "_")) for i in range(len(plain)) if i not in taken and plain[i]
    )
    return Columns(n=len(header), own=own, attributes=attributes, titles=tuple(title.strip() for title in header))


@dataclass(frozen=True, kw_only=True)
class RowReader:
    """Reads the rows of one file: numbers and dates without country or zone are those of the business."""

    columns: Columns
    country: str
    timezone: str
    now: datetime
    allow_fiction: bool = False
    _positions: tuple[int | None, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_positions", tuple(self.columns.own.get(column) for column in OWN_COLUMNS))

    def read(self, line: int, cells: list[str]) -> PersonRow:
        """Return what the row says; raises ``BadCell`` for the first cell that is wrong.

        Missing cells at the end are empty ones (spreadsheets leave them out). More cells than columns means that
        something has shifted, unless they are empty.
        """
        n_missing = self.columns.n - len(cells)
        if n_missing > 0:
            cells = cells + [""] * n_missing
        elif n_missing < 0 and any(map(str.strip, cells[self.columns.n :])):
            raise BadCell("", cells[self.columns.n], Fault.EXTRA_COLUMNS)
        phone, name, language, country, kind, date, evidence, opt_out = (
            "" if i is None else cells[i].strip() for i in self._positions
        )
        default_country = self._code(COUNTRY, country, country_code, Fault.UNKNOWN_COUNTRY) or self.country
        try:
            number = phones.parse(phone, default_country=default_country, allow_fiction=self.allow_fiction)
        except BadNumber as error:
            raise BadCell(self._title(PHONE), phone, error.reason) from None
        attributes = self._attributes(cells)
        name = name or " ".join(filter(None, (attributes.get("first_name"), attributes.get("last_name"))))
        happened = self._interaction(kind, date, evidence, opt_out)
        return PersonRow(
            line=line,
            value=number.e164,
            country=number.country,
            timezone=number.timezone,
            name=self._short(NAME, name, MAX_NAME_LETTERS),
            language=self._code(LANGUAGE, language, language_code, Fault.UNKNOWN_LANGUAGE),
            attributes=orjson.dumps(attributes).decode(),
            kind=happened.kind,
            occurred_at=happened.occurred_at,
            opt_out_offered=happened.opt_out_offered,
            evidence=happened.evidence,
        )

    def _interaction(self, kind: str, date: str, evidence: str, opt_out: str) -> Happened:
        if not kind:
            if date or evidence:
                raise BadCell(self._title(INTERACTION), "", Fault.MISSING_INTERACTION)
            return NOTHING_HAPPENED
        known = KIND_OF_WORD.get(_plain(kind))
        if known is None:
            raise BadCell(self._title(INTERACTION), kind, Fault.UNKNOWN_INTERACTION)
        if not date:
            raise BadCell(self._title(DATE), "", Fault.MISSING_DATE)
        if not evidence:
            raise BadCell(self._title(EVIDENCE), "", Fault.MISSING_EVIDENCE)
        offered = YES_OR_NO.get(_plain(opt_out))
        if offered is None:
            raise BadCell(self._title(OPT_OUT_OFFERED), opt_out, Fault.NOT_YES_OR_NO)
        proof = self._short(EVIDENCE, evidence, MAX_EVIDENCE_LETTERS)
        return Happened(known.value, self._moment(date), offered, proof)

    def _moment(self, date: str) -> str:
        try:
            moment = read_date(date, self.timezone, self.country == "US")
        except ValueError:
            raise BadCell(self._title(DATE), date, Fault.IMPOSSIBLE_DATE) from None
        if moment is None:
            raise BadCell(self._title(DATE), date, Fault.UNREADABLE_DATE)
        if moment > self.now:
            raise BadCell(self._title(DATE), date, Fault.DATE_IN_FUTURE)
        return moment.isoformat()

    def _attributes(self, cells: list[str]) -> dict[str, str]:
        found = {key: value for i, key in self.columns.attributes if (value := cells[i].strip())}
        for key, value in found.items():
            if len(value) > MAX_ATTRIBUTE_LETTERS:
                raise BadCell(key, value, Fault.TOO_LONG)
        return found

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
        position = self.columns.own.get(column)
        return column if position is None else self.columns.titles[position]


@lru_cache(maxsize=8192)
def read_date(text: str, timezone: str, month_first: bool) -> datetime | None:
    """Return the moment (midnight for a bare date), or None when it is no date. Raises ValueError for 31/02."""
    zone = ZoneInfo(timezone)
    if match := _WRITTEN_DATE.fullmatch(text):
        part = match.groupdict()
        year = int(part["year"] or part["year_first"])
        first, second = (int(part["a"]), int(part["b"])) if part["a"] else (int(part["d"]), int(part["c"]))
        day, month = (second, first) if part["a"] and month_first and part["sep"] == "/" else (first, second)
        hour, minute, second = (int(part[unit] or 0) for unit in ("hour", "minute", "second"))
        return _plausible(datetime(year, month, day, hour, minute, second, tzinfo=zone))
    if not _ISO_DATE.fullmatch(text):
        return None
    moment = datetime.fromisoformat(text)
    return _plausible(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _plausible(moment: datetime) -> datetime:
    if moment.year < 1970:
        raise ValueError("before any phone could be written to")
    return moment


_ISO_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}(?:[T ]\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_WRITTEN_DATE = re.compile(
    r"(?:(?P<a>\d{1,2})(?P<sep>[/.-])(?P<b>\d{1,2})(?P=sep)(?P<year>\d{4})|(?P<year_first>\d{4})[/.](?P<c>\d{1,2})[/.](?P<d>\d{1,2}))"
    r"(?:[T ,]+(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2}))?)?"
)


@lru_cache(maxsize=2048)
def country_code(text: str) -> str:
    """Return ``FR`` for ``fr``, ``FRANCE`` or ``Frankreich``; '' for no country."""
    return text.upper() if text.upper() in _country_codes() else _countries().get(_plain(text), "")


@lru_cache(maxsize=2048)
def language_code(text: str) -> str:
    """Return ``fr`` for ``FR``, ``fr-CA``, ``français`` or ``French``; '' for no language."""
    stem = re.split(r"[-_]", text.lower(), maxsplit=1)[0]
    return stem if stem in _language_codes() else _languages().get(_plain(text), "")


@cache
def _country_codes() -> frozenset[str]:
    return frozenset(code for code in _names("en", "territories") if len(code) == 2 and code.isalpha() and code != "ZZ")


@cache
def _countries() -> Mapping[str, str]:
    aliases = {"uk": "GB", "england": "GB", "usa": "US", "etats unis d amerique": "US"}
    return _codes_by_name("territories", _country_codes()) | aliases


@cache
def _language_codes() -> frozenset[str]:
    return frozenset(code for code in _names("en", "languages") if len(code) <= 3)


@cache
def _languages() -> Mapping[str, str]:
    codes = frozenset(code for code in _language_codes() if len(code) == 2)
    own_names = {_plain(Locale(code).get_display_name(code) or ""): code for code in NEIGHBOURS}
    return _codes_by_name("languages", codes) | own_names


def _codes_by_name(what: str, codes: frozenset[str]) -> dict[str, str]:
    """Return what people call each of ``codes`` in the languages of the neighbourhood; English and French win."""
    return {
        _plain(name): code for language in NEIGHBOURS for code, name in _names(language, what).items() if code in codes
    }


def _names(language: str, what: str) -> dict[str, str]:
    return {str(code): str(name) for code, name in getattr(Locale(language), what).items()}


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """Return lower-case words without accents and punctuation: ``Téléphone (mobile)`` → ``telephone mobile``."""
    flat = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c if c.isalnum() else " " for c in flat if not unicodedata.combining(c)).split())
