"""When an offer may reach somebody: the operator's hours (``QuietHours``), in the person's own time.

Hours and holidays are data. A country without hours of its own has those of '' ; where those are missing too, the
day is open. In a country that has some, a weekday without a row is quiet. 00:00 to 23:59:59.999999 is the whole day.
"""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from django.conf import settings

from consent.models import QuietHours

CACHE_SECONDS = 30.0
LOOK_AHEAD_DAYS = 14


class Day(NamedTuple):
    """The hours of one weekday; None means quiet all day. The moment of closing is outside, but for midnight."""

    opens: time | None
    closes: time | None
    skips_holidays: bool


Week = Mapping[int, Day]
OPEN_DAY = Day(time.min, time.max, False)
QUIET_DAY = Day(None, None, False)


def opens_at(*, country: str, timezone: str, now: datetime) -> datetime:
    """Return ``now`` when offers may go out there now, else the next moment at which they may.

    A country that is never open within two weeks is asked about again then.
    """
    zone = _zone(timezone)
    local = now.astimezone(zone)
    week = _week_of(country)
    for n_days in range(LOOK_AHEAD_DAYS):
        day = local.date() + timedelta(days=n_days)
        hours = week.get(day.weekday(), QUIET_DAY) if week is not None else OPEN_DAY
        if hours.opens is None or hours.closes is None or (hours.skips_holidays and _is_holiday(country, day)):
            continue
        opening = datetime.combine(day, hours.opens, zone)
        if n_days > 0 or local.time() < hours.opens:
            return opening
        if local.time() < hours.closes or hours.closes == time.max:
            return now
    return now + timedelta(days=LOOK_AHEAD_DAYS)


def forget() -> None:
    """Read the hours anew at the next question, instead of within ``CACHE_SECONDS``."""
    global _weeks, _read_at
    _weeks, _read_at = {}, -CACHE_SECONDS


_weeks: dict[str, dict[int, Day]] = {}
_read_at = -CACHE_SECONDS


def _week_of(country: str) -> Week | None:
    global _weeks, _read_at
    if clock.monotonic() - _read_at > CACHE_SECONDS:
        weeks: dict[str, dict[int, Day]] = {}
        for row in QuietHours.objects.all():
            weeks.setdefault(row.country, {})[row.weekday] = Day(row.opens_at, row.closes_at, row.skips_public_holidays)
        _weeks, _read_at = weeks, clock.monotonic()
    return _weeks.get(country, _weeks.get(""))


def _is_holiday(country: str, day: date) -> bool:
    return day in _holidays(country, day.year)


@lru_cache(maxsize=512)
def _holidays(country: str, year: int) -> frozenset[date]:
    """Return the public holidays of the whole country; none for a country that the library does not know."""
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()


@lru_cache(maxsize=512)
def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        # One person's broken zone must not stop a chunk of others.
        return ZoneInfo(settings.TIME_ZONE)
