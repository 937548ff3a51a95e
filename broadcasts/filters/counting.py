"""How many contacts a definition describes: exactly where that is quick, about where it is not, and never for long."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from math import floor, log10
from typing import NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction
from django.db.models import Max, Min
from django.utils.translation import gettext as _
from psycopg.errors import QueryCanceled

from broadcasts.filters import query
from broadcasts.filters.parts import Group
from broadcasts.filters.query import Way
from businesses.models import Business
from consent.models import Contact
from consent.models.people import ContactQuerySet

T = TypeVar("T")

# Together with the sample, an answer within a second.
PATIENCE_MS = 700
EXACT_PATIENCE_MS = 20_000
# How many contacts there are in all takes a tenth of a second a million; above, the planner's statistics will do.
ALL_PATIENCE_MS = 300
# A sample is so many stretches of neighbours, begun at random places.
N_STRETCHES = 40
STRETCH_ROWS = 50
# Whole sets are merged in the order of people, which their indexes have; hashing a million of them costs twice as much.
# In one process: each of several would read and sort the whole other side of the merge again.
MANNERS = """
SET LOCAL statement_timeout = {patience_ms};
SET LOCAL work_mem = '64MB';
SET LOCAL jit = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_hashagg = off;
SET LOCAL max_parallel_workers_per_gather = 0
"""


# Examples are an extra: rather none than a wait.
EXAMPLES_PATIENCE_MS = 300


class TooSlow(ValidationError):
    """So many contacts, and such conditions, that nobody should wait for the exact number."""


class Counted(NamedTuple):
    n: int
    is_about: bool


class _Undone(Exception):
    """Ends a transaction that changed nothing but its own manners."""


def count(*, business: Business, tree: Group, now: datetime) -> Counted:
    """Return how many contacts of ``business`` there are, within a second or so."""
    n = _count(business, tree, now, PATIENCE_MS)
    return Counted(n, is_about=False) if n is not None else Counted(_about(business, tree, now), is_about=True)


def exactly(*, business: Business, tree: Group, now: datetime) -> int:
    """Return how many contacts of ``business`` there are. Raises ``TooSlow`` after 20 seconds."""
    n = _count(business, tree, now, EXACT_PATIENCE_MS)
    if n is None:
        raise TooSlow(_("These conditions take too long to count. Take away some of them, or name fewer broadcasts."))
    return n


def examples(*, business: Business, tree: Group, now: datetime, n: int) -> list[Contact]:
    """Return the newest ``n`` contacts that fit; fewer, or none, when looking for them would take long."""
    facts = query.facts_for(tree, business=business, now=now)
    fitting = Contact.objects.of(business).filter(query.condition(tree, facts)).select_related("recipient")
    manners = f"SET LOCAL statement_timeout = {EXAMPLES_PATIENCE_MS}"
    return _in_time(manners, lambda: list(fitting.order_by("-pk")[:n])) or []


def _count(business: Business, tree: Group, now: datetime, patience_ms: int) -> int | None:
    """Count everybody at once; None when that took longer than ``patience_ms``."""
    facts = query.facts_for(tree, business=business, now=now, way=Way.AT_ONCE)
    fitting = Contact.objects.of(business).filter(query.condition(tree, facts))
    return _in_time(MANNERS.format(patience_ms=patience_ms), fitting.count)


def _in_time(manners: str, ask: Callable[[], T]) -> T | None:
    """Ask in a transaction with manners of its own; None when it was cancelled for taking too long."""
    answer: T | None = None
    try:
        with suppress(_Undone), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(manners)
            answer = ask()
            raise _Undone  # … so that a transaction around this one gets its own manners back
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
    return answer


def _about(business: Business, tree: Group, now: datetime) -> int:
    """Estimate from a sample, to two digits."""
    facts = query.facts_for(tree, business=business, now=now)
    everybody = Contact.objects.of(business)
    sample = _sample(everybody)
    n_fitting = everybody.filter(pk__in=sample).filter(query.condition(tree, facts)).count()
    n_all = _in_time(f"SET LOCAL statement_timeout = {ALL_PATIENCE_MS}", everybody.count)
    if n_all is None:
        n_all = int(json.loads(everybody.explain(format="json"))[0]["Plan"]["Plan Rows"])
    return _two_digits(n_fitting * n_all // max(1, len(sample)))


def _sample(everybody: ContactQuerySet) -> list[int]:
    ends = everybody.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return []
    begins = [random.randint(ends["first"], ends["last"]) for _n in range(N_STRETCHES)]  # noqa: S311 — no secret
    first, *others = (
        everybody.filter(pk__gte=begin).order_by("pk").values_list("pk", flat=True)[:STRETCH_ROWS] for begin in begins
    )
    return list(first.union(*others))


def _two_digits(n: int) -> int:
    return n if n < 100 else round(n, 1 - floor(log10(n)))
