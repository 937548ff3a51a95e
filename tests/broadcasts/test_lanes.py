"""Lanes carry a broadcast to its end, whatever dies on the way."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from broadcasts import channels, chunks, clock, counts, gate, lanes, lifecycle, plan
from broadcasts.channels.base import Message, Outcome, OutcomeKind, Report, Traits
from broadcasts.channels.sandbox import Sandbox
from broadcasts.models import Broadcast, Chunk, Delivery, PhoneMessage, Sender
from businesses import wallet
from consent.models import CapEntry
from tests.broadcasts.stamped import Stamped
from tests.conftest import OwnDatabase
from tests.make import EURO, make_business, make_launched, make_people, open_policy

pytestmark = pytest.mark.usefixtures("own_database")


def launched(n: int, **fields: object) -> Broadcast:
    open_policy()
    now = datetime.now(UTC)
    business = make_business(money=1000 * EURO)
    make_people(business=business, n=n, now=now)
    return make_launched(business=business, now=now, **fields)


def run_lane() -> int:
    return asyncio.run(lanes.Lane(life_seconds=30).run())


def assert_true_to_the_row(broadcast: Broadcast) -> None:
    assert counts.verify(broadcast) == []
    assert wallet.verify_books() == []


def test_a_lane_sends_everything_once_and_completes() -> None:
    broadcast = launched(1_234)

    assert run_lane() == 1_234

    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.COMPLETED
    assert PhoneMessage.objects.values("address").distinct().count() == 1_234
    assert counts.funnel(broadcast).states == {"accepted": 1_234}
    assert_true_to_the_row(broadcast)


def test_rows_left_in_the_air_by_a_dead_lane_are_resolved() -> None:
    broadcast = launched(40)
    dead = uuid4()
    claim = chunks.claim(owner=dead, busy=[], now=datetime.now(UTC))
    assert claim is not None
    gate.pass_batch(
        chunk_id=claim.chunk_id, owner=dead, plan=plan.read(broadcast.pk), recipient_ids=claim.recipient_ids[:25]
    )
    Chunk.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))

    run_lane()

    assert counts.funnel(broadcast).states == {"accepted": 40}
    assert set(Delivery.objects.values_list("attempt", flat=True)) == {1}, "the same attempt, the same key"
    assert_true_to_the_row(broadcast)


class Flaky(Sandbox):
    """Refuses, forgets and stumbles by turns; knows no keys, so what is unknown stays unknown."""

    traits = Traits(
        kind=Sender.Channel.SANDBOX,
        idempotency_window=None,
        receipt_horizon=timedelta(minutes=5),
        address_kinds=("sandbox", "e164"),
    )

    async def send(self, sender: Sender, messages: list[Message], report: Report) -> None:  # type: ignore[override]
        for message in messages:
            turn = message.recipient_id % 4
            if turn == 0:
                report(message, Outcome(OutcomeKind.REJECTED, error_code="no"))
            elif turn == 1:
                report(message, Outcome(OutcomeKind.UNKNOWN, error_code="timeout"))
            elif turn == 2 and message.attempt < 3:
                report(message, Outcome(OutcomeKind.NOT_STARTED, wait_seconds=0.1))
            else:
                report(message, Outcome(OutcomeKind.ACCEPTED, provider_id=f"x{message.recipient_id}"))


def test_every_outcome_finds_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(channels.KINDS, Sender.Channel.SANDBOX, Flaky)
    broadcast = launched(400)

    run_lane()

    states = counts.funnel(broadcast).states
    assert states == {"unknown": 100, "accepted": 200, "failed": 100}
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.COMPLETED
    assert CapEntry.objects.filter(broadcast_id=broadcast.pk).count() == 300
    Broadcast.objects.filter(pk=broadcast.pk).update(ends_at=datetime.now(UTC) - timedelta(hours=1))
    clock.close_books(now=datetime.now(UTC))
    assert counts.funnel(broadcast).reasons == {"refused_by_provider": 100, "unconfirmed": 100, "no_receipt": 200}
    broadcast.refresh_from_db()
    assert broadcast.settled_at is not None
    assert_true_to_the_row(broadcast)


def test_pause_holds_and_resume_goes_on() -> None:
    broadcast = launched(1_000, messages_per_second=400)
    now = datetime.now(UTC)

    async def pause_in_the_middle() -> None:
        lane = lanes.Lane(life_seconds=30)
        run = asyncio.create_task(lane.run())
        while lane.n_handed_over < 200:
            await asyncio.sleep(0.05)
        await lane.database(lifecycle.pause, broadcast=broadcast, reason="look first", by=None, now=now)
        await run

    asyncio.run(pause_in_the_middle())
    funnel = counts.funnel(broadcast)
    assert 200 <= funnel.sent < 1_000
    assert funnel.sent + funnel.queued == 1_000

    lifecycle.resume(broadcast=broadcast, by=None, now=datetime.now(UTC))
    run_lane()
    assert counts.funnel(broadcast).sent == 1_000
    assert_true_to_the_row(broadcast)


def test_two_lanes_share_without_a_double(own_database: OwnDatabase) -> None:
    broadcast = launched(3_000)

    async def both() -> None:
        await asyncio.gather(lanes.Lane(30).run(), lanes.Lane(30).run())

    asyncio.run(both())
    assert counts.funnel(broadcast).states == {"accepted": 3_000}
    assert PhoneMessage.objects.count() == 3_000
    assert_true_to_the_row(broadcast)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each hand-over began."""
    Stamped.began = []
    monkeypatch.setitem(channels.KINDS, Sender.Channel.SANDBOX, Stamped)
    return Stamped.began


