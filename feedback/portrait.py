"""Everything that is kept of a person, in their own language, to be read and printed; made from their copy alone.

What is not in the copy (``privacy.export``) cannot stand here, and every part of the copy has its section.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from broadcasts.models import Notice
from businesses import names
from consent import testimony
from consent.models import BasisRule
from feedback.models import Report

Words = str | Promise
Said = dict[str, Any]
# The newest of each kind; the file has all of them.
SHOWN = 30

MESSAGE_STATES: dict[str, Words] = {
    "queued": gettext_lazy("waits to be sent"),
    "skipped": gettext_lazy("not sent"),
    "sending": gettext_lazy("being sent"),
    "failed": gettext_lazy("did not arrive"),
    "delivered": gettext_lazy("arrived"),
    "read": gettext_lazy("read"),
}
_NOT_ALLOWED = gettext_lazy("nothing on record allowed them to write to you")
_ENOUGH = gettext_lazy("you had had as many offers as are allowed")
WHY_NOT: dict[str, Words] = {
    "no_interaction": _NOT_ALLOWED,
    "no_legal_basis": _NOT_ALLOWED,
    "quarantined": _NOT_ALLOWED,
    "awaiting_probe": _NOT_ALLOWED,
    "opted_out": gettext_lazy("you had stopped their offers"),
    "blocked": gettext_lazy("you had blocked them"),
    "paused_all": gettext_lazy("you had paused all offers"),
    "cap_recipient": gettext_lazy("your own limit was reached"),
    "cap_business": _ENOUGH,
    "cap_platform": _ENOUGH,
    "holdout": gettext_lazy("you were among the people who are left out to compare with"),
    "expired": gettext_lazy("its time was over"),
    "cancelled": gettext_lazy("the business cancelled it"),
}
REFUSALS: dict[str, Words] = {
    "stopped": gettext_lazy("you stopped their offers"),
    "blocked": gettext_lazy("you blocked them"),
}
REACTIONS: dict[str, Words] = {
    "interested": gettext_lazy("Interested"),
    "not_interested": gettext_lazy("Not interested"),
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that is kept: of whom, what, when, and its details."""

    title: Words
    at: datetime | None = None
    details: list[tuple[Words, Words | datetime]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Section:
    title: Words
    entries: list[Entry]
    n_more: int = 0


def of(copy: Said) -> list[Section]:
    """Return the sections of a person's copy (``tambour.person.1``); empty ones are left out."""
    parts: list[tuple[str, Words, Callable[[Said], Entry]]] = [
        ("contacts", _("What businesses keep of you"), _contact),
        ("interactions", _("What you did, by what they say"), _interaction),
        ("refusals", _("Whom you stopped or blocked"), _refusal),
        ("messages", _("Offers meant for you"), _message),
        ("service_messages", _("Confirmations and codes"), _notice),
        ("written", _("What you wrote"), _written),
        ("answered", _("What businesses answered you"), _written),
        ("reactions", _("What you answered"), _reaction),
        ("reports", _("What you reported"), _report),
        ("proof", _("The sealed record of it"), _link),
    ]
    sections = [_section(title, copy[key], entry, is_oldest_first=key == "proof") for key, title, entry in parts]
    return [_you(copy), *(section for section in sections if section.entries)]


def _section(title: Words, kept: list[Said], entry: Callable[[Said], Entry], *, is_oldest_first: bool) -> Section:
    newest_first = kept[::-1] if is_oldest_first else kept
    shown = [entry(one) for one in newest_first[:SHOWN]]
    return Section(title=title, entries=shown, n_more=len(kept) - len(shown))


def _entry(title: Words, at: str | None, *details: tuple[Words, Any]) -> Entry:
    """Leave out what is not known."""
    return Entry(title=title, at=_moment(at), details=[(label, value) for label, value in details if value])


def _moment(at: str | None) -> datetime | None:
    return datetime.fromisoformat(at) if at else None


def _you(copy: Said) -> Section:
    person = copy["person"]
    limit = person["offers_a_week_at_most"]
    you = _entry(
        ", ".join(address["value"] for address in copy["addresses"]) or _("No number is known any more"),
        None,
        (_("Country"), names.country(person["country"])),
        (_("Language"), names.language(person["language"]) if person["language"] else None),
        (_("Time zone"), person["time_zone"]),
        (_("Offers a week at most"), None if limit is None else str(limit)),
        (_("All offers paused since"), _moment(person["all_offers_paused_at"])),
        (_("Known since"), _moment(person["known_since"])),
    )
    return Section(title=_("You"), entries=[you])


def _contact(kept: Said) -> Entry:
    return _entry(
        kept["business"],
        None,
        (_("Name"), kept["name"]),
        (_("Language"), names.language(kept["language"]) if kept["language"] else None),
        *sorted(kept["attributes"].items()),
        (_("You answered last"), REACTIONS.get(kept["last_reaction"])),
        (_("Since"), _moment(kept["since"])),
    )


def _interaction(kept: Said) -> Entry:
    return _entry(
        f"{kept['business']} · {testimony.DEALINGS.get(kept['kind'], kept['kind'])}",
        kept["at"],
        (_("What proves it"), kept["evidence"]),
        (_("Known because"), testimony.PROVENANCES.get(kept["came_from"])),
        (_("Taken back"), _moment(kept["withdrawn_at"])),
    )


def _refusal(kept: Said) -> Entry:
    return _entry(
        f"{kept['company']} · {REFUSALS.get(kept['kind'], kept['kind'])}",
        kept["since"],
        (_("Through"), testimony.DOORS.get(kept["through"], kept["through"])),
        (_("Taken back"), _moment(kept["taken_back_at"])),
    )


def _message(kept: Said) -> Entry:
    state = MESSAGE_STATES.get(kept["state"], _("sent; it is not known whether it arrived"))
    values = ", ".join(str(value) for value in (kept["values"] or {}).values())
    return _entry(
        f"{kept['business']} · {state}",
        kept["sent_at"] or kept["decided_at"],
        (_("Why not"), _why_not(kept["reason"])),
        (_("Why they might"), _basis(kept["basis"])),
        (_("Filled in for you"), values),
        (_("Arrived"), _moment(kept["delivered_at"])),
        (_("Read"), _moment(kept["read_at"])),
    )


def _why_not(reason: str | None) -> Words | None:
    return WHY_NOT.get(reason, _("it could not be sent")) if reason else None


def _basis(basis: str | None) -> Words | None:
    return BasisRule.Basis[basis.upper()].label if basis else None


def _notice(kept: Said) -> Entry:
    return _entry(
        f"{kept['business']} · {Notice.Kind(kept['kind']).label}",
        kept["at"],
        (_("State"), Notice.State(kept["state"]).label),
    )


def _written(kept: Said) -> Entry:
    return _entry(kept["business"], kept["at"], (_("Your words"), kept["text"]))


def _reaction(kept: Said) -> Entry:
    return _entry(f"{kept['business']} · {REACTIONS.get(kept['kind'], kept['kind'])}", kept["at"])


def _report(kept: Said) -> Entry:
    return _entry(
        f"{kept['business']} · {Report.Reason(kept['reason']).label}",
        kept["at"],
        (_("Your words"), kept["words"]),
        (_("State"), Report.State(kept["state"]).label),
    )


def _link(kept: Said) -> Entry:
    title = testimony.TITLES.get(kept["what"], kept["what"])
    told = kept["details"] or {}
    via = str(told.get("via", "")).partition(":")[0]
    return _entry(
        _joined(kept["business"], title),
        kept["at"],
        (_("Through"), testimony.DOORS.get(via, via)),
        (_("What proves it"), told.get("evidence")),
    )


def _joined(*words: Words | None) -> str:
    known: Iterable[Words] = filter(None, words)
    return " · ".join(map(str, known))
