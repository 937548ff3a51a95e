"""Who of the clock and the workers has shown signs of life lately."""

import contextlib
import os
import time
from functools import cache

import redis

KEPT_SECONDS = 60


def record(name: str) -> None:
    """Say that `name` is alive now. Silent when Redis is away: whoever asks will see no sign of life."""
    with contextlib.suppress(redis.RedisError):
        _redis().set(_key(name), time.time(), ex=KEPT_SECONDS)


def age_seconds(name: str) -> float | None:
    """How long ago `name` showed a sign of life, or None when it has not within a minute."""
    at = _redis().get(_key(name))
    return None if at is None else max(0.0, time.time() - float(at))


def _key(name: str) -> str:
    return f"tambour:heartbeat:{name}"


@cache
def _redis() -> redis.Redis:
    # Not Django's cache: whoever asks every few seconds must not have to load Django (`config/alive.py`).
    return redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5.0)
