"""Contacts one by one: who a business knows, found by address. Files come in through ``imports``."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from consent import suppressions
from consent.models import Address, Contact, Recipient


class NotAccepted(ValidationError):
    """This number may not be brought in. Why is not said: that somebody was erased is nobody's business."""


@transaction.atomic
def remember(
    *,
    business: Business,
    address_kind: str,
    value: str,
    country: str,
    timezone: str,
    now: datetime,
    name: str = "",
    language: str = "",
    attributes: dict[str, str] | None = None,
) -> Contact:
    """Return the business's contact at this address, made or brought up to date.

    The person behind the address is shared by all businesses; name, language and attributes are this business's own.
    Empty values never overwrite what is known. Raises ``NotAccepted`` for somebody who was erased.
    """
    recipient = _person_at(kind=address_kind, value=value, country=country, timezone=timezone, now=now)
    _check_accepted(business, recipient, suppressions.hash_address(value, address_kind))
    contact, is_new = Contact.objects.get_or_create(
        business=business,
        recipient=recipient,
        defaults={
            "name": name,
            "language": language,
            "attributes": attributes or {},
            "created_at": now,
            "updated_at": now,
        },
    )
    facts = (name or contact.name, language or contact.language, contact.attributes | (attributes or {}))
    if not is_new and facts != (contact.name, contact.language, contact.attributes):
        contact.name, contact.language, contact.attributes = facts
        contact.updated_at = now
        contact.save(update_fields=["name", "language", "attributes", "updated_at"])
    return contact


@transaction.atomic
def welcome(
    *, business: Business, address_kind: str, value: str, country: str, timezone: str, now: datetime
) -> Contact:
    """Return the contact of a person who wrote to ``business`` by themselves; the only way back after an erasure.

    Nothing bars their address any more. Stops and blocks hold as they left them.
    """
    hashed = suppressions.hash_address(value, address_kind)
    suppressions.lift(hashed=hashed, legal_entity_id=business.legal_entity_id)
    return remember(
        business=business, address_kind=address_kind, value=value, country=country, timezone=timezone, now=now
    )


def _check_accepted(business: Business, recipient: Recipient, hashed: bytes) -> None:
    """Look in a statement of its own, behind the person's lock: an erasure that committed meanwhile is seen."""
    locked = Recipient.objects.select_for_update(no_key=True).get(pk=recipient.pk)
    if locked.erased_at or suppressions.bars(hashed=hashed, legal_entity_id=business.legal_entity_id):
        raise NotAccepted(_("This number cannot be taken."))


def correct(*, contact: Contact, name: str, language: str, attributes: dict[str, str], now: datetime) -> None:
    """Put a member's corrections in the place of what the business knew; empty is empty here."""
    Contact.objects.filter(pk=contact.pk).update(name=name, language=language, attributes=attributes, updated_at=now)


def meet(*, kind: str, value: str, country: str, timezone: str, now: datetime) -> Recipient:
    """Return the person at this address, known before or not: no business's contact by that."""
    return _person_at(kind=kind, value=value, country=country, timezone=timezone, now=now)


def find_by_address(*, kind: str, value: str, scope: str = "") -> Recipient | None:
    """Return the person who is reached at this address, or None."""
    return Recipient.objects.filter(addresses__kind=kind, addresses__value=value, addresses__scope=scope).first()


def _person_at(*, kind: str, value: str, country: str, timezone: str, now: datetime) -> Recipient:
    known = find_by_address(kind=kind, value=value)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            recipient = Recipient.objects.create(country=country, timezone=timezone, created_at=now)
            Address.objects.create(recipient=recipient, kind=kind, value=value)
            suppressions.give_back(people={suppressions.hash_address(value, kind): recipient})
            return recipient
    except IntegrityError:
        # Somebody else was first; their person is ours, and our own was rolled back.
        return Recipient.objects.get(addresses__kind=kind, addresses__value=value, addresses__scope="")
