"""Processes beside the one that measures: lanes, provider, door and fold, each spoken to by lines."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

DOOR_SECONDS = 30


class Child:
    """A module of this package in a process of its own."""

    def __init__(self, module: str, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.greeting = self._line()

    def _line(self) -> str:
        line = cast(IO[str], self.process.stdout).readline().strip()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with code {self.process.wait()}")
        return line

    def go(self) -> None:
        self._input.write("go\n")
        self._input.flush()

    def end(self) -> dict[str, Any]:
        """Close its input, and return what it says at its end."""
        self._input.close()
        told: dict[str, Any] = json.loads(self._line())
        self.process.wait()
        return told

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def _input(self) -> IO[str]:
        return cast(IO[str], self.process.stdin)


@contextmanager
def sink(*, latency_ms: int = 0, **environment: str) -> Iterator[Child]:
    """A provider that answers after ``latency_ms``; see ``sink.py`` for what else it can be told."""
    child = Child("sink", str(latency_ms), **environment)
    try:
        yield child
    finally:
        child.kill()


def address(provider: Child) -> str:
    """Return where a sink listens, as ``host:port``."""
    return f"127.0.0.1:{provider.greeting}"


@contextmanager
def door() -> Iterator[str]:
    """The product's own web server with its usual settings; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn", "--log-level", "warning"]
    process = subprocess.Popen([*command, "config.wsgi"], env={**os.environ, "WEB_BIND": host})
    try:
        _wait_for(f"http://{host}/healthz")
        yield f"http://{host}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + DOOR_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 — our own server
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
