"""The next decent hour, against an oracle that looks at the clock on the wall of every zone, minute by minute."""

import time as clock
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.quiet_hours import LOOK_AHEAD_DAYS, Day, next_opening

MINUTE = timedelta(minutes=1)
WORK = Day(time(9), time(20), False)
REST = Day(None, None, False)
EVERY_DAY = dict.fromkeys(range(7), WORK)

PLACES = [
    "UTC", "Europe/Paris", "Europe/London", "America/New_York", "America/Los_Angeles", "America/St_Johns",
    "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Chatham",
    "Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Santiago", "Africa/Casablanca",
]  # fmt: skip
# Some days around which clocks are changed somewhere, beside any day at all.
CHANGES = [
    date(2026, 3, 8), date(2026, 3, 28), date(2026, 3, 29), date(2026, 4, 4), date(2026, 4, 5), date(2026, 9, 6),
    date(2026, 9, 27), date(2026, 10, 4), date(2026, 10, 25), date(2026, 11, 1), date(2026, 2, 15), date(2026, 3, 22),
]  # fmt: skip


def is_open(week, zones, holidays, moment):
    """The oracle: a look at each clock."""
    for zone in zones:
        local = moment.astimezone(zone)
        hours = week.get(local.weekday())
        if hours is None or hours.opens is None or (hours.skips_holidays and local.date() in holidays):
            return False
        if local.time() < hours.opens or not (local.time() < hours.closes or hours.closes == time.max):
            return False
    return True


def first_open_minute(week, zones, holidays, now, n_minutes):
    moments = (now + n * MINUTE for n in range(n_minutes))
    return next((moment for moment in moments if is_open(week, zones, holidays, moment)), None)


hours = st.tuples(st.integers(0, 24 * 4 - 1), st.integers(1, 24 * 4)).filter(lambda pair: pair[0] < pair[1])


