"""Whatever an adapter does, every message has one outcome, every chunk ends, and the lane goes on."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from broadcasts import channels, chunks, counts, gate, handover, lanes, plan, settle
from broadcasts.channels.base import Message, Outcome, OutcomeKind, Report
from broadcasts.channels.sandbox import Sandbox
from broadcasts.models import Broadcast, Chunk, Delivery, Sender
from businesses import wallet
from tests.make import EURO, make_business, make_launched, make_people, open_policy
from tests.promises import oracle

pytestmark = pytest.mark.usefixtures("own_database")
N = 24


def launched(n: int = N) -> Broadcast:
    open_policy()
    now = datetime.now(UTC)
    business = make_business(money=1000 * EURO)
    make_people(business=business, n=n, now=now)
    return make_launched(business=business, now=now)


def run_lane(life_seconds: float = 8) -> lanes.Lane:
    lane = lanes.Lane(life_seconds=life_seconds)
    asyncio.run(asyncio.wait_for(lane.run(), timeout=life_seconds + 20))
    return lane


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Put a bad adapter in the sandbox's place: ``adapter(send)``."""
    monkeypatch.setattr(lanes, "IDLE_SECONDS", 0.3)

    def use(send: Any) -> None:
        monkeypatch.setitem(channels.KINDS, Sender.Channel.SANDBOX, type("Bad", (Sandbox,), {"send": send}))

    return use


def accept(report: Report, message: Message) -> None:
    report(message, Outcome(OutcomeKind.ACCEPTED, provider_id=f"p{message.recipient_id}"))


def test_an_adapter_that_raises_costs_only_what_it_had_not_told(adapter: Callable[[Any], None]) -> None:
    async def send(self: Any, sender: Sender, messages: list[Message], report: Report) -> None:
        accept(report, messages[0])
        accept(report, messages[0])
        raise ZeroDivisionError

    adapter(send)
    broadcast = launched()
    run_lane(3)
    states = counts.funnel(broadcast).states
    assert set(states) == {"accepted", "unknown"}
    assert states["accepted"] + states["unknown"] == N
    assert set(Delivery.objects.filter(state=20).values_list("error_code", flat=True)) == {"ZeroDivisionError"}
    assert set(Delivery.objects.values_list("attempt", flat=True)) == {1}
    assert oracle.faults(broadcast) + wallet.verify_books() == []


def test_an_adapter_that_hangs_or_forgets_does_not_hold_the_lane(
    adapter: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "LONGEST_SECONDS", 0.5)

    async def send(self: Any, sender: Sender, messages: list[Message], report: Report) -> None:
        for message in messages[::2]:
            accept(report, message)
        await asyncio.sleep(3600)

    adapter(send)
    broadcast = launched()
    run_lane(3)
    assert set(counts.funnel(broadcast).states) == {"accepted", "unknown"}
    assert oracle.faults(broadcast) == []


@pytest.mark.promise("P11")
@pytest.mark.parametrize("poison", ["a\x00b", "\ud800"], ids=["a NUL", "half a character"])
def test_an_outcome_that_cannot_be_written_down_holds_up_no_other(adapter: Callable[[Any], None], poison: str) -> None:
    async def send(self: Any, sender: Sender, messages: list[Message], report: Report) -> None:
        for message in messages:
            ids = {message.recipient_id: f"p{message.recipient_id}", bad: poison}
            report(message, Outcome(OutcomeKind.ACCEPTED, provider_id=ids[message.recipient_id]))

    adapter(send)
    broadcast = launched()
    bad = Delivery.objects.values_list("recipient_id", flat=True)[5]
    run_lane(3)
    assert counts.funnel(broadcast).states == {"accepted": N - 1, "unknown": 1}
    assert Delivery.objects.get(recipient_id=bad).error_code == "unreadable_answer"
    assert oracle.faults(broadcast) == []


