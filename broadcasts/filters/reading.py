"""Reading single values of a definition: the right type, the right form, not too many; else a finding says how."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

TEXT_MAX = 500
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
FINDINGS_MAX = 50
# PostgreSQL cannot keep NUL; half of a surrogate pair is no character.
UNKEEPABLE = re.compile(r"[\x00\ud800-\udfff]")


class Finding(NamedTuple):
    """``path`` is a JSON pointer into the definition; ``message`` says how to mend it; ``code`` is for programs."""

    path: str
    message: str
    code: str = "invalid"


class Faults:
    """What is wrong with a definition, the first findings of it."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(self, path: str, message: str, code: str = "invalid") -> None:
        if len(self.found) < FINDINGS_MAX:
            self.found.append(Finding(path, message, code))


def below(path: str, step: Any) -> str:
    """Extend a JSON pointer (RFC 6901) by one step, which may be anything that somebody sent as a key."""
    shown = UNKEEPABLE.sub("�", str(step))[:80]
    return f"{path}/{shown.replace('~', '~0').replace('/', '~1')}"


def is_text(value: Any, *, at_least: int = 1, most: int = TEXT_MAX) -> bool:
    return isinstance(value, str) and at_least <= len(value) <= most and not UNKEEPABLE.search(value)


def texts(
    faults: Faults, path: str, value: Any, *, most: int, form: re.Pattern[str] | None = None, like: str = "…"
) -> tuple[str, ...] | None:
    """Return a list of texts, each once, in order; None and a finding when it is something else."""
    if not isinstance(value, list):
        faults.add(path, _("This must be a list of texts, for example [“%(like)s”].") % {"like": like}, "not_a_list")
        return None
    if len(value) > most:
        faults.add(path, _("There may be %(n)d of them at most.") % {"n": most})
        return None
    for i, item in enumerate(value):
        if not is_text(item) or (form and not form.fullmatch(item)):
            faults.add(below(path, i), _("This must be a text like “%(like)s”.") % {"like": like})
            return None
    return tuple(dict.fromkeys(value))


def choice(faults: Faults, path: str, value: Any, known: Iterable[str]) -> str:
    """Return ``value`` when it is one of ``known``, else "" and a finding."""
    words = [str(word) for word in known]
    if isinstance(value, str) and value in words:
        return value
    faults.add(path, _("This must be one of: %(known)s.") % {"known": ", ".join(words)})
    return ""


def a_number(faults: Faults, path: str, value: Any, name: str, least: int, most: int) -> int | None:
    """Return the whole number under ``name``; None where there is none, or a finding when it is something else."""
    if not isinstance(value, dict) or name not in value:
        return None
    number = value[name]
    if isinstance(number, int) and not isinstance(number, bool) and least <= number <= most:
        return number
    said = {"least": least, "most": most}
    faults.add(below(path, name), _("This must be a whole number between %(least)d and %(most)d.") % said)
    return None


def a_date(faults: Faults, path: str, value: Any) -> date | None:
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        # So that no time zone can carry it out of the calendar.
        if day and 1900 <= day.year <= 2200:
            return day
    faults.add(path, _("This must be a day like “2026-03-31”, between 1900 and 2200."))
    return None
