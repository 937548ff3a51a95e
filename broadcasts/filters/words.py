"""A definition in words, for whoever reads the page: “country: France; bought in the last 30 days”."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from babel.dates import format_date
from babel.numbers import format_decimal
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from broadcasts.filters.parts import (
    Added,
    Attribute,
    Countries,
    Dealt,
    Group,
    Languages,
    LastReaction,
    Listed,
    Match,
    Offers,
    Part,
    Reacted,
    Saved,
    Test,
    Told,
    Was,
    When,
)
from businesses import names
from consent.models import Interaction

N_NAMED = 8
TESTS = {
    Test.IS: gettext_lazy("%(name)s is %(value)s"),
    Test.IS_NOT: gettext_lazy("%(name)s is not %(value)s"),
    Test.ONE_OF: gettext_lazy("%(name)s is %(value)s"),
    Test.CONTAINS: gettext_lazy("%(name)s contains %(value)s"),
    Test.STARTS_WITH: gettext_lazy("%(name)s starts with %(value)s"),
    Test.MORE_THAN: gettext_lazy("%(name)s is more than %(value)s"),
    Test.LESS_THAN: gettext_lazy("%(name)s is less than %(value)s"),
    Test.SINCE: gettext_lazy("%(name)s is %(value)s or later"),
    Test.BEFORE: gettext_lazy("%(name)s is before %(value)s"),
}
BECAME = {
    Was.SENT: gettext_lazy("was sent %(broadcast)s"),
    Was.DELIVERED: gettext_lazy("received %(broadcast)s"),
    Was.READ: gettext_lazy("read %(broadcast)s"),
    Was.FAILED: gettext_lazy("%(broadcast)s failed to arrive"),
    Was.FAILED_FOR_NOW: gettext_lazy("%(broadcast)s failed to arrive, for a reason that may be over"),
    Was.SKIPPED: gettext_lazy("was left out of %(broadcast)s, for a reason that you know"),
    Was.ABSENT: gettext_lazy("was not sent %(broadcast)s"),
}
REACTED = {
    Reacted.INTERESTED: gettext_lazy("said Interested to %(broadcast)s"),
    Reacted.NOT_INTERESTED: gettext_lazy("said Not interested to %(broadcast)s"),
    Reacted.NONE: gettext_lazy("said nothing to %(broadcast)s"),
}
LAST = {
    Reacted.INTERESTED: gettext_lazy("last reaction: Interested"),
    Reacted.NOT_INTERESTED: gettext_lazy("last reaction: Not interested"),
    Reacted.NONE: gettext_lazy("no reaction yet"),
}
PROVENANCES = {
    Interaction.Provenance.OBSERVED: gettext_lazy("seen by the platform"),
    Interaction.Provenance.ATTESTED: gettext_lazy("on your own word"),
}


@dataclass(frozen=True)
class Called:
    """How broadcasts and segments are called, by code; one without a name is called by its code."""

    broadcasts: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)


def describe(part: Part, called: Called, *, is_inner: bool = False) -> str:
    """Say ``part`` in the reader's language."""
    match part:
        case Group():
            return _group(part, called, is_inner=is_inner)
        case Added(when):
            return _("added %(when)s") % {"when": _when(when)} if when != When() else _("all contacts")
        case Dealt():
            return _dealt(part)
        case LastReaction(reacted):
            return str(LAST[reacted])
        case Told():
            return _told(part, called)
        case Offers(days, at_least):
            offers = ngettext("received %(n)s offer or more", "received %(n)s offers or more", at_least) % {
                "n": at_least
            }
            return f"{offers} {_when(When(within_days=days))}"
        case Saved(code):
            return _("segment %(name)s") % {"name": _quoted(called.segments.get(code, code))}
    return _own(part)


