"""`make chaos`: 20,000 people over a channel with keys, 20,000 over one without, while everything dies around it.

A prefork child is killed every second and a whole worker every ten; crash points are hit; PostgreSQL is restarted as if
it had crashed, Redis emptied, stopped and started; two clocks tick; the service at the other end has a bad day; people
write STOP. Then the checker, which imports nothing of Tambour, compares the service's log with the database.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from launch import ROOT, servers
from launch.verbs import free_port

LEAST_HITS = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description="See tests/chaos/__main__.py.")
    parser.add_argument("--people", type=int, default=20_000, help="of each of the two broadcasts")
    parser.add_argument("--rate", type=int, default=400, help="messages a second of each sender")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--keep", action="store_true", help="leave logs and lists in place")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="tambour-chaos-") if options.keep else None
    with (
        tempfile.TemporaryDirectory(prefix="tambour-chaos-") as temporary,
        servers.breakable(careful=True) as (up, own),
    ):
        return run(options, up, own, Path(folder or temporary))


def run(options: argparse.Namespace, up: servers.Servers, own: servers.Supervisor, folder: Path) -> int:
    from tests.promises import forgetful

    began = time.monotonic()
    port = free_port("")
    url = f"http://127.0.0.1:{port}"
    environment = {
        **servers.for_children(up, public_url=url),
        "WEB_BIND": f"127.0.0.1:{port}",
        "MEDIA_ROOT": str(folder / "media"),
        "JOURNAL_ROOT": str(folder / "journal"),
        "LEDGER_ROOTS": str(folder / "roots"),
        "LOG_LEVEL": "WARNING",
        "DATABASE_POOL_SIZE": "0",
    }
    subprocess.run(servers.manage("migrate", "--verbosity", "0"), env=environment, cwd=ROOT, check=True)
    os.environ.update(environment, DJANGO_SETTINGS_MODULE=forgetful.SETTINGS)
    import django

    django.setup()
    from tests.chaos import long

    verdicts = long.weather(options, own, environment, url, folder)
    print(f"seed {options.seed} · {time.monotonic() - began:.0f} s" + (f" · {folder}" if options.keep else ""))
    return 1 if any(verdict.broken for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
