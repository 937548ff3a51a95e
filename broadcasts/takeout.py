"""What somebody takes along of this floor: every message that was meant for them, and why it came or did not."""

from __future__ import annotations

from typing import Any

from broadcasts.erasure import frozen_slice
from broadcasts.models import Broadcast, Delivery, Notice
from consent.models import BasisRule
from consent.reasons import NOT_REACHABLE_NOW, PLATFORM_FACTS, Reason
from consent.takeout import moment


def messages(*, recipient_ids: list[int], business_id: int | None = None) -> list[dict[str, Any]]:
    """Return the offers, the newest broadcast first. For a business, facts of the platform are not told apart."""
    found: list[Delivery] = []
    after = 0
    while broadcast_ids := frozen_slice(business_id, after):
        found += Delivery.objects.filter(broadcast_id__in=broadcast_ids, recipient_id__in=recipient_ids)
        after = broadcast_ids[-1]
    told = Broadcast.objects.select_related("business").in_bulk({delivery.broadcast_id for delivery in found})
    found.sort(key=lambda delivery: -delivery.broadcast_id)
    return [_message(one, told[one.broadcast_id], is_for_business=business_id is not None) for one in found]


def _message(delivery: Delivery, broadcast: Broadcast, *, is_for_business: bool) -> dict[str, Any]:
    said = {
        "business": broadcast.business.name,
        "broadcast": broadcast.code,
        "state": Delivery.State(delivery.state).name.lower(),
        "reason": _reason(delivery.reason, is_for_business=is_for_business),
        "values": delivery.variables,
        "basis": BasisRule.Basis(delivery.basis).name.lower() if delivery.basis else None,
        "decided_at": moment(delivery.gated_at),
        "sent_at": moment(delivery.sent_at),
        "delivered_at": moment(delivery.delivered_at),
        "read_at": moment(delivery.read_at),
    }
    return said if is_for_business else said | {"offers_counted_before": delivery.cap_counts}


def _reason(reason: int | None, *, is_for_business: bool) -> str | None:
    if reason is None:
        return None
    if is_for_business and reason in PLATFORM_FACTS:
        return NOT_REACHABLE_NOW
    return Reason(reason).name.lower()


def notices(*, recipient_ids: list[int]) -> list[dict[str, Any]]:
    """Return the service messages; their words are not kept."""
    said = Notice.objects.filter(recipient_id__in=recipient_ids).select_related("sender__business")
    return [
        {
            "business": notice.sender.business.name,
            "kind": notice.kind,
            "state": notice.state,
            "at": moment(notice.created_at),
        }
        for notice in said.order_by("-id")
    ]
