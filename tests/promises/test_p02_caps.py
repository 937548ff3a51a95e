"""P2: no cap is ever exceeded, however many processes send however many broadcasts to the same people at once."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from broadcasts import recount
from broadcasts.models import Broadcast, Delivery, PhoneMessage
from businesses.models import Business
from consent.models import Address, CapEntry, Contact, Recipient
from consent.reasons import Reason
from launch import ROOT
from tests.conftest import OwnDatabase, wait_for
from tests.make import EURO, make_business, make_launched, make_people, open_policy
from tests.promises import oracle

LONG = bool(os.environ.get("PROMISES"))
N_PEOPLE, N_BUSINESSES, N_PROCESSES = (2_000, 20, 8) if LONG else (300, 8, 3)
FULL = {Reason.CAP_RECIPIENT, Reason.CAP_BUSINESS, Reason.CAP_PLATFORM}

pytestmark = [pytest.mark.promise("P2"), pytest.mark.promise("P10"), pytest.mark.slow, pytest.mark.timeout(900)]


def test_no_window_ever_holds_too_many(own_database: OwnDatabase, tell_cases: Callable[[str], None]) -> None:
    now = datetime.now(UTC)
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    open_policy()
    businesses = [make_business(name=f"Shop {n}", money=1_000 * EURO, now=now) for n in range(N_BUSINESSES)]
    for business in businesses:
        people = make_people(business=business, n=N_PEOPLE, now=now)
    _give_them_wishes(people, businesses, chance)
    _give_them_a_past(people, businesses, chance, now)
    broadcasts = [make_launched(business=business, now=now) for business in businesses]

    with lane_processes(own_database, N_PROCESSES):
        wait_for(lambda: _all_completed(broadcasts), seconds=300, what="the end of every broadcast")

    tell_cases(f"{N_PROCESSES} processes, {len(broadcasts)} broadcasts to the same {N_PEOPLE:,} people")
    assert oracle.cap_excesses() == []
    assert oracle.slot_faults() == []
    assert oracle.money_faults() == []
    # The operator's nightly look says the same, with rules of its own.
    assert recount.recount(since=now - timedelta(hours=1), now=now + timedelta(hours=1)).kinds == {}
    for broadcast in broadcasts:
        assert oracle.faults(broadcast) == []
    _phones_say_the_same(broadcasts)
    _nobody_was_spared_without_need(now)


def _give_them_wishes(people: list[int], businesses: list[Business], chance: random.Random) -> None:
    """Some accept fewer offers than the rules would allow; some are not interested in one of the businesses."""
    for limit in (0, 1, 2):
        Recipient.objects.filter(pk__in=chance.sample(people, len(people) // 12)).update(own_limit=limit)
    for business in businesses:
        uninterested = chance.sample(people, len(people) // 8)
        Contact.objects.of(business).filter(recipient_id__in=uninterested).update(
            last_reaction=Contact.Reaction.NOT_INTERESTED
        )


def _give_them_a_past(people: list[int], businesses: list[Business], chance: random.Random, now: datetime) -> None:
    """Earlier offers, most of them just inside or just outside of a window."""
    edges = [timedelta(hours=24), timedelta(days=7), timedelta(days=30)]
    entries = []
    for number, recipient_id in enumerate(people):
        for turn in range(chance.randrange(6)):
            away = chance.choice(edges) + timedelta(minutes=chance.choice([-90, -10, 10, 90]))
            entries.append(
                CapEntry(
                    recipient_id=recipient_id,
                    broadcast_id=-(number * 10 + turn + 1),
                    business_id=chance.choice(businesses).pk,
                    reserved_at=now - away,
                    counts_at=now - away,
                )
            )
    CapEntry.objects.bulk_create(entries)


@contextmanager
def lane_processes(database: OwnDatabase, n: int, **environment: str) -> Iterator[None]:
    """``n`` real processes, each with a lane; they end by themselves when nothing is due."""
    command = [sys.executable, "-m", "tests.promises.lane_process"]
    processes = [subprocess.Popen(command, env=database.environment | environment, cwd=ROOT) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _all_completed(broadcasts: list[Broadcast]) -> bool:
    ids = [broadcast.pk for broadcast in broadcasts]
    return not Broadcast.objects.filter(pk__in=ids, completed_at__isnull=True).exists()


def _phones_say_the_same(broadcasts: list[Broadcast]) -> None:
    """What lies on the phones is what holds a slot: the engine's own books leave nothing out."""
    owner_of = dict(Address.objects.filter(kind="e164").values_list("value", "recipient_id"))
    business_of = {broadcast.sender_id: broadcast.business_id for broadcast in broadcasts}
    on_phones = sorted((owner_of[m.address], business_of[m.sender_id]) for m in PhoneMessage.objects.all())
    granted = CapEntry.objects.filter(broadcast_id__gt=0).values_list("recipient_id", "business_id")
    assert on_phones == sorted(granted)
    assert len(on_phones) > N_PEOPLE // 2, "hardly anybody was told anything: this proved nothing"


def _nobody_was_spared_without_need(now: datetime) -> None:
    """A rule that skips everybody keeps every cap, too: without a past and without wishes, two offers get through."""
    seeded = set(CapEntry.objects.filter(broadcast_id__lt=0).values_list("recipient_id", flat=True))
    free = set(Recipient.objects.filter(own_limit__isnull=True).values_list("pk", flat=True)) - seeded
    uninterested = Contact.objects.filter(last_reaction=Contact.Reaction.NOT_INTERESTED)
    free -= set(uninterested.values_list("recipient_id", flat=True))
    assert free
    for recipient_id in free:
        assert CapEntry.objects.filter(recipient_id=recipient_id).count() == 2
    skipped = Delivery.objects.filter(state=Delivery.State.SKIPPED)
    assert set(skipped.values_list("reason", flat=True)) == FULL
