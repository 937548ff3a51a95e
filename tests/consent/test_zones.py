"""Where the owner of a number may live, as far as clocks are concerned."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from consent import zones
from consent.models import Recipient

COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize(
    ("e164", "country", "expected"),
    [
        ("+12125551234", "US", "America/New_York"),
        ("+13125551234", "US", "America/Chicago"),
        ("+14155551234", "US", "America/Los_Angeles"),
        ("+16025551234", "US", "America/Phoenix"),
        ("+18085551234", "US", "Pacific/Honolulu"),
        # An area code of nowhere: all of the contiguous states, so the two outermost clocks.
        ("+15005551234", "US", "America/New_York America/Los_Angeles"),
        ("+16045551234", "CA", "America/Vancouver"),
        ("+13065551234", "CA", "America/Regina"),
        ("+17095551234", "CA", "America/Halifax America/St_Johns"),  # Newfoundland and Labrador
        ("+17875551234", "PR", "America/Puerto_Rico"),
        ("+5511987654321", "BR", "America/Sao_Paulo"),
        ("+5592987654321", "BR", "America/Manaus"),
        ("+526641234567", "MX", "America/Tijuana"),
        # Landlines say where they are, mobile numbers do not.
        ("+61291234567", "AU", "Australia/Sydney"),
        ("+61412345678", "AU", "Australia/Sydney Australia/Perth"),
        ("+74951234567", "RU", "Europe/Moscow"),
        ("+79161234567", "RU", "Europe/Moscow Asia/Anadyr Europe/Kaliningrad"),
        ("+6281234567890", "ID", "Asia/Jakarta Asia/Jayapura Asia/Makassar"),
        ("+34612345678", "ES", "Europe/Madrid Atlantic/Canary"),
        ("+351912345678", "PT", "Europe/Lisbon Atlantic/Azores"),
        ("+33612345678", "FR", "Europe/Paris"),
        ("+262692123456", "RE", "Indian/Reunion"),
        ("+447400123456", "GB", "Europe/London"),
        ("+919812345678", "IN", "Asia/Kolkata"),
        ("+999123", "", "UTC"),
    ],
)
def test_a_number_says_in_which_zones_its_owner_may_live(e164, country, expected):
    assert zones.of_number(e164, country) == expected


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_country_has_zones_that_exist_and_can_be_stored(country):
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164) if example else "+"
    for spelled in (zones.of_country(country), zones.of_number(e164, country)):
        assert spelled != "UTC"
        assert len(spelled) <= Recipient._meta.get_field("timezone").max_length
        assert [zone.key for zone in zones.read(spelled)] == spelled.split()
    assert zones.of_country(country).split()[0] == zones.main_of(country)


@pytest.mark.parametrize("country", COUNTRIES)
def test_no_two_zones_of_a_set_are_the_same_clock_and_no_clock_is_left_out(country):
    """Every clock of the country lies between two of the set, in winter and in summer."""
    for month in (1, 7):
        at = datetime(datetime.now(UTC).year, month, 10, tzinfo=UTC)
        kept = [at.astimezone(zone).utcoffset() for zone in zones.read(zones.of_country(country))]
        everywhere = zones._ALL_ZONES.get(country) or zones._at_home(country) or [zones.main_of(country)]
        clocks = [at.astimezone(ZoneInfo(zone)).utcoffset() for zone in everywhere]
        assert min(kept) <= min(clocks)
        assert max(kept) >= max(clocks)
    assert len({zones._clock(zone) for zone in zones.of_country(country).split()}) == len(
        zones.read(zones.of_country(country))
    )


def test_a_broken_zone_stops_nobody(settings):
    assert zones.read("Mars/Olympus Europe/Paris") == (ZoneInfo("Europe/Paris"),)
    assert zones.read("../../etc/passwd") == (ZoneInfo(settings.TIME_ZONE),)
    assert zones.first("America/New_York America/Chicago") == ZoneInfo("America/New_York")
    assert zones.read("") == (ZoneInfo(settings.TIME_ZONE),)


def test_the_list_is_whole():
    for spelled, beginnings in zones._lines():
        assert all(ZoneInfo(zone) for zone in spelled)
        assert beginnings
        assert all(beginning.isdigit() for beginning in beginnings)
    assert len(zones._beginnings()) > 3_000