def _own(part: Part) -> str:
    match part:
        case Countries(codes):
            return _("country: %(names)s") % {"names": _either(map(names.country, codes))}
        case Languages(codes):
            return _("language: %(names)s") % {"names": _either(map(names.language, codes))}
        case Listed(codes, is_in):
            n = len(codes)
            if is_in:
                return ngettext("in a list of %(n)s contact", "in a list of %(n)s contacts", n) % {"n": _number(n)}
            return ngettext("not in a list of %(n)s contact", "not in a list of %(n)s contacts", n) % {"n": _number(n)}
        case Attribute():
            return _attribute(part)
    raise LookupError(f"no words for {part}")


def _group(group: Group, called: Called, *, is_inner: bool) -> str:
    parts = [_flat(inner) for inner in group.parts]
    several = len(parts) > 1
    said = [describe(inner, called, is_inner=several or group.match is Match.NONE) for inner in parts]
    if not said:
        return _("all contacts")
    if group.match is Match.NONE:
        return _("not (%(parts)s)") % {"parts": _(" or ").join(said)}
    joined = (_(" and ") if group.match is Match.ALL else _(" or ")).join(said)
    return f"({joined})" if is_inner and several else joined


def _flat(part: Part) -> Part:
    """Look through groups of a single part: they add nothing but brackets."""
    while isinstance(part, Group) and len(part.parts) == 1 and part.match is not Match.NONE:
        (part,) = part.parts
    return part


def _attribute(part: Attribute) -> str:
    value = part.value
    if part.test is Test.IS_SET:
        return (_("%(name)s is known") if value else _("%(name)s is not known")) % {"name": part.name}
    if part.test is Test.BETWEEN and isinstance(value, tuple):
        first, last = map(_value, value)
        return _("%(name)s is between %(first)s and %(last)s") % {"name": part.name, "first": first, "last": last}
    said = _either(map(_value, value)) if isinstance(value, tuple) else _value(value)
    return str(TESTS[part.test]) % {"name": part.name, "value": said}


def _value(value: str | bool | float | date) -> str:
    if isinstance(value, date):
        return _day(value)
    return _quoted(value) if isinstance(value, str) else _number(value)


def _dealt(part: Dealt) -> str:
    kinds = _either(str(Interaction.Kind(kind).label) for kind in part.kinds)
    said = _("dealt with you (%(kinds)s)") % {"kinds": kinds} if kinds else _("dealt with you")
    if part.at_least > 1:
        said += " " + ngettext("at least %(n)s time", "at least %(n)s times", part.at_least) % {"n": part.at_least}
    if part.when != When():
        said += " " + _when(part.when)
    if part.provenance:
        said += ", " + str(PROVENANCES[Interaction.Provenance(part.provenance)])
    return said


def _told(part: Told, called: Called) -> str:
    name = {"broadcast": _quoted(called.broadcasts.get(part.broadcast, part.broadcast))}
    said = [str(BECAME[part.was]) % name] if part.was else []
    said += [str(REACTED[part.reacted]) % name] if part.reacted else []
    return _(" and ").join(said)


def _when(when: When) -> str:
    said = []
    if when.within_days:
        n = when.within_days
        said.append(ngettext("in the last %(n)s day", "in the last %(n)s days", n) % {"n": _number(n)})
    if when.more_than_days_ago:
        n = when.more_than_days_ago
        said.append(ngettext("more than %(n)s day ago", "more than %(n)s days ago", n) % {"n": _number(n)})
    if when.since:
        said.append(_("since %(day)s") % {"day": _day(when.since)})
    if when.before:
        said.append(_("before %(day)s") % {"day": _day(when.before)})
    return _(" and ").join(said)


def _either(said: Iterable[str]) -> str:
    """Name a few of them; a long list is told by its length."""
    every = list(said)
    if len(every) > N_NAMED:
        n = len(every) - N_NAMED
        rest = ngettext("%(n)s other", "%(n)s others", n) % {"n": _number(n)}
        every = [", ".join(every[:N_NAMED]), rest]
    return _(" or ").join(every) if len(every) < 3 else ", ".join(every[:-1]) + _(" or ") + every[-1]


def _quoted(text: str) -> str:
    return _("“%(text)s”") % {"text": text}


def _number(number: float) -> str:
    return format_decimal(number, locale=names.reader())


def _day(day: date) -> str:
    return format_date(day, "medium", locale=names.reader())
