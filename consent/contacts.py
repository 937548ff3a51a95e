"""Contacts one by one: who a business knows, found by address. Files come in through ``imports``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from businesses import audit
from businesses.models import Business, User
from consent import phones, suppressions
from consent.lines import LineType
from consent.models import Address, Contact, Recipient


class NotAccepted(ValidationError):
    """This number may not be brought in. Why is not said: that somebody was erased is nobody's business."""


class TooManyAttributes(ValidationError):
    """More than anybody could filter by."""


MAX_ATTRIBUTES = 100


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


@transaction.atomic
def correct(
    *,
    contact: Contact,
    by: User | None,
    now: datetime,
    name: str | None = None,
    language: str | None = None,
    attributes: Mapping[str, str | None] | None = None,
    keeps_others: bool = False,
) -> Contact:
    """Put corrections in the place of what the business knew, and return the contact as it is then.

    None leaves a fact as it is; empty is empty here. ``attributes`` are all of them, or with ``keeps_others`` those
    that change, None taking one away. Saying the same again changes nothing and leaves no trace. Raises
    ``TooManyAttributes``.
    """
    # The person first, as everywhere: an erasure that is under way is waited for.
    Recipient.objects.select_for_update(no_key=True).get(pk=contact.recipient_id)
    known = Contact.objects.select_related("recipient", "business").get(pk=contact.pk)
    facts: dict[str, Any] = {"name": name, "language": language}
    if attributes is not None:
        whole = (known.attributes if keeps_others else {}) | dict(attributes)
        facts["attributes"] = {title: value for title, value in whole.items() if value is not None}
        if len(facts["attributes"]) > MAX_ATTRIBUTES:
            raise TooManyAttributes(_("A contact has at most 100 attributes."))
    changes = {field: fact for field, fact in facts.items() if fact is not None and fact != getattr(known, field)}
    if changes:
        Contact.objects.filter(pk=known.pk).update(**changes, updated_at=now)
        for field, fact in (changes | {"updated_at": now}).items():
            setattr(known, field, fact)
        # Which facts, not what they say: the trail only grows, and would outlive an erasure.
        audit.note(
            action="contact.corrected", object_kind="contact", object_code=known.code, actor=by,
            business=known.business, after={"changed": sorted(changes)}, now=now,
        )  # fmt: skip
    return known


def meet(*, kind: str, value: str, country: str, timezone: str, now: datetime) -> Recipient:
    """Return the person at this address, known before or not: no business's contact by that."""
    return _person_at(kind=kind, value=value, country=country, timezone=timezone, now=now)


def find_by_address(*, kind: str, value: str, scope: str = "") -> Recipient | None:
    """Return the person who is reached at this address, or None."""
    return Recipient.objects.filter(addresses__kind=kind, addresses__value=value, addresses__scope=scope).first()


@transaction.atomic
def also_at(*, kind: str, value: str, alias: str, legal_entity_id: int) -> bool:
    """Note that the person at ``value`` is reached, and writes, at ``alias`` as well; stops kept for it become theirs.

    False when that is known, when ``alias`` is another person's (it stays theirs) or was erased, or nobody is there.
    """
    person = Recipient.objects.select_for_update(no_key=True, of=("self",)).filter(
        addresses__kind=kind, addresses__value=value, addresses__scope="", erased_at=None
    )
    recipient, hashed = person.first(), suppressions.hash_address(alias, kind)
    if recipient is None or suppressions.erased_at(hashed=hashed, legal_entity_id=legal_entity_id) is not None:
        return False
    facts = {"recipient": recipient, "line_type": line_type_at(kind=kind, value=alias)}
    _alias, is_new = Address.objects.get_or_create(kind=kind, value=alias, scope="", defaults=facts)
    if is_new:
        suppressions.give_back(people={hashed: recipient})
    return is_new


def line_type_at(*, kind: str, value: str) -> LineType:
    """Return what kind of line an address is; sandbox phones and provider's ids are none."""
    return phones.line_type_of(value) if kind == Address.Kind.E164 else LineType.UNKNOWN


def _person_at(*, kind: str, value: str, country: str, timezone: str, now: datetime) -> Recipient:
    known = find_by_address(kind=kind, value=value)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            recipient = Recipient.objects.create(country=country, timezone=timezone, created_at=now)
            line_type = line_type_at(kind=kind, value=value)
            Address.objects.create(recipient=recipient, kind=kind, value=value, line_type=line_type)
            suppressions.give_back(people={suppressions.hash_address(value, kind): recipient})
            return recipient
    except IntegrityError:
        # Somebody else was first; their person is ours, and our own was rolled back.
        return Recipient.objects.get(addresses__kind=kind, addresses__value=value, addresses__scope="")
