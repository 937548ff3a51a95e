"""B1: freezing an audience, from launch to the last chunk."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from benchmarks import world
from benchmarks.figures import Figure
from broadcasts import freeze
from broadcasts.models import Broadcast

TARGET = 120_000


def measure(*, n: int) -> list[Figure]:
    """Freeze ``n`` people, each with two variables and a variant."""
    now = datetime.now(UTC)
    business = world.know_everybody(n=n, now=now)
    sender, _secret = world.connect(business=business, url="http://127.0.0.1:1/", now=now)
    broadcast = world.launch(business=business, sender=sender, now=now)
    began = time.perf_counter()
    freeze_all(broadcast)
    seconds = time.perf_counter() - began
    broadcast.refresh_from_db()
    if (broadcast.state, broadcast.n_audience) != (Broadcast.State.SENDING, n):
        raise RuntimeError("not everybody was frozen")
    # Nobody is to send it.
    Broadcast.objects.filter(pk=broadcast.pk).update(state=Broadcast.State.PAUSED)
    return [Figure("B1", f"freeze {n:,} recipients", n / seconds, "rows/s", TARGET, f"{seconds:.1f} s")]


def freeze_all(broadcast: Broadcast) -> None:
    while freeze.next_slice(broadcast_id=broadcast.pk, now=datetime.now(UTC)):
        pass
