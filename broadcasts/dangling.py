"""The hot tables have no foreign keys in the database: once a night somebody looks whether nothing dangles.

Of deliveries a night looks at those of broadcasts launched in the last days: older ones were looked at before, and
nobody writes to them any more but receipts, which move rows and make none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from psycopg.errors import QueryCanceled

from broadcasts.models import Broadcast, BroadcastVersion, Chunk, Delivery, ProviderMessage
from broadcasts.statements import statement
from businesses import nights
from consent import dangling as people
from consent.models import Recipient

log = logging.getLogger(__name__)
# A night that was missed is made up for.
LOOK_BACK = timedelta(days=3)
NIGHTLY = "dangling"
# UTC; between the busy hours of Europe and America.
HOUR = 3
# For each kind of row. As long as one is counted, no launch can make a new partition.
PATIENCE_SECONDS = 60.0


def nightly(*, now: datetime) -> list[str] | None:
    """Log what dangles, and return it; None before the hour, and when tonight's look was begun already."""
    if not nights.begin(what=NIGHTLY, from_hour=HOUR, now=now):
        return None
    found = list(faults(since=now - LOOK_BACK, seconds=PATIENCE_SECONDS))
    for fault in found:
        log.error("dangling: %s", fault)
    return found


def faults(*, since: datetime, seconds: float = 0) -> Iterator[str]:
    """Yield how many rows of each kind point to nothing, of broadcasts launched after ``since`` where that matters.

    Counting one kind takes ``seconds`` at most (0: as long as it takes); what took longer is a fault, too.
    """
    for kind, count in _dangling(since).items():
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('statement_timeout', %s, TRUE)", [f"{int(seconds * 1000)}"])
                n = count()
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            yield f"{kind}: not counted within {seconds:g} seconds"
        else:
            if n:
                yield f"{kind}: {n}"


def _dangling(since: datetime) -> dict[str, Callable[[], int]]:
    lately = list(Broadcast.objects.filter(launched_at__gte=since).values_list("pk", flat=True))
    deliveries = Delivery.objects.filter(broadcast_id__in=lately)
    words = BroadcastVersion.objects.filter(broadcast=OuterRef("broadcast_id"), version=OuterRef("version_id"))
    itself = Delivery.objects.filter(broadcast_id=OuterRef("broadcast_id"), recipient_id=OuterRef("recipient_id"))
    rows: dict[str, QuerySet[Any]] = {
        "deliveries of no person": deliveries.filter(~Exists(Recipient.objects.filter(pk=OuterRef("recipient_id")))),
        "deliveries in words that were not frozen": deliveries.filter(version_id__isnull=False).filter(~Exists(words)),
        "providers' ids of no delivery": ProviderMessage.objects.filter(broadcast_id__in=lately).filter(
            ~Exists(itself)
        ),
        "chunks of no broadcast": Chunk.objects.filter(~Exists(Broadcast.objects.filter(pk=OuterRef("broadcast_id")))),
        **{f"{table} of no person": rows for table, rows in people.of_nobody().items()},
    }
    return {"deliveries of no broadcast": _of_no_broadcast} | {kind: one.count for kind, one in rows.items()}


def _of_no_broadcast() -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement("stray_broadcasts"))
        stray = [pk for (pk,) in cursor.fetchall()]
    return Delivery.objects.filter(broadcast_id__in=stray).count()
