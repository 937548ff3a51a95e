"""What the clock wakes, in a process of its own: once a second it freezes what waits, until its input closes."""

from __future__ import annotations

import json
import resource
import sys
import threading
from datetime import UTC, datetime

import django

django.setup()

from broadcasts import clock  # noqa: E402 — models can be imported from here on

SECOND = 1.0


def main() -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    while not is_over.wait(SECOND):
        now = datetime.now(UTC)
        if clock.begin(now=now):
            clock.freeze_waiting(now=now)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu_seconds": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    main()
