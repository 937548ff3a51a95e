"""Numbers as people write them, numbers that nobody can have, and numbers kept for films."""

import os
from random import Random

import phonenumbers
import pytest

from consent import fiction, numbering, phones
from consent.lines import LineType
from consent.phones import BadNumber, BadNumberReason

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("06-12-34-56-78", "FR", "+33612345678"),
        (" +33 6 12 34 56 78 ", "", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "DE", "+33612345678"),
        ("0033612345678", "DE", "+33612345678"),
        ("33612345678", "FR", "+33612345678"),
        ("tel:+33612345678", "FR", "+33612345678"),
        ("06\u00a012\u202f34 56 78", "FR", "+33612345678"),
        ("'+33612345678", "FR", "+33612345678"),
        ("07400 123456", "GB", "+447400123456"),
        ("(202) 456-1111", "US", "+12024561111"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("612345678", "FR", "+33612345678"),
    ],
)
def test_one_number_has_one_spelling(text, country, e164):
    assert phones.parse(text, default_country=country).e164 == e164


@pytest.mark.parametrize(
    ("text", "country", "reason"),
    [
        ("", "FR", BadNumberReason.MISSING),
        ("  ' ", "FR", BadNumberReason.MISSING),
        ("3.36E+10", "FR", BadNumberReason.SCIENTIFIC),
        ("3,36123E10", "FR", BadNumberReason.SCIENTIFIC),
        ("06 12 34 56 7O", "FR", BadNumberReason.NOT_DIGITS),
        ("inconnu", "FR", BadNumberReason.NOT_DIGITS),
        ("06 12", "FR", BadNumberReason.TOO_SHORT),
        ("+336123456781234", "FR", BadNumberReason.TOO_LONG),
        ("1" * 2_000_000, "FR", BadNumberReason.TOO_LONG),
        ("612345678", "", BadNumberReason.NO_COUNTRY),
        ("+999 123 456 789", "FR", BadNumberReason.NO_COUNTRY),
        ("+33 6 00 00 00 00 00", "FR", BadNumberReason.TOO_LONG),
        ("0800 123 456", "FR", BadNumberReason.NOT_A_PERSON),
        ("+1 800 234 5678", "US", BadNumberReason.NOT_A_PERSON),
        ("06 39 98 12 34", "FR", BadNumberReason.FICTIONAL),
        ("+1 202 555 0143", "US", BadNumberReason.FICTIONAL),
        ("----", "FR", BadNumberReason.NOT_DIGITS),
    ],
)
def test_a_bad_number_says_why(text, country, reason):
    with pytest.raises(BadNumber) as refused:
        phones.parse(text, default_country=country)
    assert refused.value.reason == reason
    assert refused.value.code == reason.value


def test_country_and_zone_come_from_the_number_and_not_from_the_file():
    phone = phones.parse("+44 7400 123456", default_country="FR")
    assert (phone.country, phone.timezone) == ("GB", "Europe/London")


def test_fiction_passes_only_where_it_is_allowed():
    assert phones.parse("06 39 98 12 34", default_country="FR", allow_fiction=True) == (
        "+33639981234",
        "FR",
        "Europe/Paris",
        LineType.UNKNOWN,
    )
    assert phones.is_fictional("+33639981234")
    assert not phones.is_fictional("+33639971234")
    assert not phones.is_fictional("+336399812345")
    assert not phones.is_fictional("+3363998")


