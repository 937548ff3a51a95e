"""P1: nobody is handed the same broadcast twice, and it always ends, whatever dies on the way."""

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import redis

from broadcasts import channels, chunks, counts
from broadcasts.models import Broadcast, Chunk, Lane
from launch import programs
from tests.conftest import House, wait_for
from tests.make import EURO, make_business, make_launched, make_people, open_policy
from tests.promises import forgetful, oracle
from tests.promises.provider import Provider, make_sender, provider

LONG = bool(os.environ.get("PROMISES"))
N_PEOPLE, MESSAGES_PER_SECOND, N_KILLS = (20_000, 700, 14) if LONG else (3_000, 350, 2)
CRASH_POINTS = ["after_claim", "after_gate", "after_hand_over", "before_settle"]
MARGIN_SECONDS = 30.0
WORKERS = ("send-1", "send-2")
N_LANES = len(CRASH_POINTS)

pytestmark = [pytest.mark.promise("P1"), pytest.mark.promise("P10"), pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def service() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture(autouse=True)
def _forgetful_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "KINDS", channels.KINDS.copy())
    for module in ("plan", "estimate", "clock"):
        monkeypatch.setattr(f"broadcasts.{module}.KINDS", channels.KINDS)
    forgetful.use()


class Workers:
    """Two send workers that can be killed outright, each with its children, and started again."""

    def __init__(self, house: House, service: Provider) -> None:
        self.house = house
        self.environment = {"TRUSTED_HOSTS": service.host, "DJANGO_SETTINGS_MODULE": forgetful.SETTINGS}

    def start(self, name: str, *, crash_at: str = "") -> None:
        environment = {**self.house.environment, **self.environment, "CRASH_AT": crash_at}
        model = programs.service("send", environment)
        command = [part.replace("send@", f"{name}@") for part in model.command]
        command[command.index("--concurrency") + 1] = "1"
        self.house.supervisor.start_soon(
            replace(model, name=name, command=command, log=self.house.logs / f"{name}.log")
        )

    def kill(self, name: str) -> None:
        _, process = self.house.supervisor.running[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_nobody_is_handed_anything_twice_and_it_ends(house: House, service: Provider) -> None:
    """Two broadcasts at once, over a channel that knows keys and over one that does not."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    keyed, keyless = _launched(service, forgetful.CHANNEL)
    workers = Workers(house, service)
    house.start("beat", TRUSTED_HOSTS=service.host, DJANGO_SETTINGS_MODULE=forgetful.SETTINGS, LANES=str(N_LANES))

    # One dies at each named point, as often as it comes to it.
    for point in CRASH_POINTS:
        workers.start(point, crash_at=point)
    for point in CRASH_POINTS:
        _wait_until_crashed(house, point)
    for point in CRASH_POINTS:
        workers.kill(point)
    for name in WORKERS:
        workers.start(name)
    for n in range(N_KILLS):
        _wait_for_arrivals(service, more=chance.randrange(50, 400))
        victim = chance.choice(WORKERS)
        workers.kill(victim)
        workers.start(victim)
        if n == N_KILLS // 2:
            _forget_everything_in_redis(house)

    _wait_until_completed([keyed, keyless], seconds=_reasonable_seconds())
    arrivals = service.arrivals()
    by_path = {key: [a for a in arrivals if a.key in keys] for key, keys in _keys_of(arrivals, keyed, keyless).items()}
    assert oracle.handed_over_twice(by_path["keyed"], same_key_is_same_message=True) == {}
    assert oracle.handed_over_twice(by_path["keyless"], same_key_is_same_message=False) == {}
    for broadcast in (keyed, keyless):
        assert oracle.faults(broadcast) == []
        states = counts.funnel(broadcast).states
        assert set(states) <= {"accepted", "unknown", "skipped", "failed"}, states
        assert sum(states.values()) == N_PEOPLE
    # Keys let every single one be resolved; without them what hung in the air stays unknown, and is not sent again.
    assert counts.funnel(keyed).states == {"accepted": N_PEOPLE}
    assert len(by_path["keyed"]) > N_PEOPLE, "nothing was cut off: this proved nothing"
    assert counts.funnel(keyless).states["unknown"] > 0, "nothing was cut off: this proved nothing"
    assert oracle.money_faults() == []
    assert oracle.slot_faults() == []


def _launched(service: Provider, keyless_channel: str) -> list[Broadcast]:
    open_policy()
    now = datetime.now(UTC)
    found = []
    for name, channel in (("keyed", "webhook"), ("keyless", keyless_channel)):
        business = make_business(name=name, money=10_000 * EURO, now=now)
        make_people(business=business, n=N_PEOPLE, now=now)
        sender = make_sender(
            business=business,
            url=f"{service.url}/messages/{name}",
            messages_per_second=MESSAGES_PER_SECOND,
            channel=channel,
        )
        found.append(make_launched(business=business, sender=sender, now=now))
    return found


def _keys_of(arrivals: list[oracle.Arrival], keyed: Broadcast, keyless: Broadcast) -> dict[str, set[str]]:
    from broadcasts import codes

    names = {keyed.pk: "keyed", keyless.pk: "keyless"}
    found: dict[str, set[str]] = {"keyed": set(), "keyless": set()}
    for arrival in arrivals:
        key = codes.read_delivery_code(arrival.key)
        assert key is not None
        found[names[key[0]]].add(arrival.key)
    return found


def _wait_until_crashed(house: House, name: str) -> None:
    """The worker's child ends with 137; the worker says so in its log and makes a new one, which ends in its turn."""
    log = house.logs / f"{name}.log"
    wait_for(lambda: "exitcode 137" in log.read_text(), seconds=90, what=f"a crash {name}")


def _wait_for_arrivals(service: Provider, *, more: int, seconds: float = 45.0) -> None:
    """Wait until the service has taken so many more; broadcasts that are over take no more."""
    wanted, deadline = service.n_arrivals() + more, time.monotonic() + seconds
    while service.n_arrivals() < wanted and time.monotonic() < deadline:
        if oracle.in_the_air() == 0:
            return
        time.sleep(0.1)


def _forget_everything_in_redis(house: House) -> None:
    with redis.Redis.from_url(house.database.redis_url) as connection:
        connection.flushdb()


def _reasonable_seconds() -> float:
    return 2 * chunks.LEASE_SECONDS + MARGIN_SECONDS + N_PEOPLE / MESSAGES_PER_SECOND


def _tell(broadcasts: list[Broadcast]) -> None:
    """What a person wants to see when it failed."""
    open_chunks = Chunk.objects.filter(done_at__isnull=True).values_list("pk", "owner", "lease_until", "attempts")
    print(f"{datetime.now(UTC):%H:%M:%S} {[counts.funnel(b).states for b in broadcasts]} lanes {Lane.objects.count()}")
    print(
        "   ", [(pk, str(owner)[:4], f"{until:%M:%S}" if until else "free", n) for pk, owner, until, n in open_chunks]
    )


def _wait_until_completed(broadcasts: list[Broadcast], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(broadcast.completed_at is None for broadcast in broadcasts):
        assert time.monotonic() < deadline, f"not completed: {[counts.funnel(b).states for b in broadcasts]}"
        time.sleep(1)
        _tell(broadcasts)
        for broadcast in broadcasts:
            broadcast.refresh_from_db()
