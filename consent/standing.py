"""Whether a business may write to one of its contacts, as far as it may know: its own relation, and nothing else.

What other businesses send, and what the person chose for all of them, is not asked here at all: of one person even
"not reachable now" would tell it. So the answer is *may be reached, other limits may apply*, or a reason of its own.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext as _

from businesses.models import Business
from consent import verdicts
from consent.models import Address, BasisRule, Contact, ImportBatch, Interaction, Refusal
from consent.models.people import ContactQuerySet
from consent.reasons import TOLD_APART, Reason

REACHED_AT = (Address.Kind.SANDBOX, Address.Kind.E164)


class Standing(NamedTuple):
    """``reason`` is '' when nothing of the business's own relation is in the way."""

    may_be_reached: bool
    reason: str
    sentence: str


def of(*, contact: Contact, now: datetime) -> Standing:
    """Return where the person stands with this business now."""
    question = verdicts.Question(
        business_id=contact.business_id,
        legal_entity_id=contact.business.legal_entity_id,
        address_kinds=REACHED_AT,
        salt="",
    )
    with connection.cursor() as cursor:
        (value,) = verdicts.alone(cursor, question=question, recipient_ids=[contact.recipient_id], now=now).values()
    if value in TOLD_APART:
        return Standing(False, Reason(value).name.lower(), str(Reason(value).label))
    return Standing(True, "", _("May be reached. Other limits may apply: the person’s own, and those of all offers."))


def reachable(
    *, rows: ContactQuerySet, business: Business, now: datetime, is_reachable: bool = True
) -> ContactQuerySet:
    """Narrow contacts of ``business`` down to those of whom ``of`` would say that they may be reached now, or not.

    A filter of its own, so that a list may end after a page of it: the gate's statement asks about given people.
    """
    good = Interaction.objects.filter(
        _gives_a_basis(now), business=business, recipient=OuterRef("recipient"), withdrawn_at__isnull=True,
        occurred_at__lte=now,
    ).filter(_is_trusted(), _is_theirs())  # fmt: skip
    refused = Refusal.objects.filter(
        legal_entity=business.legal_entity_id, recipient=OuterRef("recipient"), lifted_at__isnull=True
    )
    address = Address.objects.filter(recipient=OuterRef("recipient"), kind__in=REACHED_AT)
    may = Q(Exists(good)) & Q(Exists(address)) & ~Q(Exists(refused))
    return rows.filter(may if is_reachable else ~may)


def _gives_a_basis(now: datetime) -> Q:
    """One condition for each kind of evidence that counts equally long, over all countries where it does."""
    countries: dict[tuple[int, int, bool], set[str]] = defaultdict(set)
    for rule in BasisRule.objects.all():
        countries[rule.kind, rule.valid_days, rule.needs_opt_out_offered].add(rule.country)
    with_rules = {country for some in countries.values() for country in some if country}
    found = Q(pk__in=[])
    for (kind, days, needs_opt_out_offered), some in countries.items():
        where = Q(recipient__country__in=some)
        if "" in some:
            where |= ~Q(recipient__country__in=with_rules)
        one = Q(kind=kind, occurred_at__gt=now - timedelta(days=days)) & where
        found |= one & Q(opt_out_offered=True) if needs_opt_out_offered else one
    return found


def _is_theirs() -> Q:
    """What was done before their number was theirs, its former owner did (``recycling``)."""
    return Q(recipient__evidence_from__isnull=True) | Q(occurred_at__gt=F("recipient__evidence_from"))


def _is_trusted() -> Q:
    waits = Q(batch__trust=ImportBatch.Trust.PROBE, is_probe=False)
    never = Q(batch__trust__in=(ImportBatch.Trust.QUARANTINED, ImportBatch.Trust.WITHDRAWN))
    return Q(batch__isnull=True) | ~(waits | never)
