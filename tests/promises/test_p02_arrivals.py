"""P2 by time of arrival: phones are off for days, receipts come late, and still no window ever holds too many."""

import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from broadcasts import settle
from broadcasts.channels.base import Message, Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast
from broadcasts.quote import CannotQuote
from businesses.models import Business
from consent.models import CapRule
from launch import ROOT
from templates_approval.models import Version
from tests.conftest import OwnDatabase
from tests.make import EURO, make_approved_version, make_business, make_launched, make_people
from tests.promises import oracle

LONG = bool(os.environ.get("PROMISES"))
N_PEOPLE, N_BUSINESSES, N_PROCESSES, N_DAYS = (300, 6, 8, 60) if LONG else (40, 3, 2, 14)
STEP_HOURS = (4, 12, 20, 26)
LIFE_HOURS = 120

pytestmark = [pytest.mark.promise("P2"), pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass
class Told:
    """Who was sent what by whom, and when it showed up on their phone, if ever."""

    recipient_id: int
    business_id: int
    arrived_at: datetime | None


@dataclass
class Weeks:
    chance: random.Random
    now: datetime
    shops: list[tuple[Business, Version]]
    off: dict[int, list[tuple[datetime, datetime]]]
    told: list[Told] = field(default_factory=list)
    receipts: list[tuple[datetime, ReceiptUpdate]] = field(default_factory=list)


def test_no_window_of_arrivals_ever_holds_too_many(
    own_database: OwnDatabase, tell_cases: Callable[[str], None]
) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    weeks = _begin(random.Random(seed))
    end = weeks.now + timedelta(days=N_DAYS)
    with _gates(own_database) as gates:
        while weeks.now < end:
            weeks.now += timedelta(hours=weeks.chance.choice(STEP_HOURS))
            _hear(weeks)
            launched = [one for shop in weeks.chance.sample(weeks.shops, 2) if (one := _launch(weeks, *shop))]
            for passed in _at_once(gates, weeks.now):
                _hand_over(weeks, {broadcast.pk: broadcast for broadcast in launched}, passed)

    arrived = [one for one in weeks.told if one.arrived_at]
    late = sum(_was_off(weeks, one) for one in arrived)
    tell_cases(f"{len(weeks.told):,} sent, {len(arrived):,} arrived, {late} of them after the phone had been off")
    assert len(arrived) > N_PEOPLE * 2, "hardly anything arrived: this proved nothing"
    assert late > len(arrived) // 10, "hardly a phone was off: this proved nothing"
    assert _excesses(arrived) == []
    assert oracle.slot_faults() == []


def _begin(chance: random.Random) -> Weeks:
    now = datetime.now(UTC)
    shops = []
    for n in range(N_BUSINESSES):
        business = make_business(name=f"Shop {n}", money=10_000 * EURO, now=now)
        shops.append((business, make_approved_version(business=business)))
        people = make_people(business=business, n=N_PEOPLE, now=now)
    return Weeks(chance, now, shops, {person: _habits(chance, now) for person in people})


def _habits(chance: random.Random, now: datetime) -> list[tuple[datetime, datetime]]:
    """When a person's phone is off: for one to seven days, again and again; some leave it on."""
    off, at = [], now + timedelta(days=chance.random() * 5)
    while chance.random() < 0.9 and at < now + timedelta(days=N_DAYS):
        until = at + timedelta(days=chance.uniform(1, 7))
        off.append((at, until))
        at = until + timedelta(days=chance.expovariate(1 / 3))
    return off


def _launch(weeks: Weeks, business: Business, version: Version) -> Broadcast | None:
    try:
        return make_launched(business=business, version=version, now=weeks.now, life_hours=LIFE_HOURS)
    except CannotQuote:
        return None  # nobody could be reached


@contextmanager
def _gates(database: OwnDatabase) -> Iterator[list["subprocess.Popen[str]"]]:
    command = [sys.executable, "-m", "tests.promises.gate_process"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    gates = [
        subprocess.Popen(command, env=database.environment, cwd=ROOT, **pipes)  # type: ignore[call-overload]
        for _ in range(N_PROCESSES)
    ]
    try:
        yield gates
    finally:
        for gate in gates:
            gate.kill()
            gate.communicate()


def _at_once(gates: list["subprocess.Popen[str]"], now: datetime) -> Iterator[list[tuple[str, int, int]]]:
    """Let all processes gate what is due, at the same moment, about the same people."""
    for gate in gates:
        assert gate.stdin
        gate.stdin.write(f"{now.isoformat()}\n")
        gate.stdin.flush()
    for gate in gates:
        assert gate.stdout
        yield json.loads(gate.stdout.readline())


def _hand_over(weeks: Weeks, launched: dict[int, Broadcast], passed: list[tuple[str, int, int]]) -> None:
    by_broadcast: dict[int, list[tuple[Message, Outcome]]] = defaultdict(list)
    for code, recipient_id, broadcast_id in passed:
        broadcast = launched[broadcast_id]
        message = Message(broadcast_id, recipient_id, 1, code, "", "en", {}, "", 0, 0.0)
        kind = OutcomeKind.REJECTED if weeks.chance.random() < 0.05 else OutcomeKind.ACCEPTED
        by_broadcast[broadcast_id].append((message, Outcome(kind, provider_id=code, error_code="x")))
        if kind == OutcomeKind.ACCEPTED:
            _travel(weeks, broadcast, message)
    for broadcast_id, results in by_broadcast.items():
        sender_id = launched[broadcast_id].sender_id
        settle.outcomes(broadcast_id=broadcast_id, sender_id=sender_id, results=results, now=weeks.now)


def _travel(weeks: Weeks, broadcast: Broadcast, message: Message) -> None:
    """It shows up when the phone is on next, unless its life has ended by then; the receipt takes up to three days."""
    at = weeks.now + timedelta(minutes=weeks.chance.random())
    for begin, until in weeks.off[message.recipient_id]:
        if begin <= at < until:
            at = until
    assert broadcast.ends_at is not None
    has_arrived = at < broadcast.ends_at
    weeks.told.append(Told(message.recipient_id, broadcast.business_id, at if has_arrived else None))
    if has_arrived:
        update = ReceiptUpdate(
            status=ReceiptStatus.DELIVERED, at=at, sender_id=broadcast.sender_id, message_code=message.code
        )
        weeks.receipts.append((at + timedelta(days=3 * weeks.chance.random() ** 4), update))


def _hear(weeks: Weeks) -> None:
    heard = [update for at, update in weeks.receipts if at <= weeks.now]
    weeks.receipts = [(at, update) for at, update in weeks.receipts if at > weeks.now]
    settle.fold_receipts(updates=heard, now=weeks.now)


def _was_off(weeks: Weeks, one: Told) -> bool:
    return any(one.arrived_at == until for _, until in weeks.off[one.recipient_id])


def _excesses(arrived: list[Told]) -> list[str]:
    """Look back from every arrival, through every window."""
    by_person: dict[int, list[Told]] = defaultdict(list)
    for one in arrived:
        by_person[one.recipient_id].append(one)
    rules = list(CapRule.objects.filter(country="").exclude(scope=CapRule.Scope.BUSINESS_NOT_INTERESTED))
    return [
        f"recipient {person}: {n} in {rule.window_hours} h, {rule.max_offers} allowed, at {last.arrived_at}"
        for person, mine in by_person.items()
        for last in mine
        for rule in rules
        if (n := _seen(mine, last, rule)) > rule.max_offers
    ]


def _seen(mine: list[Told], last: Told, rule: CapRule) -> int:
    assert last.arrived_at
    since = last.arrived_at - timedelta(hours=rule.window_hours)
    same = [one for one in mine if rule.scope == CapRule.Scope.PLATFORM or one.business_id == last.business_id]
    return sum(since < one.arrived_at <= last.arrived_at for one in same if one.arrived_at)
