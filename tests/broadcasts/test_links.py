"""No foreign keys on the hot tables: what dangles all the same is found at night."""

from __future__ import annotations

import io
import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from broadcasts import links
from broadcasts.models import Broadcast, Chunk
from tests.make import NOW, make_business, make_launched, make_people

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MAKE = """
INSERT INTO broadcasts_delivery
    (broadcast_id, recipient_id, contact_id, version_id, price_micro, country, state, reason)
VALUES (%s, %s, 1, %s, 0, 'FR', 5, 50)
"""


@pytest.fixture
def broadcast() -> Broadcast:
    business = make_business(money=100_000_000)
    make_people(business=business, n=5)
    return make_launched(business=business)


def execute(statement: str, values: list[object]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_whole_tables_have_no_faults(broadcast: Broadcast) -> None:
    assert links.faults(since=NOW - DAY) == []
    said = io.StringIO()
    call_command("verify_links", "--days", "100000", stdout=said)
    assert said.getvalue() == "Every row points to something.\n"


def test_each_kind_of_dangling_row_is_found(broadcast: Broadcast, caplog: pytest.LogCaptureFixture) -> None:
    version = broadcast.versions.get().version_id
    execute(MAKE, [broadcast.pk, 10**9, version])
    execute(MAKE, [broadcast.pk, 10**9 + 1, version + 1])
    execute(MAKE, [broadcast.pk + 1, 1, version])
    execute("INSERT INTO broadcasts_providermessage VALUES (1, %s, %s, 1, 'x')", [broadcast.pk, 10**9 + 2])
    Chunk.objects.create(
        broadcast_id=broadcast.pk + 1, country="FR", timezone="Europe/Paris", recipient_ids=[1], due_at=NOW
    )
    found = links.faults(since=NOW - DAY)
    assert found == [
        "2 deliveries of no person",
        "1 deliveries in words that were not frozen",
        "1 deliveries of no broadcast",
        "1 providers' ids of no delivery",
        "1 chunks of no broadcast",
    ]
    with pytest.raises(CommandError):
        call_command("verify_links", "--days", "100000", stderr=io.StringIO())
    with caplog.at_level(logging.ERROR):
        links.look_once_a_night(now=NOW.replace(hour=4))
        assert not caplog.records
        links.look_once_a_night(now=NOW.replace(hour=links.HOUR) + DAY)
    assert len(caplog.records) == 5
    assert links.faults(since=NOW + DAY) == ["1 chunks of no broadcast"], "older ones were looked at before"
