"""Interested or Not interested: a person's word about one message, and so about the business that sent it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from broadcasts.models import Broadcast, Delivery
from consent import refusals
from consent.erasure import Traces
from consent.models import Contact
from feedback.models import Reaction

# Fewer people than this are never shown as a group.
MIN_GROUP = 5


class NeverReceived(ValidationError):
    """Nothing of that broadcast was sent to this person, so there is nothing to react to."""


@transaction.atomic
def react(*, broadcast_id: int, recipient_id: int, interested: bool, via: str, now: datetime) -> bool:
    """Take a person's word about a message they were sent; the latest word counts. Return whether anything changed.

    Pressing twice is pressing once. Raises ``NeverReceived``. The delivery is locked before the person, as everywhere.
    """
    kind = Reaction.Kind.INTERESTED if interested else Reaction.Kind.NOT_INTERESTED
    business = Broadcast.objects.select_related("business__legal_entity").get(pk=broadcast_id).business
    delivery = Delivery.objects.filter(pk=(broadcast_id, recipient_id), state__gte=Delivery.State.SENDING)
    known = delivery.select_for_update(no_key=True).values_list("reaction", flat=True)
    if not known:
        raise NeverReceived(_("This message was not sent to you."))
    contact = Contact.objects.of(business).filter(recipient_id=recipient_id, last_reaction=kind)
    if known[0] == kind and contact.exists():
        return False
    delivery.update(reaction=kind)
    said = Reaction(
        business=business, recipient_id=recipient_id, broadcast_id=broadcast_id, kind=kind, via=via, created_at=now
    )
    Reaction.objects.bulk_create([said], ignore_conflicts=True)
    refusals.react(recipient_id=recipient_id, business=business, interested=interested, via=via, now=now)
    return True


def lock_deliveries(keys: list[tuple[int, int]]) -> None:
    """Lock the deliveries ``(broadcast, recipient)`` in the gate's order, before any of their people is locked."""
    if keys:
        list(
            Delivery.objects.filter(pk__in=keys)
            .order_by("recipient_id", "broadcast_id")
            .select_for_update(no_key=True)
            .values_list("recipient_id")
        )


def forget_copies(*, traces: Traces) -> int:
    """Delete every word that the person said about messages; the sums of the businesses keep it, without them."""
    said = Reaction.objects.filter(recipient_id__in=traces.recipient_ids)
    if traces.business_id is not None:
        said = said.filter(business_id=traces.business_id)
    n, _by_model = said.delete()
    return n


def export(*, recipient_ids: list[int]) -> list[dict[str, Any]]:
    """Return every Interested and Not interested of the person, the newest first."""
    said = Reaction.objects.filter(recipient_id__in=recipient_ids).select_related("business").order_by("-id")
    return [
        {
            "business": one.business.name,
            "kind": Reaction.Kind(one.kind).name.lower(),
            "through": one.via,
            "at": one.created_at.isoformat(),
        }
        for one in said
    ]


@dataclass(frozen=True)
class Tally:
    """What people said of a broadcast. Both are None while fewer than ``MIN_GROUP`` people have spoken."""

    interested: int | None
    not_interested: int | None


def tally(*, broadcast: Broadcast) -> Tally:
    """Count the latest word of each person: sums for the business to see, and none that would point at somebody."""
    sums = Delivery.objects.filter(broadcast_id=broadcast.pk, reaction__isnull=False).aggregate(
        interested=Count("recipient_id", filter=Q(reaction=Reaction.Kind.INTERESTED)),
        not_interested=Count("recipient_id", filter=Q(reaction=Reaction.Kind.NOT_INTERESTED)),
    )
    if sum(sums.values()) < MIN_GROUP:
        return Tally(None, None)
    return Tally(**sums)
