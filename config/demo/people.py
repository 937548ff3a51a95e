"""The demo's customers: invented people with fictional numbers, in files as real businesses export them.

The same seed gives the same people. About three rows in a hundred are wrong, in the ways in which real exports are;
what an import has to say about each is counted in ``Summary``, so that the demo can be checked and not just watched.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from consent.fiction import FICTION_RANGES

COLUMNS = (
    "phone", "first_name", "name", "language", "country", "city",
    "interaction", "interaction_date", "evidence", "opt_out_offered",
)  # fmt: skip
WRONG_SHARE = 0.03
# Of 100 people, how many have numbers of which country.
SHARES = {"FR": 52, "GB": 15, "DE": 9, "AU": 8, "US": 6, "CA": 4, "SE": 3, "IE": 3}
# What people did, and how many of 100 did it; see ``_happened``.
STORIES = {
    "opt_in": 44,
    "purchase_refusable": 20,
    "purchase_plain": 10,
    "inquiry": 8,
    "visit": 2,
    "long_ago": 7,
    "none": 9,
}
LANGUAGES = {"FR": "fr", "GB": "en", "DE": "de", "AU": "en", "US": "en", "CA": "fr", "SE": "sv", "IE": "en"}
CITIES = {
    "FR": ("Paris", "Lyon", "Nîmes", "Besançon", "Orléans", "Évry", "Saint-Étienne", "Béziers"),
    "GB": ("London", "Leeds", "Bristol", "Glasgow", "Cardiff"),
    "DE": ("Köln", "München", "Berlin", "Düsseldorf", "Nürnberg"),
    "AU": ("Sydney", "Melbourne", "Brisbane", "Perth"),
    "US": ("New York", "Chicago", "San José", "New Orleans"),
    "CA": ("Montréal", "Québec", "Toronto", "Vancouver"),
    "SE": ("Göteborg", "Malmö", "Stockholm"),
    "IE": ("Dublin", "Dún Laoghaire", "Galway"),
}
FIRST_NAMES = {
    "fr": ("Zoé", "Chloé", "Théo", "Anaïs", "Loïc", "Hélène", "Benoît", "Inès", "François", "Maëlle", "Noémie", "Gaël"),
    "en": ("Olivia", "Siân", "Jack", "Chloë", "Renée", "Oisín", "Amelia", "Noah", "Zoë", "Liam", "Niamh", "Oscar"),
    "de": ("Jürgen", "Käthe", "Björn", "Änne", "Lena", "Günther", "Sören", "Mia", "Jörg", "Fränze"),
    "sv": ("Åsa", "Björn", "Märta", "Örjan", "Elin", "Håkan", "Sofia", "Göran"),
}
LAST_NAMES = {
    "fr": (
        "Durand",
        "Lefèvre",
        "D'Angélo",
        "Müller-Petit",
        "Besançon",
        "Noël",
        "Fournier",
        "Gauthier",
        "Peña",
        "Öztürk",
    ),
    "en": ("Smith", "O'Brien", "Núñez", "Brontë", "Taylor", "MacLeod", "Nguyen", "Okafor", "Ó Súilleabháin"),
    "de": ("Weiß", "Schröder", "Großmann", "Müller", "Jäger", "Köhler", "Yılmaz"),
    "sv": ("Sjöberg", "Åkesson", "Öberg", "Lindström", "Nyström"),
}


class Person(NamedTuple):
    """Somebody invented."""

    e164: str
    country: str
    language: str
    first_name: str
    last_name: str
    city: str


@dataclass
class Summary:
    """What a file holds, and what an import has to find in it: how many rows are wrong for which reason."""

    n_rows: int = 0
    n_wrong: int = 0
    by_country: Counter[str] = field(default_factory=Counter)
    by_story: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)


def write_contacts(path: Path, *, seed: int, n: int = 10_000, today: date | None = None) -> Summary:
    """Write a CSV of ``n`` rows; dates are counted back from ``today``, so that the demo works in any year."""
    return _write(path, people(seed=seed, n=n), seed=seed, prefix="A", today=today)


def overlap(
    path: Path, *, seed: int, n: int = 4_000, of: int = 10_000, share: float = 0.4, today: date | None = None
) -> Summary:
    """Write another business's CSV: ``n`` rows, of whom ``share`` are in the file of ``of`` rows with this seed."""
    n_shared = round(n * share)
    known = people(seed=seed, n=of + n - n_shared)
    random = Random(f"{seed} overlap")
    chosen = random.sample(known[:of], n_shared) + known[of:]
    random.shuffle(chosen)
    return _write(path, chosen, seed=seed + 1, prefix="B", today=today)


