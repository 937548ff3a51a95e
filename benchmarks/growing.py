"""B7, B8: what grows with the audience (the time, and no more than it), and what does not (memory, work a row)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from statistics import median
from uuid import uuid4

from django.db import connection

from benchmarks import children, freezing, sending, world
from benchmarks.figures import Figure
from benchmarks.sending import Run
from broadcasts import chunks, gate, plan, settle
from broadcasts.channels.base import Message, Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast

TARGET_MB, TARGET_SAME = 200, 1.1
TARGET_TIME, RUNS = 12, 3
TARGET_BUFFERS = 1.1
N_ROWS = 20_000


# --- B7 ----------------------------------------------------------------------------------------------


def measure_memory(*, n: int) -> list[Figure]:
    """One lane sends to all ``n`` people, and another one to a hundredth of them, each in a process of its own."""
    small, large = (_send_with_one_lane(n_sent, n=n) for n_sent in (n // 100, n))
    what = f"memory of a lane that sends to {n:,}"
    note = f"its highest, at the end; {large.rate:,.0f} msg/s"
    ratio, same = large.peak_mb / small.peak_mb, f"{large.peak_mb:.0f} MB beside {small.peak_mb:.0f} MB"
    return [
        Figure("B7", what, large.peak_mb, "MB", TARGET_MB, note, True),
        Figure("B7 same", f"… beside one that sends to {n // 100:,}", ratio, "×", TARGET_SAME, same, True),
    ]  # fmt: skip


def _send_with_one_lane(n_sent: int, *, n: int) -> Run:
    now = datetime.now(UTC)
    with children.sink() as provider:
        url = f"http://{children.address(provider)}/messages"
        if n_sent == n:
            business = world.know_everybody(n=n, now=now)
            sender, _secret = world.connect(business=business, url=url, now=now)
        else:
            business, sender = world.open_business(name="Small", url=url, now=now)
            world.make_contacts(business=business, first=1, last=n_sent)
        world.forget_offers()
        world.tidy_up()
        run = sending.send_to_all(business, sender, provider, n=n_sent, n_processes=1)
        run.say(f"{n_sent:,} recipients")
        return run


# --- B8 ----------------------------------------------------------------------------------------------


def measure_time(*, n: int) -> list[Figure]:
    """Send to ``n`` people and to a tenth of them, three times each, with two lanes."""
    small, large = ([_seconds(n_sent) for _ in range(RUNS)] for n_sent in (n // 10, n))
    note = f"medians of {RUNS}: {median(small):.2f} s and {median(large):.2f} s"
    what = f"time for {n:,} beside {n // 10:,} recipients"
    return [Figure("B8 time", what, median(large) / median(small), "×", TARGET_TIME, note, True)]


def _seconds(n: int) -> float:
    world.forget_offers()
    return sending.send(n_processes=2, first=1, n=n).seconds


def measure_buffers(*, n: int) -> list[Figure]:
    """Count the pages that PostgreSQL looks at for a row, with ``n`` deliveries stored and with ten times as many."""
    world.forget_offers()
    last = world.begin_partition()
    with world.without_autovacuum():
        world.store_deliveries(broadcast_id=last, n=n)
        few = _pages_a_row()
        for i in range(1, 10):
            world.store_deliveries(broadcast_id=last - i, n=n)
        many = _pages_a_row()
    ratio = max(many[step] / few[step] for step in few)
    note = "; ".join(f"{step} {few[step]:.1f} → {many[step]:.1f}" for step in few)
    what = f"pages a row, {10 * n:,} beside {n:,} stored"
    return [Figure("B8 pages", what, ratio, "×", TARGET_BUFFERS, f"the worst of: {note}", True)]


def _pages_a_row() -> dict[str, float]:
    """Let rows pass the gate, be settled and be folded, here and now, and count for each step."""
    now = datetime.now(UTC)
    world.forget_offers()
    business, sender = world.open_business(name="Pages", url="http://127.0.0.1:1/", now=now)
    world.make_contacts(business=business, first=1, last=N_ROWS)
    broadcast = world.launch(business=business, sender=sender, now=now)
    freezing.freeze_all(broadcast)
    world.tidy_up()
    batches: list[Sequence[Message]] = []
    pages = {
        "gate": _count(lambda: batches.extend(_gate(broadcast))),
        "settle": _count(lambda: _settle(broadcast, sender.pk, batches)),
        "fold": _count(lambda: _fold(sender.pk, batches)),
    }
    if sum(map(len, batches)) != N_ROWS:
        raise RuntimeError("not everybody passed")
    Broadcast.objects.filter(pk=broadcast.pk).update(state=Broadcast.State.PAUSED)
    return pages


def _gate(broadcast: Broadcast) -> Iterator[Sequence[Message]]:
    owner, the_plan = uuid4(), plan.read(broadcast.pk)
    while claim := chunks.claim(owner=owner, busy=[], now=datetime.now(UTC)):
        passed = gate.pass_batch(chunk_id=claim.chunk_id, owner=owner, plan=the_plan, recipient_ids=claim.recipient_ids)
        chunks.put_off(claim=claim, owner=owner, due_at=the_plan.ends_at)
        yield passed.messages


def _settle(broadcast: Broadcast, sender_id: int, batches: Sequence[Sequence[Message]]) -> None:
    for batch in batches:
        results = [(message, Outcome(OutcomeKind.ACCEPTED, provider_id=message.code)) for message in batch]
        settle.outcomes(broadcast_id=broadcast.pk, sender_id=sender_id, results=results, now=datetime.now(UTC))


def _fold(sender_id: int, batches: Sequence[Sequence[Message]]) -> None:
    now = datetime.now(UTC)
    for batch in batches:
        updates = [
            ReceiptUpdate(ReceiptStatus.DELIVERED, now, sender_id, message.code, message.code) for message in batch
        ]
        settle.fold_receipts(updates=updates, now=now)


def _count(step: Callable[[], None]) -> float:
    before = _pages()
    step()
    return (_pages() - before) / N_ROWS


def _pages() -> int:
    with connection.cursor() as cursor:
        # What this connection has seen is added up once it is idle for a while, unless it is asked to.
        cursor.execute("SELECT pg_stat_force_next_flush()")
        time.sleep(0.1)
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT sum(heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit, 0) + coalesce(idx_blks_read, 0)"
            " + coalesce(toast_blks_hit, 0) + coalesce(toast_blks_read, 0)) FROM pg_statio_user_tables"
        )
        return int(cursor.fetchone()[0])
