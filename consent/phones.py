"""Phone numbers: what people write becomes one E.164 spelling, a country and its time zones, or a reason why not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import phonenumbers
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from phonenumbers import NumberParseException, PhoneNumberType

from consent import fiction, numbering, zones
from consent.lines import LineType

MAX_LETTERS = 40
MAX_DIGITS = 15


class Phone(NamedTuple):
    """``+33639981234``, ``FR``, ``Europe/Paris``; several zones where the number leaves it open (``zones``)."""

    e164: str
    country: str
    timezone: str
    line_type: int


class Home(NamedTuple):
    """What the numbering plan says of a person's number: its country, and what kind of line it is."""

    country: str
    line_type: int


class BadNumberReason(models.TextChoices):
    """Why a text is no number that an offer could reach: stable values, each with a sentence on how to mend it."""

    MISSING = "phone_missing", _("There is no phone number.")
    SCIENTIFIC = (
        "phone_scientific",
        _("A spreadsheet has shortened this number: format the column as text and export again."),
    )
    NOT_DIGITS = "phone_not_digits", _("A phone number has digits, spaces and a leading + only.")
    TOO_SHORT = "phone_too_short", _("This number has too few digits.")
    TOO_LONG = "phone_too_long", _("This number has too many digits.")
    NO_COUNTRY = "phone_no_country", _("Add the country: start the number with + and the country's code.")
    NOT_IN_USE = "phone_not_in_use", _("No operator hands out numbers like this one in that country.")
    NOT_A_PERSON = "phone_not_a_person", _("This is a service or premium number, not a person's.")
    FICTIONAL = "phone_fictional", _("This number is kept for films and books: it works in test accounts only.")


class BadNumber(ValidationError):
    """The text is no number that may be written to; ``reason`` is one of ``BadNumberReason``."""

    def __init__(self, reason: BadNumberReason) -> None:
        super().__init__(reason.label, code=reason.value)
        self.reason = reason


def parse(text: str, *, default_country: str, allow_fiction: bool = False) -> Phone:
    """Read a number as people write it: ``06 39 98 12 34``, ``+33 (0)6…``, ``0033…``, ``tel:+33…``, ``33639981234``.

    A number without a country's code is read as one of ``default_country`` (ISO 3166 code, or '' for none); where
    that country has no such number, but the world has with a + before it, the + was forgotten. Numbers of the fiction
    list pass only with ``allow_fiction``, and then even where the library's plan does not know them.
    Raises ``BadNumber``.
    """
    spelled = _clean(text)
    e164 = _international(spelled, default_country)
    if e164 and (known := _looked_up(e164)):
        if not isinstance(known, BadNumberReason):
            return _unless_invented(e164, allow_fiction) or _at_home(e164, known)
        if spelled.startswith("+") and not fiction.is_fictional(e164):
            raise BadNumber(known)
    try:
        return _asked(spelled, default_country, allow_fiction)
    except BadNumber as error:
        digits = spelled.translate(_PUNCTUATION)
        if error.reason == BadNumberReason.FICTIONAL or not _PLUS_FORGOTTEN.fullmatch(digits):
            raise
        try:
            return _asked(f"+{digits}", "", allow_fiction)
        except BadNumber as further:
            raise (further if further.reason == BadNumberReason.FICTIONAL else error) from None


def _asked(spelled: str, default_country: str, allow_fiction: bool) -> Phone:
    """Let the library read the number: some 30 µs."""
    try:
        number = phonenumbers.parse(spelled, default_country or None)
    except NumberParseException as error:
        raise BadNumber(_REASON_OF_PARSE_ERROR[error.error_type]) from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return _unless_invented(e164, allow_fiction) or _at_home(e164, _home(number))


def _unless_invented(e164: str, allow_fiction: bool) -> Phone | None:
    invented = fiction.range_of(e164)
    if invented is None:
        return None
    if not allow_fiction:
        raise BadNumber(BadNumberReason.FICTIONAL)
    return Phone(e164, invented.country, invented.timezone, LineType.UNKNOWN.value)


def _at_home(e164: str, home: Home) -> Phone:
    return Phone(e164, home.country, zones.of_number(e164, home.country), home.line_type)


