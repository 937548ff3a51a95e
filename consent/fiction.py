"""Numbers that nobody will ever have: ranges that regulators keep free for films and books.

The rule. A fictional number may stand in a test account's file, and in the file of a live account only where the
operator has set ``FICTION_NUMBERS_ALLOWED`` (the demo and developers do; the default is no). Everywhere else it is
refused like a mistyped one. Whoever hands a message to a real network asks ``is_fictional`` first and refuses.

Validation itself is untouched: the phone library judges every other number, and this list only adds its own few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings

if TYPE_CHECKING:  # Readers of files import this module without the models.
    from businesses.models import Business


class FictionRange(NamedTuple):
    """Numbers ``prefix`` + exactly ``n_free`` digits between ``low`` and ``high``, and where they pretend to be."""

    country: str
    timezone: str
    prefix: str
    n_free: int
    low: int = 0
    high: int | None = None

    @property
    def size(self) -> int:
        return self.last - self.low + 1

    @property
    def last(self) -> int:
        return 10**self.n_free - 1 if self.high is None else self.high

    def number(self, position: int) -> str:
        """Return the number at ``position`` (0 ≤ position < size)."""
        return f"{self.prefix}{self.low + position:0{self.n_free}d}"

    def __contains__(self, e164: object) -> bool:
        if not isinstance(e164, str) or not e164.startswith(self.prefix):
            return False
        free = e164[len(self.prefix) :]
        return len(free) == self.n_free and free.isascii() and free.isdigit() and self.low <= int(free) <= self.last


def _alike(country: str, timezone: str, n_free: int, *prefixes: str) -> tuple[FictionRange, ...]:
    return tuple(FictionRange(country, timezone, prefix, n_free) for prefix in prefixes)


def _nanp(country: str, **area_codes: tuple[str, ...]) -> tuple[FictionRange, ...]:
    """555-0100 to 555-0199 in each area code, by the city of its time zone."""
    return tuple(
        FictionRange(country, f"America/{city}", f"+1{area}55501", 2)
        for city, areas in area_codes.items()
        for area in areas
    )


# Most of ACMA's mobile numbers for creative works are single numbers, not ranges.
_AU_MOBILES = (
    570006, 570110, 570313, 570737, 571266, 571491, 571804, 572549, 572665, 572983, 573087, 573770, 574118,
    574632, 575254, 575789, 576398, 576801, 577426, 577644, 578148, 578888, 578957, 579212, 579455, 579760,
)  # fmt: skip

FICTION_RANGES: tuple[FictionRange, ...] = (
    # France — Arcep, numbering plan (decision 2018-0881, audiovisual works): a block of 10,000 per region, one mobile.
    *_alike("FR", "Europe/Paris", 4, "+3319900", "+3326191", "+3335301", "+3346571", "+3353649", "+3363998"),
    # United Kingdom — Ofcom, "Telephone numbers for use in TV and radio drama programmes": mobile, no area, cities.
    *_alike("GB", "Europe/London", 3, "+447700900", "+441632960", "+442079460", "+442896496", "+442920180"),
    *_alike("GB", "Europe/London", 3, "+441914980",
            *(f"+441{area}4960" for area in (*range(13, 19), 21, 31, 41, 51, 61))),
    # Germany — Bundesnetzagentur, Mitteilung 148/2021: 1,000 in each of five cities, two mobile blocks.
    *_alike("DE", "Europe/Berlin", 3, "+493023125", "+496990009", "+494066969", "+492214710", "+498999998"),
    *_alike("DE", "Europe/Berlin", 2, "+4917139200", "+49176040690"),
    # Sweden — PTS, "Telefonnummer för användning i böcker och filmer".
    FictionRange("SE", "Europe/Stockholm", "+467017406", 2, 5),
    *_alike("SE", "Europe/Stockholm", 2, "+463139006", "+464062804", "+468465004", "+469803192"),
    # Ireland — ComReg, numbering conditions: 020 91x xxxx for drama.
    *_alike("IE", "Europe/Dublin", 5, "+3532091"),
    # Australia — ACMA, "Phone numbers for use in TV shows, films and creative works".
    *_alike("AU", "Australia/Sydney", 4, "+6125550", "+6127010"),
    *_alike("AU", "Australia/Melbourne", 4, "+6135550", "+6137010"),
    *_alike("AU", "Australia/Brisbane", 4, "+6175550", "+6177010"),
    *_alike("AU", "Australia/Perth", 4, "+6185550", "+6187010"),
    FictionRange("AU", "Australia/Sydney", "+6149157015", 1, 6, 9),
    *(FictionRange("AU", "Australia/Sydney", f"+61491{n // 10}", 1, n % 10, n % 10) for n in _AU_MOBILES),
    # North America — ATIS-0300115 (555 NXX guidelines): 555-0100 to 555-0199 in every area code; some large ones here.
    *_nanp("US", New_York=("212", "305", "404", "617", "202", "215"), Chicago=("312", "713", "214", "504")),
    *_nanp("US", Denver=("303", "505"), Los_Angeles=("213", "415", "206", "619")),
    *_nanp("CA", Toronto=("416", "514", "613", "418"), Vancouver=("604",), Edmonton=("403",), Halifax=("902",)),
)  # fmt: skip


def range_of(e164: str) -> FictionRange | None:
    """Return the fictional range that ``e164`` (``+33639981234``) belongs to, if any."""
    # A range's prefix is never the beginning of another's, so the first hit is the only one.
    for length in _PREFIX_LENGTHS:
        found = _BY_PREFIX.get(e164[:length])
        if found is not None:
            return found if e164 in found else None
    return None


def is_fictional(e164: str) -> bool:
    """Say whether ``e164`` is one of the numbers kept free for fiction."""
    return range_of(e164) is not None


def is_allowed(business: Business) -> bool:
    """Say whether fictional numbers may stand in this business's files (the rule at the head of this module)."""
    return business.is_test or settings.FICTION_NUMBERS_ALLOWED


_BY_PREFIX = {fiction.prefix: fiction for fiction in FICTION_RANGES}
_PREFIX_LENGTHS = sorted({len(prefix) for prefix in _BY_PREFIX}, reverse=True)
