"""What the cells of a contact file mean: dates, countries, languages, what happened, and who wants no more offers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from babel import Locale

NEIGHBOURS = ("pl", "sv", "nl", "pt", "it", "es", "de", "fr", "en")
# The numbers are those of ``Interaction.Kind``: whoever reads files does so without the models.
KIND_NUMBERS = {"opt_in": 1, "purchase": 2, "inquiry": 3, "visit": 6}
WORDS_OF_KINDS = {
    "opt_in": "opt in|optin|consent|consentement|inscription|newsletter|abonnement|einwilligung",
    "purchase": "purchase|order|sale|achat|commande|vente|kauf|compra",
    "inquiry": "inquiry|enquiry|question|message|demande|devis|anfrage|consulta",
    "visit": "visit|visite|besuch|visita",
}
KIND_OF_WORD = {word: kind for kind, words in WORDS_OF_KINDS.items() for word in words.split("|")}
YES = ("yes", "y", "true", "1", "x", "oui", "o", "vrai", "ja", "si", "sim")
NO = ("", "no", "n", "false", "0", "non", "faux", "nein", "nao")
YES_OR_NO = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}
# What listmonk, Brevo, Mailchimp, Meta and shops write about somebody who wants no more offers, and who does.
WORDS_OF_STOPS = (
    "unsubscribed|unsubscribe|opted out|opt out|optout|stop|stopped|blocklisted|blacklisted|blocked|suppressed"
    "|do not contact|do not call|dnc|complained|spam|cleaned|desinscrit|desinscrite|desabonne|desabonnee"
    "|opposition|oppose|ne plus contacter|refus|refuse|abgemeldet|gesperrt|baja|dado de baja|disiscritto|cancelado"
)
WORDS_OF_NO_STOPS = (
    "subscribed|enabled|active|actif|inscrit|inscrite|abonne|abonnee|confirmed|unconfirmed|opted in|opt in|optin"
    "|allowed|ok|accepte|angemeldet|aktiv|activo|attivo|ativo|null|none"
)
STOPPED_OR_NOT = {
    **YES_OR_NO,
    **dict.fromkeys(WORDS_OF_STOPS.split("|"), True),
    **dict.fromkeys(WORDS_OF_NO_STOPS.split("|"), False),
}
# Day 0 of a spreadsheet's calendar (it believes that 1900 was a leap year), and what is still a plausible day.
SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 — a day on a calendar
SERIALS = range(25_569, 73_051)


@lru_cache(maxsize=8192)
def read_date(text: str, timezone: str, month_first: bool, has_serials: bool = False) -> datetime | None:
    """Return the moment (midnight for a bare date), or None when it is no date. Raises ValueError for 31/02.

    ``has_serials``: the file was a workbook, where 45321.5 is noon of 2024-01-30 in a cell that forgot its format.
    """
    zone = ZoneInfo(timezone)
    if match := _WRITTEN_DATE.fullmatch(text):
        part = match.groupdict()
        year = int(part["year"] or part["year_first"])
        first, second = (int(part["a"]), int(part["b"])) if part["a"] else (int(part["d"]), int(part["c"]))
        day, month = (second, first) if part["a"] and month_first and part["sep"] == "/" else (first, second)
        hour, minute, second = (int(part[unit] or 0) for unit in ("hour", "minute", "second"))
        return _plausible(datetime(year, month, day, hour, minute, second, tzinfo=zone))
    if has_serials and _SERIAL.fullmatch(text) and int(float(text)) in SERIALS:
        return (SERIAL_ZERO + timedelta(seconds=round(float(text) * 86_400))).replace(tzinfo=zone)
    if not _ISO_DATE.fullmatch(text):
        return None
    moment = datetime.fromisoformat(text)
    return _plausible(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _plausible(moment: datetime) -> datetime:
    if moment.year < 1970:
        raise ValueError("before any phone could be written to")
    return moment


_ISO_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}(?:[T ]\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_WRITTEN_DATE = re.compile(
    r"(?:(?P<a>\d{1,2})(?P<sep>[/.-])(?P<b>\d{1,2})(?P=sep)(?P<year>\d{4})|(?P<year_first>\d{4})[/.](?P<c>\d{1,2})[/.](?P<d>\d{1,2}))"
    r"(?:[T ,]+(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2}))?)?"
)
_STARTS_LIKE_A_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")


@lru_cache(maxsize=2048)
def kind_of(text: str) -> int | None:
    """Return the number of the kind of interaction that ``text`` names, or None."""
    kind = KIND_OF_WORD.get(plain(text))
    return None if kind is None else KIND_NUMBERS[kind]


@lru_cache(maxsize=2048)
def yes_or_no(text: str) -> bool | None:
    return YES_OR_NO.get(plain(text))


@lru_cache(maxsize=2048)
def stopped_or_not(text: str) -> bool | None:
    """Say whether a cell about refusals means that the person refused; a date is when they did. None: unclear."""
    return True if _STARTS_LIKE_A_DATE.match(text) else STOPPED_OR_NOT.get(plain(text))


@lru_cache(maxsize=2048)
def country_code(text: str) -> str:
    """Return ``FR`` for ``fr``, ``FRANCE`` or ``Frankreich``; '' for no country."""
    return text.upper() if text.upper() in _country_codes() else _countries().get(plain(text), "")


@lru_cache(maxsize=2048)
def language_code(text: str) -> str:
    """Return ``fr`` for ``FR``, ``fr-CA``, ``français`` or ``French``; '' for no language."""
    stem = re.split(r"[-_]", text.lower(), maxsplit=1)[0]
    return stem if stem in _language_codes() else _languages().get(plain(text), "")


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
    own_names = {plain(Locale(code).get_display_name(code) or ""): code for code in NEIGHBOURS}
    return _codes_by_name("languages", codes) | own_names


def _codes_by_name(what: str, codes: frozenset[str]) -> dict[str, str]:
    """Return what people call each of ``codes`` in the languages of the neighbourhood; English and French win."""
    return {
        plain(name): code for language in NEIGHBOURS for code, name in _names(language, what).items() if code in codes
    }


def _names(language: str, what: str) -> dict[str, str]:
    return {str(code): str(name) for code, name in getattr(Locale(language), what).items()}


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return lower-case words without accents and punctuation: ``Téléphone (mobile)`` → ``telephone mobile``."""
    flat = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c if c.isalnum() else " " for c in flat if not unicodedata.combining(c)).split())
