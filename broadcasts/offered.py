"""What a page offers to filter by: what occurs among the newest contacts, and the business's latest broadcasts.

Never a scan of all contacts: a value that is not offered can still be written.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from broadcasts.models import Broadcast, Segment
from businesses import names
from businesses.models import Business
from consent.models import Contact

N_LOOKED_AT = 5_000
N_OFFERED = 30
N_BROADCASTS = 50
VALUE_MAX = 40


class Offered(NamedTuple):
    """``countries`` and ``languages`` by code with their names; ``attributes`` with their most frequent values."""

    countries: dict[str, str]
    languages: dict[str, str]
    attributes: dict[str, list[str]]
    broadcasts: list[tuple[str, str]]


def to_filter_by(business: Business) -> Offered:
    """Return what may be chosen, the best known first, in two queries."""
    countries: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    values: dict[str, Counter[str]] = {}
    newest = Contact.objects.of(business).order_by("-id").values_list("recipient__country", "language", "attributes")
    for country, language, attributes in newest[:N_LOOKED_AT]:
        countries[country] += 1
        languages[language] += 1
        for name, value in attributes.items():
            values.setdefault(name, Counter())[str(value)[:VALUE_MAX]] += 1
    launched = Broadcast.objects.of(business).filter(launched_at__isnull=False).order_by("-created_at", "-id")
    return Offered(
        {code: names.country(code) for code, _n in countries.most_common(N_OFFERED) if code},
        {code: names.language(code) for code, _n in languages.most_common(N_OFFERED) if code},
        {
            name: [value for value, _n in values[name].most_common(N_OFFERED) if value]
            for name in sorted(values)[:N_OFFERED]
        },
        list(launched.values_list("code", "name")[:N_BROADCASTS]),
    )


def segments_of(business: Business) -> list[tuple[str, str]]:
    """Return the saved segments by code with their names, in order of name."""
    return list(Segment.objects.of(business).in_use().order_by("name", "id").values_list("code", "name"))
