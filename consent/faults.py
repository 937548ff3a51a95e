"""Why a row of a contact file was not taken: stable values, each with a sentence that says how to mend it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from consent.phones import BadNumberReason


class Fault(models.TextChoices):
    """The reasons that do not concern the number itself (those are ``phones.BadNumberReason``)."""

    LINE_TOO_LONG = (
        "line_too_long",
        _("This line is longer than any contact: a line break or a quotation mark is missing."),
    )
    STRAY_QUOTE = "stray_quote", _("A quotation mark stands in the wrong place: write it twice, or remove it.")
    UNCLOSED_QUOTE = (
        "unclosed_quote",
        _("A quotation mark is opened but never closed: add it, or remove the first one."),
    )
    UNREADABLE_LETTERS = "unreadable_letters", _("Some letters are broken: save the file as UTF-8.")
    NUL_BYTE = "nul_byte", _("This line contains empty bytes: export the file again.")
    EXTRA_COLUMNS = (
        "extra_columns",
        _("This row has more cells than the header: put cells that contain the separator in quotes."),
    )
    TOO_LONG = "too_long", _("This value is too long.")
    UNKNOWN_LANGUAGE = "unknown_language", _("This is no language: write its two letters, for example fr.")
    UNKNOWN_COUNTRY = "unknown_country", _("This is no country: write its two letters, for example FR.")
    UNKNOWN_INTERACTION = "unknown_interaction", _("Write opt_in, purchase, inquiry or visit.")
    MISSING_INTERACTION = (
        "missing_interaction",
        _("There is a date or a proof, but not of what: write opt_in, purchase, inquiry or visit."),
    )
    MISSING_DATE = "missing_date", _("Say when this happened: an interaction without a date proves nothing.")
    MISSING_EVIDENCE = "missing_evidence", _("Say what proves it: an order number, a form, a message.")
    UNREADABLE_DATE = "unreadable_date", _("Write the date as 2026-03-14 or 14/03/2026.")
    IMPOSSIBLE_DATE = "impossible_date", _("No calendar has this date.")
    DATE_IN_FUTURE = "date_in_future", _("This date has not come yet.")
    NOT_YES_OR_NO = "not_yes_or_no", _("Write yes or no.")
    NO_OBJECT = "no_object", _("This is no object in JSON, as in {“city”: “Lyon”}.")
    STOPPED_OR_NOT = (
        "stopped_or_not",
        _("It is not clear whether this person wants offers: write yes (stopped) or no."),
    )
    NOT_STOPPED = (
        "not_stopped",
        _("This row says that the person wants offers: not stopped. Ignore this column to stop everybody."),
    )
    STOPPED_HERE = "stopped_here", _("Another row of this file says that this person wants no more offers.")
    DUPLICATE = "duplicate", _("This number and what it proves stand in an earlier row; the first one counts.")
    NOT_ACCEPTED = "not_accepted", _("This number cannot be taken.")


# A cell that begins like this would be a formula in a spreadsheet.
STARTS_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def inert(value: str) -> str:
    """Return the cell so that no spreadsheet calculates with it; ``rows`` reads it back as it was."""
    return "'" + value if value.startswith(STARTS_OF_FORMULAS) else value


def sentence(reason: str) -> str:
    """Return the sentence of a stored reason, in the reader's language."""
    return str(_SENTENCES.get(reason, reason))


_SENTENCES = {choice.value: choice.label for choice in (*BadNumberReason, *Fault)}