def _home(number: Any) -> Home:
    """Return where a number belongs that the library's plans know as a person's. Raises ``BadNumber``."""
    country = phonenumbers.region_code_for_number(number)
    kind = PhoneNumberType.UNKNOWN if country is None else phonenumbers.number_type(number)
    if country is None or kind == PhoneNumberType.UNKNOWN:
        raise BadNumber(
            _REASON_OF_LENGTH.get(phonenumbers.is_possible_number_with_reason(number), BadNumberReason.NOT_IN_USE)
        )
    if kind in _NOT_A_PERSON:
        raise BadNumber(BadNumberReason.NOT_A_PERSON)
    return Home(country, _LINE_TYPES.get(kind, LineType.UNKNOWN).value)


# --- The short way, for millions: what the library said of one number holds for all that it treats alike -----------


def _international(spelled: str, country: str) -> str:
    """Return the E.164 spelling that the library would read, if the number is a valid one; '' where that is not plain.

    What is allowed to be short here follows the library's own steps one by one; `tests/consent/test_phones.py`
    compares the two on generated numbers.
    """
    digits = spelled.translate(_PUNCTUATION)
    if digits.startswith("+"):
        return digits if digits[1:].isdigit() else ""
    home = _dialling(country)
    if home is None or not digits.isdigit() or home.leads_abroad(digits):
        return ""
    if digits.startswith(home.code):
        # The library takes the code for one where the whole is too long for a number of this country.
        return f"+{digits}" if len(digits) > home.n_most else ""
    if home.trunk and digits.startswith(home.trunk):
        return f"+{home.code}{digits[len(home.trunk) :]}" if home.is_main else ""
    return f"+{home.code}{digits}"


class Dialling(NamedTuple):
    """How numbers are dialled inside a country: its code, the digits before national numbers, those for abroad."""

    code: str
    trunk: str
    n_most: int
    is_main: bool
    leads_abroad: Callable[[str], Any]


@cache
def _dialling(country: str) -> Dialling | None:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    if metadata is None or metadata.general_desc is None or metadata.country_code is None:
        return None
    trunk = metadata.national_prefix_for_parsing or ""
    if (trunk and not trunk.isdigit()) or metadata.national_prefix_transform_rule:
        return None
    return Dialling(
        code=str(metadata.country_code),
        trunk=trunk,
        n_most=max(metadata.general_desc.possible_length),
        is_main=phonenumbers.region_code_for_country_code(metadata.country_code) == country,
        leads_abroad=re.compile(metadata.international_prefix or "x").match,
    )


def _looked_up(e164: str) -> Home | BadNumberReason | None:
    """Return what the library said of a number like this one; None: it has to be asked about this very one."""
    n_letters = len(e164)
    ending = chr(n_letters)
    for length in range(_SHORTEST, min(n_letters, _LONGEST) + 1):
        found = _HOMES.get(e164[:length] + ending, _UNKNOWN)
        if found is not _UNKNOWN:
            return found  # type: ignore[return-value]
    return _learn(e164) if _SHORTEST < n_letters <= MAX_DIGITS + 1 else None


def _learn(e164: str) -> Home | BadNumberReason | None:
    code = next((int(e164[1:end]) for end in (2, 3, 4) if int(e164[1:end]) in _CALLING_CODES), 0)
    begins = 1 + len(str(code))
    for length in range(max(begins, _SHORTEST), min(len(e164), _LONGEST) + 1):
        is_decided = numbering.decided(code, e164[begins:length], len(e164) - begins) if code else None
        if is_decided is not False:
            said = _said_of(e164) if is_decided else None
            if len(_HOMES) < _MOST_HOMES:
                _HOMES[e164[:length] + chr(len(e164))] = said
            return said
    return None


def _said_of(e164: str) -> Home | BadNumberReason | None:
    try:
        number = phonenumbers.parse(e164, None)
        reads_alike = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == e164
        return _home(number) if reads_alike else None
    except NumberParseException:
        return None
    except BadNumber as error:
        return error.reason


_SHORTEST, _LONGEST, _MOST_HOMES = 3, 11, 200_000
_UNKNOWN = object()
_HOMES: dict[str, Home | BadNumberReason | None] = {}
_CALLING_CODES = frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
_PUNCTUATION = str.maketrans("", "", " -.")
# No number at home begins with a zero after its country's code, and none is that short.
_PLUS_FORGOTTEN = re.compile(r"[1-9]\d{10,14}")


def is_fictional(e164: str) -> bool:
    """Say whether ``e164`` is one of the numbers kept free for fiction: never hand it to a real network."""
    return fiction.is_fictional(e164)


