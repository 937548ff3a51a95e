"""What the story stands on: patience with the workers, and the messaging service at the other end of the wire."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.demo import cast

PATIENCE_SECONDS = 120


class CannotGoOn(Exception):
    """Something that the story waits for did not come; the sentence says what, and where to look."""


def wait(is_done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        if time.monotonic() > until:
            raise CannotGoOn(f"Waited {PATIENCE_SECONDS} s for {what}; .local/logs says what the workers were doing.")
        time.sleep(0.1)


@contextmanager
def messaging_service(*, seed: int, log: Path) -> Iterator[str]:
    """Start the service at the other end of the webhook channel, as a process of its own."""
    host, port = cast.sink_address()
    if not port:
        raise CannotGoOn("DEMO_SINK is not set: start the demo with `make demo`.")
    command = [sys.executable, "-m", "config.demo.sink", "--host", host, "--port", str(port), "--seed", str(seed)]
    with subprocess.Popen([*command, "--log", str(log)], stdout=subprocess.PIPE, text=True) as service:
        try:
            url = service.stdout.readline().strip() if service.stdout else ""
            if not url:
                raise CannotGoOn(f"The messaging service could not listen on {host}:{port}.")
            yield url
        finally:
            service.terminate()
