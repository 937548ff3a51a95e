"""Brings PostgreSQL and Valkey up, and says how to reach them; existing ones are used when they are named."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from launch import LOCAL, ROOT, VENV, CannotStart, postgres, valkey
from launch.processes import MARK, Supervisor

DATABASE = "tambour"
RAM_DISK = Path("/dev/shm")  # noqa: S108
RAM_DISK_NEEDS_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Servers:
    """How to reach the two servers. `superuser_url` is empty when PostgreSQL is not ours."""

    database_url: str
    owner_url: str
    superuser_url: str
    redis_url: str

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "REDIS_URL": self.redis_url,
        }


@contextlib.contextmanager
def local(supervisor: Supervisor, *, database: str = DATABASE, is_emptied: bool = False) -> Iterator[Servers]:
    """The servers of this checkout, with data and logs under `.local/`; ``is_emptied`` begins with a new database."""
    database_url, redis_url = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    sockets = postgres.socket_folder(LOCAL / "run")
    owner_url, superuser_url = os.environ.get("DATABASE_OWNER_URL", "") or database_url, ""
    if database_url:
        _check_named("DATABASE_OWNER_URL" if owner_url != database_url else "DATABASE_URL", owner_url)
    if redis_url:
        _check_redis(redis_url)
    else:
        redis_url = _start_valkey(supervisor, sockets, LOCAL / "logs")
    if not database_url:
        cluster = postgres.cluster(home=LOCAL, sockets=sockets, log=LOCAL / "logs" / "postgres.log")
        superuser_url = _start_postgres(supervisor, cluster)
        if is_emptied:
            postgres.drop_database(superuser_url, database)
            shutil.rmtree(LOCAL / "journal" / database, ignore_errors=True)
        postgres.create_database(superuser_url, database)
        database_url, owner_url = cluster.url("tambour", database), cluster.url("tambour_owner", database)
    yield Servers(database_url, owner_url, superuser_url, redis_url)


def _check_named(setting: str, url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1]
        raise CannotStart(
            f"{setting} names a PostgreSQL that cannot be used ({reason}): start it, correct the address, or leave "
            "DATABASE_URL out to get a private one."
        ) from error


def _check_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5) as connection:
            connection.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStart(
            f"REDIS_URL names a server that cannot be used ({error}): start it, correct the address, or leave "
            "REDIS_URL out to get a private one."
        ) from error


@contextlib.contextmanager
def temporary(*, careful: bool = False) -> Iterator[Servers]:
    """Servers for one run, gone afterwards; in memory when there is room, unless ``careful``. Never DATABASE_URL's."""
    with breakable(careful=careful) as (servers, _):
        yield servers


@contextlib.contextmanager
def breakable(*, careful: bool = False) -> Iterator[tuple[Servers, Supervisor]]:
    """As ``temporary``, with the hand on the two processes: ``postgres`` and ``valkey``."""
    with _temporary_folder(on_disk=careful) as folder, Supervisor() as supervisor:
        sockets = postgres.socket_folder(folder / "run")
        redis_url = _start_valkey(supervisor, sockets, folder)
        cluster = postgres.cluster(home=folder, sockets=sockets, log=folder / "postgres.log", careful=careful)
        superuser_url = _start_postgres(supervisor, cluster)
        postgres.create_database(superuser_url, DATABASE)
        urls = cluster.url("tambour", DATABASE), cluster.url("tambour_owner", DATABASE)
        yield Servers(*urls, superuser_url, redis_url), supervisor


def _start_postgres(supervisor: Supervisor, cluster: postgres.Cluster) -> str:
    cluster.prepare()
    supervisor.start(cluster.service(), is_ready=cluster.answers)
    return cluster.url(postgres.SUPERUSER, "postgres")


def _start_valkey(supervisor: Supervisor, sockets: Path, logs: Path) -> str:
    server = valkey.Server(valkey.find(), sockets, logs / "valkey.log")
    server.prepare()
    supervisor.start(server.service(), is_ready=server.answers)
    return server.url()


@contextlib.contextmanager
def _temporary_folder(*, on_disk: bool) -> Iterator[Path]:
    """``on_disk``: writes are measured, so they have to reach a disk."""
    roomy = not on_disk and RAM_DISK.is_dir() and shutil.disk_usage(RAM_DISK).free > RAM_DISK_NEEDS_BYTES
    _forget_abandoned(RAM_DISK if roomy else Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"tambour-test-{os.getpid()}-", dir=RAM_DISK if roomy else None))
    folder.chmod(0o711)  # as root PostgreSQL may have to run as nobody, who has to get to its own data in here
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forget_abandoned(parent: Path) -> None:
    """Delete the folders of test runs that were killed outright; their servers have ended with them."""
    for folder in parent.glob("tambour-test-*-*"):
        pid = folder.name.split("-")[2]
        if pid.isdigit() and not Path("/proc", pid).exists() and Path("/proc").exists():
            shutil.rmtree(folder, ignore_errors=True)


def for_children(servers: Servers, *, public_url: str = "http://localhost:8000") -> dict[str, str]:
    """The environment of everything that runs Tambour's own code beside these servers."""
    return {
        "SECRET_KEY": local_secret(),
        "STATIC_COLLECTED": "false",
        "LOG_FORMAT": "person",
        "PUBLIC_URL": public_url,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "MEDIA_ROOT": str(LOCAL / "media"),
        "JOURNAL_ROOT": str(journal(servers.database_url)),
        "FICTION_NUMBERS_ALLOWED": "true",
        **{name: value for name, value in inherited().items() if value},
        **servers.environment(),
    }


def journal(database_url: str) -> Path:
    """Where erasures are written down: what one database is told after a restore is none of another one's business."""
    return LOCAL / "journal" / urlsplit(database_url).path.strip("/")


def inherited() -> Mapping[str, str]:
    """Our own environment, with the checkout's programs first on PATH."""
    return {
        **os.environ,
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        MARK: os.environ.get(MARK, ""),
    }


def local_secret() -> str:
    """The key of this checkout's own installation: made once, readable by its owner only."""
    path = LOCAL / "secret_key"
    if not path.exists() or len(path.read_text()) < 50:
        fresh = path.with_name(f"secret_key.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(60))
        fresh.rename(path)
    return path.read_text()


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


def read_env_file() -> None:
    """Take the settings of `.env` too, so that the launcher and Django see the same ones."""
    import environ

    try:
        environ.Env.read_env(ROOT / ".env")
    except (OSError, ValueError) as error:
        raise CannotStart(f".env cannot be read ({error}): compare it with .env.example.") from error
