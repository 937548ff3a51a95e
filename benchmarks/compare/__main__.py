"""`make compare`: Tambour and `django-meta-whatsapp` send the same job to the same service, and meet the same faults.

The peer comes from its package into an environment of its own that is thrown away. Both use the same PostgreSQL, a
database each; both are killed with -9 when half of the people have their message, and run once more, as a broker that
redelivers would. Tambour sends over a channel without keys, as the peer does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launch import ROOT, postgres, servers

PEER = "django-meta-whatsapp==1.1.0"
N_PEOPLE = 1_500
LONGEST_SECONDS = 100.0
# What a sender may do where nothing holds it back, and what WhatsApp gives a new number.
UNLIMITED, USUAL = 100_000, 80
LEGEND = """
reached            people whom the service took a message for
twice              … and one more
unknown            nobody knows whether they have it: the answer was lost. Tambour lists them for a person to decide
lost in silence    neither reached nor unknown: nothing says that they have nothing
"""


@dataclass(frozen=True)
class Job:
    """One run: how slow the service is, what goes wrong, how fast Tambour's sender may be (the peer has no limit)."""

    latency_ms: float
    is_killed: bool = False
    # The service takes the message and answers 500, every so many times.
    lies_every: int = 0
    messages_per_second: int = UNLIMITED

    def __str__(self) -> str:
        words = [f"{self.latency_ms:.0f} ms"]
        if self.is_killed:
            words.append("killed once")
        if self.lies_every:
            words.append(f"every {self.lies_every}th answer a 500")
        if self.messages_per_second != UNLIMITED:
            words.append(f"at {self.messages_per_second}/s")
        return ", ".join(words)


JOBS = (
    Job(0),
    Job(50),
    Job(0, is_killed=True),
    Job(0, is_killed=True, messages_per_second=USUAL),
    Job(0, lies_every=10),
)


@dataclass(frozen=True)
class Result:
    """What the service saw of one run."""

    who: str
    job: Job
    rate: float
    n_people: int
    n_twice: int
    n_unknown: int
    n_silent_losses: int

    def __str__(self) -> str:
        return (
            f"{self.who:<21} {self.job!s:<30}{self.rate:>7,.0f} msg/s  reached {self.n_people:>5,}"
            f"  twice {self.n_twice:>5,}  unknown {self.n_unknown:>5,}  lost in silence {self.n_silent_losses:>5,}"
        )


class Sink:
    def __init__(self, url: str) -> None:
        self.url = url

    def arrivals(self) -> list[str]:
        with urllib.request.urlopen(f"{self.url}/log", timeout=30) as answer:  # noqa: S310
            return [json.loads(line)["to"] for line in answer.read().splitlines()]


@contextmanager
def sink(job: Job) -> Iterator[Sink]:
    manners = ["--latency-ms", str(job.latency_ms), "--lies-every", str(job.lies_every)]
    command = [sys.executable, "-m", "benchmarks.compare.sink", *manners]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101
    try:
        yield Sink(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()


def run(command: Sequence[str], environment: dict[str, str], service: Sink, *, is_killed: bool) -> float:
    """Run ``command`` to its end, or kill it halfway and run it again; return messages a second of the first run."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
    first = 0.0
    while process.poll() is None and time.monotonic() - began < LONGEST_SECONDS:
        n = len(service.arrivals())
        first = first or (time.monotonic() if n else 0.0)
        if n >= N_PEOPLE or (is_killed and n >= N_PEOPLE // 2):
            break
        time.sleep(0.05)
    rate = len(service.arrivals()) / max(time.monotonic() - (first or began), 0.001)
    if is_killed:
        process.kill()
        process.wait()
        time.sleep(5)  # the lease of what it held
        subprocess.run(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL, timeout=LONGEST_SECONDS)
    else:
        process.wait(LONGEST_SECONDS)
    return rate


def peer(up: servers.Servers, python: Path, number: int, job: Job) -> Result:
    name = f"peer_{number}"
    postgres.create_database(up.superuser_url, name)
    host = up.superuser_url.partition("host=")[2].replace("%2F", "/")
    environment = {**os.environ, "PEER_DATABASE": name, "PEER_HOST": host, "PEER_USER": postgres.SUPERUSER}
    script = str(Path(__file__).with_name("peer.py"))
    subprocess.run([python, script, "prepare", str(N_PEOPLE)], env=environment, check=True)
    with sink(job) as service:
        environment["PEER_SINK"] = service.url
        rate = run([str(python), script, "send"], environment, service, is_killed=job.is_killed)
        return _result("django-meta-whatsapp", job, rate, service.arrivals(), set())


def ours(up: servers.Servers, number: int, job: Job) -> Result:
    name = f"ours_{number}"
    postgres.create_database(up.superuser_url, name)
    there = {
        "DATABASE_URL": up.database_url.replace("/tambour?", f"/{name}?"),
        "DATABASE_OWNER_URL": up.owner_url.replace("/tambour?", f"/{name}?"),
        "DJANGO_SETTINGS_MODULE": "tests.promises.forgetful_settings",
        "LOG_LEVEL": "ERROR",
    }
    environment = {**servers.for_children(up), **there}
    subprocess.run(servers.manage("migrate", "--verbosity", "0"), env=environment, cwd=ROOT, check=True)
    side = [sys.executable, "-m", "benchmarks.compare.ours"]
    with sink(job) as service:
        environment["TRUSTED_HOSTS"] = service.url.removeprefix("http://")
        made = [*side, "launch", service.url, str(N_PEOPLE), str(job.messages_per_second)]
        subprocess.run(made, env=environment, cwd=ROOT, check=True)
        lane = [sys.executable, "-m", "tests.promises.lane_process"]
        rate = run(lane, environment, service, is_killed=job.is_killed)
        asked = subprocess.run([*side, "unknown"], env=environment, cwd=ROOT, check=True, capture_output=True)
        return _result("Tambour", job, rate, service.arrivals(), set(asked.stdout.decode().split()))


def _result(who: str, job: Job, rate: float, arrivals: list[str], unknown: set[str]) -> Result:
    seen = Counter(arrivals)
    n_lost = N_PEOPLE - len(seen.keys() | unknown)
    return Result(who, job, rate, len(seen), sum(n > 1 for n in seen.values()), len(unknown), n_lost)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="tambour-compare-") as folder, servers.temporary() as up:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        wanted = [PEER, "psycopg[binary]"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        print(f"{N_PEOPLE:,} people, the same service, the same PostgreSQL; {PEER.replace('==', ' ')} from its package")
        for number, job in enumerate(JOBS):
            if job.messages_per_second == UNLIMITED:
                print(peer(up, python, number, job), flush=True)
            print(ours(up, number, job), flush=True)
        print(LEGEND, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
