"""A worker that is asked to stop in the middle of a broadcast ends within seconds and leaves nothing open."""

import random
import signal
import time
from pathlib import Path

import pytest

from broadcasts import counts
from broadcasts.models import Broadcast, Chunk
from tests.chaos.storm import Files, Storm, bad_sink
from tests.conftest import House
from tests.promises import forgetful

pytestmark = [pytest.mark.slow, pytest.mark.promise("P1"), pytest.mark.timeout(200)]


def test_a_warm_shutdown_leaves_nothing_in_the_air(house: House, tmp_path: Path) -> None:
    files = Files(tmp_path)
    with forgetful.in_use(), bad_sink(files, trouble=0.0, seed=random.randrange(1_000)) as sink:
        storm = Storm(house.supervisor, house.environment, house.url, house.logs, files, sink, seed=1)
        broadcasts = storm.launch(n_people=2_000, messages_per_second=100)
        for name in ("send-1", "beat"):
            storm.start(name, is_armed=False)
        storm.wait_until(
            lambda: files.log.exists() and len(files.log.read_bytes().splitlines()) > 100, seconds=60, what="the start"
        )
        began = time.monotonic()
        storm.stop("send-1", signal.SIGTERM)
        seconds = time.monotonic() - began

    states = [counts.funnel(broadcast).states for broadcast in broadcasts]
    assert all(set(found) == {"queued", "accepted"} for found in states), states
    assert seconds < 10
    assert not Chunk.objects.filter(owner__isnull=False).exists(), "what is left is free at once"
    assert Broadcast.objects.filter(completed_at__isnull=True).count() == 2
