"""One lane in a process of its own: waits for a line on its standard input, carries, and prints what it used."""

from __future__ import annotations

import json
import resource
import sys

import django

django.setup()

from benchmarks.figures import peak_mb  # noqa: E402 — models can be imported from here on
from broadcasts import lanes  # noqa: E402


def main() -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    before = resource.getrusage(resource.RUSAGE_SELF)
    n = lanes.run(life_seconds=3600)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"n": n, "cpu_seconds": cpu_seconds, "peak_mb": peak_mb()}), flush=True)


if __name__ == "__main__":
    main()
