"""Relations: everybody who writes to one person, seen by that person once a code has shown that they hold the phone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min

from broadcasts.models import Broadcast, Delivery
from businesses.models import Business
from consent import recycling
from consent.models import CapEntry, Contact, Interaction, Recipient, Refusal

WEEK, MONTH = timedelta(days=7), timedelta(days=30)
# A number that was given up rests before the next owner gets it: 45 days at least (47 CFR 52.15(f)(1)(ii)).
NUMBERS_REST = timedelta(days=45)
A_PAGE = 10
# So many of the newest broadcasts of the businesses that know somebody are looked through for the history.
LOOKED_THROUGH = 1000


@dataclass(frozen=True, kw_only=True)
class Relation:
    """One business, and how it stands with the person."""

    business: Business
    contact: Contact
    stopped_at: datetime | None
    blocked_at: datetime | None
    last_dealt_at: datetime | None
    n_this_week: int
    n_this_month: int


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One offer that was sent to the person."""

    broadcast: Broadcast
    sent_at: datetime
    reaction: int | None
    has_failed: bool


def of(*, recipient: Recipient, now: datetime, page: int = 1) -> tuple[list[Relation], bool]:
    """Return a page of the businesses that know the person, by name, and whether there are more."""
    known = Contact.objects.filter(recipient=recipient).select_related("business__legal_entity")
    first = (max(1, page) - 1) * A_PAGE
    contacts = list(known.order_by("business__name", "business_id")[first : first + A_PAGE + 1])
    refused = _refused(recipient)
    sent = defaultdict(list)
    entries = CapEntry.objects.filter(recipient_id=recipient.pk, reserved_at__gt=now - MONTH)
    for business_id, at in entries.values_list("business_id", "reserved_at"):
        sent[business_id].append(at)
    dealt = Interaction.objects.filter(recipient=recipient, business__in=[c.business_id for c in contacts])
    last = dict(dealt.filter(withdrawn_at=None).values_list("business_id").annotate(last=Max("occurred_at")))
    shown = [
        Relation(
            business=contact.business,
            contact=contact,
            stopped_at=refused.get((contact.business.legal_entity_id, Refusal.Kind.STOPPED)),
            blocked_at=refused.get((contact.business.legal_entity_id, Refusal.Kind.BLOCKED)),
            last_dealt_at=last.get(contact.business_id),
            n_this_week=sum(at > now - WEEK for at in sent[contact.business_id]),
            n_this_month=len(sent[contact.business_id]),
        )
        for contact in contacts[:A_PAGE]
    ]
    return shown, len(contacts) > A_PAGE


def count_all(*, recipient: Recipient, now: datetime) -> tuple[int, int]:
    """Return how many offers the person was sent in the last 7 and 30 days, by everybody."""
    entries = CapEntry.objects.filter(recipient_id=recipient.pk, reserved_at__gt=now - MONTH)
    moments = list(entries.values_list("reserved_at", flat=True))
    return sum(at > now - WEEK for at in moments), len(moments)


def _refused(recipient: Recipient) -> dict[tuple[int, int], datetime]:
    held = Refusal.objects.filter(recipient=recipient, lifted_at=None)
    return {(entity, kind): at for entity, kind, at in held.values_list("legal_entity_id", "kind", "refused_at")}


def business(*, recipient: Recipient, code: str) -> Business | None:
    """Return the business with this code, if it knows the person."""
    contact = Contact.objects.filter(recipient=recipient, business__code=code).select_related("business").first()
    return contact.business if contact else None


def is_known_since(*, recipient: Recipient) -> datetime | None:
    """Return when the first thing happened that is kept about the person."""
    dealt = Interaction.objects.filter(recipient=recipient).aggregate(first=Min("occurred_at"))["first"]
    known = Contact.objects.filter(recipient=recipient).aggregate(first=Min("created_at"))["first"]
    return min((at for at in (dealt, known) if at), default=None)


def may_be_another_persons(*, recipient: Recipient, now: datetime) -> bool:
    """Say whether what is kept is old enough that the number may have had another owner then."""
    since = is_known_since(recipient=recipient)
    was_given = Refusal.objects.filter(recipient=recipient, via=recycling.VIA).exists()
    return since is not None and since < now - NUMBERS_REST and not was_given


def history(*, recipient: Recipient, page: int = 1) -> tuple[list[Offer], bool]:
    """Return a page of the offers that were sent to the person, newest first, and whether there are more."""
    businesses = Contact.objects.filter(recipient=recipient).values("business")
    launched = Broadcast.objects.filter(business__in=businesses, launched_at__isnull=False)
    newest = list(launched.order_by("-launched_at").values_list("pk", flat=True)[:LOOKED_THROUGH])
    # The whole key, so that each is looked up in its own partition.
    sent = Delivery.objects.filter(
        broadcast_id__in=newest, recipient_id=recipient.pk, state__gte=Delivery.State.SENDING, gated_at__isnull=False
    )
    first = (max(1, page) - 1) * A_PAGE
    deliveries = list(sent.order_by("-gated_at", "-broadcast_id")[first : first + A_PAGE + 1])
    broadcasts = Broadcast.objects.select_related("business").in_bulk([d.broadcast_id for d in deliveries])
    offers = [
        Offer(
            broadcast=broadcasts[delivery.broadcast_id],
            sent_at=delivery.gated_at,
            reaction=delivery.reaction,
            has_failed=delivery.state == Delivery.State.FAILED,
        )
        for delivery in deliveries[:A_PAGE]
        if delivery.gated_at is not None
    ]
    return offers, len(deliveries) > A_PAGE
