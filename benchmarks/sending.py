"""B2, B2r, B2s: governed sending, from the first claim to the last settlement, beside the raw ceiling of its client."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks import children, freezing, world
from benchmarks.children import Child
from benchmarks.figures import Figure
from broadcasts import counts
from broadcasts.models import Broadcast, Sender
from businesses import wallet
from businesses.models import Business

TARGET, TARGET_RATIO = 8_000, 0.6
TARGET_SLOW, SLOW_MS = 4_000, 50
TARGET_WITH_RECEIPTS = 4_000
N_SENDERS, SENDER_RATE, SENDER_MS, SENDER_SHARE = 100, 80, 200, 0.85
RAW_REQUESTS = 40_000
PATIENCE_SECONDS = 900


@dataclass(frozen=True)
class Run:
    """``n_processes`` lanes, and as many raw clients just before them."""

    n_processes: int
    rate: float
    raw_rate: float
    seconds: float
    peak_mb: float
    note: str

    @property
    def ratio(self) -> float:
        return self.rate / self.raw_rate

    def say(self, what: str) -> None:
        share = f"{self.ratio:.2f} of the raw {self.raw_rate:,.0f}"
        print(
            f"· {what}, {self.n_processes} lane process(es): {self.rate:,.0f} msg/s, {share}; {self.note}", flush=True
        )


def measure(*, first: int, n: int) -> list[Figure]:
    """Send to ``n`` people with one lane, then to ``n`` others with two; the faster of the two is the figure."""
    runs = [send(n_processes=processes, first=first + n * (processes - 1), n=n) for processes in (1, 2)]
    for run in runs:
        run.say("at once")
    best = max(runs, key=lambda run: run.rate)
    note = f"{best.n_processes} lane process(es); {best.note}"
    return [
        Figure("B2", f"governed sending, {n:,} recipients", best.rate, "msg/s", TARGET, note),
        _ratio("B2 ratio", best, TARGET_RATIO),
    ]


def measure_slow(*, first: int, n: int) -> list[Figure]:
    """The same, to a provider that answers after 50 ms, with two lanes."""
    run = send(n_processes=2, first=first, n=n, latency_ms=SLOW_MS)
    run.say(f"after {SLOW_MS} ms")
    what = f"… answered after {SLOW_MS} ms, {n:,} recipients"
    note = f"2 lane processes; {run.ratio:.2f} of the raw {run.raw_rate:,.0f} req/s; {run.note}"
    return [Figure("B2 50 ms", what, run.rate, "msg/s", TARGET_SLOW, note)]


def _ratio(name: str, run: Run, target: float) -> Figure:
    return Figure(name, "… of the raw client's ceiling", run.ratio, "×", target, f"raw {run.raw_rate:,.0f} req/s")


def send(*, n_processes: int, first: int, n: int, latency_ms: int = 0) -> Run:
    now = datetime.now(UTC)
    with children.sink(latency_ms=latency_ms) as provider:
        url = f"http://{children.address(provider)}/messages"
        business, sender = world.open_business(name=f"Sending {n_processes}", url=url, now=now)
        world.make_contacts(business=business, first=first, last=first + n - 1)
        world.tidy_up()
        return send_to_all(business, sender, provider, n=n, n_processes=n_processes)


def send_to_all(business: Business, sender: Sender, provider: Child, *, n: int, n_processes: int) -> Run:
    """Freeze the ``n`` people whom ``business`` knows, measure the raw ceiling, and send."""
    host = children.address(provider)
    broadcast = world.launch(business=business, sender=sender, now=datetime.now(UTC))
    freezing.freeze_all(broadcast)
    raw_rate = raw_ceiling(f"http://{host}/messages", n_processes)
    with lanes(n_processes, host) as running:
        began = datetime.now(UTC)
        wait_until_completed([broadcast])
        used = [lane.end() for lane in running]
    seconds = (_completed_at(broadcast) - began).total_seconds()
    # The raw clients used one key, again and again.
    _check(broadcast, n, {"accepted": n}, provider.end()["keys"] - 1)
    cpu = sum(lane["cpu_seconds"] for lane in used) / n * 1e6
    peak = max(lane["peak_mb"] for lane in used)
    note = f"{cpu:.0f} µs of lane CPU a message, lane's peak {peak:.0f} MB"
    return Run(n_processes, n / seconds, raw_rate, seconds, peak, note)


def raw_ceiling(url: str, n_processes: int) -> float:
    clients = [Child("client", url, str(RAW_REQUESTS // n_processes)) for _ in range(n_processes)]
    for client in clients:
        client.go()
    told = [client.end() for client in clients]
    return RAW_REQUESTS / max(float(each["seconds"]) for each in told)


@contextmanager
def lanes(n_processes: int, *hosts: str) -> Iterator[list[Child]]:
    """So many lanes, at work; they end by themselves when nothing is due."""
    running = [Child("lane", TRUSTED_HOSTS=",".join(hosts)) for _ in range(n_processes)]
    for lane in running:
        lane.go()
    try:
        yield running
    finally:
        for lane in running:
            lane.kill()


def wait_until_completed(broadcasts: Sequence[Broadcast]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Broadcast.objects.filter(pk__in=[b.pk for b in broadcasts], completed_at=None).exists():
        if time.monotonic() > deadline:
            raise RuntimeError("the broadcast does not complete")
        time.sleep(0.2)


def _completed_at(broadcast: Broadcast) -> datetime:
    broadcast.refresh_from_db()
    if broadcast.completed_at is None:
        raise RuntimeError("the broadcast is not completed")
    return broadcast.completed_at


def _check(broadcast: Broadcast, n: int, states: dict[str, int], n_keys: int) -> None:
    """A figure of something that went wrong is no figure."""
    funnel = counts.funnel(broadcast)
    problems = counts.verify(broadcast) + wallet.verify_books()
    if problems or funnel.states != states or n_keys != n:
        raise RuntimeError(f"not everybody was sent to exactly once: {funnel.states}, {n_keys} keys, {problems}")


# --- B2r ---------------------------------------------------------------------------------------------


def measure_with_receipts(*, first: int, n: int) -> list[Figure]:
    """Two lanes, and three receipts a message through gunicorn and the fold; the last fold is the end."""
    now = datetime.now(UTC)
    # The sender first: the provider must know where to call, and the sender where the provider is.
    business, sender, secret = world.open_business_with_secret(name="Receipts", url="http://127.0.0.1:1/", now=now)
    world.make_contacts(business=business, first=first, last=first + n - 1)
    world.tidy_up()
    with children.door() as door:
        callback = f"{door}/callbacks/{sender.code}/"
        with children.sink(CALLBACK_URL=callback, SENDER_SECRET=secret) as provider:
            world.point(sender, f"http://{children.address(provider)}/messages")
            broadcast = world.launch(business=business, sender=sender, now=now)
            freezing.freeze_all(broadcast)
            return [_receive(broadcast, provider, n)]


def _receive(broadcast: Broadcast, provider: Child, n: int) -> Figure:
    fold = Child("folding")
    with lanes(2, children.address(provider)) as running:
        began = time.monotonic()
        fold.go()
        wait_until_completed([broadcast])
        sent_seconds = time.monotonic() - began
        _wait_until_read(broadcast, n)
        seconds = time.monotonic() - began
        used = [lane.end() for lane in running]
    seen, folded = provider.end(), fold.end()
    _check(broadcast, n, {"read": n}, seen["keys"])
    lane_cpu = sum(lane["cpu_seconds"] for lane in used) / n * 1e6
    note = (
        f"2 lane processes, gunicorn as served, one fold; all handed over after {sent_seconds:.1f} s, all read after "
        f"{seconds:.1f} s; µs a message: lanes {lane_cpu:.0f}, fold {folded['cpu_seconds'] / n * 1e6:.0f}, "
        f"provider {seen['cpu_seconds'] / n * 1e6:.0f}"
    )
    what = f"… with three receipts a message, {n:,} recipients"
    return Figure("B2r", what, n / seconds, "msg/s", TARGET_WITH_RECEIPTS, note)


def _wait_until_read(broadcast: Broadcast, n: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while counts.funnel(broadcast).states != {"read": n}:
        if time.monotonic() > deadline:
            raise RuntimeError(f"receipts are missing: {counts.funnel(broadcast).states}")
        time.sleep(0.5)


# --- B2s ---------------------------------------------------------------------------------------------


def measure_many_senders(*, first: int, n: int, at_once: float) -> list[Figure]:
    """100 businesses with a sender of 80 msg/s each, over a provider that answers after 200 ms; ``at_once`` is B2."""
    now, each = datetime.now(UTC), n // N_SENDERS
    with children.sink(latency_ms=SENDER_MS) as provider:
        url = f"http://{children.address(provider)}/messages"
        opened = []
        for i in range(N_SENDERS):
            business, sender = world.open_business(name=f"Sender {i}", url=url, now=now, rate=SENDER_RATE)
            world.make_contacts(business=business, first=first + i * each, last=first + (i + 1) * each - 1)
            opened.append((business, sender))
        world.tidy_up()
        broadcasts = [world.launch(business=business, sender=sender, now=now) for business, sender in opened]
        for broadcast in broadcasts:
            freezing.freeze_all(broadcast)
        with lanes(2, children.address(provider)) as running:
            began = datetime.now(UTC)
            wait_until_completed(broadcasts)
            used: list[dict[str, Any]] = [lane.end() for lane in running]
        n_keys = provider.end()["keys"]
    ends = sorted((_completed_at(broadcast) - began).total_seconds() for broadcast in broadcasts)
    if n_keys != each * N_SENDERS:
        raise RuntimeError(f"not everybody was sent to exactly once: {n_keys} keys for {each * N_SENDERS}")
    for broadcast in broadcasts:
        _check(broadcast, each, {"accepted": each}, each)
    cpu = sum(lane["cpu_seconds"] for lane in used) / n_keys * 1e6
    limit = min(N_SENDERS * SENDER_RATE, at_once)
    note = (
        f"2 lane processes; {SENDER_SHARE} × the lower of {N_SENDERS * SENDER_RATE:,} and B2; the first sender was "
        f"done after {ends[0]:.1f} s, the last after {ends[-1]:.1f} s; {cpu:.0f} µs of lane CPU a message"
    )
    what = f"{N_SENDERS} senders × {SENDER_RATE} msg/s, answered after {SENDER_MS} ms"
    return [Figure("B2s", what, n_keys / ends[-1], "msg/s", SENDER_SHARE * limit, note)]
