"""The processes that Tambour consists of. `docker-compose.yml` starts the same ones, one per container."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping

import redis

from launch import LOCAL
from launch.processes import Service

PROGRAM = [sys.executable, "-m"]

COMMANDS: dict[str, list[str]] = {
    "web": ["gunicorn", "--config", "python:config.gunicorn", "config.wsgi"],
    "send": ["celery", "--app", "config", "worker", "--hostname", "send@%h", "--queues", "send"],
    "desk": ["celery", "--app", "config", "worker", "--hostname", "desk@%h", "--queues", "receipts,imports,webhooks"],
    # The clock has a hand of its own, so that a full queue never delays a tick.
    "beat": ["celery", "--app", "config", "worker", "--hostname", "clock@%h", "--queues", "tick", "--beat"],
}
PROCESSES = {"send": ["--concurrency", "2"], "desk": ["--concurrency", "3"], "beat": ["--pool", "solo"]}
# The signs of life (`config/heartbeats.py`) that show a service at work.
HEARTBEATS = {"send": ["send"], "desk": ["desk"], "beat": ["clock", "beat"]}


def service(name: str, environment: Mapping[str, str]) -> Service:
    """One of Tambour's processes, logging to `.local/logs/<name>.log`."""
    return Service(
        name=name,
        command=[*PROGRAM, *COMMANDS[name], *PROCESSES.get(name, [])],
        environment=environment,
        log=LOCAL / "logs" / f"{name}.log",
        orphan_signal=signal.SIGTERM if name == "web" else signal.SIGKILL,
    )


def is_alive(name: str, redis_url: str) -> bool:
    """Whether a service has shown all its signs of life within the last minute."""
    try:
        with redis.Redis.from_url(redis_url) as connection:
            keys = [f"tambour:heartbeat:{beat}" for beat in HEARTBEATS[name]]
            return bool(connection.exists(*keys) == len(keys))
    except redis.RedisError:
        return False
