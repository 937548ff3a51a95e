"""What is kept of an address whose owner was erased: a keyed hash, enough to recognise it and to keep their word.

*erased* bars files and programs from bringing the person back, everywhere or for one company; stops, blocks and the
pause of all offers wait here for a person who comes back by themselves. The key comes from the installation's
``SECRET_KEY``: whoever changes that forgets whom to leave alone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache

from django.conf import settings
from django.db.models import Q, QuerySet

from consent.models import Address, Recipient, Refusal, Suppression

BLOCK_BYTES = 64
ERASED, PAUSED_ALL = "erased", "paused_all"
KIND_OF_REFUSAL = {Refusal.Kind.STOPPED: "stopped", Refusal.Kind.BLOCKED: "blocked"}
REFUSAL_OF_KIND = {kind: refusal for refusal, kind in KIND_OF_REFUSAL.items()}


def hash_address(value: str, kind: str = Address.Kind.E164, scope: str = "") -> bytes:
    """Return HMAC-SHA256 of an address as it is stored (``+33639981234``).

    A sandbox phone has a hash of its own: nobody can use one to have a real number erased.
    """
    spelled = prefix(kind) + (f"{scope}:" if scope else "") + value
    return hmac.digest(_key(), spelled.encode(), "sha256")


def prefix(kind: str) -> str:
    """Return what stands before an address of this kind under the hash."""
    return "" if kind == Address.Kind.E164 else f"{kind}:"


def pads() -> dict[str, bytes]:
    """Return the two halves of the key (RFC 2104), with which SQL computes ``hash_address`` for whole tables."""
    padded = _key().ljust(BLOCK_BYTES, b"\0")
    return {
        "inner_pad": bytes(byte ^ 0x36 for byte in padded),
        "outer_pad": bytes(byte ^ 0x5C for byte in padded),
    }


def add(*, hashes: Iterable[bytes], kind: str, legal_entity_id: int | None, now: datetime) -> None:
    """Remember ``kind`` for each hash; saying it twice is saying it once, and the first date stays."""
    Suppression.objects.bulk_create(
        [
            Suppression(address_hash=hashed, kind=kind, legal_entity_id=legal_entity_id, created_at=now)
            for hashed in sorted(set(hashes))
        ],
        ignore_conflicts=True,
    )


def bars(*, hashed: bytes, legal_entity_id: int) -> bool:
    """Say whether this company may not bring the owner of the address in: they were erased, and did not come back."""
    return _erasures(hashed, legal_entity_id).exists()


def barred(*, hashes: list[bytes], legal_entity_id: int) -> set[bytes]:
    """Return which of the addresses this company may not bring in."""
    concerned = Q(legal_entity=None) | Q(legal_entity_id=legal_entity_id)
    found = Suppression.objects.filter(concerned, address_hash__in=hashes, kind=ERASED)
    return {bytes(hashed) for hashed in found.values_list("address_hash", flat=True)}


def has_any(*, hashed: bytes, legal_entity_id: int) -> bool:
    """Say whether anything is kept of this address that this company has to respect: an erasure, a stop, a pause."""
    concerned = Q(legal_entity=None) | Q(legal_entity_id=legal_entity_id)
    return Suppression.objects.filter(concerned, address_hash=hashed).exists()


def erased_at(*, hashed: bytes, legal_entity_id: int) -> datetime | None:
    """Return when the owner of the address was last erased for this company, or None."""
    return _erasures(hashed, legal_entity_id).order_by("-created_at").values_list("created_at", flat=True).first()


def lift(*, hashed: bytes, legal_entity_id: int) -> None:
    """The person has written to this company by themselves: it may know them again, and so may others, in time."""
    _erasures(hashed, legal_entity_id).delete()


def give_back(*, people: Mapping[bytes, Recipient]) -> None:
    """Let people who come back, by the hash of their address, find their stops, blocks and pause as they left them."""
    kept = list(Suppression.objects.filter(address_hash__in=list(people)).exclude(kind=ERASED))
    refusals = [
        Refusal(
            legal_entity_id=one.legal_entity_id,
            recipient=people[bytes(one.address_hash)],
            kind=REFUSAL_OF_KIND[one.kind],
            via="kept",
            refused_at=one.created_at,
        )
        for one in kept
        if one.kind in REFUSAL_OF_KIND and one.legal_entity_id is not None
    ]
    Refusal.objects.bulk_create(refusals, ignore_conflicts=True)
    for one in kept:
        if one.kind == PAUSED_ALL:
            recipient = people[bytes(one.address_hash)]
            recipient.paused_all_at = one.created_at
            recipient.save(update_fields=["paused_all_at"])


def drop(*, recipient: Recipient, kind: str, legal_entity_id: int | None) -> None:
    """The person took their refusal back: nothing of it is kept any more."""
    addresses = Address.objects.filter(recipient=recipient).values_list("value", "kind", "scope")
    hashes = [hash_address(*address) for address in addresses]
    Suppression.objects.filter(address_hash__in=hashes, kind=kind, legal_entity_id=legal_entity_id).delete()


def _erasures(hashed: bytes, legal_entity_id: int) -> QuerySet[Suppression]:
    concerned = Q(legal_entity=None) | Q(legal_entity_id=legal_entity_id)
    return Suppression.objects.filter(concerned, address_hash=hashed, kind=ERASED)


@cache
def _key() -> bytes:
    return hashlib.sha256(b"tambour suppressions\n" + settings.SECRET_KEY.encode()).digest()
