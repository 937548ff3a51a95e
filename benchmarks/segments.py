"""S1: counting segments of a million contacts, one condition after the other, and what people really ask."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache

from benchmarks import world
from benchmarks.figures import Figure
from broadcasts import segments
from broadcasts.filters import counting
from broadcasts.models import Broadcast
from businesses.models import Business

TARGET_MS = 1_000
RUNS = 3
N_BROADCASTS = 3
# As many as a definition may list.
N_LISTED = 10_000


def measure(*, n: int) -> list[Figure]:
    """Count with a business whom everybody knows and who has sent three broadcasts to all of them."""
    business, broadcast = told_thrice(n=n)
    measured = [_measure(business, name, asked) for name, asked in _asked(broadcast, n).items()]
    for name, ms, counted in measured:
        print(f"· {name}: {ms:,.0f} ms, {counted.n:,}{' (about)' if counted.is_about else ''}", flush=True)
    name, worst, _counted = max(measured, key=lambda each: each[1])
    what = f"counting a segment of {n:,} contacts, the slowest of {len(measured)}"
    note = "; ".join(f"{each} {ms:,.0f}{' (about)' if counted.is_about else ''}" for each, ms, counted in measured)
    return [Figure("S1", what, worst, "ms", TARGET_MS, f"{note} ms; slowest: {name}", is_limit=True)]


@cache
def told_thrice(*, n: int) -> tuple[Business, Broadcast]:
    """Return a business that has sent three broadcasts to all ``n`` people, and the last of them."""
    now = datetime.now(UTC)
    business, sender = world.open_business(name="Told thrice", url="http://127.0.0.1:9/messages", now=now)
    world.make_contacts(business=business, first=1, last=n)
    for _one in range(N_BROADCASTS):
        broadcast = world.launch(business=business, sender=sender, now=now)
        world.make_told(broadcast=broadcast, first=1, last=n)
    world.tidy_up()
    return business, broadcast


def _measure(business: Business, name: str, asked: dict[str, object]) -> tuple[str, float, counting.Counted]:
    """Return the best of three: the others measure what else the machine does."""
    best, counted = float("inf"), counting.Counted(0, is_about=True)
    for _run in range(RUNS):
        began = time.perf_counter()
        tree = segments.read(business=business, definition=asked)
        counted = counting.count(business=business, tree=tree, now=datetime.now(UTC))
        best = min(best, (time.perf_counter() - began) * 1_000)
    return name, best, counted


def _asked(broadcast: Broadcast, last: int) -> dict[str, dict[str, object]]:
    """Return every kind of condition by itself, and what people really ask."""
    bought = {"interaction": {"kinds": ["opt_in"], "within_days": 90}}
    read = {"broadcast": {"code": broadcast.code, "was": "read"}}
    city = {"attributes": {"city": "Lyon 7"}}
    listed = [f"ctc_{broadcast.business_id}_{i}" for i in range(last - N_LISTED + 1, last + 1)]
    return {
        "everybody": {},
        "country": {"countries": ["FR"]},
        "language": {"languages": ["en"]},
        "attribute is": city,
        "attribute contains": {"attributes": {"city": {"contains": "yon 1"}}},
        "attribute is a number above": {"attributes": {"city": {"more_than": 10}}},
        "attribute is a day since": {"attributes": {"city": {"since": "2026-01-01"}}},
        "10,000 listed": {"contacts": listed},
        "all but 10,000 listed": {"except_contacts": listed},
        "added in 30 days": {"added": {"within_days": 30}},
        "last reaction": {"last_reaction": "none"},
        "interaction in 90 days": bought,
        "attested interaction": {"interaction": {"provenance": "attested"}},
        "two interactions": {"interaction": {"at_least": 2}},
        "read a broadcast": read,
        "not sent a broadcast": {"broadcast": {"code": broadcast.code, "was": "absent"}},
        "sent one, no reaction": {"broadcast": {"code": broadcast.code, "was": "sent", "reaction": "none"}},
        "an offer in 30 days": {"offers": {"within_days": 30}},
        "two offers in 30 days": {"offers": {"within_days": 30, "at_least": 2}},
        "city, bought, not read": {**city, **bought, "none": [read]},
        "country, language, bought, not read": {"countries": ["FR"], "languages": ["en"], **bought, "none": [read]},
        "bought or read": {"any": [bought, read]},
    }
