"""P1, P3, P6, P10: nobody twice, nobody lost, stops obeyed, one reason each, and it ends, whatever dies on the way.

The short storm; `make chaos` is the long one, with PostgreSQL and Redis restarted as well.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcasts import chunks
from broadcasts.models import Broadcast, Delivery
from consent.models import Address
from feedback import receipts
from tests.chaos import checker
from tests.chaos.storm import KEYED, KEYLESS, POINTS, SENDERS, WORKERS, Files, Storm, bad_sink
from tests.conftest import House, answers
from tests.promises import forgetful, oracle

LONG = bool(os.environ.get("PROMISES"))
N_PEOPLE, MESSAGES_PER_SECOND, N_SECONDS = (8_000, 400, 60) if LONG else (1_000, 200, 5)

pytestmark = [
    *[pytest.mark.promise(name) for name in ("P1", "P3", "P6", "P10")], pytest.mark.slow, pytest.mark.timeout(600),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _forgetful_channel() -> Iterator[None]:
    with forgetful.in_use():
        yield


@pytest.fixture
def storm(house: House, tmp_path: Path) -> Iterator[Storm]:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    files = Files(tmp_path)
    with bad_sink(files, trouble=0.01, seed=seed, is_never_silent=not LONG) as sink:
        often = ("after_claim=8", "after_gate=5", "after_hand_over=5", "before_settle=8")
        yield Storm(
            house.supervisor, house.environment, house.url, house.logs, files, sink, seed,
            lane_points=often, door_points="after_callback=8",
        )  # fmt: skip


def test_nobody_is_handed_anything_twice_and_it_ends(house: House, storm: Storm) -> None:
    """Two broadcasts at once, over a channel that knows keys and over one that does not."""
    for name in ("web", *WORKERS):
        storm.start(name)
    broadcasts = storm.launch(n_people=N_PEOPLE, messages_per_second=MESSAGES_PER_SECOND)
    storm.wait_until(lambda: answers(f"{house.url}/healthz"), seconds=60, what="the web server")
    people = list(Address.objects.filter(kind="e164").order_by("recipient_id").values_list("value", flat=True))
    storm.wait_until(lambda: storm.hits().total(), seconds=60, what="the first crash")

    end = time.monotonic() + N_SECONDS
    while time.monotonic() < end or any(storm.hits()[point] == 0 for point in POINTS):
        storm.kill_a_child()
        for to in storm.chance.sample(people, 4):
            storm.say_stop(str(people.index(to) // N_PEOPLE), to)
        if storm.chance.random() < 0.2:
            storm.empty_redis()
        storm.supervisor.keep_alive()
        storm.supervisor.deaths.clear()
        time.sleep(0.5)
        assert time.monotonic() < end + 60, f"not every point was hit: {storm.hits()}"
    _let_it_end(storm, broadcasts)

    verdicts = checker.judge(
        database_url=house.database.url, log=storm.files.log, receipts=storm.files.receipts, stops=storm.files.stops,
        keyless={KEYLESS},
    )  # fmt: skip
    print(storm.done, storm.hits(), *verdicts, sep="\n")
    assert [verdict for verdict in verdicts if verdict.broken] == []
    assert {broadcast.name for broadcast in Broadcast.objects.all()} == {KEYED, KEYLESS}
    assert [fault for broadcast in broadcasts for fault in oracle.faults(broadcast)] == []
    assert oracle.money_faults() + oracle.slot_faults() == []


def _let_it_end(storm: Storm, broadcasts: list[Broadcast]) -> None:
    """The last blow, and then calm: what waits leaves, and what was cut off is listed or resolved within two leases."""
    for name in SENDERS:
        storm.stop(name, signal.SIGKILL)
        storm.start(name, is_armed=False)
    open_rows = Delivery.objects.filter(state__in=(Delivery.State.QUEUED, Delivery.State.SENDING))
    seconds = 2 * chunks.LEASE_SECONDS + 2 * N_PEOPLE / MESSAGES_PER_SECOND + 30
    storm.wait_until(lambda: not open_rows.exists(), seconds=seconds, what="the end of every row")
    under_way = Broadcast.objects.filter(pk__in=[b.pk for b in broadcasts], completed_at__isnull=True)
    storm.wait_until(lambda: not under_way.exists(), seconds=90, what="their completion")
    receipts.Callback.objects.filter(folded_at__isnull=True).update(claimed_until=None)
    while receipts.fold(now=datetime.now(UTC), limit=500):
        pass
