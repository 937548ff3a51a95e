"""The estimate as people read it: who will get it, who not and why, in as much detail as may be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from broadcasts import disclosure, hours
from broadcasts.models import Estimate
from consent import quiet_hours, zones
from consent.reasons import NOT_REACHABLE_NOW, Reason

TONE_OF = {
    **dict.fromkeys((Reason.OPTED_OUT, Reason.BLOCKED), "bad"),
    **dict.fromkeys(
        (
            Reason.INVALID_ADDRESS,
            Reason.LINE_TYPE,
            Reason.NO_INTERACTION,
            Reason.NO_LEGAL_BASIS,
            Reason.QUARANTINED,
            Reason.MISSING_VARIABLE,
            Reason.NOT_SENDABLE,
        ),
        "warn",
    ),
}
BAR_UNITS = 1000
MIN_UNITS = 4
N_COUNTRIES = 5


@dataclass(frozen=True)
class Segment:
    """A part of the bar, in thousandths of its length."""

    tone: str
    x: int
    width: int


@dataclass(frozen=True)
class Row:
    """One reason not to be reached; ``n`` is None where a number would say too much."""

    code: str
    sentence: str
    n: int | None
    tone: str


@dataclass(frozen=True)
class Quiet:
    """A country, and the moment until which its people have to wait."""

    country: str
    until: datetime


@dataclass(frozen=True)
class Panel:
    """``is_about`` where ``n_reached`` is reckoned from a sample or from the share of contacts who can be reached."""

    estimate: Estimate
    n_reached: int
    is_about: bool
    rows: list[Row]
    segments: list[Segment]
    quiet: list[Quiet]
    # When it leaves where, if everybody's own clock decides.
    clocks: list[Quiet]

    @property
    def n_without_slot(self) -> int:
        """How many the business has written to as often as it may: the price in slots of writing to them again."""
        return int(self.estimate.reasons.get(Reason.CAP_BUSINESS.name.lower(), 0))


def of(estimate: Estimate) -> Panel:
    """Return what the panel says of ``estimate``, as of the moment that it was made."""
    told = disclosure.forecast(estimate)
    rows = [Row(line.code, line.sentence, line.n, _tone(line.code)) for line in told.lines]
    segments = _segments(told.n_reached, rows, estimate.n_audience)
    return Panel(estimate, told.n_reached, told.is_about, rows, segments, _quiet(estimate), _clocks(estimate))


def _tone(code: str) -> str:
    return "mute" if code == NOT_REACHABLE_NOW else TONE_OF.get(Reason[code.upper()], "mute")


def _segments(n_reached: int, rows: list[Row], n_audience: int) -> list[Segment]:
    segments: list[Segment] = []
    x = 0
    for tone, n in [("accent", n_reached), *((row.tone, row.n or 0) for row in rows)]:
        if n:
            width = max(MIN_UNITS, BAR_UNITS * n // max(1, n_audience))
            segments.append(Segment(tone, x, width))
            x += width
    return segments


def _quiet(estimate: Estimate) -> list[Quiet]:
    """Return the largest countries that must wait for the morning, by the hours of their main time zone."""
    return [
        Quiet(country, opens)
        for country, leaves in _leaves(estimate)
        if (opens := quiet_hours.opens_at(country=country, timezone=zones.main_of(country), now=leaves)) > leaves
    ]


def _leaves(estimate: Estimate) -> list[tuple[str, datetime]]:
    """Return when it leaves for the largest countries, by their main time zone."""
    countries = [line["country"] for line in estimate.price_lines[:N_COUNTRIES]]
    moment = estimate.created_at
    return [(country, hours.start_for(estimate.broadcast, zones.main_of(country), moment)) for country in countries]


def _clocks(estimate: Estimate) -> list[Quiet]:
    return [Quiet(*each) for each in _leaves(estimate)] if estimate.broadcast.is_local_time else []
