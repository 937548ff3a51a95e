"""Freezing the audience: from launch on, who is meant is written down, one row a person, cut into chunks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import override
from psycopg.types.json import Jsonb

from broadcasts import audience, hours, lifecycle, wordings
from broadcasts.models import Broadcast, CountDelta, Delivery
from broadcasts.statements import statement

SLICE_ROWS = 20_000
CHUNK_ROWS = 500


def next_slice(*, broadcast_id: int, now: datetime, slice_rows: int = SLICE_ROWS) -> bool:
    """Freeze one more slice; return whether there is more to do.

    The cursor commits with the rows, so a crash between slices repeats nothing and loses nothing; a second worker on
    the same broadcast waits for the row lock and goes on after the first. When more people are found than a member
    confirmed, everything is taken back and the broadcast is a draft again, saying so.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        broadcast = (
            Broadcast.objects.select_for_update(of=("self",), no_key=True)
            .select_related("business")
            .get(pk=broadcast_id)
        )
        if broadcast.state != Broadcast.State.PREPARING:
            return False
        n_slice = _take_slice(cursor, broadcast, slice_rows)
        if broadcast.n_audience + n_slice > broadcast.n_confirmed:
            _grew(broadcast, now)
            return False
        if n_slice:
            _write_slice(cursor, broadcast, now)
            _advance(cursor, broadcast, n_slice)
        if n_slice == slice_rows:
            return True
        # Nobody is left. At once, not in the next turn: most broadcasts are small, and others may be waiting.
        lifecycle.begin_sending(broadcast=broadcast, now=now)
    return False


def _take_slice(cursor: Any, broadcast: Broadcast, slice_rows: int) -> int:
    """Read the next contacts into a temporary table that ends with the transaction; return how many there are."""
    columns = (
        audience.meant(broadcast)
        .filter(pk__gt=broadcast.freeze_cursor)
        .order_by("pk")
        .values_list(
            "pk", "recipient_id", "recipient__country", "recipient__timezone", "language", "name", "attributes"
        )
    )
    query, parameters = columns[:slice_rows].query.sql_with_params()
    cursor.execute("DROP TABLE IF EXISTS pg_temp.freeze_slice")
    cursor.execute(
        "CREATE TEMPORARY TABLE freeze_slice (contact_id, recipient_id, country, timezone, language, name, attributes)"
        f" ON COMMIT DROP AS {query}",
        parameters,
    )
    return int(cursor.rowcount)


def _write_slice(cursor: Any, broadcast: Broadcast, now: datetime) -> None:
    if broadcast.freeze_cursor == 0:
        cursor.execute("SELECT make_delivery_partition(%s)", [broadcast.pk])
    lines = list(broadcast.versions.select_related("version"))
    prices = dict(broadcast.price_lines.values_list("country", "price_micro"))
    cursor.execute(
        statement("freeze"),
        {
            "broadcast_id": broadcast.pk,
            "version_ids": [line.version_id for line in lines],
            "version_languages": [line.language for line in lines],
            "needs": [Jsonb(list(wordings.needed(line.version))) for line in lines],
            "fallbacks": [Jsonb(line.version.fallbacks) for line in lines],
            "given": Jsonb(wordings.given(broadcast)),
            "default_language": next(line.language for line in lines if line.is_default),
            "price_countries": list(prices),
            "price_micros": list(prices.values()),
        },
    )
    starts = _starts(cursor, broadcast, now)
    cut = {"timezones": list(starts), "due_ats": list(starts.values())}
    cursor.execute(statement("cut_chunks"), {"broadcast_id": broadcast.pk, "size": CHUNK_ROWS, "due_at": now, **cut})
    broadcast.n_chunks += int(cursor.rowcount)


def _starts(cursor: Any, broadcast: Broadcast, now: datetime) -> dict[str, datetime]:
    """Return the hour of each time zone of the slice; nothing where all begin at once."""
    if not broadcast.is_local_time:
        return {}
    cursor.execute("SELECT DISTINCT timezone FROM freeze_slice")
    return hours.starts(broadcast, [row[0] for row in cursor.fetchall()], now)


def _advance(cursor: Any, broadcast: Broadcast, n_slice: int) -> None:
    cursor.execute("SELECT max(contact_id) FROM freeze_slice")
    (broadcast.freeze_cursor,) = cursor.fetchone()
    broadcast.n_audience += n_slice
    broadcast.save(update_fields=["freeze_cursor", "n_audience", "n_chunks"])
    CountDelta.objects.create(broadcast_id=broadcast.pk, state=Delivery.State.QUEUED, n=n_slice)


def _grew(broadcast: Broadcast, now: datetime) -> None:
    """More people than were confirmed: ask again rather than spend more than was said."""
    with override(broadcast.business.locale):
        reason = _(
            "The audience has grown since you confirmed %(n)d people. Look at the new estimate and launch again."
        ) % {"n": broadcast.n_confirmed}
    lifecycle.take_back(broadcast=broadcast, reason=reason, now=now)
