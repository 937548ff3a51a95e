"""People are cut apart by the clocks that their numbers may have; each chunk waits for a decent hour on all of them."""

from datetime import UTC, datetime

import pytest

from broadcasts.models import Chunk
from consent import quiet_hours
from tests.make import make_business, make_launched, make_people

pytestmark = pytest.mark.django_db

BOTH_COASTS = "America/New_York America/Los_Angeles"
# Nine in New York, six in Los Angeles.
MORNING = datetime(2026, 6, 1, 13, tzinfo=UTC)


def test_each_set_of_clocks_is_a_chunk_with_an_hour_of_its_own() -> None:
    business = make_business(money=100_000_000)
    for first, zones in ((1, "America/New_York"), (3, "America/Los_Angeles"), (5, BOTH_COASTS)):
        make_people(business=business, n=2, first=first, country="US", timezone=zones, now=MORNING)
    broadcast = make_launched(business=business, now=MORNING)
    cut = Chunk.objects.filter(broadcast=broadcast)
    opens = {c.timezone: quiet_hours.opens_at(country=c.country, timezone=c.timezone, now=MORNING) for c in cut}
    assert opens == {
        "America/New_York": MORNING,
        "America/Los_Angeles": datetime(2026, 6, 1, 15, tzinfo=UTC),
        BOTH_COASTS: datetime(2026, 6, 1, 15, tzinfo=UTC),
    }
    assert sorted(len(chunk.recipient_ids) for chunk in cut) == [2, 2, 2]
