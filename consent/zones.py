"""Where the owner of a number may live, as far as clocks are concerned: one or several time zones in one text.

The text ("America/New_York America/Chicago") is what is stored of a person and what chunks are cut by: the zone of most
people first, then the others by name, and none that shows the same time as another. Whoever needs one zone takes the
first; whoever asks whether it is a decent hour has to ask all of them (``quiet_hours``).

Known are the area codes of North America, Brazil, Mexico, Australia's landlines and some more. The rest, and mobile
numbers where these say nothing about the place, get all zones of the country; of the United States the contiguous ones.
People move and keep their number: the area code is a presumption, and the best there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global
from django.conf import settings

# Between the westernmost and the easternmost clock lie all others: they need not be asked as well.
ENOUGH_ZONES = 3


def of_number(e164: str, country: str) -> str:
    """Return the zones of a number of ``country`` (ISO 3166 code, '' for unknown)."""
    everywhere = of_country(country)
    if " " not in everywhere and country:
        return everywhere
    digits = e164[1:]
    if not digits.startswith(_SAYS_NOTHING_OF_THE_PLACE):
        beginnings = _beginnings()
        for length in _lengths().get(digits[:2], ()):
            zones = beginnings.get(digits[:length])
            if zones is not None:
                return _spelled(zones, country)
    return everywhere


@cache
def of_country(country: str) -> str:
    """Return all zones in which people of ``country`` live; the main one first, or UTC for an unknown country."""
    return _spelled(_ALL_ZONES.get(country) or tuple(_at_home(country)), country)


def main_of(country: str) -> str:
    """Return the zone of most people of ``country`` (ISO 3166 code); UTC for an unknown one."""
    return _MAIN_ZONES.get(country) or next(iter(_at_home(country)), "UTC")


def first(zones: str) -> ZoneInfo:
    """Return the zone of most people, for whatever shows a time to this person."""
    return read(zones)[0]


@lru_cache(maxsize=1024)
def read(zones: str) -> tuple[ZoneInfo, ...]:
    """Return the zones of a stored text. One that does not exist is left out: it must not stop a chunk of others."""
    found = tuple(zone for name in zones.split() if (zone := _zone(name)) is not None)
    return found or (ZoneInfo(settings.TIME_ZONE),)


@cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=4096)
def _spelled(zones: Sequence[str], country: str) -> str:
    """Return zones as one text: those of the country if any is, one for each clock, the main one first."""
    home, main = _ALL_ZONES.get(country) or _at_home(country), main_of(country)
    here = [zone for zone in zones if zone in home or zone == main] or list(zones) or [main]
    by_clock: dict[tuple[timedelta, timedelta], str] = {}
    for zone in sorted(here, key=lambda name: (name != main, -_how_often()[name], name)):
        by_clock.setdefault(_clock(zone), zone)
    kept = list(by_clock.values())
    chosen = kept if len(kept) <= ENOUGH_ZONES else _outermost(by_clock) | {kept[0]}
    return " ".join([kept[0], *sorted(set(chosen) - {kept[0]})])


def _outermost(by_clock: dict[tuple[timedelta, timedelta], str]) -> set[str]:
    """Return the zones whose clocks are the earliest and the latest, in winter and in summer."""
    ends = [end(by_clock, key=lambda clock: clock[season]) for end in (min, max) for season in (0, 1)]
    return {by_clock[clock] for clock in ends}


@cache
def _clock(zone: str) -> tuple[timedelta, timedelta]:
    """Return how far the clock is ahead of UTC in winter and in summer: zones that agree in both are one clock here."""
    found = _zone(zone) or UTC
    year = datetime.now(UTC).year
    offsets = [datetime(year, month, 10, tzinfo=UTC).astimezone(found).utcoffset() for month in (1, 7)]
    return offsets[0] or timedelta(0), offsets[1] or timedelta(0)


@cache
def _at_home(country: str) -> Sequence[str]:
    return tuple(get_global("territory_zones").get(country, ()))


@cache
def _beginnings() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for zones, beginnings in _lines():
        found |= dict.fromkeys(beginnings, zones)
    return found


@cache
def _lengths() -> dict[str, list[int]]:
    """Return how long the known beginnings are, longest first, by their own first two digits."""
    found: dict[str, set[int]] = {}
    for beginning in _beginnings():
        found.setdefault(beginning[:2], set()).add(len(beginning))
    return {two: sorted(lengths, reverse=True) for two, lengths in found.items()}


@cache
def _how_often() -> Counter[str]:
    """Return for how many beginnings of numbers each zone stands: between equals, the larger one has the name."""
    return Counter({zone: n for zones, beginnings in _lines() for zone in zones for n in [len(beginnings)]})


def _lines() -> Iterator[tuple[tuple[str, ...], list[str]]]:
    for line in (Path(__file__).parent / "number_zones.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            zones, _, beginnings = line.partition("|")
            yield tuple(zones.split()), beginnings.split()


# Mobile numbers that the source of the list puts into one zone, though their owners live all over the country.
_SAYS_NOTHING_OF_THE_PLACE = ("346", "347", "614", "615", "628", "79")

# Where the list of all zones would hold islands and stations that are no guide to a nation's hours.
_ALL_ZONES: dict[str, tuple[str, ...]] = {
    "US": ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
    "CA": ("America/Toronto", "America/Halifax", "America/St_Johns", "America/Winnipeg", "America/Regina",
           "America/Edmonton", "America/Vancouver"),
    "AU": ("Australia/Sydney", "Australia/Brisbane", "Australia/Adelaide", "Australia/Darwin", "Australia/Perth"),
    "BR": ("America/Sao_Paulo", "America/Manaus", "America/Rio_Branco"),
    "MX": ("America/Mexico_City", "America/Cancun", "America/Mazatlan", "America/Tijuana"),
    "CL": ("America/Santiago",),
    "CN": ("Asia/Shanghai",),
    "EC": ("America/Guayaquil",),
    "FM": ("Pacific/Pohnpei", "Pacific/Chuuk"),
    "KZ": ("Asia/Almaty",),
    "NZ": ("Pacific/Auckland",),
    "UA": ("Europe/Kyiv",),
}  # fmt: skip

# Countries with several zones, by where most people live. The others come from Unicode's CLDR.
_MAIN_ZONES = {
    "AC": "Atlantic/St_Helena",
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Gaza",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "TA": "Atlantic/St_Helena",
    "UA": "Europe/Kyiv",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
    "XK": "Europe/Belgrade",
}
