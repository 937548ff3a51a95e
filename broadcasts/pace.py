"""How fast a lane goes: rate tokens before the gate, as many at a time as were lately begun in time, and silence.

Redis away is like an empty bucket: nothing leaves, nothing is dropped, and the lane asks again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from broadcasts.plan import Plan
from broadcasts.rate import Bucket, Rates, Stride


class Pace:
    """The pace of one lane. ``is_over`` says when the lane ends: whoever waits for tokens then waits no longer."""

    def __init__(self, *, is_over: Callable[[], bool]) -> None:
        self.rates = Rates()
        self.strides: dict[int, Stride] = defaultdict(Stride)
        self._is_over = is_over

    def stride(self, plan: Plan) -> int:
        """Return how many messages may pass the gate at a time."""
        return self.strides[plan.sender.pk].length

    async def tokens(self, plan: Plan, want: int) -> int:
        """Wait for rate tokens; they come *before* the gate, so that nothing waits behind it. 0: the lane is ending."""
        while not self._is_over():
            granted, wait_seconds = await self.rates.take(_of_sender(plan), want)
            if granted and plan.messages_per_second:
                allowed, wait_seconds = await self.rates.take(_of_broadcast(plan), granted)
                await self.rates.give_back(_of_sender(plan), granted - allowed)
                granted = allowed
            if granted:
                return granted
            await asyncio.sleep(min(max(wait_seconds, 0.005), 1.0))
        return 0

    async def give_back(self, plan: Plan, n: int) -> None:
        """Return tokens that were not needed."""
        if n > 0:
            await self.rates.give_back(_of_sender(plan), n)
            if plan.messages_per_second:
                await self.rates.give_back(_of_broadcast(plan), n)

    async def take_note(self, plan: Plan, *, n_late: int, silent_seconds: float) -> None:
        """Learn from a batch: how many began too late, and how long the provider wants to hear nothing."""
        self.strides[plan.sender.pk].take_note(n_late=n_late)
        if silent_seconds > 0:
            await self.rates.block(_of_sender(plan), silent_seconds)

    async def close(self) -> None:
        await self.rates.close()


def _of_sender(plan: Plan) -> Bucket:
    return Bucket(f"sender:{plan.sender.pk}", plan.sender.messages_per_second)


def _of_broadcast(plan: Plan) -> Bucket:
    return Bucket(f"broadcast:{plan.broadcast_id}", plan.messages_per_second or 1)
