"""No foreign keys on the hot tables: what dangles all the same is found at night."""

from __future__ import annotations

import io
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from broadcasts import dangling, tasks
from broadcasts.models import Broadcast, Chunk
from broadcasts.statements import statement
from businesses import nights
from businesses.models import AuditEvent
from config.celery import CLOCK_TABLE
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


def faults(since: datetime = NOW - DAY) -> list[str]:
    return list(dangling.faults(since=since))


def test_whole_tables_have_no_faults(broadcast: Broadcast) -> None:
    assert faults() == []
    said = io.StringIO()
    call_command("verify_links", "--days", "100000", stdout=said)
    assert said.getvalue() == "Every row points to something.\n"


def test_each_kind_of_dangling_row_is_found(broadcast: Broadcast) -> None:
    version = broadcast.versions.get().version_id
    execute(MAKE, [broadcast.pk, 10**9, version])
    execute(MAKE, [broadcast.pk, 10**9 + 1, version + 1])
    execute(MAKE, [broadcast.pk + 1, 1, version])
    execute("INSERT INTO broadcasts_providermessage VALUES (1, %s, %s, 1, 'x')", [broadcast.pk, 10**9 + 2])
    Chunk.objects.create(
        broadcast_id=broadcast.pk + 1, country="FR", timezone="Europe/Paris", recipient_ids=[1], due_at=NOW
    )
    everywhere = ["deliveries of no broadcast: 1"]
    lately = ["deliveries of no person: 2", "deliveries in words that were not frozen: 1"]
    assert faults() == [*everywhere, *lately, "providers' ids of no delivery: 1", "chunks of no broadcast: 1"]
    with pytest.raises(CommandError):
        call_command("verify_links", "--days", "100000", stderr=io.StringIO())
    assert faults(NOW + DAY) == [*everywhere, "chunks of no broadcast: 1"], "older ones were looked at before"


ROWS_OF_NOBODY = {
    "consent_address": "(recipient_id, kind, value, scope) VALUES (%s, 'e164', '+33612345678', '')",
    "consent_capentry": "(recipient_id, broadcast_id, business_id, reserved_at, counts_at)"
    " VALUES (%s, 1, 1, now(), now())",
}


@pytest.mark.parametrize("table", list(ROWS_OF_NOBODY))
def test_who_is_named_and_is_not_there_is_counted(broadcast: Broadcast, table: str) -> None:
    execute(f"INSERT INTO {table} {ROWS_OF_NOBODY[table]}", [10**9])
    assert faults() == [f"{table} of no person: 1"]


def test_it_is_logged_once_a_night(broadcast: Broadcast, caplog: pytest.LogCaptureFixture) -> None:
    execute(MAKE, [broadcast.pk + 1, 1, 1])
    three = (NOW + DAY).replace(hour=dangling.HOUR)
    with caplog.at_level(logging.ERROR):
        assert dangling.nightly(now=three - timedelta(hours=1)) is None
        assert not caplog.records
        assert dangling.nightly(now=three) == ["deliveries of no broadcast: 1"]
        assert dangling.nightly(now=three + timedelta(hours=1)) is None
    assert len(caplog.records) == 1


def test_the_clock_looks(broadcast: Broadcast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ("broadcasts.tasks.look_what_dangles", 3600.0, "imports") in CLOCK_TABLE
    monkeypatch.setattr(dangling, "HOUR", 0)
    tasks.look_what_dangles()
    assert AuditEvent.objects.get(action=nights.BEGUN).object_code == dangling.NIGHTLY


def test_old_drafts_do_not_make_it_long(broadcast: Broadcast) -> None:
    """Whatever the oldest id among those that were launched lately: each broadcast is a step, not each delivery."""
    version = broadcast.versions.get().version_id
    execute(
        "INSERT INTO broadcasts_delivery"
        " (broadcast_id, recipient_id, contact_id, version_id, price_micro, country, state, reason)"
        " SELECT %s, i, 1, %s, 0, 'FR', 5, 50 FROM generate_series(1000000, 1005000) i",
        [broadcast.pk, version],
    )
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement('stray_broadcasts')}")
        ((plan,),) = cursor.fetchall()
    assert _rows_read(plan[0]["Plan"]) < 100


def _rows_read(node: dict[str, Any]) -> float:
    own = node["Actual Rows"] * node["Actual Loops"] if "Relation Name" in node else 0
    return own + sum(_rows_read(child) for child in node.get("Plans", []))


def test_what_takes_too_long_is_given_up_and_said(broadcast: Broadcast, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep() -> int:
        execute("SELECT pg_sleep(30)", [])
        return 0

    monkeypatch.setattr(dangling, "_of_no_broadcast", sleep)
    assert list(dangling.faults(since=NOW - DAY, seconds=0.5)) == [
        "deliveries of no broadcast: not counted within 0.5 seconds"
    ]
