"""Pretended people who live by themselves: by seed, through the same door as any provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broadcasts import clock, counts, senders
from broadcasts.channels.sandbox import habits, network
from broadcasts.models import PhoneMessage
from consent.models import Refusal
from feedback import receipts
from tests.broadcasts.whatsapp.shop import open_door
from tests.conftest import OwnDatabase
from tests.make import EURO, make_business, make_people, make_sent, open_policy

N = 120
# Longer than anybody waits, and short enough for the door to believe it.
LATER = timedelta(seconds=60)


def numbers(n: int) -> list[str]:
    return [f"+3363998{i:07}" for i in range(1, n + 1)]


def test_the_same_seed_the_same_people() -> None:
    fates = [habits.fate({"seed": 7}, address=one) for one in numbers(1_000)]
    assert fates == [habits.fate({"seed": 7}, address=one) for one in numbers(1_000)]
    assert fates != [habits.fate({"seed": 8}, address=one) for one in numbers(1_000)]
    said = Counter(fate.answer for fate in fates)
    assert 550 < sum(fate.reads_after is not None for fate in fates) < 650
    assert 30 < said["interested"] < 90
    assert 12 < said["not_interested"] < 50
    assert 3 < said["stop"] < 25
    assert all(not fate.answer or fate.reads_after for fate in fates), "nobody answers what they did not read"
    assert habits.fate({}, address="+33639980001") == habits.AT_ONCE


@pytest.fixture
def _door(own_database: OwnDatabase, settings: Any) -> Iterator[None]:
    with open_door() as url:
        settings.PUBLIC_URL = settings.INTERNAL_URL = url
        yield


@pytest.mark.usefixtures("_door")
def test_they_are_late_read_and_answer_through_the_door() -> None:
    open_policy()
    now = datetime.now(UTC) - LATER
    business = make_business(money=1_000 * EURO)
    make_people(business=business, n=N, now=now)
    sender = senders.connect_sandbox(business=business, name="Shop", now=now, messages_per_second=100_000, seed=3)
    broadcast, _sent = make_sent(business=business, sender=sender, now=now)
    assert network.report_deliveries(now=now) == 0, "none is there yet"
    assert not clock.phones_are_awake(now=now)
    assert network.live(now=now + LATER) == 0, "nobody reads what did not arrive"
    assert network.report_deliveries(now=now + LATER) == N
    assert clock.phones_are_awake(now=now + LATER)

    fates = [habits.fate(sender.settings, address=one) for one in numbers(N)]
    n_read = sum(fate.reads_after is not None for fate in fates)
    assert network.live(now=now + LATER) == n_read
    assert network.live(now=now + LATER) == 0, "once"
    assert not clock.phones_are_awake(now=now + LATER)
    while receipts.fold(now=datetime.now(UTC), limit=100):
        pass
    assert counts.funnel(broadcast).states == {"delivered": N - n_read, "read": n_read}
    said = Counter(fate.answer for fate in fates if fate.answer)
    assert PhoneMessage.objects.filter(is_inbound=True).count() >= said.total() > 0
    assert Refusal.objects.filter(lifted_at=None).count() == said["stop"]