@pytest.mark.promise("P1")
def test_a_repeat_that_could_not_begin_keeps_its_key(
    adapter: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It left before, perhaps. As *not started* it would pass the gate once more, and leave under another key."""
    monkeypatch.setattr(handover, "REPEAT_AFTER", timedelta(0))
    monkeypatch.setattr(lanes, "IDLE_SECONDS", 2)
    keys: Counter[tuple[int, str]] = Counter()
    refused: set[str] = set()

    async def send(self: Any, sender: Sender, messages: list[Message], report: Report) -> None:
        for message in messages:
            if message.code in refused:
                keys[message.recipient_id, message.code] += 1
                accept(report, message)
            else:
                refused.add(message.code)
                report(message, Outcome(OutcomeKind.NOT_STARTED, wait_seconds=0.1))

    broadcast = launched()
    dead = uuid4()
    claim = chunks.claim(owner=dead, busy=[], now=datetime.now(UTC))
    assert claim is not None
    passed = gate.pass_batch(
        chunk_id=claim.chunk_id, owner=dead, plan=plan.read(broadcast.pk), recipient_ids=claim.recipient_ids
    )
    # All of it left, and nobody wrote down what came of it.
    first = {message.recipient_id: message.code for message in passed.messages}
    Chunk.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))

    adapter(send)
    run_lane(6)

    assert counts.funnel(broadcast).states == {"accepted": N}
    assert dict(keys.keys()) == first
    assert oracle.slot_faults() == []


@pytest.mark.promise("P1")
def test_what_was_not_started_goes_back_only_while_its_chunk_is_ours() -> None:
    """A lane that slept through its lease must not put a row back that nobody would look at again."""
    broadcast = launched()
    slow, quick = uuid4(), uuid4()
    claim = chunks.claim(owner=slow, busy=[], now=datetime.now(UTC))
    assert claim is not None
    passed = gate.pass_batch(
        chunk_id=claim.chunk_id, owner=slow, plan=plan.read(broadcast.pk), recipient_ids=claim.recipient_ids
    )
    Chunk.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert chunks.claim(owner=quick, busy=[], now=datetime.now(UTC)) is not None

    results = [(message, Outcome(OutcomeKind.NOT_STARTED)) for message in passed.messages]
    chunk_of = dict.fromkeys(claim.recipient_ids, claim.chunk_id)
    told = {"broadcast_id": broadcast.pk, "sender_id": broadcast.sender_id, "results": results, "chunk_of": chunk_of}
    assert settle.outcomes(**told, owner=slow, now=datetime.now(UTC)) == []
    assert counts.funnel(broadcast).states == {"sending": N}
    assert sorted(settle.outcomes(**told, owner=quick, now=datetime.now(UTC))) == claim.recipient_ids
    assert counts.funnel(broadcast).states == {"queued": N}


@pytest.mark.promise("P1")
def test_a_chunk_is_not_finished_while_a_row_is_in_the_air() -> None:
    """PostgreSQL may forget in a crash what was committed asynchronously; the lane remembers it as done."""
    broadcast = launched()
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=datetime.now(UTC))
    assert claim is not None
    gate.pass_batch(
        chunk_id=claim.chunk_id, owner=owner, plan=plan.read(broadcast.pk), recipient_ids=claim.recipient_ids
    )
    assert not chunks.finish(claim=claim, owner=owner, waiting=[], now=datetime.now(UTC))
    chunk = Chunk.objects.get()
    assert (chunk.owner, chunk.done_at) == (None, None)
    later = datetime.now(UTC) + chunks.LOOK_AGAIN
    again = chunks.claim(owner=uuid4(), busy=[], now=later)
    assert again is not None
    assert again.attempts == 2


def test_the_gate_commits_synchronously_whatever_the_session_was_told() -> None:
    broadcast = launched(2)
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=datetime.now(UTC))
    assert claim is not None
    seen = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if "mark_go" in sql:
            context["cursor"].connection.execute("SELECT 1")
            seen.append(context["cursor"].connection.execute("SHOW synchronous_commit").fetchone()[0])
        return answer

    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    with connection.execute_wrapper(watch):
        gate.pass_batch(
            chunk_id=claim.chunk_id, owner=owner, plan=plan.read(broadcast.pk), recipient_ids=claim.recipient_ids
        )
    assert seen == ["on"]


def test_days_of_an_unreachable_provider_overflow_nothing() -> None:
    broadcast = launched(3)
    Delivery.objects.update(attempt=255)
    Chunk.objects.update(attempts=32_000)
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=datetime.now(UTC))
    assert claim is not None
    passed = gate.pass_batch(
        chunk_id=claim.chunk_id, owner=owner, plan=plan.read(broadcast.pk), recipient_ids=claim.recipient_ids
    )
    assert {message.attempt for message in passed.messages} == {255}


def test_what_cannot_be_begun_is_tried_later_and_later(adapter: Callable[[Any], None]) -> None:
    async def send(self: Any, sender: Sender, messages: list[Message], report: Report) -> None:
        for message in messages:
            report(message, Outcome(OutcomeKind.NOT_STARTED, wait_seconds=5))

    adapter(send)
    broadcast = launched(3)
    for attempt, least in ((0, 5), (3, 40), (200, 300)):
        Delivery.objects.update(attempt=attempt)
        Chunk.objects.filter(done_at__isnull=True).update(due_at=datetime.now(UTC))
        from django.core.cache import cache

        cache.clear()
        run_lane(1.5)
        due_at = Chunk.objects.get(done_at__isnull=True).due_at
        assert least - 3 <= (due_at - datetime.now(UTC)).total_seconds() <= least + 1
    assert counts.funnel(broadcast).states == {"queued": 3}
