"""Real processes, and all that can go wrong with them: killed children and workers, restarted servers, a bad sink.

The same storm is run by `make chaos` (20,000 people twice, servers of its own that are restarted, too) and, short, by
`test_workers_die.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis

from broadcasts.channels import wire
from broadcasts.models import Broadcast, Sender
from launch import ROOT, programs
from launch.processes import Supervisor
from tests.make import EURO, make_business, make_launched, make_people, open_policy
from tests.promises import forgetful
from tests.promises.provider import make_sender

POINTS = ("after_claim", "after_gate", "after_hand_over", "before_settle", "after_callback")
SENDERS = ("send-1", "send-2")
WORKERS = (*SENDERS, "desk", "beat")
KEYED, KEYLESS = "with keys", "without keys"


@dataclass
class Files:
    """What the checker reads."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "arrivals.jsonl"

    @property
    def receipts(self) -> Path:
        return self.folder / "receipts.jsonl"

    @property
    def stops(self) -> Path:
        return self.folder / "stops.jsonl"


@contextlib.contextmanager
def bad_sink(
    files: Files, *, trouble: float, seed: int, is_never_silent: bool = False, only: str = ""
) -> Iterator[str]:
    """The service at the other end, in a process of its own; yields its address."""
    command = [sys.executable, "-m", "tests.chaos.bad_sink", "--log", str(files.log), "--receipts", str(files.receipts)]
    command += ["--trouble", str(trouble), "--seed", str(seed)] + ["--never-silent"] * is_never_silent
    command += ["--only", only] if only else []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


@dataclass
class Storm:
    """The processes of one house, and what is done to them. The same seed plans the same faults."""

    supervisor: Supervisor
    environment: dict[str, str]
    url: str
    logs: Path
    files: Files
    sink: str
    seed: int
    # How often each crash point is fatal: once in so many times.
    lane_points: tuple[str, ...] = ("after_claim=24", "after_gate=16", "after_hand_over=12", "before_settle=20")
    # A point that was hit so often is not fatal any more in workers that start later.
    enough: int = 1_000_000
    door_points: str = "after_callback=15"
    done: Counter[str] = field(default_factory=Counter)
    secrets: dict[str, tuple[Sender, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.environment = {
            **self.environment,
            "TRUSTED_HOSTS": self.sink.removeprefix("http://"),
            "DJANGO_SETTINGS_MODULE": forgetful.SETTINGS,
            "LANES": "4",
        }

    # --- Processes ---------------------------------------------------------------------------------

    def start(self, name: str, *, is_armed: bool = True) -> None:
        kind = "send" if name in SENDERS else "beat" if name == "beat-2" else name
        hits = self.hits()
        fatal = [point for point in self.lane_points if hits[point.partition("=")[0]] < self.enough]
        points = self.door_points if name == "web" else ",".join(fatal)
        environment = {**self.environment, "CRASH_AT": points if is_armed else ""}
        model = programs.service(kind, environment)
        # A name of its own on Celery's side; heartbeats are looked for by the usual one.
        command = [part.replace(f"{kind}@", f"{name}@").replace("clock@", f"{name}@") for part in model.command]
        if kind == "send":
            # Celery gives a worker up whose children die more often in a second than it has children.
            command[command.index("--concurrency") + 1] = "3"
        self.supervisor.start_soon(replace(model, name=name, command=command, log=self.logs / f"{name}.log"))

    def stop(self, name: str, how: signal.Signals) -> None:
        _, process = self.supervisor.running[name]
        if how == signal.SIGKILL:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
        process.wait(60)

    def pid(self, name: str) -> int:
        return self.supervisor.running[name][1].pid

    def wait_until(self, condition: Callable[[], Any], *, seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not happen within {seconds:.0f} s; logs are in {self.logs}")
            time.sleep(0.1)

    # --- Faults ------------------------------------------------------------------------------------

    def kill_a_child(self) -> None:
        """Kill one prefork child outright; its worker makes a new one."""
        name = self.chance.choice((*SENDERS, "desk"))
        children = children_of(self.pid(name))
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(children), signal.SIGKILL)
                self.done["children killed"] += 1

    def end_a_worker(self) -> None:
        """Kill a whole worker, or, now and then, ask it to stop; then start it again."""
        name = self.chance.choice(WORKERS)
        how = signal.SIGTERM if self.chance.random() < 0.3 else signal.SIGKILL
        self.stop(name, how)
        self.done["workers killed" if how == signal.SIGKILL else "warm shutdowns"] += 1
        self.start(name)

    def empty_redis(self) -> None:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.environment["REDIS_URL"]) as connection:
            connection.flushdb()
            self.done["Redis emptied"] += 1

    def hits(self) -> Counter[str]:
        """How often each crash point was hit, by the words that the dying left in their logs."""
        found: Counter[str] = Counter()
        for log in self.logs.glob("*.log"):
            text = log.read_bytes().decode(errors="replace")
            for point in POINTS:
                found[point] += text.count(f"crash point {point}\n")
        return found

    # --- What is sent, and who stops it ------------------------------------------------------------

    def launch(self, *, n_people: int, messages_per_second: int) -> list[Broadcast]:
        """One broadcast over a channel that knows keys, one over a channel that does not, to other people."""
        open_policy()
        forgetful.set_prices()
        now = datetime.now(UTC)
        found = []
        for number, (name, channel) in enumerate(((KEYED, "webhook"), (KEYLESS, forgetful.CHANNEL))):
            business = make_business(name=name, money=10_000 * EURO, now=now)
            make_people(business=business, n=n_people, first=1 + number * n_people, now=now)
            sender = make_sender(
                business=business, url=f"{self.sink}/messages/{number}", messages_per_second=messages_per_second,
                channel=channel,
            )  # fmt: skip
            self._open_account(str(number), sender)
            broadcast = make_launched(business=business, sender=sender, now=now)
            Broadcast.objects.filter(pk=broadcast.pk).update(name=name)
            found.append(broadcast)
        return found

    def _open_account(self, account: str, sender: Sender) -> None:
        from broadcasts import secrets

        secret = secrets.of_sender(sender)
        self.secrets[account] = (sender, secret)
        told = {"name": account, "secret": secret, "callback_url": f"{self.url}/callbacks/{sender.code}/"}
        request = urllib.request.Request(f"{self.sink}/accounts", data=json.dumps(told).encode(), method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    def say_stop(self, account: str, to: str) -> None:
        """A person writes STOP; it counts from the moment at which the door has answered 200, asked again till then."""
        sender, secret = self.secrets[account]
        update = {"type": "text", "from": to, "text": "STOP", "id": f"stop-{to}", "at": datetime.now(UTC).isoformat()}
        body = json.dumps({"updates": [update]}).encode()
        headers = wire.sign(secret, message_id=f"stop-{to}", body=body, now=datetime.now(UTC))
        request = urllib.request.Request(
            f"{self.url}/callbacks/{sender.code}/", data=body, headers={**headers, "content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                answered_at = time.time()
                assert answer.status == 200
        except (OSError, urllib.error.URLError):
            self.done["stops repeated"] += 1
            return
        with self.files.stops.open("a") as stops:
            stops.write(json.dumps({"to": to, "answered_at": answered_at}) + "\n")
        self.done["stops"] += 1


def children_of(pid: int) -> list[int]:
    """The direct children of a process, as Linux knows them."""
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
