"""`make compare`: Tambour and `django-meta-whatsapp` send the same job to the same service; then each is killed once.

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


@dataclass(frozen=True)
class Result:
    """What the service saw of one run."""

    who: str
    what: str
    rate: float
    n_people: int
    n_twice: int
    n_unknown: int
    n_silent_losses: int

    def __str__(self) -> str:
        return (
            f"{self.who:<22}{self.what:<20}{self.rate:>8,.0f} msg/s  reached {self.n_people:>5,}"
            f"  twice {self.n_twice:>5,}  unknown {self.n_unknown:>4,}  lost in silence {self.n_silent_losses:>4,}"
        )


class Sink:
    def __init__(self, url: str) -> None:
        self.url = url

    def arrivals(self) -> list[str]:
        with urllib.request.urlopen(f"{self.url}/log", timeout=30) as answer:  # noqa: S310
            return [json.loads(line)["to"] for line in answer.read().splitlines()]


@contextmanager
def sink(latency_ms: float) -> Iterator[Sink]:
    command = [sys.executable, "-m", "benchmarks.compare.sink", "--latency-ms", str(latency_ms)]
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


def peer(up: servers.Servers, python: Path, latency_ms: float, *, is_killed: bool) -> Result:
    name = f"peer_{int(is_killed)}_{int(latency_ms)}"
    postgres.create_database(up.superuser_url, name)
    host = up.superuser_url.partition("host=")[2].replace("%2F", "/")
    environment = {**os.environ, "PEER_DATABASE": name, "PEER_HOST": host, "PEER_USER": postgres.SUPERUSER}
    script = str(Path(__file__).with_name("peer.py"))
    subprocess.run([python, script, "prepare", str(N_PEOPLE)], env=environment, check=True)
    with sink(latency_ms) as service:
        environment["PEER_SINK"] = service.url
        rate = run([str(python), script, "send"], environment, service, is_killed=is_killed)
        return _result("django-meta-whatsapp", latency_ms, is_killed, rate, service.arrivals(), 0)


def ours(up: servers.Servers, latency_ms: float, *, is_killed: bool) -> Result:
    name = f"ours_{int(is_killed)}_{int(latency_ms)}"
    postgres.create_database(up.superuser_url, name)
    there = {
        "DATABASE_URL": up.database_url.replace("/tambour?", f"/{name}?"),
        "DATABASE_OWNER_URL": up.owner_url.replace("/tambour?", f"/{name}?"),
        "DJANGO_SETTINGS_MODULE": "tests.promises.forgetful_settings",
        "LOG_LEVEL": "ERROR",
    }
    environment = {**servers.for_children(up), **there}
    subprocess.run(servers.manage("migrate", "--verbosity", "0"), env=environment, cwd=ROOT, check=True)
    with sink(latency_ms) as service:
        environment["TRUSTED_HOSTS"] = service.url.removeprefix("http://")
        made = [sys.executable, "-m", "benchmarks.compare.ours", service.url, str(N_PEOPLE)]
        subprocess.run(made, env=environment, cwd=ROOT, check=True)
        lane = [sys.executable, "-m", "tests.promises.lane_process"]
        rate = run(lane, environment, service, is_killed=is_killed)
        asked = subprocess.run([*made[:3], "unknown"], env=environment, cwd=ROOT, check=True, capture_output=True)
        return _result("Tambour", latency_ms, is_killed, rate, service.arrivals(), int(asked.stdout.split()[-1]))


def _result(who: str, latency_ms: float, is_killed: bool, rate: float, arrivals: list[str], n_unknown: int) -> Result:
    seen = Counter(arrivals)
    what = f"{latency_ms:.0f} ms" + (", killed once" if is_killed else "")
    n_lost = max(0, N_PEOPLE - len(seen) - n_unknown)
    return Result(who, what, rate, len(seen), sum(n > 1 for n in seen.values()), n_unknown, n_lost)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="tambour-compare-") as folder, servers.temporary() as up:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        wanted = [PEER, "psycopg[binary]"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        print(f"{N_PEOPLE:,} people, the same service, the same PostgreSQL; {PEER.replace('==', ' ')} from its package")
        for latency_ms, is_killed in ((0.0, False), (50.0, False), (0.0, True)):
            print(peer(up, python, latency_ms, is_killed=is_killed), flush=True)
            print(ours(up, latency_ms, is_killed=is_killed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
