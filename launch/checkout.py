"""One `make serve` or `make demo` at a time uses `.local/`; anybody else may ask it where its servers are."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator

from launch import LOCAL, CannotStart
from launch.processes import MARK, end_leftovers
from launch.servers import Servers

LOCK = LOCAL / "lock"
ADDRESSES = LOCAL / "servers.json"
WAIT_SECONDS = 30.0


class InUse(CannotStart):
    """Somebody else is using this checkout's servers."""


@contextlib.contextmanager
def taken() -> Iterator[None]:
    """Take `.local/` for ourselves, after ending whatever a killed run has left there."""
    try:
        LOCAL.mkdir(exist_ok=True)
        lock = LOCK.open("a+")
    except PermissionError as error:
        raise CannotStart(
            f"{error.filename} belongs to somebody else: run as the user who made it, or delete .local."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise InUse(
                f"Another `make serve` or `make demo` is running in this checkout ({lock.read().strip()}): "
                "stop it first (Ctrl-C in its terminal)."
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        os.environ[MARK] = str(LOCAL)
        ADDRESSES.unlink(missing_ok=True)
        end_leftovers(str(LOCAL))
        try:
            yield
        finally:
            ADDRESSES.unlink(missing_ok=True)


def publish(servers: Servers, public_url: str) -> None:
    """Say where the servers are, for `running`."""
    fresh = ADDRESSES.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps({"servers": vars(servers), "public_url": public_url}))
    fresh.rename(ADDRESSES)


def running() -> tuple[Servers, str]:
    """The servers and the address of the `make serve` that has this checkout, once they are up."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not ADDRESSES.exists():
        if time.monotonic() > deadline:
            raise CannotStart("Another run has this checkout but its servers are not up: stop it and run again.")
        time.sleep(0.1)
    told = json.loads(ADDRESSES.read_text())
    return Servers(**told["servers"]), told["public_url"]