@pytest.mark.parametrize("invented", fiction.FICTION_RANGES, ids=lambda invented: invented.prefix)
def test_every_fictional_number_can_be_read_back(invented):
    for position in {0, invented.size // 2, invented.size - 1}:
        e164 = invented.number(position)
        phone = phones.parse(e164, default_country="", allow_fiction=True)
        assert phone == (e164, invented.country, invented.timezone, LineType.UNKNOWN)
        assert phonenumbers.is_possible_number(phonenumbers.parse(e164))


def test_the_neighbours_of_a_range_are_not_fictional():
    assert fiction.is_fictional("+61491570156")
    assert not fiction.is_fictional("+61491570155")
    assert fiction.is_fictional("+46701740605")
    assert not fiction.is_fictional("+46701740604")
    assert not fiction.is_fictional("+12025550200")


def test_the_list_is_large_enough_for_a_demo_and_has_no_overlaps():
    prefixes = [invented.prefix for invented in fiction.FICTION_RANGES]
    assert not [(a, b) for a in prefixes for b in prefixes if a is not b and b.startswith(a)]
    assert len({invented.country for invented in fiction.FICTION_RANGES}) >= 6
    assert sum(invented.size for invented in fiction.FICTION_RANGES) > 20_000


def test_the_zones_of_an_address_are_those_of_its_number():
    assert phones.timezones_of("+33612345678") == "Europe/Paris"
    assert phones.timezones_of("+14155551234") == "America/Los_Angeles"
    assert phones.parse("(415) 555-2671", default_country="US").timezone == "America/Los_Angeles"
    assert phones.timezones_of("+33639981234") == "Europe/Paris"
    assert phones.timezones_of("+61755501234") == "Australia/Brisbane"


def _written(random: Random) -> tuple[str, str]:
    """A number as somebody somewhere may write it, often a wrong one, and the country of who reads it."""
    country = random.choice(REGIONS)
    code = phonenumbers.country_code_for_region(country)
    example = phonenumbers.example_number_for_type(country, random.choice((0, 1, 1, 1, 3, 4, 6)))
    digits = list(phonenumbers.national_significant_number(example) if example else "123456789")
    for _ in range(random.randrange(4)):
        digits[random.randrange(len(digits))] = random.choice("0123456789")
    home = "".join(digits) + random.choice(("", "", "", "", "7"))
    spelled = random.choice(
        (f"+{code}{home}", f"{code}{home}", f"0{home}", home, f"1{home}", f"00{code} {home}", f"8{home}")
    )
    if random.random() < 0.3:
        spelled = spelled[:4] + random.choice(" .-") + spelled[4:]
    return spelled, random.choice((country, country, country, "FR", "US", ""))


def test_the_short_way_says_what_the_library_says(monkeypatch):
    """Millions of numbers are judged by what the library said of others like them: both ways must agree on each."""
    random, n_short, n_read = Random(20261125), 0, 20_000 if os.environ.get("PROMISES") else 600
    looked_up = phones._looked_up
    for _ in range(n_read):
        spelled, country = _written(random)
        said = []
        for way in (looked_up, lambda _: None):
            monkeypatch.setattr(phones, "_looked_up", way)
            try:
                said.append(phones.parse(spelled, default_country=country, allow_fiction=True))
            except phones.BadNumber as error:
                said.append(error.reason)
        assert said[0] == said[1], (spelled, country)
        e164 = phones._international(spelled.replace(" ", ""), country)
        n_short += bool(e164 and looked_up(e164))
    print(f"{n_read:,} numbers, {n_short:,} of them the short way")
    assert n_short > 100


def test_the_plans_of_nearly_all_countries_can_be_read():
    unread = {code for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE if numbering._plans_of(code) is None}
    assert len(unread) <= 6
    assert not unread & {1, 7, 33, 34, 39, 44, 49, 55, 91}
    assert numbering.decided(33, "6", 9) is False
    assert numbering.decided(33, "61", 9) is True


@pytest.mark.parametrize(
    ("spelled", "e164"),
    [
        ("33 6 39 98 12 34", "+33639981234"),
        ("447700900123", "+447700900123"),
        ("33639981234.0", "+33639981234"),
        ("p:+33639981234", "+33639981234"),
        ("＋３３ ６３９９８１２３４", "+33639981234"),
        ("\u200e+33\u202f6\u00a039\u201198\u201112\u201134", "+33639981234"),
        ("01 42 27 81 86", "+33142278186"),  # a landline is no fault
    ],
)
def test_what_people_and_spreadsheets_write_is_read(spelled, e164):
    assert phones.parse(spelled, default_country="FR", allow_fiction=True).e164 == e164


@pytest.mark.parametrize("spelled", ["06 39 98 12 3O", "3.36399812E+10", "12", "+33 899 70 00 00", "06399812345678901"])
def test_what_cannot_be_meant_is_refused(spelled):
    with pytest.raises(phones.BadNumber):
        phones.parse(spelled, default_country="FR", allow_fiction=True)


@pytest.mark.parametrize(
    ("e164", "line_type"),
    [
        ("+33612345678", LineType.MOBILE),
        ("+33142278186", LineType.LANDLINE),
        ("+33972123456", LineType.INTERNET),
        ("+447640123456", LineType.PAGER),
        ("+14155552671", LineType.UNKNOWN),  # North America: nobody can tell
        ("+447012345678", LineType.UNKNOWN),  # a personal number leads anywhere
        ("+33199001234", LineType.UNKNOWN),  # of fiction: a landline in films only
        ("+99912", LineType.UNKNOWN),
        ("", LineType.UNKNOWN),
    ],
)
def test_a_number_says_what_kind_of_line_it_is(e164, line_type):
    assert phones.line_type_of(e164) == line_type
    assert phones.line_type_of(e164) == line_type  # remembered


def test_reading_a_number_says_its_line_too():
    assert phones.parse("01 42 27 81 86", default_country="FR").line_type == LineType.LANDLINE
    assert phones.parse("06 12 34 56 78", default_country="FR").line_type == LineType.MOBILE
