"""Whom a business has written to as often as it may, told from its own broadcasts alone.

The gate counts slots that were really taken. Whether somebody's was taken also depends on other businesses and on
what the person chose for all of them, so an estimate counts instead in whose audience the business put them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from broadcasts.models import Broadcast, Delivery
from businesses.models import Business
from consent.models import CapRule, Contact
from consent.reasons import TOLD_APART, Reason
from consent.verdicts import array

LONGEST = timedelta(days=30)
# So many people in the order of their ids are one stretch of an index; fewer are looked up one by one.
STRETCH = 10_000


@dataclass(frozen=True)
class Recent:
    """The business's rules, and until when each of its latest broadcasts may still arrive."""

    business: Business
    rules: Sequence[CapRule]
    end: Mapping[int, datetime]


def recent(*, business: Business, now: datetime) -> Recent:
    """Return what can hold anybody back, read once for any number of people."""
    frozen = Broadcast.objects.of(business).filter(n_audience__gt=0, ends_at__gt=now - LONGEST)
    rules = CapRule.objects.exclude(scope=CapRule.Scope.PLATFORM)
    ends = frozen.values_list("pk", "ends_at")
    return Recent(business, list(rules), {pk: end for pk, end in ends if end is not None})


def held_back(*, recent: Recent, recipient_ids: Sequence[int], now: datetime) -> set[int]:
    """Return those of ``recipient_ids`` whom one of the rules holds back now."""
    held: set[int] = set()
    for rule in recent.rules:
        after = now - timedelta(hours=rule.window_hours)
        inside = [pk for pk, end in recent.end.items() if end > after]
        if len(inside) >= rule.max_offers:
            held.update(_written_to(recent, rule, inside, after, recipient_ids))
    return held.intersection(recipient_ids)


def is_anybody_freed(*, recent: Recent, recipient_ids: Sequence[int], now: datetime, by: datetime) -> bool:
    """Say whether somebody who is held back now can be written to again before ``by``."""
    held = held_back(recent=recent, recipient_ids=recipient_ids, now=now)
    return bool(held - held_back(recent=recent, recipient_ids=sorted(held), now=by)) if held else False


def _written_to(
    recent: Recent, rule: CapRule, inside: list[int], after: datetime, recipient_ids: Sequence[int]
) -> list[int]:
    # As in the gate: an offer counts when it arrived, and until then as long as it may arrive.
    told = Delivery.objects.filter(
        Q(delivered_at__isnull=True) | Q(delivered_at__gt=after),
        broadcast_id__in=inside,
    )
    asked = _asked(recipient_ids)
    told = told.extra(**asked)
    told = told.exclude(state=Delivery.State.FAILED).exclude(
        Q(state=Delivery.State.SKIPPED) & (Q(reason__in=TOLD_APART) | Q(reason__gte=Reason.TEMPLATE_UNAVAILABLE))
    )
    with_own = {other.country for other in recent.rules if other.scope == rule.scope and other.country}
    told = told.filter(country=rule.country) if rule.country else told.exclude(country__in=with_own)
    if rule.scope == CapRule.Scope.BUSINESS_NOT_INTERESTED:
        tired = Contact.objects.of(recent.business).filter(last_reaction=Contact.Reaction.NOT_INTERESTED)
        told = told.filter(recipient_id__in=tired.extra(**asked).values("recipient_id"))
    counted = told.values("recipient_id").annotate(n=Count("*")).filter(n__gte=rule.max_offers)
    return list(counted.values_list("recipient_id", flat=True))


def _asked(recipient_ids: Sequence[int]) -> dict[str, Any]:
    """Return the condition that a row is about one of ``recipient_ids``; of very many, about somebody between them."""
    if len(recipient_ids) < STRETCH:
        # As one array: so many values one by one take the database longer to read than to look up.
        return {"where": ["recipient_id = ANY(%s::bigint[])"], "params": [array(recipient_ids)]}
    return {"where": ["recipient_id BETWEEN %s AND %s"], "params": [min(recipient_ids), max(recipient_ids)]}
