"""The hour of a broadcast: one moment for everybody, or the same hour on each person's own clock.

On its own clock each time zone has its moment: ``scheduled_at`` is then read as what the business's clock shows at it.
Chunks are cut by time zone, so that nothing but their ``due_at`` differs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Min

from broadcasts.models import Broadcast
from consent import zones

# How far the clocks of the world are ahead of UTC, and behind it.
EASTERNMOST, WESTERNMOST = timedelta(hours=14), timedelta(hours=-12)


def on_the_clock(broadcast: Broadcast) -> datetime | None:
    """Return what everybody's clock shows when it is their turn (without a zone), or None when clocks do not matter."""
    if not broadcast.is_local_time or broadcast.scheduled_at is None:
        return None
    return broadcast.scheduled_at.astimezone(ZoneInfo(broadcast.business.timezone)).replace(tzinfo=None)


def first_start(broadcast: Broadcast, now: datetime) -> datetime:
    """Return when it begins for those who are first anywhere; not before ``now``."""
    clock = on_the_clock(broadcast)
    begins = broadcast.scheduled_at if clock is None else clock.replace(tzinfo=UTC) - EASTERNMOST
    return max(begins or now, now)


def last_start(broadcast: Broadcast, now: datetime) -> datetime:
    """Return when it has begun for everybody, wherever they live; the offer's life is counted from there."""
    clock = on_the_clock(broadcast)
    begins = broadcast.scheduled_at if clock is None else clock.replace(tzinfo=UTC) - WESTERNMOST
    return max(begins or now, now)


def start_for(broadcast: Broadcast, timezone: str, now: datetime) -> datetime:
    """Return when it begins for people of ``timezone`` (as stored of them: one zone or several, the first counts).

    Where that hour is over already, at once. An hour that a clock jumps over begins when it has jumped.
    """
    clock = on_the_clock(broadcast)
    if clock is None:
        return max(broadcast.scheduled_at or now, now)
    return max(clock.replace(tzinfo=zones.first(timezone or broadcast.business.timezone)).astimezone(UTC), now)


def starts(broadcast: Broadcast, timezones: Collection[str], now: datetime) -> dict[str, datetime]:
    """Return the moment of each of ``timezones``."""
    return {timezone: start_for(broadcast, timezone, now) for timezone in timezones}


@dataclass(frozen=True)
class Turn:
    """Whose hour comes next, and when."""

    begins_at: datetime
    timezones: list[str]


def next_turn(broadcast: Broadcast, now: datetime) -> Turn | None:
    """Return the next hour that people of a broadcast under way wait for, and their time zones; None when clocks do
    not matter, or nobody waits any more. Whoever has several zones (see ``zones``) goes by the first."""
    if not broadcast.is_local_time or broadcast.state != Broadcast.State.SENDING:
        return None
    waiting = broadcast.chunks.filter(done_at__isnull=True, due_at__gt=now)
    begins_at = waiting.aggregate(next=Min("due_at"))["next"]
    if begins_at is None:
        return None
    stored = waiting.filter(due_at=begins_at).values_list("timezone", flat=True).distinct()
    named = {str(zones.first(one or broadcast.business.timezone)) for one in stored}
    return Turn(begins_at, sorted(named))
