"""What this floor keeps only for so long: frozen values, provider's ids, messages on sandbox phones.

As in ``consent.retention``: short transactions, how many rows went, and a dry run that only counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from broadcasts.models import Broadcast, Delivery, PhoneMessage
from broadcasts.statements import statement

SLICE = 5_000
IDS_AT_ONCE = 20_000


def variables(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Empty the values of one broadcast that was settled before ``before``; 0 when none is left with any."""
    settled = Broadcast.objects.filter(settled_at__lt=before, has_values=True).order_by("pk")
    if is_dry:
        ids = list(settled.values_list("pk", flat=True))
        return Delivery.objects.filter(broadcast_id__in=ids, variables__isnull=False).count() if ids else 0
    for broadcast_id in settled.values_list("pk", flat=True):
        n = _empty(broadcast_id)
        Broadcast.objects.filter(pk=broadcast_id).update(has_values=False)
        if n:
            return n
    return 0


def _empty(broadcast_id: int) -> int:
    n, last = 0, 0
    while True:
        held = Delivery.objects.filter(broadcast_id=broadcast_id, recipient_id__gt=last)
        ids = list(held.order_by("recipient_id").values_list("recipient_id", flat=True)[:SLICE])
        if not ids:
            return n
        full = Delivery.objects.filter(broadcast_id=broadcast_id, recipient_id__in=ids, variables__isnull=False)
        n += full.update(variables=None)
        last = ids[-1]


def phone_messages(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Delete what lies on sandbox phones since before ``before``."""
    old = PhoneMessage.objects.filter(created_at__lt=before, is_delivery_reported=True)
    if is_dry:
        return old.count()
    n, _by_model = PhoneMessage.objects.filter(pk__in=old.order_by("pk").values("pk")[:SLICE]).delete()
    return n


def provider_ids(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Delete the provider's ids of messages whose broadcast was settled before ``before``: no receipt comes any more.

    Reads all ids once, in the order of their key: there is no index for this, because it would slow down sending.
    """
    broadcast_ids = list(Broadcast.objects.filter(settled_at__lt=before).values_list("pk", flat=True))
    values: dict[str, Any] = {
        "broadcast_ids": broadcast_ids,
        "sender_id": 0,
        "provider_id": "",
        "limit": IDS_AT_ONCE,
        "is_dry": is_dry,
    }
    n = 0
    with connection.cursor() as cursor:
        while broadcast_ids:
            cursor.execute(statement("forget_provider_ids"), values)
            n_found, values["sender_id"], values["provider_id"] = cursor.fetchone()
            n += n_found
            if values["sender_id"] is None:
                break
    return n