@pytest.mark.parametrize("deed", ["pause", "cancel"])
def test_within_a_second_of_a_pause_or_a_cancellation_nothing_begins(wire: list[float], deed: str) -> None:
    broadcast = launched(3_000, messages_per_second=600)
    done: list[float] = []

    def act() -> None:
        facts = {"reason": "look first"} if deed == "pause" else {}
        getattr(lifecycle, deed)(broadcast=broadcast, by=None, now=datetime.now(UTC), **facts)
        done.append(time.time())

    async def in_the_middle() -> None:
        lane = lanes.Lane(life_seconds=6)
        run = asyncio.create_task(lane.run())
        while lane.n_handed_over < 300:
            await asyncio.sleep(0.02)
        await lane.database(act)
        await run

    asyncio.run(in_the_middle())
    assert 300 <= len(wire) < 2_500
    assert max(wire) < done[0] + 1.0
    last = Delivery.objects.filter(broadcast_id=broadcast.pk, gated_at__isnull=False).order_by("-gated_at")[0]
    assert last.gated_at is not None
    assert last.gated_at.timestamp() <= done[0]
    assert_true_to_the_row(broadcast)


def test_within_a_second_of_a_resume_it_is_sent_again(wire: list[float]) -> None:
    broadcast = launched(200)
    lifecycle.pause(broadcast=broadcast, reason="look first", by=None, now=datetime.now(UTC))
    done: list[float] = []

    def act() -> None:
        lifecycle.resume(broadcast=broadcast, by=None, now=datetime.now(UTC))
        done.append(time.time())

    async def while_a_lane_waits() -> None:
        lane = lanes.Lane(life_seconds=20)
        run = asyncio.create_task(lane.run())
        await asyncio.sleep(0.5)
        assert not wire
        await lane.database(act)
        await run

    asyncio.run(while_a_lane_waits())
    assert len(wire) == 200
    assert min(wire) < done[0] + 1.0


def test_a_broadcast_is_no_faster_than_it_may_be(wire: list[float]) -> None:
    """Half a second's worth lies ready at most, over all lanes together."""
    launched(600, messages_per_second=100)

    async def two() -> None:
        await asyncio.gather(lanes.Lane(4).run(), lanes.Lane(4).run())

    asyncio.run(two())
    first = min(wire)
    for seconds in (1, 2, 3):
        n = sum(at < first + seconds for at in wire)
        assert n <= 100 * seconds + 60, f"{n} in {seconds} s"
    assert len(wire) >= 200
