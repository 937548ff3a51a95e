"""Who of the clock and the workers has shown signs of life lately."""

import contextlib
import time

from django.core.cache import cache
from redis.exceptions import RedisError

KEPT_SECONDS = 60


def record(name: str) -> None:
    """Say that `name` is alive now. Silent when Redis is away: whoever asks will see no sign of life."""
    with contextlib.suppress(RedisError):
        cache.set(f"heartbeat:{name}", time.time(), KEPT_SECONDS)


def age_seconds(name: str) -> float | None:
    """How long ago `name` showed a sign of life, or None when it has not within a minute."""
    at: float | None = cache.get(f"heartbeat:{name}")
    return None if at is None else max(0.0, time.time() - at)
