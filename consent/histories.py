"""Twelve people who dealt with a business in twelve ways: may they be told of an offer, country by country, and why?

The verdicts are those of the decision itself (``sql/decide.sql``), asked about people who exist in temporary tables
only: these lie before the real ones for the length of one transaction that is never committed. The rules are the real
ones, so that the table says what holds now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.core.cache import cache
from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consent import verdicts
from consent.models import BasisRule, Interaction
from consent.reasons import Reason

COUNTRIES = ("FR", "DE", "GB", "US", "CA", "IN")
MORE_COUNTRIES = ("ES", "IT", "BR", "AU", "CH", "")
CACHE_SECONDS = 3600

Kind = Interaction.Kind


class History(NamedTuple):
    """What somebody did, so many days ago; ``has_stopped`` afterwards."""

    code: str
    title: Promise
    kind: int
    days_ago: int
    opt_out_offered: bool = False
    has_stopped: bool = False


HISTORIES = (
    History("question", _("asked a question yesterday"), Kind.INQUIRY, 1),
    History("asked-5", _("asked about buying 5 months ago; a way to refuse was offered"), Kind.INQUIRY, 150, True),
    History("asked-7", _("asked about buying 7 months ago; a way to refuse was offered"), Kind.INQUIRY, 213, True),
    History("bought", _("bought a month ago; no way to refuse was offered"), Kind.PURCHASE, 30),
    History("bought-opt-out", _("bought a month ago; a way to refuse was offered"), Kind.PURCHASE, 30, True),
    History("bought-25", _("bought 25 months ago; a way to refuse was offered"), Kind.PURCHASE, 760, True),
    History("opt-in-2", _("agreed in writing almost 2 years ago"), Kind.OPT_IN, 720),
    History("opt-in-4", _("agreed in writing 4 years ago"), Kind.OPT_IN, 1461),
    History("clicked", _("clicked in an offer a month ago"), Kind.CLICK, 30),
    History("interested", _("pressed Interested 3 months ago"), Kind.INTERESTED, 90),
    History("visited", _("came by yesterday"), Kind.VISIT, 1),
    History("stopped", _("agreed in writing a month ago, then wrote STOP"), Kind.OPT_IN, 30, False, True),
)


class Cell(NamedTuple):
    """One verdict: on which basis they may be told, or why not; and the number of its source in the table's list."""

    country: str
    may_be_told: bool
    words: str
    source: int


class Row(NamedTuple):
    title: str
    cells: list[Cell]


# What a rule rests on, and what the platform cannot check of it.
Source = tuple[str, list[str]]


class Table(NamedTuple):
    """``sources`` are counted from 1; each has the conditions that the platform cannot check."""

    countries: list[str]
    rows: list[Row]
    sources: list[Source]


def table(countries: Sequence[str] = COUNTRIES) -> Table:
    """Return the verdicts about all histories in some countries, in the active language."""
    rules = list(BasisRule.objects.order_by("country", "kind", "basis"))
    found = _verdicts(countries, rules)
    sources: list[Source] = []
    rows = [
        Row(
            str(history.title),
            [_cell(history, country, found[history.code, country], rules, sources) for country in countries],
        )
        for history in HISTORIES
    ]
    return Table(list(countries), rows, sources)


def _cell(
    history: History, country: str, verdict: tuple[int, int | None], rules: list[BasisRule], sources: list[Source]
) -> Cell:
    reason, basis = verdict
    here = [rule for rule in rules if rule.country == country] or [rule for rule in rules if rule.country == ""]
    fitting = [rule for rule in here if rule.kind == history.kind]
    rule = next((rule for rule in fitting if rule.basis == basis), max(fitting, key=_length, default=None))
    if reason == 0:
        words = str(BasisRule.Basis(basis).label) if basis else ""
    elif reason == Reason.NO_LEGAL_BASIS:
        words = _why_not(history, rule)
    else:
        words = str(Reason(reason).label)
    # What no rule names falls under the one about consent, which the law asks for where nothing else is said.
    cited = rule or next((rule for rule in here if rule.kind == Kind.OPT_IN), None)
    return Cell(country, reason == 0, words, _number(cited, sources) if cited else 0)


def _why_not(history: History, rule: BasisRule | None) -> str:
    if rule is None:
        return str(_("no rule makes this a basis"))
    if history.days_ago >= rule.valid_days:
        return str(_("too long ago (%(n)s days count)") % {"n": rule.valid_days})
    return str(_("no way to refuse was offered"))


def _number(rule: BasisRule, sources: list[Source]) -> int:
    """Return the number of the rule's source, which is noted when it is new."""
    source = (rule.source, rule.conditions_in_words())
    if source not in sources:
        sources.append(source)
    return sources.index(source) + 1


def _length(rule: BasisRule) -> int:
    return rule.valid_days


def _verdicts(countries: Sequence[str], rules: Sequence[BasisRule]) -> dict[tuple[str, str], tuple[int, int | None]]:
    """Return reason and basis by history and country, and remember them for as long as the rules are the same."""
    asked = [(history, country) for country in countries for history in HISTORIES]
    facts = [(r.country, r.kind, r.basis, r.valid_days, r.needs_opt_out_offered) for r in rules]
    print_ = hashlib.sha256(repr((countries, HISTORIES, facts, verdicts.fingerprint())).encode()).hexdigest()
    known = cache.get_or_set(f"histories:{print_}", lambda: _decided(asked), CACHE_SECONDS)
    answers = known or _decided(asked)
    return {(history.code, country): answer for (history, country), answer in zip(asked, answers, strict=True)}


def _decided(asked: Sequence[tuple[History, str]]) -> list[tuple[int, int | None]]:
    """Ask the decision about people of our own making, all of them at once."""
    now = datetime.now(UTC)
    question = verdicts.Question(business_id=-1, legal_entity_id=-1, address_kinds=["e164"], salt="")
    ids = [-n for n in range(1, len(asked) + 1)]
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in verdicts.statement("pretend").split(";"):
            cursor.execute(statement)
        cursor.execute(verdicts.statement("pretend_people"), {**_columns(ids, asked), "now": now})
        answers = verdicts.decide(
            cursor, question=question, recipient_ids=ids, lacks_variable=[False] * len(ids), now=now
        )
        transaction.set_rollback(True)
    by_id = {answer.recipient_id: (answer.reason, answer.basis) for answer in answers}
    return [by_id[recipient_id] for recipient_id in ids]


def _columns(ids: Sequence[int], asked: Sequence[tuple[History, str]]) -> dict[str, list[Any]]:
    return {
        "ids": list(ids),
        "countries": [country for _history, country in asked],
        "kinds": [history.kind for history, _country in asked],
        "ages": [timedelta(days=history.days_ago) for history, _country in asked],
        "offered": [history.opt_out_offered for history, _country in asked],
        "stopped": [history.has_stopped for history, _country in asked],
    }
