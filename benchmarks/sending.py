"""B2: governed sending, from the first claim to the last settlement, beside the raw ceiling of its client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, cast

from benchmarks import freezing, world
from benchmarks.figures import Figure
from broadcasts import counts
from broadcasts.models import Broadcast
from businesses import wallet

TARGET, TARGET_RATIO = 8_000, 0.6
RAW_REQUESTS = 40_000
PATIENCE_SECONDS = 900


@dataclass(frozen=True)
class Run:
    """``n_processes`` lanes, and as many raw clients just before them."""

    n_processes: int
    rate: float
    raw_rate: float
    note: str

    @property
    def ratio(self) -> float:
        return self.rate / self.raw_rate


class Child:
    """A module of this package in a process of its own, spoken to by lines."""

    def __init__(self, module: str, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.greeting = self._line()

    def _line(self) -> str:
        line = cast(IO[str], self.process.stdout).readline().strip()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with code {self.process.wait()}")
        return line

    def go(self) -> None:
        self._input.write("go\n")
        self._input.flush()

    def end(self) -> dict[str, Any]:
        self._input.close()
        told: dict[str, Any] = json.loads(self._line())
        self.process.wait()
        return told

    @property
    def _input(self) -> IO[str]:
        return cast(IO[str], self.process.stdin)


@contextmanager
def sink() -> Iterator[Child]:
    child = Child("sink")
    try:
        yield child
    finally:
        child.process.kill()
        child.process.wait()


def measure(*, first: int, n: int) -> list[Figure]:
    """Send to ``n`` people with one lane, then to ``n`` others with two; the faster of the two is the figure."""
    runs = [send(n_processes=processes, first=first + n * (processes - 1), n=n) for processes in (1, 2)]
    for run in runs:
        share = f"{run.ratio:.2f} of the raw {run.raw_rate:,.0f}"
        print(f"· {run.n_processes} lane process(es): {run.rate:,.0f} msg/s, {share}; {run.note}", flush=True)
    best = max(runs, key=lambda run: run.rate)
    what = f"governed sending, {n:,} recipients"
    note = f"{best.n_processes} lane process(es); {best.note}"
    return [
        Figure("B2", what, best.rate, "msg/s", TARGET, note),
        Figure(
            "B2 ratio",
            "… of the raw client's ceiling",
            best.ratio,
            "×",
            TARGET_RATIO,
            f"raw {best.raw_rate:,.0f} req/s",
        ),
    ]


def send(*, n_processes: int, first: int, n: int) -> Run:
    now = datetime.now(UTC)
    with sink() as provider:
        host = f"127.0.0.1:{provider.greeting}"
        business, sender = world.open_business(name=f"Sending {n_processes}", url=f"http://{host}/messages", now=now)
        world.make_contacts(business=business, first=first, last=first + n - 1)
        world.tidy_up()
        broadcast = world.launch(business=business, sender=sender, now=now)
        freezing.freeze_all(broadcast)
        raw_rate = raw_ceiling(f"http://{host}/messages", n_processes)
        seconds, used = _carry(broadcast, n_processes, host)
        seen = provider.end()
    _check(broadcast, n, seen["keys"])
    cpu = sum(lane["cpu_seconds"] for lane in used) / n * 1e6
    peak = max(lane["peak_mb"] for lane in used)
    return Run(n_processes, n / seconds, raw_rate, f"{cpu:.0f} µs of lane CPU a message, lane's peak {peak:.0f} MB")


def raw_ceiling(url: str, n_processes: int) -> float:
    clients = [Child("client", url, str(RAW_REQUESTS // n_processes)) for _ in range(n_processes)]
    for client in clients:
        client.go()
    told = [client.end() for client in clients]
    return RAW_REQUESTS / max(float(each["seconds"]) for each in told)


def _carry(broadcast: Broadcast, n_processes: int, host: str) -> tuple[float, list[dict[str, Any]]]:
    """Let the lanes go; return the seconds to the broadcast's completion and what each lane used."""
    lanes = [Child("lane", TRUSTED_HOSTS=host) for _ in range(n_processes)]
    began, deadline = datetime.now(UTC), time.monotonic() + PATIENCE_SECONDS
    for lane in lanes:
        lane.go()
    while broadcast.completed_at is None:
        if time.monotonic() > deadline:
            raise RuntimeError("the broadcast does not complete")
        time.sleep(0.2)
        broadcast.refresh_from_db()
    return (broadcast.completed_at - began).total_seconds(), [lane.end() for lane in lanes]


def _check(broadcast: Broadcast, n: int, n_keys: int) -> None:
    """A figure of something that went wrong is no figure."""
    funnel = counts.funnel(broadcast)
    problems = counts.verify(broadcast) + wallet.verify_books()
    # The raw clients used one key, again and again.
    if problems or funnel.states != {"accepted": n} or n_keys != n + 1:
        raise RuntimeError(f"not everybody was sent to exactly once: {funnel.states}, {n_keys} keys, {problems}")