def people(*, seed: int, n: int) -> list[Person]:
    """Return ``n`` different people; the first ones are the same whatever ``n`` is."""
    random = Random(seed)
    numbers = {country: _numbers(country, seed) for country in SHARES}
    weights = dict(SHARES)
    found: list[Person] = []
    while len(found) < n:
        if not weights:
            raise ValueError("there are not so many numbers kept for fiction")
        country = random.choices(list(weights), weights=list(weights.values()))[0]
        language = "en" if country == "CA" and random.random() < 0.5 else LANGUAGES[country]
        first, last = random.choice(FIRST_NAMES[language]), random.choice(LAST_NAMES[language])
        city = random.choice(CITIES[country])
        number = next(numbers[country], None)
        if number is None:
            del weights[country]
        else:
            found.append(Person(number, country, language, first, last, city))
    return found


def _numbers(country: str, seed: int) -> Iterator[str]:
    """Yield the country's fictional numbers, each once, in an order that depends on the seed."""
    ranges = [invented for invented in FICTION_RANGES if invented.country == country]
    every = [(invented, position) for invented in ranges for position in range(invented.size)]
    Random(f"{seed} {country}").shuffle(every)
    return (invented.number(position) for invented, position in every)


def bought(path: Path, *, seed: int, n: int, after: int, today: date | None = None) -> Summary:
    """Write the CSV of a list that somebody sells: ``n`` people of no other file, each with a perfect opt-in."""
    today = today or datetime.now(UTC).date()
    summary = Summary(n_rows=n)
    with path.open("wb") as file:
        file.write(_line(list(COLUMNS)))
        for position, person in enumerate(people(seed=seed, n=after + n)[after:]):
            row = _row(person, "opt_in", Random(f"{seed} {position}"), order=f"web {position:05d}", today=today)
            file.write(_line(list(row.values())))
            summary.by_country[person.country] += 1
            summary.by_story["opt_in"] += 1
    return summary


# --- Files as businesses export them ---------------------------------------------------------------

Row = dict[str, str]


def _write(path: Path, known: Sequence[Person], *, seed: int, prefix: str, today: date | None) -> Summary:
    random = Random(f"{seed} {prefix}")
    today = today or datetime.now(UTC).date()
    summary = Summary(n_rows=len(known))
    wrong_at = set(random.sample(range(1, len(known)), round(len(known) * WRONG_SHARE)))
    n_wrong = 0
    good: list[bytes] = []
    with path.open("wb") as file:
        file.write(_line(list(COLUMNS)))
        for position, person in enumerate(known):
            story = random.choices(list(STORIES), weights=list(STORIES.values()))[0]
            row = _row(person, story, random, order=f"{prefix}{position:05d}", today=today)
            if position in wrong_at and good:
                reason, spoil = FAULTS[n_wrong % len(FAULTS)]
                line = spoil(row, today, random.choice(good))
                n_wrong += 1
                summary.by_reason[reason] += 1
            else:
                line = _line(list(row.values()))
                good.append(line)
                summary.by_country[person.country] += 1
                summary.by_story[story] += 1
            file.write(line)
    summary.n_wrong = n_wrong
    return summary


