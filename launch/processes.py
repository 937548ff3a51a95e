"""Starts processes that never outlive us, watches them, and stops them in reverse order."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from launch import CannotStart

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
# Every process we start carries the path of its `.local/`, so that a later run recognises a leftover.
MARK = "TAMBOUR_STARTED_FOR"
STOP_SECONDS = 15.0
RESTARTS_ALLOWED = 5
RESTARTS_WITHIN_SECONDS = 60.0

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Service:
    """One long-running process: how it starts, how it is asked to stop, and what happens when it dies."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM
    user: int | None = None
    in_user_namespace: bool = False
    others_need_it: bool = False


def start(service: Service) -> subprocess.Popen[bytes]:
    """Start one service in its own session, its output in its log."""
    service.log.parent.mkdir(parents=True, exist_ok=True)
    parent = os.getpid()

    def prepare() -> None:
        if service.in_user_namespace:
            _libc.unshare(CLONE_NEWUSER)
        if sys.platform == "linux":
            _libc.prctl(PR_SET_PDEATHSIG, int(service.orphan_signal))
            if os.getppid() != parent:
                os._exit(1)

    with service.log.open("ab") as log:
        return subprocess.Popen(
            service.command,
            env=dict(service.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=prepare,  # safe: this process has one thread
            user=service.user,
            group=service.user,
            extra_groups=None if service.user is None else [],
        )


def stop(
    process: subprocess.Popen[bytes],
    how: signal.Signals,
    *,
    seconds: float = STOP_SECONDS,
    already_asked: bool = False,
) -> None:
    """Ask a process to stop, and end its whole session when it does not."""
    if process.poll() is None:
        if not already_asked:
            process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


@dataclass
class Supervisor:
    """Keeps services running until it is closed; a service that dies is started again, within reason."""

    running: dict[str, tuple[Service, subprocess.Popen[bytes]]] = field(default_factory=dict)
    deaths: list[float] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()

    def start(self, service: Service, *, is_ready: Callable[[], bool], seconds: float = 120.0) -> None:
        """Start a service and wait until it answers."""
        self.running[service.name] = (service, start(service))
        self.wait_until(is_ready, of=service.name, seconds=seconds)

    def start_soon(self, service: Service) -> None:
        """Start a service without waiting for it."""
        self.running[service.name] = (service, start(service))

    def wait_until(self, is_ready: Callable[[], bool], *, of: str, seconds: float = 120.0) -> None:
        service, process = self.running[of]
        deadline = time.monotonic() + seconds
        while not is_ready():
            if process.poll() is not None:
                raise CannotStart(f"{of} ended with code {process.returncode}: {last_words(service.log)}")
            if time.monotonic() > deadline:
                raise CannotStart(f"{of} did not answer within {seconds:.0f} s: see {service.log}")
            time.sleep(0.02)

    def restart(self, name: str, how: signal.Signals, *, pause_seconds: float = 0.0) -> None:
        """End a service with ``how`` and start it again, after a while; do not wait until it answers."""
        service, process = self.running[name]
        process.send_signal(how)
        process.wait(STOP_SECONDS)
        time.sleep(pause_seconds)
        self.start_soon(service)

    def keep_alive(self) -> None:
        """Start again what has died. Call it every so often."""
        for name, (service, process) in list(self.running.items()):
            if process.poll() is None:
                continue
            now = time.monotonic()
            self.deaths = [at for at in self.deaths if now - at < RESTARTS_WITHIN_SECONDS] + [now]
            if len(self.deaths) > RESTARTS_ALLOWED:
                raise CannotStart(f"{name} keeps ending (code {process.returncode}): {last_words(service.log)}")
            print(f"· {name} ended with code {process.returncode}; starting it again", flush=True)
            self.running[name] = (service, start(service))

    def stop_all(self) -> None:
        """Stop everything, last started first. A second Ctrl-C is not needed, so it is not heard."""
        before = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
        try:
            for service, process in reversed(self.running.values()):
                if not service.others_need_it and process.poll() is None:
                    process.send_signal(service.stop_signal)  # these stop side by side; what they need, after them
            while self.running:
                _, (service, process) = self.running.popitem()
                stop(process, service.stop_signal, already_asked=not service.others_need_it)
        finally:
            for number, handler in before:
                signal.signal(number, handler)


def last_words(log: Path, lines: int = 12) -> str:
    """The end of a log, for a person who asks why."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n  ".join([f"the end of {log} says", *text.strip().splitlines()[-lines:]])


def end_leftovers(mark: str) -> None:
    """End the processes that an earlier run, killed outright, has left behind."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            ours = f"{MARK}={mark}".encode() in environ.read_bytes().split(b"\0")
        except OSError:
            continue
        pid = int(environ.parent.name)
        if ours and pid != os.getpid():
            end(pid, signal.SIGKILL)


def end(pid: int, how: signal.Signals, *, seconds: float = STOP_SECONDS) -> None:
    """End a process that is not our child."""
    try:
        os.kill(pid, how)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def stop_on_sigterm() -> None:
    """Let `kill` and a closed terminal end us as Ctrl-C does, and Ctrl-C too when a shell's `&` has muted it."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
