"""A very large broadcast keeps nobody waiting: others launched beside it begin within seconds."""

import os
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.models import Max, Min

from broadcasts import estimate, freeze, lifecycle
from broadcasts.models import Broadcast, Delivery
from businesses.models import Business
from tests.conftest import OwnDatabase, wait_for
from tests.make import EURO, make_broadcast, make_business, make_launched, make_people, open_policy
from tests.promises.test_p02_caps import lane_processes

N_LARGE, N_SMALL, N_PEOPLE = 200_000, 100, 500
# What a shared machine of two cores needs at its worst, and far less than the large one takes.
SECONDS = 15.0

pytestmark = [
    pytest.mark.promise("P1"), pytest.mark.slow, pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("PROMISES"), reason="only in `make promises`: a minute; `make bench` has F1"),
]  # fmt: skip


def test_small_broadcasts_do_not_wait_for_a_large_one(own_database: OwnDatabase) -> None:
    now = datetime.now(UTC)
    open_policy()
    large_business = make_business(name="Large", money=100_000 * EURO, now=now)
    make_people(business=large_business, n=N_LARGE, now=now)
    small = [make_business(name=f"Small {n}", money=1_000 * EURO, now=now) for n in range(N_SMALL)]
    for number, business in enumerate(small):
        make_people(business=business, n=N_PEOPLE, first=number * N_PEOPLE + 1, now=now)
    # As autovacuum would have done it long ago: of tables that it never saw, the planner reads all for each person.
    # What it cannot have seen so soon, a file of contacts tells by itself.
    with psycopg.connect(own_database.superuser_url, autocommit=True) as superuser:
        superuser.execute("ANALYZE consent_recipient, consent_address")
    with connection.cursor() as cursor:
        cursor.execute("SELECT analyze_contacts()")
    drafts = [_draft(business, now) for business in small]
    large = make_launched(business=large_business, now=now)
    with lane_processes(own_database, 2, LIFE_SECONDS="300"):
        wait_for(lambda: _first(large.pk) is not None, seconds=60, what="the large one's first message")
        frozen_at = {}
        for broadcast, token in drafts:
            lifecycle.launch(broadcast=broadcast, token=token, by=None, now=datetime.now(UTC))
            while freeze.next_slice(broadcast_id=broadcast.pk, now=datetime.now(UTC)):
                pass
            frozen_at[broadcast.pk] = datetime.now(UTC)
        wait_for(lambda: _all_completed(frozen_at), seconds=300, what="the end of every small one")
        Broadcast.objects.filter(pk=large.pk).update(state=Broadcast.State.PAUSED)

    waits = sorted((_first(pk) - at).total_seconds() for pk, at in frozen_at.items())
    assert waits[int(len(waits) * 0.99) - 1] <= SECONDS, waits
    last_to_begin = max(_first(pk) for pk in frozen_at)
    last_large = Delivery.objects.filter(broadcast_id=large.pk).aggregate(at=Max("gated_at"))["at"]
    assert last_large > last_to_begin, "the large one was over before: nobody had to share anything"


def _draft(business: Business, now: datetime) -> tuple[Broadcast, str]:
    broadcast = make_broadcast(business=business, now=now)
    return broadcast, estimate.estimate(broadcast=broadcast, now=now).token


def _first(broadcast_id: int) -> Any:
    return Delivery.objects.filter(broadcast_id=broadcast_id).aggregate(at=Min("gated_at"))["at"]


def _all_completed(broadcast_ids: dict[int, datetime]) -> bool:
    return not Broadcast.objects.filter(pk__in=broadcast_ids, completed_at=None).exists()
