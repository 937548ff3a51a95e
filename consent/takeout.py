"""What somebody takes along: everything that this floor knows of a person, in plain values for any program."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from businesses.models import Business
from consent import dossier
from consent.erasure import LONG_AGO, family
from consent.models import Address, Contact, Interaction, Recipient, Refusal


def export(*, recipient_id: int, business: Business | None = None) -> dict[str, Any]:
    """Return what is known of a person; with ``business``, what belongs to that one alone, as far as it may see it."""
    recipient = Recipient.objects.get(pk=recipient_id)
    ids = family(recipient)
    contacts = Contact.objects.filter(recipient_id__in=ids).select_related("business")
    dealings = Interaction.objects.filter(recipient_id__in=ids).exclude(occurred_at=LONG_AGO).select_related("business")
    standing = Refusal.objects.filter(recipient_id__in=ids).select_related("legal_entity")
    if business is not None:
        contacts, dealings = contacts.of(business), dealings.filter(business=business)
        standing = standing.filter(legal_entity=business.legal_entity_id)
    limits = {"is_for_business": business is not None}
    addresses = Address.objects.filter(recipient_id__in=ids).order_by("id")
    return {
        "person": _person(recipient, **limits),
        "addresses": [{"kind": address.kind, "value": address.value} for address in addresses],
        "contacts": [_contact(contact, **limits) for contact in contacts.order_by("business_id")],
        "interactions": [_interaction(one) for one in dealings.order_by("-occurred_at", "-id")],
        "refusals": [_refusal(one) for one in standing.order_by("refused_at", "id")],
        **({} if business else {"proof": _proof(ids)}),
    }


def _person(recipient: Recipient, *, is_for_business: bool) -> dict[str, Any]:
    """A business learns nothing here of what the person chose towards everybody."""
    known = {"country": recipient.country, "time_zone": recipient.timezone}
    if is_for_business:
        return known
    return known | {
        "code": recipient.code,
        "language": recipient.locale or None,
        "offers_a_week_at_most": recipient.own_limit,
        "all_offers_paused_at": moment(recipient.paused_all_at),
        "known_since": moment(recipient.created_at),
    }


def _contact(contact: Contact, *, is_for_business: bool) -> dict[str, Any]:
    """Who pressed Interested or not is told to businesses as a sum only."""
    reaction = Contact.Reaction(contact.last_reaction).name.lower()
    return {
        "business": contact.business.name,
        "code": contact.code,
        "name": contact.name,
        "language": contact.language,
        "attributes": contact.attributes,
        **({} if is_for_business else {"last_reaction": reaction}),
        "since": moment(contact.created_at),
        "changed_at": moment(contact.updated_at),
    }


def _interaction(dealing: Interaction) -> dict[str, Any]:
    return {
        "business": dealing.business.name,
        "kind": Interaction.Kind(dealing.kind).name.lower(),
        "at": moment(dealing.occurred_at),
        "evidence": dealing.evidence,
        "came_from": Interaction.Provenance(dealing.provenance).name.lower(),
        "opt_out_offered": dealing.opt_out_offered,
        "withdrawn_at": moment(dealing.withdrawn_at),
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "company": refusal.legal_entity.name,
        "kind": Refusal.Kind(refusal.kind).name.lower(),
        "through": refusal.via,
        "since": moment(refusal.refused_at),
        "taken_back_at": moment(refusal.lifted_at),
    }


def _proof(ids: list[int]) -> list[dict[str, Any]]:
    told = [link for recipient_id in ids for link in dossier.history(recipient_id=recipient_id)]
    names = dict(Business.objects.filter(pk__in={link.business_id for link in told}).values_list("pk", "name"))
    return [
        {
            "at": moment(link.created_at),
            "what": link.kind,
            "business": names.get(link.business_id or 0),
            "details": link.payload,
        }
        for link in told
    ]


def moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
