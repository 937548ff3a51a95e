"""What the clock wakes, in a process of its own: once a second it freezes what waits, until its input closes."""

from __future__ import annotations

import json
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
    print(json.dumps({}), flush=True)


if __name__ == "__main__":
    main()
