"""The long storm: what is done to everything, second by second, and what is asked of it afterwards."""

from __future__ import annotations

import argparse
import random
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from django.db import Error as DatabaseFault
from django.db import connection

from broadcasts import chunks
from broadcasts.models import Broadcast, Delivery, Lane
from consent.models import Address
from feedback import receipts
from launch.processes import Supervisor
from tests.chaos import checker
from tests.chaos.__main__ import LEAST_HITS
from tests.chaos.storm import KEYLESS, POINTS, SENDERS, Files, Storm, bad_sink
from tests.conftest import answers

WORKERS = (*SENDERS, "desk", "beat", "beat-2")
# second of the storm → what happens then, once
POSTGRES_AT, REDIS_AT = (12, 30, 55), (20, 45)
LONGEST_STORM_SECONDS, LONGEST_END_SECONDS = 200, 120
STOPS_PER_SECOND = 4.0
IN_THE_QUEUE = (Delivery.State.QUEUED, Delivery.State.SENDING)


def weather(
    options: argparse.Namespace, own: Supervisor, environment: dict[str, str], url: str, folder: Path
) -> list[checker.Verdict]:
    """Let the storm blow, let it end, and judge. Prints as it goes."""
    files = Files(folder)
    with bad_sink(files, trouble=0.01, seed=options.seed) as sink, Supervisor() as supervisor:
        storm = Storm(supervisor, environment, url, folder, files, sink, options.seed, enough=LEAST_HITS)
        _say(f"seed {options.seed}: two broadcasts to {options.people:,} people each, {options.rate} messages a second")
        storm.start("web")
        storm.wait_until(lambda: answers(f"{url}/healthz"), seconds=60, what="the web server")
        broadcasts = storm.launch(n_people=options.people, messages_per_second=options.rate)
        for name in WORKERS:
            storm.start(name)
        stop_writing = threading.Event()
        writer = threading.Thread(target=_write_stops, args=(storm, broadcasts, stop_writing), daemon=True)
        writer.start()
        blown = _blow(storm, own, broadcasts)
        stop_writing.set()
        writer.join()
        ended_after = _let_it_end(storm, broadcasts)
        _fold_everything()
    verdicts = checker.judge(
        database_url=environment["DATABASE_URL"], log=files.log, receipts=files.receipts, stops=files.stops,
        keyless={KEYLESS},
    )  # fmt: skip
    verdicts.append(_endurance(storm.hits(), ended_after))
    _say(f"done to it in {blown:.0f} s: " + ", ".join(f"{what} {n}" for what, n in sorted(storm.done.items())))
    _say("crash points hit: " + ", ".join(f"{point} {storm.hits()[point]}" for point in POINTS))
    for verdict in verdicts:
        print(verdict, flush=True)
    return verdicts


def _blow(storm: Storm, own: Supervisor, broadcasts: list[Broadcast]) -> float:
    """One child a second, one worker every ten, the servers at their times, until nearly everything has left."""
    began = time.monotonic()
    second = 0
    while True:
        second += 1
        storm.kill_a_child()
        if second % 10 == 0:
            storm.end_a_worker()
        if second % 15 == 0:
            storm.empty_redis()
        if second in POSTGRES_AT:
            own.restart("postgres", signal.SIGQUIT)
            storm.done["PostgreSQL restarted at once"] += 1
        if second in REDIS_AT:
            own.restart("valkey", signal.SIGTERM, pause_seconds=3)
            storm.done["Redis stopped and started"] += 1
        storm.supervisor.deaths.clear()
        storm.supervisor.keep_alive()
        queued = _in_the_queue()
        if second % 10 == 0:
            _say(f"{second:>4} s: {queued:,} still wait, {sum(storm.hits().values())} crash points hit")
        nearly = sum(broadcast.n_audience for broadcast in broadcasts) // 30
        is_enough = second > max(POSTGRES_AT) and min(storm.hits()[point] for point in POINTS) >= LEAST_HITS
        if (queued < nearly and is_enough) or time.monotonic() - began > LONGEST_STORM_SECONDS:
            return time.monotonic() - began
        time.sleep(max(0.0, began + second - time.monotonic()))


def _let_it_end(storm: Storm, broadcasts: list[Broadcast]) -> float:
    """One last blow; then everything runs untroubled. Return how long rows were still queued or being handed over."""
    for name in SENDERS:
        storm.stop(name, signal.SIGKILL)
    blow = datetime.now(UTC)
    for name in (*SENDERS, "web", "beat"):
        if name not in SENDERS:
            storm.stop(name, signal.SIGKILL)
        storm.start(name, is_armed=False)
    storm.wait_until(lambda: _patiently(Lane.objects.filter(started_at__gt=blow).exists), seconds=60, what="a lane")
    began = time.monotonic()
    storm.wait_until(lambda: _in_the_queue() == 0, seconds=LONGEST_END_SECONDS, what="the end of every row")
    ended_after = time.monotonic() - began
    ids = [broadcast.pk for broadcast in broadcasts]
    under_way = Broadcast.objects.filter(pk__in=ids, completed_at__isnull=True)
    storm.wait_until(lambda: not _patiently(under_way.exists), seconds=LONGEST_END_SECONDS, what="their completion")
    return ended_after


def _fold_everything() -> None:
    """The desk has minutes to do so; here nobody wants to wait for the claims of folders that were killed."""
    receipts.Callback.objects.filter(folded_at__isnull=True).update(claimed_until=None)
    while receipts.fold(now=datetime.now(UTC), limit=500):
        pass


def _endurance(hits: Counter[str], ended_after: float) -> checker.Verdict:
    """It always ends, and the storm was one."""
    most = 2 * chunks.LEASE_SECONDS
    verdict = checker.Verdict("ends", {"every row final or listed after": f"{ended_after:.1f} s (≤ {most} s)"})
    if ended_after > most:
        verdict.broken.append(f"it took {ended_after:.1f} s")
    verdict.broken += [f"{point} was hit {hits[point]} times only" for point in POINTS if hits[point] < LEAST_HITS]
    return verdict


def _write_stops(storm: Storm, broadcasts: list[Broadcast], stop: threading.Event) -> None:
    chance = random.Random(storm.seed + 1)
    people: list[tuple[str, str]] = []
    for account, broadcast in enumerate(broadcasts):
        ids = Delivery.objects.filter(broadcast_id=broadcast.pk).values_list("recipient_id", flat=True)
        values = Address.objects.filter(kind="e164", recipient_id__in=list(ids)).values_list("value", flat=True)
        people += [(str(account), value) for value in values]
    connection.close()
    for account, to in chance.sample(people, len(people) // 5):
        if stop.wait(1 / STOPS_PER_SECOND):
            return
        storm.say_stop(account, to)


def _in_the_queue() -> int:
    return _patiently(Delivery.objects.filter(state__in=IN_THE_QUEUE).count)


def _patiently(ask):  # type: ignore[no-untyped-def]
    """Ask again while PostgreSQL is being restarted."""
    while True:
        try:
            return ask()
        except DatabaseFault:
            connection.close()
            time.sleep(0.2)


def _say(words: str) -> None:
    print(f"· {words}", flush=True)