def at(quarters):
    return time.max if quarters == 24 * 4 else time(quarters // 4, quarters % 4 * 15)


days = st.one_of(
    st.just(REST),
    st.builds(lambda pair, skips: Day(at(pair[0]), at(pair[1]), skips), hours, st.booleans()),
    # The small hours, in which clocks are changed.
    st.builds(lambda begin, n: Day(at(begin), at(begin + n), False), st.integers(0, 14), st.integers(1, 8)),
)


@given(
    week=st.dictionaries(st.integers(0, 6), days, min_size=3),
    zones=st.lists(st.sampled_from(PLACES), min_size=1, max_size=4, unique=True).map(
        lambda n: [ZoneInfo(z) for z in n]
    ),
    day=st.one_of(st.sampled_from(CHANGES), st.dates(date(2025, 1, 1), date(2027, 12, 31))),
    minute=st.integers(0, 24 * 60 - 1),
    holidays=st.sets(st.integers(0, 3)),
)
def test_the_next_opening_is_the_first_minute_at_which_all_clocks_show_an_open_hour(week, zones, day, minute, holidays):
    now = datetime.combine(day, time.min, UTC) + minute * MINUTE
    free = {day + timedelta(days=n) for n in holidays}
    found = next_opening(week=week, zones=zones, is_quiet=lambda d, h: h.skips_holidays and d in free, now=now)
    # Two days of minutes are looked at one by one: that is where clocks and holidays are; beyond, the answer is probed.
    expected = first_open_minute(week, zones, free, now, 2 * 24 * 60)
    if expected is not None:
        assert found == expected
    elif found is not None:
        assert found >= now + 2 * 24 * 60 * MINUTE
        assert is_open(week, zones, free, found)
        assert not is_open(week, zones, free, found - MINUTE)


def opening(week, places, now):
    found = next_opening(week=week, zones=[ZoneInfo(p) for p in places], is_quiet=lambda day, hours: False, now=now)
    return found and found.astimezone(UTC)


@pytest.mark.parametrize(
    ("week", "places", "now", "expected"),
    [
        # Nine in Los Angeles is noon in New York; eight in the evening in New York is the end of both.
        (EVERY_DAY, ["America/New_York", "America/Los_Angeles"], "2026-06-01T13:00", "2026-06-01T16:00"),
        (EVERY_DAY, ["America/New_York", "America/Los_Angeles"], "2026-06-01T23:59", "2026-06-01T23:59"),
        (EVERY_DAY, ["America/New_York", "America/Los_Angeles"], "2026-06-02T00:00", "2026-06-02T16:00"),
        # Half-hour clocks.
        (EVERY_DAY, ["Asia/Kolkata"], "2026-06-01T03:00", "2026-06-01T03:30"),
        (EVERY_DAY, ["America/St_Johns", "America/Vancouver"], "2026-06-01T12:00", "2026-06-01T16:00"),
        # Kaliningrad to Kamchatka: one hour a day is decent everywhere.
        (EVERY_DAY, ["Europe/Kaliningrad", "Asia/Kamchatka"], "2026-06-01T00:00", "2026-06-01T07:00"),
        (EVERY_DAY, ["Europe/Kaliningrad", "Asia/Kamchatka"], "2026-06-01T08:00", "2026-06-02T07:00"),
        # Clocks that jump over the hour of opening open when they have jumped (2026-03-29 02:00 -> 03:00 in Paris).
        ({6: Day(time(2, 30), time(9), False)}, ["Europe/Paris"], "2026-03-28T12:00", "2026-03-29T01:00"),
        # A window that the clock jumps over does not open at all that day.
        ({6: Day(time(2), time(3), False)}, ["Europe/Paris"], "2026-03-28T12:00", "2026-04-05T00:00"),
        # A clock that is put back shows half past two twice: closed in between (2026-10-25 03:00 -> 02:00 in Paris).
        ({6: Day(time(2, 30), time(9), False)}, ["Europe/Paris"], "2026-10-25T00:40", "2026-10-25T00:40"),
        ({6: Day(time(2, 30), time(9), False)}, ["Europe/Paris"], "2026-10-25T01:10", "2026-10-25T01:30"),
        # The whole day, up to midnight.
        ({0: Day(time.min, time.max, False)}, ["Europe/Paris"], "2026-06-01T21:59", "2026-06-01T21:59"),
        ({0: Day(time.min, time.max, False)}, ["Europe/Paris"], "2026-06-01T22:00", "2026-06-07T22:00"),
    ],
)
def test_examples(week, places, now, expected):
    assert opening(week, places, datetime.fromisoformat(now + "+00:00")) == datetime.fromisoformat(expected + "+00:00")


def test_hours_that_have_nothing_in_common_open_never():
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert opening(EVERY_DAY, ["Pacific/Auckland", "Europe/London"], now) is None
    assert opening(dict.fromkeys(range(7), REST), ["Europe/London"], now) is None
    assert opening({}, ["Europe/London"], now) is None


def test_an_opening_beyond_two_weeks_is_left_for_later():
    now = datetime(2026, 6, 1, tzinfo=UTC)
    quiet_for_long = next_opening(
        week=EVERY_DAY, zones=[ZoneInfo("UTC")], is_quiet=lambda day, hours: day < date(2026, 6, 20), now=now
    )
    assert quiet_for_long is None
    nearly = next_opening(
        week=EVERY_DAY, zones=[ZoneInfo("UTC")], is_quiet=lambda day, hours: day < date(2026, 6, 14), now=now
    )
    assert nearly == datetime(2026, 6, 14, 9, tzinfo=UTC) <= now + timedelta(days=LOOK_AHEAD_DAYS)


def test_it_is_asked_for_every_chunk_and_quick():
    zones = [ZoneInfo(zone) for zone in ("Europe/Moscow", "Asia/Anadyr", "Europe/Kaliningrad")]
    now = datetime(2026, 6, 1, tzinfo=UTC)
    began = clock.perf_counter()
    for n in range(500):
        next_opening(week=EVERY_DAY, zones=zones, is_quiet=lambda day, hours: False, now=now + n * 7 * MINUTE)
    assert (clock.perf_counter() - began) / 500 < 0.002
