"""The hot tables have no foreign keys in the database: once a night somebody looks whether nothing dangles.

What a night looks at are the broadcasts launched in the last days: older ones were looked at before, and nobody writes
to them any more but receipts, which move rows and make none.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from broadcasts.models import Broadcast, BroadcastVersion, Chunk, Delivery, ProviderMessage
from consent.models import Recipient

log = logging.getLogger(__name__)
# A night that was missed is made up for.
LOOK_BACK = timedelta(days=3)
# UTC; between the busy hours of Europe and America.
HOUR = 3


def look_once_a_night(*, now: datetime) -> None:
    """Look in the hour of the night, and log what dangles; called once an hour."""
    if now.hour == HOUR:
        for fault in faults(since=now - LOOK_BACK):
            log.error("links: %s", fault)


def faults(*, since: datetime) -> list[str]:
    """Return one sentence for each kind of row that points to nothing, of broadcasts launched after ``since``."""
    found = {name: rows.count() for name, rows in _dangling(since).items()}
    return [f"{n} {name}" for name, n in found.items() if n]


def _dangling(since: datetime) -> dict[str, QuerySet[Any]]:
    lately = list(Broadcast.objects.filter(launched_at__gte=since).values_list("pk", flat=True))
    deliveries = Delivery.objects.filter(broadcast_id__in=lately)
    words = BroadcastVersion.objects.filter(broadcast=OuterRef("broadcast_id"), version=OuterRef("version_id"))
    itself = Delivery.objects.filter(broadcast_id=OuterRef("broadcast_id"), recipient_id=OuterRef("recipient_id"))
    everywhere = Delivery.objects.filter(broadcast_id__gte=min(lately)) if lately else Delivery.objects.none()
    return {
        "deliveries of no person": deliveries.filter(~Exists(Recipient.objects.filter(pk=OuterRef("recipient_id")))),
        "deliveries in words that were not frozen": deliveries.filter(version_id__isnull=False).filter(~Exists(words)),
        "deliveries of no broadcast": everywhere.filter(~Exists(Broadcast.objects.filter(pk=OuterRef("broadcast_id")))),
        "providers' ids of no delivery": ProviderMessage.objects.filter(broadcast_id__in=lately).filter(
            ~Exists(itself)
        ),
        "chunks of no broadcast": Chunk.objects.filter(~Exists(Broadcast.objects.filter(pk=OuterRef("broadcast_id")))),
    }
