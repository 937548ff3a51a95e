"""Phone numbers: what people write becomes one E.164 spelling, a country and its time zones, or a reason why not."""

from __future__ import annotations

from typing import NamedTuple

import phonenumbers
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from phonenumbers import NumberParseException, PhoneNumberType

from consent import fiction, zones

MAX_LETTERS = 40


class Phone(NamedTuple):
    """``+33639981234``, ``FR``, ``Europe/Paris``; several zones where the number leaves it open (``zones``)."""

    e164: str
    country: str
    timezone: str


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
    """Read a number as people write it: ``06 39 98 12 34``, ``+33 (0)6…``, ``0033…``, ``tel:+33…``.

    A number without a country's code is read as one of ``default_country`` (ISO 3166 code, or '' for none). Numbers
    of the fiction list pass only with ``allow_fiction``, and then even where the library's plan does not know them.
    Raises ``BadNumber``.
    """
    spelled = _clean(text)
    try:
        number = phonenumbers.parse(spelled, default_country or None)
    except NumberParseException as error:
        raise BadNumber(_REASON_OF_PARSE_ERROR[error.error_type]) from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    invented = fiction.range_of(e164)
    if invented is not None:
        if not allow_fiction:
            raise BadNumber(BadNumberReason.FICTIONAL)
        return Phone(e164, invented.country, invented.timezone)
    country = phonenumbers.region_code_for_number(number)
    kind = PhoneNumberType.UNKNOWN if country is None else phonenumbers.number_type(number)
    if country is None or kind == PhoneNumberType.UNKNOWN:
        raise BadNumber(
            _REASON_OF_LENGTH.get(phonenumbers.is_possible_number_with_reason(number), BadNumberReason.NOT_IN_USE)
        )
    if kind in _NOT_A_PERSON:
        raise BadNumber(BadNumberReason.NOT_A_PERSON)
    return Phone(e164, country, zones.of_number(e164, country))


def is_fictional(e164: str) -> bool:
    """Say whether ``e164`` is one of the numbers kept free for fiction: never hand it to a real network."""
    return fiction.is_fictional(e164)


def timezones_of(e164: str) -> str:
    """Return the zones in which the owner of ``e164`` may live, as they are stored (``zones``)."""
    invented = fiction.range_of(e164)
    if invented is not None:
        return invented.timezone
    return zones.of_number(e164, phonenumbers.region_code_for_number(phonenumbers.parse(e164, None)) or "")


def _clean(text: str) -> str:
    spelled = (
        text.strip().removeprefix("tel:").replace("\u00a0", " ").replace("\u202f", " ").strip("'\u200e\u202a\u202c \t")
    )
    if not spelled:
        raise BadNumber(BadNumberReason.MISSING)
    if len(spelled) > MAX_LETTERS:
        raise BadNumber(BadNumberReason.TOO_LONG)
    if not _ALLOWED.issuperset(spelled):
        raise BadNumber(BadNumberReason.SCIENTIFIC if _looks_scientific(spelled) else BadNumberReason.NOT_DIGITS)
    # "+33 (0)6…": the zero in brackets is for callers at home.
    spelled = spelled.replace("(0)", "") if spelled.startswith(("+", "00")) else spelled
    return "+" + spelled[2:] if spelled.startswith("00") else spelled


def _looks_scientific(spelled: str) -> bool:
    mantissa, has_e, exponent = spelled.upper().replace(",", ".").partition("E")
    return bool(has_e) and exponent.lstrip("+").isdigit() and mantissa.replace(".", "", 1).isdigit()


_ALLOWED = frozenset("0123456789+-. ()/")

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
_NOT_A_PERSON = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)
