"""Erasure of what this floor knows of a person; ``feedback.privacy`` does it for the whole house.

``begin`` takes the person away in one transaction: from its commit on nobody can reach or find them. Copies that lie
elsewhere (raw calls, frozen values, phones, wrong rows of files) are found by the ``Traces`` that it leaves in the
request, and removed by a task that may be killed at any point.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import phonenumbers
from django.db import connection, transaction
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from businesses import audit
from businesses.models import Business, User
from consent import ledger, refusals, suppressions, uploads
from consent.models import (
    Address,
    Contact,
    ErasureRequest,
    Interaction,
    JoinRequest,
    Recipient,
    Refusal,
)

FORGET_FAULTS = (Path(__file__).parent / "sql" / "forget_faults.sql").read_text()
OWNERS_OF = (Path(__file__).parent / "sql" / "owners_of.sql").read_text()
# Shorter names stand in too many words of other people.
MIN_NAME = 3
# Before any rule about evidence begins to count.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
Cause = ErasureRequest.Cause


@dataclass(frozen=True, kw_only=True)
class Traces:
    """By what the copies of a person are recognised, wherever they lie. ``business_id`` None means everywhere."""

    recipient_ids: list[int]
    business_id: int | None = None
    # [kind, value, scope]; the value of a phone number is E.164.
    addresses: list[list[str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    # [business id, contact code]
    contacts: list[list[Any]] = field(default_factory=list)
    # [hash in hex, legal entity id or None, kind]: what was written into the suppressions, for the journal.
    suppressed: list[list[Any]] = field(default_factory=list)

    @property
    def values(self) -> list[str]:
        return sorted({value for _, value, _ in self.addresses})

    def phones(self, kind: Address.Kind) -> list[str]:
        """The addresses of this kind that are spelled as phone numbers."""
        return sorted({value for of, value, _ in self.addresses if of == kind and value.startswith("+")})

    @property
    def numbers(self) -> list[str]:
        """The digits that every spelling of a phone number has in common: neither country nor leading zero."""
        return sorted({_national_digits(value) for value in self.values if value.startswith("+")})

    @property
    def contact_codes(self) -> list[str]:
        return sorted({code for _, code in self.contacts})


def _national_digits(e164: str) -> str:
    try:
        return str(phonenumbers.parse(e164, None).national_number)
    except phonenumbers.NumberParseException:
        return re.sub(r"\D", "", e164)


@transaction.atomic
def begin(
    *,
    recipient_id: int,
    cause: ErasureRequest.Cause,
    via: str,
    now: datetime,
    business: Business | None = None,
    by: User | None = None,
    code: str | None = None,
) -> ErasureRequest | None:
    """Take the person away, everywhere or from ``business``, and return the request that follows up their copies.

    Asking twice is asking once. Stops, blocks and the pause stay: towards one business as they are, everywhere as
    keyed hashes. Only a person's own wish (or the operator's, for them) bars files and programs from bringing them
    back; a business that deletes a contact may add it again. ``code`` names the request when a journal is re-applied.
    None when the person is gone already, without a wish of theirs.
    """
    recipient = refusals.locked(recipient_id)
    if recipient.erased_at is not None:
        return ErasureRequest.objects.filter(recipient=recipient, business=None).first()
    if business is not None and (earlier := _unfinished(recipient, business)) is not None:
        return earlier
    traces = _traces(recipient, business)
    if cause != Cause.BUSINESS:
        traces.suppressed.extend(_suppress(recipient, traces, business, now))
    request = ErasureRequest.objects.create(
        recipient=recipient,
        business=business,
        cause=cause,
        via=via,
        traces=asdict(traces),
        requested_at=now,
        **({"code": code} if code else {}),
    )
    if by is not None:
        _note(request, by, now)
    _forget(traces, business, now)
    return request


def delete_contact(*, contact: Contact, via: str, by: User | None, now: datetime) -> None:
    """The business deletes its contact, with everything that it knows of the person; their refusals stay."""
    begin(recipient_id=contact.recipient_id, business=contact.business, cause=Cause.BUSINESS, via=via, by=by, now=now)


def _unfinished(recipient: Recipient, business: Business) -> ErasureRequest | None:
    """Return the request that is being followed up, unless the business has come to know the person again since."""
    if Contact.objects.of(business).filter(recipient=recipient).exists():
        return None
    waiting = ErasureRequest.objects.filter(recipient=recipient, business=business)
    return waiting.exclude(state=ErasureRequest.State.DONE).first()


def family(recipient: Recipient) -> list[int]:
    """Return the ids under which this person is known in rows that never change: their own and those merged in."""
    merged = Recipient.objects.filter(merged_into=recipient).order_by("pk").values_list("pk", flat=True)
    return [recipient.pk, *merged]


def _traces(recipient: Recipient, business: Business | None) -> Traces:
    contacts = Contact.objects.filter(recipient=recipient)
    if business is not None:
        contacts = contacts.of(business)
    known = list(contacts.order_by("business_id").values_list("business_id", "code", "name"))
    addresses = Address.objects.filter(recipient=recipient).order_by("id").values_list("kind", "value", "scope")
    return Traces(
        recipient_ids=family(recipient),
        business_id=business.pk if business else None,
        addresses=[list(address) for address in addresses],
        names=sorted({name for _, _, name in known if len(name) >= MIN_NAME}),
        contacts=[[business_id, code] for business_id, code, _ in known],
    )


def _suppress(recipient: Recipient, traces: Traces, business: Business | None, now: datetime) -> list[list[Any]]:
    """Keep what must outlive the addresses, as keyed hashes; return what was kept."""
    kept: list[tuple[int | None, str]] = [(business.legal_entity_id if business else None, suppressions.ERASED)]
    if business is None:
        kept += kept_refusals(recipient)
    hashes = [suppressions.hash_address(value, kind, scope) for kind, value, scope in traces.addresses]
    for legal_entity_id, kind in kept:
        suppressions.add(hashes=hashes, kind=kind, legal_entity_id=legal_entity_id, now=now)
    return [[hashed.hex(), legal_entity_id, kind] for hashed in hashes for legal_entity_id, kind in kept]


def kept_refusals(recipient: Recipient) -> list[tuple[int | None, str]]:
    """Return the person's standing refusals as (legal entity, kind of suppression)."""
    standing = Refusal.objects.filter(recipient=recipient, lifted_at=None).order_by("legal_entity_id", "kind")
    kept: list[tuple[int | None, str]] = [
        (legal_entity_id, suppressions.KIND_OF_REFUSAL[Refusal.Kind(kind)])
        for legal_entity_id, kind in standing.values_list("legal_entity_id", "kind")
    ]
    return kept + ([(None, suppressions.PAUSED_ALL)] if recipient.paused_all_at else [])


