"""Who is it that writes? Somebody known, or somebody new: the only door through which an erased person comes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from broadcasts import windows
from broadcasts.channels import channel_for
from broadcasts.channels.base import InboundButton, InboundText, Update
from broadcasts.models import Sender
from consent import contacts, fiction, phones, refusals, suppressions
from consent.models import Address, Contact, Recipient, Refusal


def still_there(recipient_id: int) -> int | None:
    """Return the person whom a message was once sent to, after any merging; None when they were erased since."""
    current = refusals.current(recipient_id)
    there = Recipient.objects.filter(pk=current, erased_at__isnull=True)
    return there.values_list("pk", flat=True).first()


def person_at(sender: Sender, address: str) -> int | None:
    """Return who is reached at an address that this sender's channel reaches people at."""
    for kind in channel_for(sender).traits.address_kinds:
        recipient = contacts.find_by_address(kind=kind, value=address.replace("\x00", ""))
        if recipient is not None:
            return recipient.pk
    return None


def welcome(*, sender: Sender, address: str, said_at: datetime, now: datetime) -> Contact | None:
    """Make whoever writes a contact of the business, erased before or not; None for what is no number of a person.

    What was written before an erasure, and comes late, is of the person who is gone: nobody comes back by it.
    """
    business = sender.business
    kind = _kind(sender)
    hashed = suppressions.hash_address(address, kind)
    erased_at = suppressions.erased_at(hashed=hashed, legal_entity_id=business.legal_entity_id)
    if erased_at is not None and said_at <= erased_at:
        return None
    try:
        number = phones.parse(address, default_country="", allow_fiction=fiction.is_allowed(business))
    except phones.BadNumber:
        return None
    return contacts.welcome(
        business=business,
        address_kind=kind,
        value=number.e164,
        country=number.country,
        timezone=number.timezone,
        now=now,
    )


def refuse(*, sender: Sender, address: str, now: datetime) -> None:
    """Keep the stop of a number that nobody knows (any more): it holds from the moment somebody brings it in."""
    hashed = suppressions.hash_address(address, _kind(sender))
    stopped = suppressions.KIND_OF_REFUSAL[Refusal.Kind.STOPPED]
    suppressions.add(hashes=[hashed], kind=stopped, legal_entity_id=sender.business.legal_entity_id, now=now)


# Providers keep what they could not deliver for a week; whatever claims to be older gets this age.
OLDEST = timedelta(days=8)


def note_window(*, sender: Sender, updates: Sequence[Update], now: datetime) -> None:
    """Who writes or presses may be answered for a day. A statement of its own, in nobody's transaction."""
    heard: dict[str, datetime] = {}
    for update in updates:
        if isinstance(update, InboundText | InboundButton):
            at = min(max(update.at, now - OLDEST), now)
            heard[update.address] = max(at, heard.get(update.address, at))
    if heard:
        windows.hear(sender=sender, heard=heard)


def _kind(sender: Sender) -> Address.Kind:
    return Address.Kind.SANDBOX if sender.business.is_test else Address.Kind.E164
