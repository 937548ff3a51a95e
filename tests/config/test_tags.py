"""How amounts, counts, shares and moments are written in both languages."""

from datetime import UTC, datetime

import pytest
from django.utils import translation

from config.templatetags import tambour

NARROW, FIXED = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("part", "of", "english", "french"),
    [
        (3, 12, "25%", f"25{FIXED}%"),
        (1, 11, "9.1%", f"9,1{FIXED}%"),
        (50, 1000, "5%", f"5{FIXED}%"),
        (0, 10, "0%", f"0{FIXED}%"),
        (0, 0, "0%", f"0{FIXED}%"),
        (7, 7, "100%", f"100{FIXED}%"),
    ],
)
def test_a_share_is_written_as_the_language_does(part: int, of: int, english: str, french: str) -> None:
    with translation.override("en"):
        assert tambour.percent_of(part, of) == english
    with translation.override("fr"):
        assert tambour.percent_of(part, of) == french


def test_counts_and_amounts_have_their_thousands_apart() -> None:
    with translation.override("fr"):
        assert tambour.whole(1234567) == f"1{NARROW}234{NARROW}567"
        assert tambour.money(80_000, "EUR") == f"0,08{FIXED}€"
        assert tambour.tenth(23.44) == "23,4"
    with translation.override("en"):
        assert tambour.whole(1234567) == "1,234,567"
        assert tambour.money(1_234_500_000, "EUR") == "€1,234.50"
    assert tambour.money(None, "EUR") == tambour.whole(None) == ""


def test_a_moment_is_told_in_the_zone_it_is_asked_for() -> None:
    noon = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    with translation.override("fr"):
        told = tambour.moment(noon, "Europe/Paris")
    assert told == '<time class="time" datetime="2026-06-01T10:00:00+00:00">1 juin 2026, 12:00</time>'
    assert tambour.moment(None) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 second"), (59, "59 seconds"), (90, "2 minutes"), (3000, "50 minutes"), (12000, "3 hours")],
)
def test_how_long_it_takes_is_said_in_a_unit_that_says_enough(seconds: int, words: str) -> None:
    with translation.override("en"):
        assert tambour.duration(seconds) == words


def test_what_a_business_wrote_is_shown_and_never_run() -> None:
    shown = tambour.whatsapp("*Hi* <script>alert(1)</script>")
    assert "<strong>Hi</strong>" in shown
    assert "<script>" not in shown