def line_type_of(e164: str) -> LineType:
    """Return what kind of line ``e164`` is; ``UNKNOWN`` where the plan leaves it open, and for numbers of fiction."""
    known = None if fiction.is_fictional(e164) else _looked_up(e164)
    if known is None and not fiction.is_fictional(e164):
        try:
            known = _home(phonenumbers.parse(e164, None))
        except (NumberParseException, BadNumber):
            return LineType.UNKNOWN
    return LineType(known.line_type) if isinstance(known, Home) else LineType.UNKNOWN


def timezones_of(e164: str) -> str:
    """Return the zones in which the owner of ``e164`` may live, as they are stored (``zones``)."""
    invented = fiction.range_of(e164)
    if invented is not None:
        return invented.timezone
    return zones.of_number(e164, phonenumbers.region_code_for_number(phonenumbers.parse(e164, None)) or "")


def _clean(text: str) -> str:
    spelled = text.strip(_AROUND)
    if not _ALLOWED.issuperset(spelled):
        spelled = _plain(spelled)
    if not spelled:
        raise BadNumber(BadNumberReason.MISSING)
    if len(spelled) > MAX_LETTERS:
        raise BadNumber(BadNumberReason.TOO_LONG)
    if not _ALLOWED.issuperset(spelled):
        raise BadNumber(BadNumberReason.SCIENTIFIC if _looks_scientific(spelled) else BadNumberReason.NOT_DIGITS)
    if spelled.endswith("0") and (whole := _DECIMAL.fullmatch(spelled)):
        spelled = whole[1]
    # "+33 (0)6…": the zero in brackets is for callers at home.
    spelled = spelled.replace("(0)", "") if spelled.startswith(("+", "00")) else spelled
    return "+" + spelled[2:] if spelled.startswith("00") else spelled


def _plain(spelled: str) -> str:
    """Return the number in plain digits, spaces and hyphens: full-width, Arabic or typographic ones are meant alike."""
    spelled = _LABEL.sub("", spelled[: 2 * MAX_LETTERS])
    flat = "".join(_SIGNS.get(sign) or _digit(sign) for sign in unicodedata.normalize("NFKC", spelled))
    return flat.strip(_AROUND)


def _digit(sign: str) -> str:
    return str(value) if (value := unicodedata.decimal(sign, None)) is not None else sign


def _looks_scientific(spelled: str) -> bool:
    mantissa, has_e, exponent = spelled.upper().replace(",", ".").partition("E")
    return bool(has_e) and exponent.lstrip("+").isdigit() and mantissa.replace(".", "", 1).isdigit()


_ALLOWED = frozenset("0123456789+-. ()/")
_AROUND = " \t\r\n'\u00a0\u200e\u200f\u202a\u202c"
# "p:" stands before every number that Meta's lead forms export.
_LABEL = re.compile(r"^(tel|p):\s*", re.IGNORECASE)
# A number that went through a spreadsheet as a figure: 33639981234.0
_DECIMAL = re.compile(r"(\+?\d{7,})\.0+")
_SIGNS = {
    **dict.fromkeys("\u00a0\u202f\u2007\u2009\u3000", " "),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\u30fc", "-"),
    **dict.fromkeys("\u200b\u200e\u200f\u202a\u202c\u2060\ufeff\u00ad", " "),
}

_REASON_OF_PARSE_ERROR = {
    NumberParseException.INVALID_COUNTRY_CODE: BadNumberReason.NO_COUNTRY,
    NumberParseException.NOT_A_NUMBER: BadNumberReason.NOT_DIGITS,
    NumberParseException.TOO_SHORT_AFTER_IDD: BadNumberReason.TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: BadNumberReason.TOO_SHORT,
    NumberParseException.TOO_LONG: BadNumberReason.TOO_LONG,
}
_REASON_OF_LENGTH = {
    phonenumbers.ValidationResult.TOO_SHORT: BadNumberReason.TOO_SHORT,
    phonenumbers.ValidationResult.TOO_LONG: BadNumberReason.TOO_LONG,
}
_LINE_TYPES = {
    PhoneNumberType.MOBILE: LineType.MOBILE,
    PhoneNumberType.FIXED_LINE: LineType.LANDLINE,
    PhoneNumberType.VOIP: LineType.INTERNET,
    PhoneNumberType.PAGER: LineType.PAGER,
}
_NOT_A_PERSON = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)
