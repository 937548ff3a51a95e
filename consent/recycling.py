"""A number that has a new owner: what was agreed over it ends, and who has it now starts with a clean slate.

The former owner keeps their record, without the number. Nothing in the new owner's leads to it.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from businesses import events
from consent import ledger
from consent.models import Address, Contact, Interaction, Recipient, Refusal

VIA = "new-owner"


@transaction.atomic
def give_to_new_owner(*, address_id: int, recipient_id: int, via: str, now: datetime) -> Recipient | None:
    """Part the number from the person it reached until now; return its new owner, or None when it was theirs no more.

    All evidence of the former owner is withdrawn (none of it says over which number it came), the links in their
    messages open nothing any more, and each business is told which contact lost its number. The new owner has stopped
    every company that had anything to do with the number, so that no file imported again can reach them; whoever they
    write to themselves they may hear from again. What anybody attests of an earlier day counts for nothing, also from a
    company that nobody had heard of until now.
    """
    former = Recipient.objects.select_for_update(no_key=True).get(pk=recipient_id)
    address = Address.objects.select_for_update(no_key=True).filter(pk=address_id, recipient=former).first()
    if address is None:
        return None
    owner = Recipient.objects.create(
        country=former.country, timezone=former.timezone, created_at=now, evidence_from=now
    )
    Address.objects.filter(pk=address.pk).update(recipient=owner)
    n_withdrawn = _withdraw(former, now)
    n_stopped = _stop_for(owner, former, now)
    ledger.append(
        recipient=former,
        business=None,
        kind="number_lost",
        payload={"via": via, "address": address.kind, "n_withdrawn": n_withdrawn},
        now=now,
    )
    # How many, not which: the former owner's dealings are none of the new one's business.
    ledger.append(
        recipient=owner, business=None, kind="number_received", payload={"via": via, "n_stopped": n_stopped}, now=now
    )
    _tell_businesses(former, now)
    return owner


def _withdraw(former: Recipient, now: datetime) -> int:
    Recipient.objects.filter(pk=former.pk).update(links_valid_from=now)
    return Interaction.objects.filter(recipient=former, withdrawn_at=None).update(withdrawn_at=now)


def _stop_for(owner: Recipient, former: Recipient, now: datetime) -> int:
    dealt = Contact.objects.filter(recipient=former).values_list("business__legal_entity_id", flat=True)
    refused = Refusal.objects.filter(recipient=former).values_list("legal_entity_id", flat=True)
    stops = [
        Refusal(legal_entity_id=pk, recipient=owner, kind=Refusal.Kind.STOPPED, via=VIA, refused_at=now)
        for pk in sorted(set(dealt) | set(refused))
    ]
    return len(Refusal.objects.bulk_create(stops))


def _tell_businesses(former: Recipient, now: datetime) -> None:
    contacts = Contact.objects.filter(recipient=former).order_by("business_id").values_list("business_id", "code")
    for business_id, code in contacts:
        events.record(business_id=business_id, kind="contact.number_lost", payload={"contact": code}, now=now)
