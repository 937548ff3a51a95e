"""Handing over: every message gets exactly one outcome, whatever its adapter does, and they are written back in bulk.

An adapter that raises, hangs, says things twice or forgets some costs *unknown* outcomes of its own messages, no more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from broadcasts import settle
from broadcasts.channels import open_channels
from broadcasts.channels.base import Message, Outcome, OutcomeKind
from broadcasts.chunks import Claim
from broadcasts.crash import crash_point
from broadcasts.pace import Pace
from broadcasts.plan import Plan

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.05
# Longer than any adapter's own limits: only one that is broken is ever cut off by this.
LONGEST_SECONDS = 60.0
REPEAT_AFTER = timedelta(seconds=5)
LONGEST_REPEAT_SECONDS = 60.0
# What could not be begun is tried again later and later: a provider that is away for hours is not asked all the time.
LONGEST_WAIT_SECONDS = 300.0
# What of an outcome could not be written down, it is replaced by this.
UNREADABLE = Outcome(OutcomeKind.UNKNOWN, error_code="unreadable_answer")


@dataclass
class Journey:
    """One chunk on its way through a lane."""

    claim: Claim
    # Messages handed over whose outcome is not written down yet.
    n_open: int = 0
    waiting: list[tuple[datetime, int]] = field(default_factory=list)
    all_settled: asyncio.Event = field(default_factory=asyncio.Event)


Result = tuple[Journey, Message, Outcome]


class HandOver:
    """What one lane has on the wire, and what came of it. ``ask`` runs a domain function in a database thread."""

    def __init__(self, *, owner: UUID, ask: Callable[..., Awaitable[Any]], pace: Pace) -> None:
        self.owner, self.ask, self.pace = owner, ask, pace
        self.n = 0
        self.channels = open_channels()
        self.on_the_wire: set[asyncio.Task[None]] = set()
        self.results: dict[tuple[int, int], list[Result]] = defaultdict(list)
        self.knows_keys: dict[int, bool] = {}
        self.is_closing = False
        self._flusher: asyncio.Task[None] | None = None

    def begin(
        self, journey: Journey, plan: Plan, messages: Sequence[Message], *, is_repeat: bool = False
    ) -> asyncio.Task[None]:
        """Start to hand ``messages`` over; the task ends when each has its outcome. It never raises.

        A repeat may have left before, so it is never *not started*: what was not begun now is as unknown as it was.
        """
        journey.n_open += len(messages)
        self.n += len(messages)
        self.knows_keys[plan.broadcast_id] = plan.traits.idempotency_window is not None
        task = asyncio.create_task(self._carry(journey, plan, messages, is_repeat))
        self.on_the_wire.add(task)
        task.add_done_callback(self.on_the_wire.discard)
        return task

    async def _carry(self, journey: Journey, plan: Plan, messages: Sequence[Message], is_repeat: bool) -> None:
        owed = {message.code: message for message in messages}
        silent_until, n_late = 0.0, 0

        def report(message: Message, outcome: Outcome) -> None:
            nonlocal silent_until, n_late
            if owed.pop(message.code, None) is None:
                return
            if outcome.wait_seconds and not outcome.is_for_one:
                silent_until = max(silent_until, time.monotonic() + outcome.wait_seconds)
            elif outcome.kind == OutcomeKind.NOT_STARTED and not outcome.is_for_one:
                n_late += 1
            if is_repeat and outcome.kind == OutcomeKind.NOT_STARTED:
                outcome = replace(outcome, kind=OutcomeKind.UNKNOWN)
            self.results[plan.broadcast_id, plan.sender.pk].append((journey, message, outcome))

        fault = "no_outcome"
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self.channels[plan.sender.channel].send(plan.sender, messages, report)
        except Exception as broken:
            log.exception("hand-over: the channel %s broke", plan.sender.channel)
            fault = type(broken).__name__[:32]
        for message in list(owed.values()):
            report(message, Outcome(OutcomeKind.UNKNOWN, error_code=fault))
        crash_point("after_hand_over")
        await self.pace.take_note(plan, n_late=n_late, silent_seconds=silent_until - time.monotonic())

    async def settled(self, journey: Journey) -> None:
        """Wait until all outcomes of the chunk are written down."""
        while journey.n_open:
            journey.all_settled.clear()
            await journey.all_settled.wait()

    def open(self) -> None:
        """Begin to write outcomes back."""
        self._flusher = asyncio.create_task(self._flush_often())

    async def _flush_often(self) -> None:
        while not self.is_closing:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception:
                log.exception("hand-over: outcomes wait")

    async def flush(self) -> None:
        """Write back what is known so far: often, so that a crash leaves few unknown."""
        taken, self.results = self.results, defaultdict(list)
        for key, results in taken.items():
            if results:
                await self._settle(key, results)

    async def _settle(self, key: tuple[int, int], results: list[Result]) -> None:
        crash_point("before_settle")
        now = timezone.now()
        try:
            await self._write(key, results, now)
        except (OperationalError, InterfaceError) as fault:
            log.warning("hand-over: outcomes of broadcast %s wait (%s)", key[0], type(fault).__name__)
            self.results[key] += results
            await asyncio.sleep(0.5)
        except Exception as fault:
            await self._settle_by_halves(key, results, fault)

    async def _write(self, key: tuple[int, int], results: list[Result], now: datetime) -> None:
        broadcast_id, sender_id = key
        queued = await self.ask(
            settle.outcomes,
            broadcast_id=broadcast_id,
            sender_id=sender_id,
            results=[(message, outcome) for _, message, outcome in results],
            now=now,
            owner=self.owner,
            chunk_of={message.recipient_id: journey.claim.chunk_id for journey, message, _ in results},
        )
        self._take_note(broadcast_id, results, frozenset(queued), now)

    async def _settle_by_halves(self, key: tuple[int, int], results: list[Result], fault: Exception) -> None:
        """Something in these outcomes cannot be written down; it must not hold up the others."""
        if len(results) > 1:
            middle = len(results) // 2
            await self._settle(key, results[:middle])
            await self._settle(key, results[middle:])
            return
        ((journey, message, outcome),) = results
        log.error("hand-over: an outcome is set aside (%s)", type(fault).__name__)
        if outcome is not UNREADABLE:
            await self._settle(key, [(journey, message, UNREADABLE)])
            return
        # Still *being handed over*: its chunk is not closed like this, and whoever takes it next begins there.
        _one_less(journey)

    def _take_note(self, broadcast_id: int, results: list[Result], queued: frozenset[int], now: datetime) -> None:
        for journey, message, outcome in results:
            if message.recipient_id in queued:
                wait = outcome.wait_seconds
                if wait and not outcome.is_for_one:
                    wait = max(wait, min(wait * 2 ** min(message.attempt - 1, 12), LONGEST_WAIT_SECONDS))
                journey.waiting.append((now + timedelta(seconds=wait), message.recipient_id))
            elif outcome.kind == OutcomeKind.UNKNOWN and self.knows_keys[broadcast_id]:
                # The same key again, a little later each time: it is one message to the person.
                wait = min(REPEAT_AFTER.total_seconds() * journey.claim.attempts, LONGEST_REPEAT_SECONDS)
                wait = max(wait, outcome.wait_seconds)
                journey.waiting.append((now + timedelta(seconds=wait), message.recipient_id))
            _one_less(journey)

    async def close(self) -> None:
        """Wait for what is on the wire, also of chunks that were dropped, and write all of it down."""
        await asyncio.gather(*self.on_the_wire, return_exceptions=True)
        self.is_closing = True
        if self._flusher is not None:
            await self._flusher
        await self.flush()
        for channel in self.channels.values():
            await channel.close()


def _one_less(journey: Journey) -> None:
    journey.n_open -= 1
    if not journey.n_open:
        journey.all_settled.set()