def _note(request: ErasureRequest, by: User, now: datetime) -> None:
    audit.note(
        action="person.erased" if request.business is None else "contact.erased",
        object_kind="erasure",
        object_code=request.code,
        actor=by,
        business=request.business,
        after={"cause": str(request.cause), "via": request.via},
        now=now,
    )


def _forget(traces: Traces, business: Business | None, now: datetime) -> None:
    contacts = Contact.objects.filter(recipient_id__in=traces.recipient_ids)
    dealings = Interaction.objects.filter(recipient_id__in=traces.recipient_ids)
    if business is not None:
        contacts, dealings = contacts.of(business), dealings.filter(business=business)
    asked = JoinRequest.objects.filter(recipient_id__in=traces.recipient_ids)
    (asked if business is None else asked.filter(page__business=business)).delete()
    blank(dealings)
    contacts.delete()
    if business is None:
        Address.objects.filter(recipient_id__in=traces.recipient_ids).delete()
        Refusal.objects.filter(recipient_id__in=traces.recipient_ids).delete()
        people = Recipient.objects.filter(pk__in=traces.recipient_ids)
        people.update(erased_at=now, locale="", own_limit=None, paused_all_at=None)
    for recipient_id in traces.recipient_ids:
        ledger.destroy_key(recipient_id=recipient_id, business=business, now=now)


def blank(dealings: QuerySet[Interaction]) -> None:
    """Forget what people did. What a business attested stays as an empty line of its batch, without basis or date.

    Otherwise whoever denies a bought list and leaves would take their denial along (``consent.suspicion``).
    """
    dealings.filter(batch=None).delete()
    dealings.filter(withdrawn_at__isnull=False).delete()
    dealings.update(occurred_at=LONG_AGO, evidence=Concat(Value("erased "), Cast("pk", CharField())))


def forget_copies(*, traces: Traces) -> int:
    """Blank the wrong rows of contact files that hold the person's number or name; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            FORGET_FAULTS, {"numbers": traces.numbers, "names": traces.names, "business_id": traces.business_id}
        )
        return int(cursor.rowcount)


def forget_uploads(*, traces: Traces, now: datetime) -> bool:
    """Delete the files that wait to be taken in and hold the person's number; False: ask again, one is being read."""
    return uploads.forget_person(
        numbers=traces.phones(Address.Kind.E164),
        test_numbers=traces.phones(Address.Kind.SANDBOX),
        business_id=traces.business_id,
        now=now,
    )


def may_be_in_a_readers_hands(*, traces: Traces, since_before: datetime) -> bool:
    """Say whether a file that came before that moment is being read: its reader may yet leave copies."""
    return bool(traces.numbers) and uploads.are_being_read(since_before=since_before, business_id=traces.business_id)


def owners_of(*, hashes: set[bytes]) -> dict[bytes, list[int]]:
    """Return who is reached at the addresses that were hashed like this; reads every address once."""
    owners: dict[bytes, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(OWNERS_OF, {"hashes": sorted(hashes), **suppressions.pads()})
        for hashed, recipient_id in cursor.fetchall():
            owners.setdefault(bytes(hashed), []).append(recipient_id)
    return owners
