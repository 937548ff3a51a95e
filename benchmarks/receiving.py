"""B4: receipts through the real door, one by one and by the hundred, durable when they are answered; then the fold."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks import children, world
from benchmarks.children import Child
from benchmarks.figures import Figure
from broadcasts import codes, counts
from broadcasts.models import Broadcast
from businesses import wallet
from feedback import receipts
from feedback.tasks import CALLBACKS_AT_ONCE

TARGET_REQUESTS, TARGET_UPDATES, TARGET_FOLD = 1_200, 20_000, 25_000
PER_BODY = 100
N_WARM = 200


def measure(*, first: int, n: int) -> list[Figure]:
    """Tell *delivered* of ``n`` messages in bodies of 100, and of others one by one; then fold the former."""
    now, n_single = datetime.now(UTC), max(2_000, n // 20)
    business, sender, secret = world.open_business_with_secret(name="Told", url="http://127.0.0.1:1/", now=now)
    world.make_contacts(business=business, first=first, last=first + n + n_single - 1)
    broadcast = world.launch(business=business, sender=sender, now=now)
    world.make_accepted(broadcast=broadcast, first=first, last=first + n + n_single - 1)
    world.tidy_up()
    updates = _updates(broadcast, first, n + n_single)
    single = [_body([update]) for update in updates[n:]]
    bundled = [_body(updates[at : at + PER_BODY]) for at in range(0, n, PER_BODY)]
    with children.door() as door:
        url = f"{door}/callbacks/{sender.code}/"
        # Whatever a web process loads with its first requests is loaded now.
        _tell(url, secret, single[:N_WARM])
        single_seconds = _tell(url, secret, single)
        _fold()
        bundled_seconds = _tell(url, secret, bundled)
    fold_seconds, n_folds = _fold()
    _check(broadcast, n + n_single)
    return [
        Figure(
            "B4 single", "receipts in, one a request", n_single / single_seconds, "req/s", TARGET_REQUESTS,
            f"{n_single:,} requests to gunicorn as served, 16 at once",
        ),
        Figure(
            "B4 bodies", "… in bodies of 100", n / bundled_seconds, "upd/s", TARGET_UPDATES,
            f"{n:,} updates, {n / PER_BODY / bundled_seconds:,.0f} req/s",
        ),
        Figure(
            "B4 fold", "… and folded", n / fold_seconds, "upd/s", TARGET_FOLD,
            f"{n:,} accepted → delivered, slots and money moved, in {n_folds} turns of one process",
        ),
    ]  # fmt: skip


def _updates(broadcast: Broadcast, first: int, n: int) -> list[dict[str, str]]:
    at = datetime.now(UTC).isoformat()
    return [
        {"type": "receipt", "message_code": code, "id": code, "status": "delivered", "at": at}
        for code in codes.delivery_codes((broadcast.pk, i, 1) for i in range(first, first + n))
    ]


def _body(updates: Iterable[dict[str, str]]) -> bytes:
    return orjson.dumps({"updates": list(updates)})


def _tell(url: str, secret: str, bodies: list[bytes]) -> float:
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        Path(file.name).write_bytes(b"\n".join(bodies))
        provider = Child("provider", url, file.name, SENDER_SECRET=secret)
        provider.go()
        return float(provider.end()["seconds"])


def _fold() -> tuple[float, int]:
    """Fold all that waits, as the task does; return the seconds and the turns that it took."""
    began, turns = time.perf_counter(), 0
    while receipts.fold(now=datetime.now(UTC), limit=CALLBACKS_AT_ONCE):
        turns += 1
    return time.perf_counter() - began, turns


def _check(broadcast: Broadcast, n: int) -> None:
    problems = counts.verify(broadcast) + wallet.verify_books()
    broadcast.budget.refresh_from_db()
    captured = broadcast.budget.captured_micro
    if problems or counts.funnel(broadcast).states != {"delivered": n} or captured != n * world.price_micro(broadcast):
        raise RuntimeError(f"not every receipt was folded: {counts.funnel(broadcast).states}, {captured}, {problems}")
