"""How fast: token buckets in Redis, shared by all lanes. After a flush they are empty: fail closed, never fast."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

# Only this much of a sender's rate passes the gate at a time: what a stop in the meantime could still miss.
BATCH_SECONDS = 0.5

# Redis is on the same network: an answer that takes longer than this is none.
ANSWER_SECONDS = 2.0
# Redis does not answer: nobody takes anything, and asks again so much later.
AWAY_SECONDS = 0.5

log = logging.getLogger(__name__)

SCRIPT = (Path(__file__).parent / "token_bucket.lua").read_text()


@dataclass(frozen=True)
class Bucket:
    """``per_second`` tokens flow in; at most half a second's worth lies ready."""

    name: str
    per_second: int

    @property
    def capacity(self) -> int:
        return max(1, int(self.per_second * BATCH_SECONDS))


class Rates:
    """The buckets, as one event loop sees them."""

    def __init__(self) -> None:
        self._redis: Redis = Redis.from_url(
            settings.REDIS_URL, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )
        self._take = self._redis.register_script(SCRIPT)

    async def take(self, bucket: Bucket, want: int) -> tuple[int, float]:
        """Take up to ``want`` tokens; return how many, and after how many seconds to ask again if none.

        Without Redis there are none: fail closed, never fast.
        """
        try:
            granted, wait_ms = await self._take(
                keys=[self._key(bucket)], args=[bucket.per_second, bucket.capacity, want]
            )
        except (RedisError, OSError) as fault:
            log.warning("rate: no tokens (%s)", type(fault).__name__)
            return 0, AWAY_SECONDS
        return int(granted), int(wait_ms) / 1000

    async def give_back(self, bucket: Bucket, n: int) -> None:
        """Return tokens that were not needed; without Redis they are lost."""
        if n > 0:
            with contextlib.suppress(RedisError, OSError):
                await self._take(keys=[self._key(bucket)], args=[bucket.per_second, bucket.capacity, -n])

    async def block(self, bucket: Bucket, seconds: float) -> None:
        """The provider asked for silence: nobody takes from this bucket until then."""
        with contextlib.suppress(RedisError, OSError):
            await self._redis.set(self._key(bucket) + ":silent", 1, px=max(1, int(seconds * 1000)))

    async def close(self) -> None:
        await self._redis.aclose()

    @staticmethod
    def _key(bucket: Bucket) -> str:
        return f"tambour:rate:{{{bucket.name}}}"


class Stride:
    """How many messages pass the gate at a time: as many as this machine has lately begun in time, no more.

    What is not begun within a second of its gate goes back to the queue, so on a slow machine a long stride would only
    walk in circles. Halved when something came too late, doubled when all went well.
    """

    SHORTEST, LONGEST = 16, 500

    def __init__(self) -> None:
        self.length = 4 * self.SHORTEST

    def take_note(self, *, n_late: int) -> None:
        self.length = max(self.SHORTEST, self.length // 2) if n_late else min(self.LONGEST, self.length * 2)
