"""Who may be reached, as a list: the same as asked one by one, and nothing that is not the business's own to know."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from businesses.models import Business
from consent import refusals, standing
from consent.models import CapEntry, Contact, Interaction
from tests.broadcasts.test_api import Program
from tests.make import make_business, make_people
from tests.promises import lives

pytestmark = pytest.mark.django_db


def codes(business: Business, now: datetime, *, is_reachable: bool) -> set[str]:
    rows = Contact.objects.of(business)
    found = standing.reachable(rows=rows, business=business, now=now, is_reachable=is_reachable)
    return set(found.values_list("code", flat=True))


def test_the_list_and_each_persons_page_say_the_same() -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    world = lives.begin(seed=seed, n_people=150, now=datetime(2026, 6, 1, 10, tzinfo=UTC))
    reasons: Counter[str] = Counter()
    for _ in range(3):
        lives.go_on(world, hours=30, share=0.3)
        for shop in world.shops:
            everybody = Contact.objects.of(shop.business).select_related("recipient", "business")
            told = {each.code: standing.of(contact=each, now=world.now) for each in everybody}
            reasons.update(each.reason for each in told.values())
            may = {code for code, each in told.items() if each.may_be_reached}
            assert codes(shop.business, world.now, is_reachable=True) == may, seed
            assert codes(shop.business, world.now, is_reachable=False) == told.keys() - may, seed
    assert reasons.keys() >= {"", "invalid_address", "no_interaction", "no_legal_basis", "quarantined", "opted_out"}


@pytest.mark.promise("P7")
def test_what_others_did_and_what_was_chosen_for_all_changes_no_list() -> None:
    business, now = make_business(), timezone.now()
    on, off, gone = make_people(business=business, n=3, now=now)
    before = codes(business, now, is_reachable=True)
    assert len(before) == 3
    refusals.pause_all(recipient_id=on, via="page", now=now)
    refusals.set_own_limit(recipient_id=off, limit=0, via="page", now=now)
    refusals.stop(recipient_id=gone, business=make_business(name="Fleurs Petit"), via="page", now=now)
    CapEntry.objects.bulk_create(
        CapEntry(recipient_id=gone, broadcast_id=-n, business_id=0, reserved_at=now, counts_at=now) for n in range(9)
    )
    assert codes(business, now, is_reachable=True) == before


def test_a_program_asks_for_those_who_may_be_reached() -> None:
    business, now = make_business(), timezone.now()
    people = make_people(business=business, n=4, now=now)
    refusals.stop(recipient_id=people[0], business=business, via="page", now=now)
    Interaction.objects.filter(recipient_id=people[1]).update(occurred_at=now - timedelta(days=4_000))
    program = Program(business)

    def names(query: str) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            answer = program.get(f"contacts{query}")
        assert answer.status_code == 200, answer.content
        assert len(queries) < 12
        told: list[dict[str, Any]] = answer.json()["data"]
        return [each["name"] for each in told]

    assert names("?reachable=true") == ["Ana 4", "Ana 3"]
    assert names("?reachable=false") == ["Ana 2", "Ana 1"]
    assert names("") == ["Ana 4", "Ana 3", "Ana 2", "Ana 1"]
    assert program.get("contacts?reachable=perhaps").json()["errors"][0]["pointer"] == "/reachable"
