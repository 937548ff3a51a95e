"""Freezing: which value each variable takes for each person, and in what order audiences get their turn."""

from __future__ import annotations

from typing import Any

import pytest

from broadcasts import clock, estimate, freeze, lifecycle, wordings
from broadcasts.models import Broadcast, Delivery
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
