"""When an offer may reach somebody: the operator's hours (``QuietHours``), in the person's own time.

Hours and holidays are data. A country without hours of its own has those of '' ; where those are missing too, the
day is open. In a country that has some, a weekday without a row is quiet. 00:00 to 23:59:59.999999 is the whole day.
Somebody who may live in several time zones is told nothing before the hour is decent in all of them.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

from consent import zones as time_zones
from consent.models import QuietHours

CACHE_SECONDS = 30.0
LOOK_AHEAD_DAYS = 14
ONE_DAY = timedelta(days=1)


class Day(NamedTuple):
    """The hours of one weekday; None means quiet all day. The moment of closing is outside, but for midnight."""

    opens: time | None
    closes: time | None
    skips_holidays: bool
    # Parts of the country whose own holidays are quiet for everybody, by the codes of ISO 3166-2: "57 6AE".
    holiday_parts: str = ""


Week = Mapping[int, Day]
Span = tuple[datetime, datetime]
QUIET_DAY = Day(None, None, False)


def opens_at(*, country: str, timezone: str, now: datetime) -> datetime:
    """Return ``now`` when offers may go out there now, else the next moment at which they may.

    ``timezone`` is one or several zones (``zones``). Where their hours have nothing in common within two weeks, those
    of the first, which is that of most people, hold alone; a country that is never open is asked about again then.
    """
    week = _week_of(country)
    if week is None:
        return now
    zones = time_zones.read(timezone)

    def is_quiet(day: date, hours: Day) -> bool:
        return hours.skips_holidays and day in _holidays(country, day.year, hours.holiday_parts)

    found = next_opening(week=week, zones=zones, is_quiet=is_quiet, now=now)
    if found is None and len(zones) > 1:
        found = next_opening(week=week, zones=zones[:1], is_quiet=is_quiet, now=now)
    return found or now + timedelta(days=LOOK_AHEAD_DAYS)


def next_opening(
    *, week: Week, zones: Sequence[ZoneInfo], is_quiet: Callable[[date, Day], bool], now: datetime
) -> datetime | None:
    """Return the first moment from ``now`` on at which all clocks show an open hour; None for two weeks of none."""
    last = now + timedelta(days=LOOK_AHEAD_DAYS)
    moment = now
    while moment <= last:
        openings = [_opening(week, zone, is_quiet, moment) for zone in zones]
        latest = max((opening for opening in openings if opening is not None), default=moment)
        if None in openings or latest > last:
            return None
        if latest == moment:
            return moment
        moment = latest
    return None


def forget() -> None:
    """Read the hours anew at the next question, instead of within ``CACHE_SECONDS``."""
    global _weeks, _read_at
    _weeks, _read_at = {}, -CACHE_SECONDS


def _opening(week: Week, zone: ZoneInfo, is_quiet: Callable[[date, Day], bool], moment: datetime) -> datetime | None:
    """Return the first moment from ``moment`` on that is open by the clock of one zone."""
    today = moment.astimezone(zone).date()
    for n_days in range(LOOK_AHEAD_DAYS + 2):
        day = today + n_days * ONE_DAY
        hours = week.get(day.weekday(), QUIET_DAY)
        if hours.opens is None or hours.closes is None or is_quiet(day, hours):
            continue
        for begins, ends in _spans(zone, day, hours.opens, hours.closes):
            if moment < ends:
                return max(moment, begins)
    return None


@lru_cache(maxsize=4096)
def _spans(zone: ZoneInfo, day: date, opens: time, closes: time) -> list[Span]:
    """Return when the clock on the wall shows ``day`` and an hour from ``opens`` to ``closes``.

    That is twice where a clock that is put back shows the hour again, and never where one that is put forward
    jumps over it.
    """
    midnight = datetime.combine(day, time.min)
    first, last = datetime.combine(day, opens), datetime.combine(day, closes)
    if closes == time.max:
        last = midnight + ONE_DAY
    spans = []
    for begins, ends, offset in _between_changes(zone, midnight - ONE_DAY, midnight + 2 * ONE_DAY):
        start, end = max(begins, first - offset), min(ends, last - offset)
        if start < end:
            spans.append((start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)))
    return spans


def _between_changes(zone: ZoneInfo, begins: datetime, ends: datetime) -> list[tuple[datetime, datetime, timedelta]]:
    """Return the stretches in which the clock is not changed, with how far it is ahead of UTC; all in naive UTC."""
    before, after = _offset(zone, begins), _offset(zone, ends)
    if before == after:
        return [(begins, ends, before)]
    early, late = begins, ends
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        early, late = (middle, late) if _offset(zone, middle) == before else (early, middle)
    return [(begins, late, before), (late, ends, after)]


def _offset(zone: ZoneInfo, naive_utc: datetime) -> timedelta:
    return naive_utc.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta(0)


_weeks: dict[str, dict[int, Day]] = {}
_read_at = -CACHE_SECONDS


def _week_of(country: str) -> Week | None:
    global _weeks, _read_at
    if clock.monotonic() - _read_at > CACHE_SECONDS:
        weeks: dict[str, dict[int, Day]] = {}
        for row in QuietHours.objects.all():
            weeks.setdefault(row.country, {})[row.weekday] = Day(
                row.opens_at, row.closes_at, row.skips_public_holidays, row.holiday_parts
            )
        _weeks, _read_at = weeks, clock.monotonic()
    return _weeks.get(country, _weeks.get(""))


@lru_cache(maxsize=512)
def _holidays(country: str, year: int, parts: str = "") -> frozenset[date]:
    """Return the public holidays of the whole country and those of ``parts`` of it, as far as the library knows."""
    days: set[date] = set()
    for part in ("", *parts.split()):
        try:
            days |= set(holidays.country_holidays(country, subdiv=part or None, years=year))
        except NotImplementedError:
            continue
    return frozenset(days)
