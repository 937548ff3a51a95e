"""A lane: one event loop that carries many chunks of different senders at once.

It claims a chunk, takes rate tokens, passes half a second's worth through the gate, hands that over, and lets the next
gate and the last settlement run while the wire is busy. It holds nothing that PostgreSQL does not know: killed at any
line, its leases run out and another lane goes on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import Error as DatabaseFault
from django.db import connections
from django.utils import timezone
from django.utils.translation import override

from broadcasts import chunks, gate, in_flight, lifecycle, plan, settle
from broadcasts.channels import open_channels
from broadcasts.channels.base import Message, Outcome, OutcomeKind
from broadcasts.chunks import Claim
from broadcasts.crash import crash_point
from broadcasts.models import Broadcast
from broadcasts.plan import Plan
from broadcasts.rate import Bucket, Rates, Stride
from consent import quiet_hours
from consent.reasons import Reason

log = logging.getLogger(__name__)
T = TypeVar("T")

CHUNKS_AT_ONCE = 64
# One broadcast never fills a lane: one chunk at the gate, one on the wire, one being settled. 2 and 4 are slower.
CHUNKS_OF_ONE_BROADCAST = 3
BATCHES_ON_THE_WIRE = 2
DATABASE_THREADS = 4
FLUSH_SECONDS = 0.05
IDLE_SECONDS = 3.0
LOOK_SECONDS = 0.1
PLAN_SECONDS = 1.0
# A lane ends now and then, so that a worker that is asked to stop does so within its grace period.
LIFE_SECONDS = 20.0
REPEAT_AFTER = timedelta(seconds=5)


@dataclass
class Journey:
    """One chunk on its way through this lane."""

    claim: Claim
    # Messages handed over whose outcome is not written down yet.
    n_open: int = 0
    waiting: list[tuple[datetime, int]] = field(default_factory=list)
    all_settled: asyncio.Event = field(default_factory=asyncio.Event)
    silent_until: float = 0.0


def run(*, life_seconds: float = LIFE_SECONDS) -> int:
    """Carry chunks until nothing is due for a while or the lane is old; return how many messages were handed over."""
    import uvloop

    return uvloop.run(Lane(life_seconds).run())


class Lane:
    def __init__(self, life_seconds: float = LIFE_SECONDS) -> None:
        self.owner: UUID = uuid4()
        self.ends_at = time.monotonic() + life_seconds
        self.n_handed_over = 0
        self.channels = open_channels()
        self.rates = Rates()
        self.threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="lane-db")
        self.journeys: dict[int, Journey] = {}
        self.plans: dict[int, tuple[float, Plan]] = {}
        self.strides: dict[int, Stride] = defaultdict(Stride)
        self.results: dict[tuple[int, int], list[tuple[Journey, Message, Outcome]]] = defaultdict(list)

    async def run(self) -> int:
        await self.database(chunks.beat, owner=self.owner)
        companions = [asyncio.create_task(self._beat()), asyncio.create_task(self._flush_often())]
        try:
            await self._carry()
        finally:
            for companion in companions:
                companion.cancel()
            await asyncio.gather(*companions, return_exceptions=True)
            await self._flush()
            await self._close()
        return self.n_handed_over

    async def database(self, function: Callable[..., T], **arguments: Any) -> T:
        """Run a domain function in a thread of its own connection; the loop goes on meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, lambda: function(**arguments))

    async def _carry(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        idle_since = time.monotonic()
        while time.monotonic() < self.ends_at:
            claim = await self._claim() if len(tasks) < CHUNKS_AT_ONCE else None
            if claim:
                task = asyncio.create_task(self._travel(claim))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            elif tasks:
                await asyncio.wait(tasks, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            elif time.monotonic() - idle_since > IDLE_SECONDS:
                return
            else:
                await asyncio.sleep(LOOK_SECONDS)
            if tasks:
                idle_since = time.monotonic()
        await asyncio.gather(*tasks)

    async def _claim(self) -> Claim | None:
        carried = Counter(journey.claim.broadcast_id for journey in self.journeys.values())
        busy = [broadcast_id for broadcast_id, n in carried.items() if n >= CHUNKS_OF_ONE_BROADCAST]
        try:
            claim = await self.database(chunks.claim, owner=self.owner, busy=busy, now=timezone.now())
        except DatabaseFault as fault:
            log.warning("lane: the database is away (%s)", type(fault).__name__)
            await asyncio.sleep(1)
            return None
        if claim is None or claim.chunk_id in self.journeys:
            # A lane that was held up for longer than its lease may be given what it carries: that renewed it, no more.
            return None
        crash_point("after_claim")
        self.journeys[claim.chunk_id] = Journey(claim)
        return claim

    async def _travel(self, claim: Claim) -> None:
        journey = self.journeys[claim.chunk_id]
        try:
            await self._carry_chunk(journey)
        except gate.LeaseLost:
            log.info("lane: chunk %s went to another lane", claim.chunk_id)
        except DatabaseFault as fault:
            # The lease runs out and somebody begins where PostgreSQL says we are.
            log.warning("lane: chunk %s dropped (%s)", claim.chunk_id, type(fault).__name__)
        except Exception:
            log.exception("lane: chunk %s dropped", claim.chunk_id)
        finally:
            del self.journeys[claim.chunk_id]

    async def _carry_chunk(self, journey: Journey) -> None:
        claim, now = journey.claim, timezone.now()
        the_plan = await self._plan(claim.broadcast_id)
        if end := plan.end_of(the_plan, now):
            if claim.attempts > 1:
                await self.database(in_flight.again, claim=claim, owner=self.owner, plan=the_plan)
            await self.database(chunks.drain, claim=claim, owner=self.owner, reason=end, now=now)
        else:
            opens_at = await self.database(
                quiet_hours.opens_at, country=claim.country, timezone=claim.timezone, now=now
            )
            if opens_at > now:
                await self.database(chunks.put_off, claim=claim, owner=self.owner, due_at=opens_at)
                return
            if claim.attempts > 1:
                repeated = await self.database(in_flight.again, claim=claim, owner=self.owner, plan=the_plan)
                self._hand_over(journey, the_plan, repeated)
            await self._pass_all(journey)
        await self._settled(journey)
        await self.database(chunks.finish, claim=claim, owner=self.owner, waiting=journey.waiting, now=timezone.now())

    async def _pass_all(self, journey: Journey) -> None:
        """Batch after batch through the gate, while earlier ones are on the wire."""
        ids = journey.claim.recipient_ids
        on_the_wire: list[asyncio.Task[None]] = []
        at = 0
        while at < len(ids):
            the_plan = await self._plan(journey.claim.broadcast_id)
            n = await self._tokens(the_plan, min(len(ids) - at, self.strides[the_plan.sender.pk].length))
            if not n:
                journey.waiting += [(timezone.now(), recipient_id) for recipient_id in ids[at:]]
                break
            batch = ids[at : at + n]
            passed = await self.database(
                gate.pass_batch, chunk_id=journey.claim.chunk_id, owner=self.owner, plan=the_plan, recipient_ids=batch
            )
            crash_point("after_gate")
            await self._give_back_tokens(the_plan, n - len(passed.messages))
            if passed.messages:
                on_the_wire.append(self._hand_over(journey, the_plan, passed.messages))
            journey.waiting += passed.waiting
            if await self._must_stop(journey, the_plan, passed, ids[at:]):
                break
            at += passed.n_decided
            if len(on_the_wire) >= BATCHES_ON_THE_WIRE:
                await on_the_wire.pop(0)
        await asyncio.gather(*on_the_wire)

    async def _must_stop(self, journey: Journey, the_plan: Plan, passed: gate.Passed, rest: Sequence[int]) -> bool:
        now = timezone.now()
        if passed.is_paused:
            journey.waiting += [(now, recipient_id) for recipient_id in rest]
            return True
        if passed.stopped_by in (Reason.EXPIRED, Reason.CANCELLED):
            await self.database(chunks.drain, claim=journey.claim, owner=self.owner, reason=passed.stopped_by, now=now)
            return True
        reason = Reason.BUDGET_EXHAUSTED if passed.is_over_budget else passed.stopped_by
        if reason is None:
            return False
        await self.database(_pause_because, plan=the_plan, reason=reason, now=now)
        journey.waiting += [(now, recipient_id) for recipient_id in rest[passed.n_decided :]]
        return True

    async def _plan(self, broadcast_id: int) -> Plan:
        read_at, known = self.plans.get(broadcast_id, (0.0, None))
        if known is None or time.monotonic() - read_at > PLAN_SECONDS:
            known = await self.database(plan.read, broadcast_id=broadcast_id)
            self.plans[broadcast_id] = (time.monotonic(), known)
        return known

    # --- How fast --------------------------------------------------------------------------------

    async def _tokens(self, the_plan: Plan, want: int) -> int:
        """Wait for rate tokens; they come *before* the gate, so that nothing waits behind it. 0: the lane is ending."""
        while time.monotonic() < self.ends_at:
            granted, wait_seconds = await self.rates.take(_sender_bucket(the_plan), want)
            if granted and the_plan.messages_per_second:
                allowed, wait_seconds = await self.rates.take(_broadcast_bucket(the_plan), granted)
                await self.rates.give_back(_sender_bucket(the_plan), granted - allowed)
                granted = allowed
            if granted:
                return granted
            await asyncio.sleep(min(max(wait_seconds, 0.005), 1.0))
        return 0

    async def _give_back_tokens(self, the_plan: Plan, n: int) -> None:
        if n:
            await self.rates.give_back(_sender_bucket(the_plan), n)
            if the_plan.messages_per_second:
                await self.rates.give_back(_broadcast_bucket(the_plan), n)

    # --- What became of it -----------------------------------------------------------------------

    def _hand_over(self, journey: Journey, the_plan: Plan, messages: Sequence[Message]) -> asyncio.Task[None]:
        journey.n_open += len(messages)
        late: list[Message] = []

        def report(message: Message, outcome: Outcome) -> None:
            self.results[the_plan.broadcast_id, the_plan.sender.pk].append((journey, message, outcome))
            if outcome.wait_seconds:
                journey.silent_until = max(journey.silent_until, time.monotonic() + outcome.wait_seconds)
            elif outcome.kind == OutcomeKind.NOT_STARTED:
                late.append(message)

        async def send() -> None:
            await self.channels[the_plan.sender.channel].send(the_plan.sender, messages, report)
            self.strides[the_plan.sender.pk].take_note(n_late=len(late))
            crash_point("after_hand_over")
            if (silent := journey.silent_until - time.monotonic()) > 0:
                await self.rates.block(_sender_bucket(the_plan), silent)

        self.n_handed_over += len(messages)
        return asyncio.create_task(send())

    async def _settled(self, journey: Journey) -> None:
        while journey.n_open:
            journey.all_settled.clear()
            await journey.all_settled.wait()

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        """Write back what is known so far: often, so that a crash leaves few unknown."""
        taken, self.results = self.results, defaultdict(list)
        for (broadcast_id, sender_id), results in taken.items():
            if results:
                await self._settle(broadcast_id, sender_id, results)

    async def _settle(self, broadcast_id: int, sender_id: int, results: list[tuple[Journey, Message, Outcome]]) -> None:
        crash_point("before_settle")
        now = timezone.now()
        pairs = [(message, outcome) for _, message, outcome in results]
        try:
            await self.database(settle.outcomes, broadcast_id=broadcast_id, sender_id=sender_id, results=pairs, now=now)
        except DatabaseFault as fault:
            log.warning("lane: outcomes of broadcast %s wait (%s)", broadcast_id, type(fault).__name__)
            self.results[broadcast_id, sender_id] += results
            await asyncio.sleep(0.5)
            return
        is_idempotent = self.channels_know_keys(broadcast_id)
        for journey, message, outcome in results:
            journey.n_open -= 1
            if outcome.kind == OutcomeKind.NOT_STARTED:
                journey.waiting.append((now + timedelta(seconds=outcome.wait_seconds), message.recipient_id))
            elif outcome.kind == OutcomeKind.UNKNOWN and is_idempotent:
                # The same key again, a little later each time: it is one message to the person.
                journey.waiting.append((now + REPEAT_AFTER * journey.claim.attempts, message.recipient_id))
            if not journey.n_open:
                journey.all_settled.set()

    def channels_know_keys(self, broadcast_id: int) -> bool:
        _, known = self.plans[broadcast_id]
        return known.traits.idempotency_window is not None

    # --- Life ------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(chunks.BEAT_SECONDS)
            try:
                await self.database(chunks.beat, owner=self.owner, chunk_ids=list(self.journeys))
            except DatabaseFault as fault:
                log.warning("lane: no beat (%s)", type(fault).__name__)

    async def _close(self) -> None:
        for channel in self.channels.values():
            await channel.close()
        await self.rates.close()
        try:
            await self.database(chunks.leave, owner=self.owner)
        except DatabaseFault:
            log.warning("lane: left without a word; its leases run out")
        # Each thread has a connection of its own: the barrier makes sure that each of them comes to close it.
        everybody = threading.Barrier(DATABASE_THREADS)
        await asyncio.gather(*[self.database(_close_connections, everybody=everybody) for _ in range(DATABASE_THREADS)])
        self.threads.shutdown()


def _sender_bucket(the_plan: Plan) -> Bucket:
    return Bucket(f"sender:{the_plan.sender.pk}", the_plan.sender.messages_per_second)


def _broadcast_bucket(the_plan: Plan) -> Bucket:
    return Bucket(f"broadcast:{the_plan.broadcast_id}", the_plan.messages_per_second or 1)


def _close_connections(*, everybody: threading.Barrier) -> None:
    everybody.wait(timeout=30)
    connections.close_all()


def _pause_because(*, plan: Plan, reason: Reason, now: datetime) -> None:
    broadcast = Broadcast.objects.select_related("business").get(pk=plan.broadcast_id)
    with override(broadcast.business.locale):
        words = str(reason.label)
    try:
        lifecycle.pause(broadcast=broadcast, reason=words, by=None, now=now)
    except lifecycle.CannotPause:
        log.info("lane: broadcast %s had stopped already", plan.code)
