"""The fold in a process of its own: waits for a line, folds once a second as the clock does, until its input closes."""

from __future__ import annotations

import json
import resource
import sys
import threading

import django

django.setup()

from benchmarks.figures import peak_mb  # noqa: E402 — models can be imported from here on
from feedback import tasks  # noqa: E402

SECOND = 1.0


def main() -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    before, is_over = resource.getrusage(resource.RUSAGE_SELF), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    while not is_over.wait(SECOND):
        tasks.fold()
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    told = {"cpu_seconds": cpu_seconds, "peak_mb": peak_mb()}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
