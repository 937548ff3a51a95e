"""Turns ``parts`` into one safe condition on contacts. Whatever a member wrote reaches PostgreSQL as a value only.

Two forms of the same truth: ``ONE_BY_ONE`` asks about each contact by index, whatever the planner believes (freezing
and sampling go through slices of contacts); ``AT_ONCE`` lets it join whole sets, as counting everybody wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from broadcasts.channels import MAY_BE_OVER
from broadcasts.filters.attribute_sql import attribute_test
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
    Told,
    Was,
    When,
)
from broadcasts.models import Broadcast, Delivery
from businesses.models import Business
from consent.models import Contact, Interaction
from consent.reasons import DECIDED_AFTER, PLATFORM_FACTS

State = Delivery.State
ARRIVED = (State.DELIVERED, State.READ)
SENT = (State.ACCEPTED, State.HELD, State.SENT, State.NO_RECEIPT, *ARRIVED)
# Who was left out for a fact of the platform, or for a reason that would tell of one, must look like somebody whose
# phone is off: see parts.Was, and disclosure.
HIDDEN = [int(reason) for reason in PLATFORM_FACTS | DECIDED_AFTER]
SENT_AS_FAR_AS_TOLD = Q(state__in=SENT) | Q(state=State.SKIPPED, reason__in=HIDDEN)
BECAME = {
    Was.SENT: SENT_AS_FAR_AS_TOLD,
    Was.DELIVERED: Q(state__in=ARRIVED),
    Was.READ: Q(state=State.READ),
    Was.FAILED: Q(state=State.FAILED),
    Was.FAILED_FOR_NOW: Q(state=State.FAILED, error_code__in=sorted(MAY_BE_OVER)),
    Was.SKIPPED: Q(state=State.SKIPPED) & ~Q(reason__in=HIDDEN),
    Was.ABSENT: Q(state__gt=State.QUEUED),
}
REACTIONS = {
    Reacted.NONE: Contact.Reaction.NONE,
    Reacted.INTERESTED: Contact.Reaction.INTERESTED,
    Reacted.NOT_INTERESTED: Contact.Reaction.NOT_INTERESTED,
}
EVERYBODY = Q()
NOBODY = Q(pk__in=[])


class Way(Enum):
    ONE_BY_ONE = "one by one"
    AT_ONCE = "at once"


@dataclass(frozen=True)
class Facts:
    """What the words of a definition stand for: whose contacts, as of when, and which broadcasts its codes mean."""

    business: Business
    now: datetime
    broadcasts: Mapping[str, int] = field(default_factory=dict)
    way: Way = Way.ONE_BY_ONE


class _Each(Exists):
    """An EXISTS that stays a look-up for each contact: OFFSET keeps the planner from making a join or a hash of it."""

    template = "EXISTS(%(subquery)s OFFSET 0)"


def condition(part: Part, facts: Facts) -> Q:
    """Return ``part`` as a condition on ``Contact``; it is never NULL, so that its opposite is the opposite."""
    match part:
        case Group(match, parts):
            return _group(match, [condition(inner, facts) for inner in parts])
        case Added(when):
            return _when("created_at", when, facts)
        case Dealt():
            return _dealt(part, facts)
        case Told():
            return _told(part, facts)
        case Offers():
            return _offers(part, facts)
    return _of_contact(part)


def _of_contact(part: Part) -> Q:
    """Return a condition that the contact itself answers."""
    match part:
        case Countries(codes):
            return Q(recipient__country__in=codes)
        case Languages(codes):
            return Q(language__in=codes)
        case Attribute():
            return Q(attribute_test(part))
        case Listed(codes, is_in):
            return Q(code__in=codes) if is_in else ~Q(code__in=codes)
        case LastReaction(reacted):
            return Q(last_reaction=REACTIONS[reacted])
    raise LookupError(f"{part} has to be put in before anybody is asked")


def _group(match: Match, conditions: list[Q]) -> Q:
    if not conditions:
        return EVERYBODY
    if match is Match.ALL:
        return reduce(Q.__and__, conditions)
    # Q() is everybody, but Q() | Q(x) would be Q(x).
    is_everybody = any(not each for each in conditions)
    any_of = EVERYBODY if is_everybody else reduce(Q.__or__, conditions)
    if match is Match.ANY:
        return any_of
    return NOBODY if is_everybody else ~any_of


def _when(name: str, when: When, facts: Facts) -> Q:
    found = Q()
    if when.within_days:
        found &= Q(**{f"{name}__gte": facts.now - timedelta(days=when.within_days)})
    if when.more_than_days_ago:
        found &= Q(**{f"{name}__lt": facts.now - timedelta(days=when.more_than_days_ago)})
    if when.since:
        found &= Q(**{f"{name}__gte": _midnight(when.since, facts.business)})
    if when.before:
        found &= Q(**{f"{name}__lt": _midnight(when.before, facts.business)})
    return found


def _midnight(day: date, business: Business) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(business.timezone))


def _dealt(part: Dealt, facts: Facts) -> Q:
    found = Interaction.objects.filter(business=facts.business, withdrawn_at__isnull=True)
    if part.kinds:
        found = found.filter(kind__in=part.kinds)
    if part.provenance:
        found = found.filter(provenance=part.provenance)
    return _has(found.filter(_when("occurred_at", part.when, facts)), part.at_least, facts)


def _told(part: Told, facts: Facts) -> Q:
    """A person has one delivery in a broadcast at most, so that what is asked of it is one look-up."""
    rows = Delivery.objects.filter(broadcast_id=facts.broadcasts[part.broadcast])
    about = Q()
    if part.was and part.was is not Was.ABSENT:
        about &= BECAME[part.was]
    if part.reacted is Reacted.NONE:
        about &= SENT_AS_FAR_AS_TOLD & Q(reaction__isnull=True)
    elif part.reacted:
        about &= Q(reaction=REACTIONS[part.reacted])
    found = _has(rows.filter(about), 1, facts) if about else Q()
    if part.was is Was.ABSENT:
        found &= ~_has(rows.filter(BECAME[Was.ABSENT]), 1, facts)
    return found


def _offers(part: Offers, facts: Facts) -> Q:
    since = facts.now - timedelta(days=part.within_days)
    lately = Broadcast.objects.of(facts.business).filter(launched_at__isnull=False, ends_at__gt=since)
    # Arrived ones: whether one was sent at all may not be told (see SENT_AS_FAR_AS_TOLD).
    # As numbers, so that only their partitions are opened.
    ids = list(lately.values_list("pk", flat=True))
    return _has(
        Delivery.objects.filter(broadcast_id__in=ids, delivered_at__gt=since, state__in=ARRIVED), part.at_least, facts
    )


def _has(rows: QuerySet[Any], at_least: int, facts: Facts) -> Q:
    """Say of a contact that there are at least so many of ``rows`` about its person."""
    if facts.way is Way.AT_ONCE and at_least > 1:
        enough = rows.order_by().values("recipient_id").annotate(n=Count("*")).filter(n__gte=at_least)
        return Q(recipient_id__in=enough.values("recipient_id"))
    about = rows.order_by().filter(recipient_id=OuterRef("recipient_id"))
    if at_least > 1:
        return Q(Exists(about[at_least - 1 : at_least]))  # … if there is a last one of so many
    return Q(Exists(about) if facts.way is Way.AT_ONCE else _Each(about))


def codes_of(tree: Part) -> set[str]:
    """Return the codes of the broadcasts that ``tree`` asks about."""
    match tree:
        case Group(_, parts):
            return set().union(*map(codes_of, parts))
        case Told(broadcast):
            return {broadcast}
    return set()


def facts_for(tree: Part, *, business: Business, now: datetime, way: Way = Way.ONE_BY_ONE) -> Facts:
    """Look up, in one query at most, what ``tree`` speaks of. Another business's broadcasts are as unknown as none."""
    codes = codes_of(tree)
    mine = Broadcast.objects.of(business).filter(code__in=codes).values_list("code", "pk") if codes else ()
    return Facts(business=business, now=now, broadcasts=dict(mine), way=way)
