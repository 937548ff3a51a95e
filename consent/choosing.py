"""What somebody chose about a file before it was opened: columns by title, what holds for all rows, the sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from consent import cells, columns
from consent.columns import (
    ATTRIBUTE,
    COUNTRY,
    DATE,
    EVIDENCE,
    FOR_ALL,
    INTERACTION,
    LANGUAGE,
    ONCE,
    OPT_OUT_OFFERED,
    ROLES,
    ROLES_OF_STOPS,
    Layout,
)
from consent.models import ImportBatch
from consent.opening import CannotImport
from consent.rows import MAX_EVIDENCE_LETTERS, SKEW


class BadChoice(ValidationError):
    """Something that was chosen makes no sense; the error's dictionary says what, by name."""


@dataclass(frozen=True)
class Choice:
    """``roles`` by title (``{"Portable": "phone"}``), ``for_all`` as in ``columns.FOR_ALL``."""

    roles: Mapping[str, str] = field(default_factory=dict)
    for_all: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"choice": asdict(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Choice:
        return cls(**stored["choice"]) if stored and "choice" in stored else cls()

    def applied_to(self, titles: list[str], guessed: Layout, kind: str) -> Layout:
        """Return the layout of a file with these titles: what was chosen, else what was guessed.

        Raises ``CannotImport`` for a title that the file does not have.
        """
        roles = list(guessed.roles)
        words = [cells.plain(title) for title in titles]
        fallback = columns.IGNORE if kind == ImportBatch.Kind.STOPS else ATTRIBUTE
        for title, role in self.roles.items():
            if cells.plain(title) not in words:
                raise CannotImport(_("The file has no column “%(title)s”.") % {"title": title[:80]})
            place = words.index(cells.plain(title))
            if role in ONCE:
                roles = [fallback if other == role else other for other in roles]
            roles[place] = role
        return Layout(tuple(roles), dict(self.for_all))


def checked(
    *, roles: Mapping[str, str], for_all: Mapping[str, str], kind: str, timezone: str, now: datetime, sheet: str = ""
) -> Choice:
    """Return the choice, if it makes sense for any file at all. Raises ``BadChoice``."""
    wrong: dict[str, Any] = {}
    allowed = ROLES_OF_STOPS if kind == ImportBatch.Kind.STOPS else ROLES
    for role in set(roles.values()):
        if role not in allowed:
            wrong["columns"] = _("A column may be: %(roles)s.") % {"roles": ", ".join(allowed)}
        elif role in ONCE and list(roles.values()).count(role) > 1:
            wrong["columns"] = _("Only one column can be “%(role)s”.") % {"role": role}
    wrong |= wrong_for_all(for_all, timezone=timezone, now=now)
    if wrong:
        raise BadChoice(wrong)
    return Choice(dict(roles), {name: value for name, value in for_all.items() if value}, sheet)


def wrong_for_all(for_all: Mapping[str, str], *, timezone: str, now: datetime) -> dict[str, Any]:
    """Say what is wrong with what shall hold for every row, by name."""
    wrong: dict[str, Any] = {}
    told = {name: value for name, value in for_all.items() if value}
    if unknown := [name for name in told if name not in FOR_ALL]:
        wrong[unknown[0]] = _("This cannot be said for a whole file.")
    if INTERACTION in told and cells.kind_of(told[INTERACTION]) is None:
        wrong[INTERACTION] = _("Write opt_in, purchase, inquiry or visit.")
    if DATE in told and (sentence := _wrong_date(told[DATE], timezone, now)):
        wrong[DATE] = sentence
    if len(told.get(EVIDENCE, "")) > MAX_EVIDENCE_LETTERS:
        wrong[EVIDENCE] = _("This value is too long.")
    if OPT_OUT_OFFERED in told and cells.yes_or_no(told[OPT_OUT_OFFERED]) is None:
        wrong[OPT_OUT_OFFERED] = _("Write yes or no.")
    if COUNTRY in told and not cells.country_code(told[COUNTRY]):
        wrong[COUNTRY] = _("This is no country: write its two letters, for example FR.")
    if LANGUAGE in told and not cells.language_code(told[LANGUAGE]):
        wrong[LANGUAGE] = _("This is no language: write its two letters, for example fr.")
    return wrong


def _wrong_date(text: str, timezone: str, now: datetime) -> Any:
    try:
        moment = cells.read_date(text, timezone, False)
    except ValueError:
        return _("No calendar has this date.")
    if moment is None:
        return _("Write the date as 2026-03-14 or 14/03/2026.")
    return _("This date has not come yet.") if moment > now + SKEW else ""
