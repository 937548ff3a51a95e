"""A lane: one event loop that carries many chunks of different senders at once.

It claims a chunk, takes rate tokens, passes half a second's worth through the gate, hands that over, and lets the next
gate and the last settlement run while the wire is busy. It holds nothing that PostgreSQL does not know: killed at any
line, its leases run out and another lane goes on.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import Error as DatabaseFault
from django.db import connection, connections
from django.utils import timezone
from django.utils.translation import override

from broadcasts import chunks, gate, in_flight, lifecycle, plan
from broadcasts.chunks import Claim
from broadcasts.crash import crash_point
from broadcasts.handover import HandOver, Journey
from broadcasts.models import Broadcast
from broadcasts.pace import Pace
from broadcasts.plan import Plan
from consent import quiet_hours
from consent.reasons import Reason

log = logging.getLogger(__name__)
T = TypeVar("T")

CHUNKS_AT_ONCE = 64
# One broadcast never fills a lane: one chunk at the gate, one on the wire, one being settled. 2 and 4 are slower.
CHUNKS_OF_ONE_BROADCAST = 3
# Nor does one business, however many broadcasts it has under way.
CHUNKS_OF_ONE_BUSINESS = 24
BATCHES_ON_THE_WIRE = 2
DATABASE_THREADS = 4
IDLE_SECONDS = 3.0
LOOK_SECONDS = 0.1
PLAN_SECONDS = 1.0
# A lane ends now and then, so that no connection and no forgotten thing lives for ever.
LIFE_SECONDS = 20.0

# Shared with the processes that are forked from this one: 1 as soon as the worker is asked to stop.
_winding_down = mmap.mmap(-1, 1)


def wind_down() -> None:
    """Let every lane of this worker, whichever process it is in, finish what is on its wire and end."""
    _winding_down[0] = 1


def run(*, life_seconds: float = LIFE_SECONDS) -> int:
    """Carry chunks until nothing is due for a while or the lane is old; return how many messages were handed over."""
    import uvloop

    return uvloop.run(Lane(life_seconds).run())


class Lane:
    def __init__(self, life_seconds: float = LIFE_SECONDS) -> None:
        self.owner: UUID = uuid4()
        self.ends_at = time.monotonic() + life_seconds
        self.threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="lane-db")
        # A thread of its own: a gate that waits for a lock must not cost the lane its leases.
        self.pulse = ThreadPoolExecutor(1, thread_name_prefix="lane-beat")
        self.pace = Pace(is_over=self.is_over)
        self.hand_over = HandOver(owner=self.owner, ask=self.database, pace=self.pace)
        self.journeys: dict[int, Journey] = {}
        self.plans: dict[int, tuple[float, Plan]] = {}

    @property
    def n_handed_over(self) -> int:
        return self.hand_over.n

    def is_over(self) -> bool:
        """Say whether the lane begins nothing new any more."""
        return time.monotonic() >= self.ends_at or _winding_down[0] == 1

    async def run(self) -> int:
        heart = None
        try:
            await self._beat()
            heart = asyncio.create_task(self._beat_often())
            self.hand_over.open()
            await self._carry()
        finally:
            await self._close(heart)
        return self.n_handed_over

    async def database(self, function: Callable[..., T], **arguments: Any) -> T:
        """Run a domain function in a thread of its own connection; the loop goes on meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, partial(_ask, function, arguments))

    async def _carry(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        idle_since = time.monotonic()
        while not self.is_over():
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
        try:
            claim = await self.database(chunks.claim, owner=self.owner, now=timezone.now(), **self._busy())
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

    def _busy(self) -> dict[str, list[int]]:
        """The broadcasts and businesses that have as much of this lane as they may."""
        carried = Counter(journey.claim.broadcast_id for journey in self.journeys.values())
        of_business: Counter[int] = Counter()
        for broadcast_id, n in carried.items():
            if broadcast_id in self.plans:
                of_business[self.plans[broadcast_id][1].business.pk] += n
        return {
            "busy": [broadcast_id for broadcast_id, n in carried.items() if n >= CHUNKS_OF_ONE_BROADCAST],
            "busy_businesses": [pk for pk, n in of_business.items() if n >= CHUNKS_OF_ONE_BUSINESS],
        }

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
                await self._repeat(journey, the_plan)
            await self._pass_all(journey)
        await self.hand_over.settled(journey)
        await self.database(chunks.finish, claim=claim, owner=self.owner, waiting=journey.waiting, now=timezone.now())

    async def _repeat(self, journey: Journey, the_plan: Plan) -> None:
        """Resolve what an earlier owner left in the air: by handing it over again under its key, where there are keys.

        What there is no time for stays in the air: the chunk is not finished, and the next lane goes on with it.
        """
        left = await self.database(in_flight.left_behind, claim=journey.claim)
        while left:
            n = len(left)
            if the_plan.traits.idempotency_window:
                n = await self.pace.tokens(the_plan, min(n, self.pace.stride(the_plan)))
            if not n:
                return
            messages = await self.database(
                in_flight.again, claim=journey.claim, owner=self.owner, plan=the_plan, recipient_ids=left[:n]
            )
            if messages:
                await self.hand_over.begin(journey, the_plan, messages, is_repeat=True)
            if the_plan.traits.idempotency_window:
                await self.pace.give_back(the_plan, n - len(messages))
            left = left[n:]
            the_plan = await self._plan(journey.claim.broadcast_id)

    async def _pass_all(self, journey: Journey) -> None:
        """Batch after batch through the gate, while earlier ones are on the wire."""
        ids = journey.claim.recipient_ids
        on_the_wire: list[asyncio.Task[None]] = []
        at = 0
        while at < len(ids):
            the_plan = await self._plan(journey.claim.broadcast_id)
            n = await self.pace.tokens(the_plan, min(len(ids) - at, self.pace.stride(the_plan)))
            if not n:
                journey.waiting += [(timezone.now(), recipient_id) for recipient_id in ids[at:]]
                break
            batch = ids[at : at + n]
            passed = await self.database(
                gate.pass_batch, chunk_id=journey.claim.chunk_id, owner=self.owner, plan=the_plan, recipient_ids=batch
            )
            crash_point("after_gate")
            if passed.messages:
                on_the_wire.append(self.hand_over.begin(journey, the_plan, passed.messages))
            await self.pace.give_back(the_plan, n - len(passed.messages))
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
            known = await self.database(plan.read_if_changed, broadcast_id=broadcast_id, known=known)
            self.plans[broadcast_id] = (time.monotonic(), known)
        return known

    # --- Life ------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        beat = partial(chunks.beat, owner=self.owner, chunk_ids=list(self.journeys))
        await asyncio.get_running_loop().run_in_executor(self.pulse, _ask, beat, {})

    async def _beat_often(self) -> None:
        while True:
            await asyncio.sleep(chunks.BEAT_SECONDS)
            try:
                await self._beat()
            except Exception as fault:
                log.warning("lane: no beat (%s)", type(fault).__name__)

    async def _close(self, heart: asyncio.Task[None] | None) -> None:
        await self.hand_over.close()
        await self.pace.close()
        if heart is not None:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
        try:
            await self.database(chunks.leave, owner=self.owner)
        except DatabaseFault:
            log.warning("lane: left without a word; its leases run out")
        # Each thread has a connection of its own: the barrier makes sure that each of them comes to close it.
        everybody = threading.Barrier(DATABASE_THREADS)
        await asyncio.gather(*[self.database(_close_connections, everybody=everybody) for _ in range(DATABASE_THREADS)])
        await asyncio.get_running_loop().run_in_executor(self.pulse, connections.close_all)
        self.threads.shutdown()
        self.pulse.shutdown()


def _ask(function: Callable[..., T], arguments: dict[str, Any]) -> T:
    """A connection that was cut is given up: between web requests Django sees to that, in our threads nobody would."""
    try:
        return function(**arguments)
    except DatabaseFault:
        connection.close_if_unusable_or_obsolete()
        raise


def _close_connections(*, everybody: threading.Barrier) -> None:
    everybody.wait(timeout=30)
    connections.close_all()


def _pause_because(*, plan: Plan, reason: Reason, now: datetime) -> None:
    broadcast = Broadcast.objects.select_related("business").get(pk=plan.broadcast_id)
    with override(broadcast.business.locale):
        words = (plan.obstacle_words if reason == plan.obstacle else "") or str(reason.label)
    try:
        lifecycle.pause(broadcast=broadcast, reason=words, by=None, now=now)
    except lifecycle.CannotPause:
        log.info("lane: broadcast %s had stopped already", plan.code)
