"""Freezing: which value each variable takes for each person, and in what order audiences get their turn."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from broadcasts import clock, estimate, freeze, lifecycle, wordings
from broadcasts.models import Broadcast, Chunk, Delivery
from businesses.models import Business
from consent.models import Contact
from templates_approval.models import Version
from tests.make import NOW, make_broadcast, make_business, make_launched, make_people

pytestmark = pytest.mark.django_db
# The template's fallback is {"first_name": "there"}.
CASES: list[tuple[str, dict[str, Any], dict[str, str], dict[str, str] | None]] = [
    ("Ana Lima", {}, {"discount": "20"}, {"first_name": "Ana", "discount": "20"}),
    ("", {}, {"discount": "20"}, {"first_name": "there", "discount": "20"}),
    (" Lima", {}, {"discount": "20"}, {"first_name": "there", "discount": "20"}),
    ("Ana", {"first_name": "Anne"}, {"discount": "20"}, {"first_name": "Anne", "discount": "20"}),
    ("Ana", {"first_name": ""}, {"discount": "20"}, {"first_name": "Ana", "discount": "20"}),
    ("Ana", {"discount": "35"}, {"discount": "20"}, {"first_name": "Ana", "discount": "35"}),
    ("Ana", {"discount": 35}, {"discount": "20"}, {"first_name": "Ana", "discount": "35"}),
    ("Ana", {"discount": None}, {"discount": "20"}, {"first_name": "Ana", "discount": "20"}),
    ("Ana", {"discount": "35"}, {}, {"first_name": "Ana", "discount": "35"}),
    ("", {}, {"discount": "20", "first_name": "you"}, {"first_name": "you", "discount": "20"}),
    ("Ana", {}, {"discount": "20", "first_name": "you"}, {"first_name": "Ana", "discount": "20"}),
    ("Ana", {"city": "Lyon"}, {}, None),
    ("Ana", {"discount": ""}, {}, None),
]


@pytest.mark.parametrize(("name", "attributes", "given", "values"), CASES)
def test_each_variable_takes_the_nearest_value(
    name: str, attributes: dict[str, Any], given: dict[str, str], values: dict[str, str] | None
) -> None:
    business = make_business(money=100_000_000)
    make_people(business=business, n=2)
    first, whole = Contact.objects.of(business).order_by("pk")
    Contact.objects.filter(pk=first.pk).update(name=name, attributes=attributes)
    # The other one has everything: nobody may launch to nobody.
    Contact.objects.filter(pk=whole.pk).update(attributes={"discount": "1"})
    broadcast = make_launched(business=business, variables=given, now=NOW)
    delivery = Delivery.objects.get(broadcast_id=broadcast.pk, recipient_id=first.recipient_id)
    assert delivery.variables == values
    lacks = wordings.Values(broadcast, [Version.objects.get()]).lack("en", name, attributes)
    assert lacks is (values is None), "the estimate says the same"


def test_what_is_launched_while_others_are_frozen_joins_them(monkeypatch: pytest.MonkeyPatch) -> None:
    business = make_business(money=100_000_000)
    make_people(business=business, n=3)
    first, second = (make_broadcast(business=business) for _each in range(2))
    tokens = {draft.pk: estimate.estimate(broadcast=draft, now=NOW).token for draft in (first, second)}
    lifecycle.launch(broadcast=first, token=tokens[first.pk], by=None, now=NOW)
    one_slice = freeze.next_slice

    def and_meanwhile(*, broadcast_id: int, now: Any) -> bool:
        if Broadcast.objects.filter(pk=second.pk, state=Broadcast.State.DRAFT).exists():
            lifecycle.launch(broadcast=second, token=tokens[second.pk], by=None, now=NOW)
        return one_slice(broadcast_id=broadcast_id, now=now)

    monkeypatch.setattr(freeze, "next_slice", and_meanwhile)
    clock.freeze_waiting(now=NOW)
    assert set(Broadcast.objects.values_list("state", flat=True)) == {Broadcast.State.SENDING}


def test_who_joins_is_frozen_by_the_clock_of_its_own_round(monkeypatch: pytest.MonkeyPatch) -> None:
    business = make_business(money=100_000_000)
    make_people(business=business, n=3)
    launch_another_in_each_slice(business, 2, monkeypatch)
    began = timezone.now()
    clock.freeze_waiting(now=began)
    first, second = Broadcast.objects.order_by("launched_at")
    assert first.launched_at is not None
    assert second.launched_at is not None
    assert second.launched_at > first.launched_at
    assert set(Chunk.objects.filter(broadcast=first).values_list("due_at", flat=True)) == {began}
    assert Chunk.objects.get(broadcast=second).due_at >= second.launched_at


def test_nobody_joins_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn that freezes wakes the lanes at its end: however many are launched meanwhile, it comes to its end."""
    business = make_business(money=100_000_000)
    make_people(business=business, n=3)
    launch_another_in_each_slice(business, 3, monkeypatch)
    monkeypatch.setattr(clock, "JOIN_SECONDS", 0.0)
    clock.freeze_waiting(now=timezone.now())
    states = Broadcast.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [Broadcast.State.SENDING, Broadcast.State.PREPARING, Broadcast.State.DRAFT]
    clock.freeze_waiting(now=timezone.now())
    assert list(states.all()) == [Broadcast.State.SENDING, Broadcast.State.SENDING, Broadcast.State.PREPARING]


def launch_another_in_each_slice(business: Business, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``n`` drafts and launch the first; at each slice of anybody the next one is launched."""
    now = timezone.now()
    drafts = [make_broadcast(business=business, now=now) for _each in range(n)]
    tokens = [estimate.estimate(broadcast=draft, now=now).token for draft in drafts]
    left = list(zip(drafts, tokens, strict=True))
    one_slice = freeze.next_slice

    def launch_next() -> None:
        draft, token = left.pop(0)
        lifecycle.launch(broadcast=draft, token=token, by=None, now=timezone.now())

    def and_meanwhile(*, broadcast_id: int, now: datetime) -> bool:
        if left:
            launch_next()
        return one_slice(broadcast_id=broadcast_id, now=now)

    launch_next()
    monkeypatch.setattr(freeze, "next_slice", and_meanwhile)
