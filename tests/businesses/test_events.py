"""The outbox: numbers without gaps, in the order of commit; the audit trail: written once."""

from typing import Any

import pytest
import structlog
from django.db import DatabaseError, connection, transaction

from businesses import audit, events
from businesses.models import Event
from tests.at_once import at_once
from tests.make import NOW, make_business


def numbers_of(business_id: int) -> list[int]:
    return list(Event.objects.filter(business_id=business_id).order_by("sequence").values_list("sequence", flat=True))


def test_each_business_counts_for_itself(db: None) -> None:
    one, other = make_business(is_verified=False), make_business(is_verified=False)
    for _ in range(3):
        events.record(business_id=one.pk, kind="thing.happened", payload={"at": NOW, "été": 1}, now=NOW)
    assert numbers_of(one.pk) == [1, 2, 3, 4]
    assert numbers_of(other.pk) == [1]
    assert Event.objects.get(business=one, sequence=4).payload == {"at": "2026-06-01T10:00:00Z", "été": 1}


def test_what_is_rolled_back_leaves_no_gap(db: None) -> None:
    business = make_business(is_verified=False)

    def fail() -> None:
        with transaction.atomic():
            events.record(business_id=business.pk, kind="never", payload={}, now=NOW)
            raise RuntimeError("after the event")

    with pytest.raises(RuntimeError):
        fail()
    events.record(business_id=business.pk, kind="thing.happened", payload={}, now=NOW)
    assert numbers_of(business.pk) == [1, 2]


def test_numbers_have_no_gaps_under_concurrency(own_database: Any) -> None:
    business = make_business(is_verified=False)

    def tell(n: int) -> None:
        for _ in range(5):
            try:
                with transaction.atomic():
                    events.record(business_id=business.pk, kind="thing.happened", payload={"by": n}, now=NOW)
                    if n == 0:
                        raise RuntimeError("this one fails after its event")
            except RuntimeError:
                pass

    assert at_once(tell, 6) == [None] * 6
    assert numbers_of(business.pk) == list(range(1, 1 + 1 + 5 * 5))


@pytest.mark.parametrize("table", ["businesses_event", "businesses_auditevent"])
def test_what_happened_is_never_changed(db: None, table: str) -> None:
    make_business()
    for change in (f"UPDATE {table} SET created_at = now()", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="only grows"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_the_audit_trail_names_the_request(db: None) -> None:
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        noted = audit.note(action="a", object_kind="b", object_code="c", now=NOW)
    assert noted.request_id == "abc"
