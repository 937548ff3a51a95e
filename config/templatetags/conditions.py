"""How the rows of a segment's editor are drawn: what may be chosen in them, in the reader's words."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from broadcasts.conditions import KINDS, KNOWN, UNKNOWN, Row
from broadcasts.filters.parts import Test
from broadcasts.offered import Offered
from businesses import names
from consent.models import Interaction

register = template.Library()

OPTIONS: Mapping[str, tuple[Any, Iterable[tuple[str, Any]]]] = {
    "test": (
        _("How it is compared"),
        (
            (Test.IS, _("is")),
            (Test.IS_NOT, _("is not")),
            (Test.ONE_OF, _("is one of")),
            (Test.CONTAINS, _("contains")),
            (Test.STARTS_WITH, _("starts with")),
            (Test.MORE_THAN, _("is more than")),
            (Test.LESS_THAN, _("is less than")),
            (Test.BETWEEN, _("is between")),
            (Test.SINCE, _("is this day or later")),
            (Test.BEFORE, _("is before this day")),
            (KNOWN, _("is known")),
            (UNKNOWN, _("is not known")),
        ),
    ),
    "did": (
        _("What they did"),
        (("", _("anything")), *((kind.name.lower(), kind.label) for kind in Interaction.Kind)),
    ),
    "provenance": (
        _("How it is known"),
        (("", _("however it is known")), ("observed", _("seen by the platform")), ("attested", _("on your own word"))),
    ),
    "when": (
        _("When"),
        (
            ("", _("at any time")),
            ("within_days", _("in the last … days")),
            ("more_than_days_ago", _("more than … days ago")),
            ("since", _("since the day …")),
            ("before", _("before the day …")),
        ),
    ),
    "word": (
        _("Reaction"),
        (("interested", _("Interested")), ("not_interested", _("Not interested")), ("none", _("none"))),
    ),
    "became": (
        _("What became of it"),
        (
            ("was:sent", _("was sent")),
            ("was:delivered", _("received")),
            ("was:read", _("read")),
            ("reaction:interested", _("said Interested to")),
            ("reaction:not_interested", _("said Not interested to")),
            ("reaction:none", _("said nothing to")),
            ("was:failed", _("could not receive")),
            ("was:failed_for_now", _("could not receive, for a reason that may be over,")),
            ("was:skipped", _("was left out, for a reason that you know, of")),
            ("was:absent", _("was not sent")),
        ),
    ),
}


@register.simple_tag
def title_of(kind: str) -> Any:
    """Name a kind of condition."""
    return KINDS.get(kind, _("Made by a program"))


@register.simple_tag
def select_of(row: Row, begin: str, name: str) -> SafeString:
    """Draw the choice ``name`` of a row."""
    label, options = OPTIONS[name]
    return _select(f"{begin}-{name}", label, options, str(row.values.get(name, "")))


@register.simple_tag
def broadcasts_of(row: Row, begin: str, offered: Offered) -> SafeString:
    """Draw the choice of a broadcast; one that is too old to be offered stays, by its code."""
    chosen = str(row.values.get("code", ""))
    more = [(chosen, chosen)] if chosen and chosen not in dict(offered.broadcasts) else []
    return _select(f"{begin}-code", _("Broadcast"), [*offered.broadcasts, *more], chosen)


def _select(name: str, label: Any, options: Iterable[tuple[str, Any]], chosen: str) -> SafeString:
    drawn = format_html_join(
        "", '<option value="{}"{}>{}</option>', ((v, " selected" if v == chosen else "", said) for v, said in options)
    )
    return format_html('<select name="{}" aria-label="{}">{}</select>', name, label, drawn)


@register.simple_tag
def choices_of(row: Row, offered: Offered) -> list[tuple[str, str]]:
    """Return the countries or languages to choose from, with those that are chosen already."""
    say = names.country if row.kind == "countries" else names.language
    known = offered.countries if row.kind == "countries" else offered.languages
    every = known | {code: say(code) for code in row.values.get("codes", [])}
    return sorted(every.items(), key=lambda choice: choice[1])


@register.simple_tag
def values_list(row: Row, offered: Offered) -> str:
    """Return the id of the list with the frequent values of the row's attribute, "" when there is none."""
    every = list(offered.attributes)
    name = row.values.get("name", "")
    return f"values-{every.index(name)}" if name in every else ""
