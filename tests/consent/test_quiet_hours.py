"""Offers go out in the hours that the operator's table allows, in the person's own time."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent import quiet_hours
from consent.models import QuietHours

pytestmark = pytest.mark.django_db
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(autouse=True)
def _fresh():
    quiet_hours.forget()
    yield
    quiet_hours.forget()


def paris(*moment):
    return datetime(*moment, tzinfo=PARIS)


def opening(now, country="FR", timezone="Europe/Paris"):
    return quiet_hours.opens_at(country=country, timezone=timezone, now=now)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (paris(2026, 6, 1, 10, 0), paris(2026, 6, 1, 10, 0)),  # a Monday
        (paris(2026, 6, 1, 7, 59, 59), paris(2026, 6, 1, 8, 0)),
        (paris(2026, 6, 1, 8, 0), paris(2026, 6, 1, 8, 0)),
        (paris(2026, 6, 1, 19, 59, 59), paris(2026, 6, 1, 19, 59, 59)),
        (paris(2026, 6, 1, 20, 0), paris(2026, 6, 2, 8, 0)),
        (paris(2026, 6, 6, 21, 0), paris(2026, 6, 8, 8, 0)),  # Saturday evening: over Sunday
        (paris(2026, 6, 7, 12, 0), paris(2026, 6, 8, 8, 0)),
        (paris(2026, 7, 14, 12, 0), paris(2026, 7, 15, 8, 0)),  # a national holiday, a Tuesday
        (paris(2027, 4, 30, 20, 0), paris(2027, 5, 3, 8, 0)),  # 1 May is a Saturday, then Sunday
        (paris(2026, 12, 24, 23, 0), paris(2026, 12, 26, 8, 0)),
    ],
)
def test_france(now, expected):
    assert opening(now.astimezone(UTC)) == expected


def test_the_person_is_asked_by_their_own_clock():
    noon_in_paris = paris(2026, 6, 1, 12, 0)
    new_york = ZoneInfo("America/New_York")
    assert opening(noon_in_paris, "US", "America/New_York") == datetime(2026, 6, 1, 8, 0, tzinfo=new_york)
    kolkata = ZoneInfo("Asia/Kolkata")
    assert opening(datetime(2026, 6, 1, 22, tzinfo=kolkata), "IN", "Asia/Kolkata") == datetime(
        2026, 6, 2, 10, tzinfo=kolkata
    )


def test_a_country_without_hours_has_those_of_nobody_in_particular():
    lima = ZoneInfo("America/Lima")
    assert opening(datetime(2026, 6, 1, 8, tzinfo=lima), "PE", "America/Lima") == datetime(2026, 6, 1, 9, tzinfo=lima)


def test_clocks_that_change_do_not_confuse():
    assert opening(paris(2026, 3, 28, 21, 0)) == paris(2026, 3, 30, 8, 0)
    assert opening(paris(2026, 3, 28, 21, 0)).astimezone(UTC) == datetime(2026, 3, 30, 6, tzinfo=UTC)


def test_the_operator_may_open_the_whole_day():
    QuietHours.objects.all().update(opens_at=time.min, closes_at=time.max, skips_public_holidays=False)
    for hour in (0, 3, 12, 23):
        now = paris(2026, 7, 12, hour, 59, 59, 999_999)
        assert opening(now) == now


def test_without_any_hours_every_moment_is_open():
    QuietHours.objects.all().delete()
    now = paris(2026, 6, 7, 3, 0)
    assert opening(now) == now


def test_a_country_that_never_opens_is_asked_about_again():
    QuietHours.objects.filter(country="FR").update(opens_at=None, closes_at=None)
    now = paris(2026, 6, 1, 12, 0)
    assert opening(now) == now + timedelta(days=quiet_hours.LOOK_AHEAD_DAYS)


def test_a_broken_zone_stops_nobody():
    now = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    assert opening(now, timezone="Mars/Olympus") == now
    assert opening(now, timezone="../../etc/passwd") == now


LA_TO_NEW_YORK = "America/New_York America/Los_Angeles"


def test_whoever_may_live_at_either_coast_is_told_when_it_is_decent_at_both():
    los_angeles, new_york = ZoneInfo("America/Los_Angeles"), ZoneInfo("America/New_York")
    nine_in_new_york = datetime(2026, 6, 1, 9, tzinfo=new_york)
    assert opening(nine_in_new_york, "US", LA_TO_NEW_YORK) == datetime(2026, 6, 1, 8, tzinfo=los_angeles)
    at_night = datetime(2026, 6, 1, 21, tzinfo=new_york)
    assert opening(at_night, "US", LA_TO_NEW_YORK) == datetime(2026, 6, 2, 8, tzinfo=los_angeles)


def test_where_hours_have_nothing_in_common_those_of_most_people_hold():
    auckland = ZoneInfo("Pacific/Auckland")
    at_night = datetime(2026, 6, 1, 3, tzinfo=auckland)
    assert opening(at_night, "PE", "Pacific/Auckland Europe/London") == datetime(2026, 6, 1, 9, tzinfo=auckland)


@pytest.mark.parametrize(
    ("country", "zone", "closed", "opens"),
    [
        ("DE", "Europe/Berlin", (2026, 10, 3, 12), (2026, 10, 5, 8)),  # Day of Unity, a Saturday, then Sunday
        ("ES", "Europe/Madrid", (2026, 6, 6, 12), (2026, 6, 8, 9)),  # no weekends
        ("IT", "Europe/Rome", (2026, 6, 2, 12), (2026, 6, 3, 9)),  # Republic Day, a Tuesday
        ("IT", "Europe/Rome", (2026, 6, 6, 19), (2026, 6, 8, 9)),  # Saturday evening
        ("GB", "Europe/London", (2026, 6, 1, 20), (2026, 6, 2, 8)),
        ("CA", "America/Toronto", (2026, 6, 6, 9), (2026, 6, 6, 10)),  # Saturday
        ("IN", "Asia/Kolkata", (2026, 6, 1, 9), (2026, 6, 1, 10)),
        ("BR", "America/Sao_Paulo", (2026, 9, 7, 12), (2026, 9, 8, 9)),  # Independence Day, a Monday
        ("AU", "Australia/Sydney", (2026, 1, 26, 12), (2026, 1, 27, 9)),  # Australia Day
        ("AU", "Australia/Sydney", (2026, 6, 6, 17), (2026, 6, 8, 9)),
        ("US", "America/New_York", (2026, 7, 4, 21), (2026, 7, 5, 8)),  # holidays are days like any other there
    ],
)
def test_each_country_has_its_hours(country, zone, closed, opens):
    zone_info = ZoneInfo(zone)
    assert opening(datetime(*closed, tzinfo=zone_info), country, zone) == datetime(*opens, tzinfo=zone_info)


def test_every_row_names_its_source():
    assert not QuietHours.objects.filter(source="").exists()
    assert {"", "FR", "DE", "GB", "ES", "IT", "US", "CA", "IN", "BR", "AU"} == set(
        QuietHours.objects.values_list("country", flat=True)
    )


def test_holidays_of_a_part_are_quiet_where_the_operator_says_so():
    saint_stephen = paris(2026, 12, 26, 12, 0)
    assert opening(saint_stephen) == saint_stephen
    QuietHours.objects.filter(country="FR").update(holiday_parts="57 6AE Atlantis")
    quiet_hours.forget()
    assert opening(saint_stephen) == paris(2026, 12, 28, 8, 0)


def test_the_table_is_read_at_most_every_half_minute(django_assert_num_queries):
    opening(paris(2026, 6, 1, 12, 0))
    with django_assert_num_queries(0):
        for hour in range(24):
            opening(paris(2026, 6, 1, hour, 0))
    quiet_hours.forget()
    with django_assert_num_queries(1):
        opening(paris(2026, 6, 1, 12, 0))


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    place=st.sampled_from(
        [("FR", "Europe/Paris"), ("US", LA_TO_NEW_YORK), ("CA", "America/Toronto"), ("AU", "Australia/Perth")]
    ),
)
def test_an_opening_is_never_in_the_past_and_always_open(now, place):
    country, timezone = place
    found = quiet_hours.opens_at(country=country, timezone=timezone, now=now)
    assert found >= now
    assert quiet_hours.opens_at(country=country, timezone=timezone, now=found) == found
