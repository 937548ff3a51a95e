"""Says in words on what an offer to somebody rests: what they did, which rule makes it a basis, and until when.

The decision itself is SQL (``verdicts``); this is for people who ask why, on pages and in letters.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from businesses.models import Business
from consent.models import BasisRule, Interaction, Recipient


class Ground(NamedTuple):
    """One interaction and what it is worth: ``valid_until`` is None when no rule of the country makes it a basis."""

    interaction: Interaction
    rule: BasisRule | None
    valid_until: datetime | None
    is_valid: bool
    sentence: str


def grounds(*, recipient: Recipient, business: Business, now: datetime) -> list[Ground]:
    """Return everything this person did with this business, newest first, each with its worth in a sentence."""
    rules = _rules_of(recipient.country)
    done = Interaction.objects.filter(recipient=recipient, business=business, withdrawn_at=None)
    if recipient.evidence_from is not None:
        done = done.filter(occurred_at__gt=recipient.evidence_from)
    return [_ground(interaction, rules, recipient.country, now) for interaction in done.order_by("-occurred_at", "-id")]


def explain(*, rule: BasisRule, interaction: Interaction, now: datetime) -> str:
    """Say whether ``interaction`` gives the basis of ``rule``, and until when or since when not."""
    until = interaction.occurred_at + timedelta(days=rule.valid_days)
    facts = {
        "what": interaction.get_kind_display(),
        "when": _day(interaction.occurred_at),
        "evidence": interaction.evidence,
        "basis": rule.get_basis_display(),
        "until": _day(until),
    }
    if rule.needs_opt_out_offered and not interaction.opt_out_offered:
        return _("%(what)s on %(when)s (%(evidence)s): no basis, because no way to refuse was offered then.") % facts
    if until <= now:
        return _("%(what)s on %(when)s (%(evidence)s): was a basis (%(basis)s) until %(until)s.") % facts
    return _("%(what)s on %(when)s (%(evidence)s): a basis (%(basis)s) until %(until)s.") % facts


def _rules_of(country: str) -> list[BasisRule]:
    """Return the country's own rules, or those for countries without any, as the decision does."""
    return list(BasisRule.objects.filter(country=country)) or list(BasisRule.objects.filter(country=""))


def _ground(interaction: Interaction, rules: list[BasisRule], country: str, now: datetime) -> Ground:
    fitting = [rule for rule in rules if rule.kind == interaction.kind]
    if not fitting:
        facts = {
            "what": interaction.get_kind_display(),
            "when": _day(interaction.occurred_at),
            "country": _country(country),
        }
        sentence = _("%(what)s on %(when)s: no rule makes this a basis for offers in %(country)s.") % facts
        return Ground(interaction, None, None, False, sentence)
    # The rule under which it lasts longest, one that it meets before one that it does not.
    best = max(
        fitting, key=lambda rule: (not rule.needs_opt_out_offered or interaction.opt_out_offered, rule.valid_days)
    )
    until = interaction.occurred_at + timedelta(days=best.valid_days)
    is_met = interaction.opt_out_offered or not best.needs_opt_out_offered
    sentence = explain(rule=best, interaction=interaction, now=now)
    return Ground(interaction, best, until if is_met else None, is_met and until > now, sentence)


def _day(moment: datetime) -> str:
    return str(format_date(moment, format="long", locale=_locale()))


def _country(code: str) -> str:
    return str(_locale().territories.get(code, code))


def _locale() -> Locale:
    try:
        return Locale.parse(get_language() or "en", sep="-")
    except UnknownLocaleError:
        return Locale("en")
