"""What the ledger holds of a person, opened with their keys; where a key was destroyed, only that it was there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from businesses.models import Business
from consent import sealing
from consent.models import ConsentEvent, PersonKey


@dataclass(frozen=True, kw_only=True)
class Told:
    """One link, opened. ``payload`` is None when it cannot be read any more, or says nothing."""

    position: int
    kind: str
    business_id: int | None
    created_at: datetime
    payload: dict[str, Any] | None


def history(*, recipient_id: int, business: Business | None = None) -> list[Told]:
    """Return what is recorded of a person in order: everything, or what belongs to one business."""
    chain = ConsentEvent.objects.filter(recipient=recipient_id).select_related("business").order_by("position")
    events = list(chain if business is None else chain.filter(business=business))
    keys = keys_of(recipient_id=recipient_id)
    return [
        Told(
            position=event.position,
            kind=event.kind,
            business_id=event.business_id,
            created_at=event.created_at,
            payload=open_with(keys, event),
        )
        for event in events
    ]


def read(event: ConsentEvent) -> dict[str, Any] | None:
    """Return what one link says; None when it cannot be read any more. Many at once: ``history``."""
    return open_with(keys_of(recipient_id=event.recipient_id), event)


def keys_of(*, recipient_id: int) -> dict[int, bytes]:
    """Return the keys that open a person's links, by business; 0 is that of no business."""
    wrapped = PersonKey.objects.filter(recipient=recipient_id).values_list("business_id", "wrapped")
    return {
        business_id: sealing.unwrap(wrapped=bytes(box), recipient_id=recipient_id, business_id=business_id)
        for business_id, box in wrapped
    }


def open_with(keys: dict[int, bytes], event: ConsentEvent) -> dict[str, Any] | None:
    """Return what a link says, when one of ``keys`` opens it."""
    key, sealed = keys.get(event.business_id or 0), bytes(event.sealed)
    if key is None or sealing.is_blank(sealed):
        return None
    link_key = sealing.link_key(key=key, nonce=sealed[: sealing.NONCE_BYTES])
    text = sealing.unseal(link_key=link_key, header=header_of(event), sealed=sealed)
    return None if text is None else json.loads(text)


def header_of(event: ConsentEvent) -> bytes:
    code = event.business.code if event.business else None
    return sealing.header(
        position=event.position, business_code=code, kind=event.kind, moment=sealing.moment(event.created_at)
    )