def _row(person: Person, story: str, random: Random, *, order: str, today: date) -> Row:
    kind, day, evidence, offered = _happened(story, random, order, today)
    values = (
        _spelled(person, random),
        person.first_name,
        f"{person.first_name} {person.last_name}",
        person.language,
        person.country,
        person.city,
        kind,
        day.strftime("%d/%m/%Y") if day and random.random() < 0.3 else day.isoformat() if day else "",
        evidence,
        offered,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _happened(story: str, random: Random, order: str, today: date) -> tuple[str, date | None, str, str]:
    """Return kind, day, evidence and whether an opt-out was offered."""
    recently = today - timedelta(days=random.randint(1, 300))
    match story:
        case "opt_in":
            return "opt_in", recently, f"newsletter form {order}", "yes"
        case "purchase_refusable":
            return "purchase", recently, f"order {order}", "yes"
        case "purchase_plain":
            return "purchase", recently, f"till receipt {order}", "no"
        case "inquiry":
            return "inquiry", recently, f"ticket {order}", ""
        case "visit":
            return "visit", recently, f"fair {order}", ""
        case "long_ago":
            return "opt_in", today - timedelta(days=random.randint(6 * 365, 9 * 365)), f"paper form {order}", "yes"
        case _:
            return "", None, "", ""


def _spelled(person: Person, random: Random) -> str:
    """Return the number as different tills and shops write it."""
    style = random.random()
    if style < 0.7:
        return person.e164
    if style < 0.85:
        return f"00{person.e164[1:]}"
    return " ".join((person.e164[:3], *_in_pairs(person.e164[3:])))


def _in_pairs(digits: str) -> list[str]:
    return [digits[i : i + 2] for i in range(0, len(digits), 2)]


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _with(**changes: str | Callable[[Row, date], str]) -> Callable[[Row, date, bytes], bytes]:
    """Return a spoiler that gives a row with a perfect interaction these changes, so that nothing else is wrong."""

    def spoil(row: Row, today: date, good: bytes) -> bytes:
        perfect = {"interaction": "purchase", "interaction_date": _days(today, -9), "evidence": "order 1"}
        spoilt = row | perfect | {"opt_out_offered": "yes"}
        for column, change in changes.items():
            spoilt[column] = change if isinstance(change, str) else change(spoilt, today)
        return _line(list(spoilt.values()))

    return spoil


def _days(today: date, n: int) -> str:
    return (today + timedelta(days=n)).isoformat()


def _raw(change: Callable[[str], str], encoding: str = "utf-8") -> Callable[[Row, date, bytes], bytes]:
    """Return a spoiler that changes the finished line instead of its cells."""

    def spoil(row: Row, today: date, good: bytes) -> bytes:
        return change(_with()(row | {"first_name": "Zoé", "name": "Zoé Martin"}, today, good).decode()).encode(encoding)

    return spoil


# (what an import must say · what went wrong)
FAULTS: tuple[tuple[str, Callable[[Row, date, bytes], bytes]], ...] = (
    ("phone_not_digits", _with(phone=lambda row, _: row["phone"][:-1] + "O")),
    ("phone_scientific", _with(phone="3.36E+10")),
    ("phone_missing", _with(phone="")),
    ("phone_too_short", _with(phone="+33 6 39")),
    ("duplicate", lambda row, today, good: good),
    ("date_in_future", _with(interaction_date=lambda _, today: _days(today, 40))),
    ("impossible_date", _with(interaction_date=lambda _, today: f"31/02/{today.year - 1}")),
    ("unreadable_date", _with(interaction_date="last spring")),
    ("unknown_interaction", _with(interaction="Facebook")),
    ("missing_evidence", _with(evidence="")),
    ("missing_date", _with(interaction_date="")),
    ("not_yes_or_no", _with(opt_out_offered="n/a")),
    ("unknown_language", _with(language="??")),
    ("stray_quote", _raw(lambda line: line.replace("Zoé Martin", '"Zoé" Martin'))),
    ("unclosed_quote", _raw(lambda line: line.replace("Zoé Martin", '"Zoé Martin'))),
    ("extra_columns", _raw(lambda line: line.replace("Zoé Martin", "Martin, Zoé"))),
    ("unreadable_letters", _raw(lambda line: line, encoding="cp1252")),
)
