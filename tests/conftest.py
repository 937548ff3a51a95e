"""What every test stands on: servers of its own, a fresh database as the plain role, a closed network.

The process that starts pytest brings PostgreSQL and Valkey up; each xdist worker gets a clone of one migrated
template database and a Valkey database of its own. Tests use `db` (rolled back) or, when other processes or
several connections have to see committed rows, `own_database`. `site` is a running web server, `house` whatever
of Tambour's processes a test starts.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
import pytest
import redis
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from launch import ROOT, postgres, programs, servers
from launch.processes import Service, Supervisor
from launch.verbs import free_port

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
SERVER_URL = "TEST_SERVER_URL"  # a superuser's address; set it to test on a PostgreSQL of your own
REDIS = "TEST_REDIS_URL"
OUR_LOGGERS = ("config", "feedback", "broadcasts", "templates_approval", "consent", "businesses")
PHONE_NUMBER = re.compile(r"(?<!\w)\+[1-9]\d{7,14}(?!\d)")

# What a developer's own environment says must not reach the tests.
os.environ.update(
    SECRET_KEY="only for tests " * 4,
    DEBUG="false",
    PUBLIC_URL="http://testserver",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    DATABASE_ROLE="app",
    DATABASE_POOL_SIZE="0",
    STATIC_COLLECTED="false",
    LANGUAGE_CODE="en",
    # No test asks Meta: whoever needs an answer brings an emulator.
    WHATSAPP_API_URL="http://127.0.0.1:9",
    EMAIL_URL="memorymail://",
    # No test may tell another one's database whom to erase.
    LOG_LEVEL="INFO",
    # Playwright leaves an event loop in this thread; tests use the database beside it, one after the other.
    DJANGO_ALLOW_ASYNC_UNSAFE="true",
)

hypothesis_settings.register_profile(
    "default", max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile("promises", hypothesis_settings.get_profile("default"), max_examples=1_000)
hypothesis_settings.load_profile("promises" if os.environ.get("PROMISES") else "default")

_running = contextlib.ExitStack()
# What the house keeps outside its database is kept for one run, and by nobody else's: an erasure would bar the next.
_outside = _running.enter_context(tempfile.TemporaryDirectory(prefix="tambour-tests-"))
os.environ.update(JOURNAL_ROOT=f"{_outside}/journal", LEDGER_ROOTS=f"{_outside}/roots")


def pytest_configure(config: pytest.Config) -> None:
    """Bring the servers up once, before xdist starts its workers, which inherit their addresses."""
    if SERVER_URL not in os.environ:
        up = _running.enter_context(servers.temporary())
        os.environ[SERVER_URL], os.environ[REDIS] = up.superuser_url, up.redis_url
    database = int(re.sub(r"\D", "", WORKER) or 0)
    os.environ["REDIS_URL"] = re.sub(r"\?db=\d+$|$", f"?db={database}", os.environ[REDIS], count=1)
    os.environ["DATABASE_URL"] = database_url("tambour", f"tambour_test_{WORKER}")
    os.environ["DATABASE_OWNER_URL"] = database_url("tambour_owner", f"tambour_test_{WORKER}")
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    # Otherwise pytest-django, in xdist's workers, would load the settings before this worker's addresses are known.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    _hash_passwords_quickly()


def _hash_passwords_quickly() -> None:
    """A password has to cost an attacker a fifth of a second, and not every test that makes a person."""
    Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1


def pytest_unconfigure(config: pytest.Config) -> None:
    _running.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, on every worker: xdist cuts the list into one stretch for each of them.

    A long test that comes last has both cores waiting for one.
    """
    n = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    long = [item for item in items if item.get_closest_marker("slow") or item.get_closest_marker("browser")]
    are_long = set(long)
    short = [item for item in items if item not in are_long]
    # Thousands of items and modules that stay till the end: nothing to look through again and again for garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    items[:] = [item for number in range(n) for part in (long[number::n], short[number::n]) for item in part]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """`make promises` ends with one line per promise: how many cases proved it, and with what result."""
    if not os.environ.get("PROMISES"):
        return
    counted: dict[str, list[int]] = {}
    cases: dict[str, list[str]] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for promise in dict(report.user_properties).get("promises", []):
                counted.setdefault(promise, [0, 0])[outcome != "passed"] += 1
                cases.setdefault(promise, []).extend(v for name, v in report.user_properties if name == "cases")
    terminalreporter.section("promises")
    for promise, (kept, broken) in sorted(counted.items(), key=lambda item: int(item[0][1:])):
        terminalreporter.write_line(f"{promise:<5}{kept + broken:>4} tests  {'BROKEN' if broken else 'kept'}")
        for sentence in cases[promise]:
            terminalreporter.write_line(f"        {sentence}")


@pytest.fixture(autouse=True)
def _name_the_promise(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    marks = [str(mark.args[0]) for mark in request.node.iter_markers("promise")]
    if marks:
        record_property("promises", marks)


@pytest.fixture
def tell_cases(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say how much a test of a promise looked at: a sentence that `make promises` repeats at its end."""

    def tell(sentence: str) -> None:
        print(sentence)
        record_property("cases", sentence)

    return tell


# --- Databases -----------------------------------------------------------------------------------


def database_url(role: str, name: str) -> str:
    """The address of one database on the test server, for one role."""
    parts = urlsplit(os.environ[SERVER_URL])
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{role}@{host}", f"/{name}", parts.query, ""))


@pytest.fixture(scope="session")
def template_database() -> str:
    """The name of a database with every migration applied, made once per state of the migrations."""
    files = sorted(path for app in OUR_LOGGERS for path in (ROOT / app).glob("migrations/**/*") if path.is_file())
    files += sorted(path for app in OUR_LOGGERS for path in (ROOT / app).glob("sql/*.sql"))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in files if path.suffix != ".pyc")).hexdigest()[:12]
    name = f"tambour_template_{key}"
    with _one_at_a_time() as admin:
        if not _exists(admin, name):
            _make_template(admin, name)
    return name


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(os.environ[SERVER_URL], autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(7462368)")
        yield admin


def _exists(admin: psycopg.Connection[Any], name: str) -> bool:
    return bool(admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone())


def _make_template(admin: psycopg.Connection[Any], name: str) -> None:
    unfinished = name + "_unfinished"
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(unfinished)))
    postgres.create_database(os.environ[SERVER_URL], unfinished)
    environment = {**os.environ, "DATABASE_OWNER_URL": database_url("tambour_owner", unfinished)}
    environment["DATABASE_URL"] = database_url("tambour", unfinished)
    done = subprocess.run(
        servers.manage("migrate", "--verbosity", "0"), env=environment, cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        pytest.exit(f"The migrations failed:\n{done.stdout}{done.stderr}", returncode=1)
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    admin.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))


def _clone(template: str, name: str) -> None:
    with _one_at_a_time() as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER tambour_owner")
        admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def _drop(name: str) -> None:
    with _one_at_a_time() as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def django_db_setup(template_database: str, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django's `db` works on this worker's clone, as the plain role, and rolls back."""
    from django.db import connections

    name = f"tambour_test_{WORKER}"
    _clone(template_database, name)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    _drop(name)


@dataclass(frozen=True)
class OwnDatabase:
    """A committed database for one test. `environment` is what a child process needs to use it."""

    name: str
    url: str
    owner_url: str
    superuser_url: str
    redis_url: str

    @property
    def environment(self) -> dict[str, str]:
        told = {"DATABASE_URL": self.url, "DATABASE_OWNER_URL": self.owner_url, "REDIS_URL": self.redis_url}
        return {**os.environ, **told}


_numbers = count(1)


@contextlib.contextmanager
def _committed(template: str, name: str, django_db_blocker: Any) -> Iterator[OwnDatabase]:
    from django.db import connection, connections

    _clone(template, name)
    before = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connections.close_all()
        connection.settings_dict["NAME"] = name
        try:
            yield _own(name)
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = before
            _drop(name)


def _own(name: str) -> OwnDatabase:
    roles = ("tambour", "tambour_owner", postgres.SUPERUSER)
    return OwnDatabase(name, *(database_url(role, name) for role in roles), os.environ["REDIS_URL"])


@pytest.fixture
def own_database(template_database: str, django_db_blocker: Any) -> Iterator[OwnDatabase]:
    """A fresh clone that really commits; Django's connection points to it. Do not combine it with `db`."""
    name = f"tambour_own_{WORKER}_{next(_numbers)}"
    with _committed(template_database, name, django_db_blocker) as database:
        yield database


@pytest.fixture(autouse=True)
def _nobodys_language() -> Iterator[None]:
    """A request leaves its visitor's language behind in the thread, until the next one comes."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as connection:
        connection.flushdb()


# --- The whole house -----------------------------------------------------------------------------


@dataclass
class House:
    """Tambour's own processes, running on `own_database`. `supervisor.running` has them by name."""

    url: str
    environment: dict[str, str]
    supervisor: Supervisor
    database: OwnDatabase
    logs: Path

    def start(self, *names: str, **environment: str) -> None:
        """Start some of `web`, `send`, `desk` and `beat`, and wait for the sign of life of each."""
        for name in names:
            service = programs.service(name, {**self.environment, **environment})
            self.supervisor.start_soon(Service(**{**vars(service), "log": self.logs / f"{name}.log"}))
        for name in names:
            self.supervisor.wait_until(lambda name=name: self._is_up(name), of=name)  # type: ignore[misc]

    def _is_up(self, name: str) -> bool:
        return answers(f"{self.url}/healthz") if name == "web" else programs.is_alive(name, self.database.redis_url)

    def pid(self, name: str) -> int:
        return self.supervisor.running[name][1].pid


@pytest.fixture
def house(own_database: OwnDatabase, tmp_path: Path) -> Iterator[House]:
    """Nothing runs yet: `house.start("web")`, `house.start("send", "beat")` … start what the test needs."""
    with _standing_on(own_database, tmp_path) as house:
        yield house


@pytest.fixture(scope="session")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with _standing_on(_own(f"tambour_site_{WORKER}"), tmp_path_factory.mktemp("site")) as house:
        house.start("web")
        yield house


@pytest.fixture
def site(_site: House, template_database: str, django_db_blocker: Any) -> Iterator[House]:
    """A web server that runs already, on a fresh database: it takes seconds to start, and a clone under its
    database's name a tenth of one."""
    with _committed(template_database, _site.database.name, django_db_blocker):
        yield _site


@contextlib.contextmanager
def _standing_on(database: OwnDatabase, folder: Path) -> Iterator[House]:
    port = free_port(str(_free()))
    url = f"http://127.0.0.1:{port}"
    environment = {
        **servers.inherited(),
        **database.environment,
        "PUBLIC_URL": url,
        "WEB_BIND": f"127.0.0.1:{port}",
        "WEB_PROCESSES": "1",
        "LOG_FORMAT": "person",
        "MEDIA_ROOT": str(folder / "media"),
        "JOURNAL_ROOT": str(folder / "journal"),
        "FICTION_NUMBERS_ALLOWED": "true",
    }
    with Supervisor() as supervisor:
        yield House(url, environment, supervisor, database, folder)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether `url` answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(condition: Callable[[], Any], *, seconds: float = 30.0, what: str = "it") -> Any:
    """Return the first true value of `condition`, asked twenty times a second."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.05)
    return value


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; tests that ask for it are skipped, and say so, where there is none.

    It ends with the module: as long as it is open, its event loop is in the way of every other one.
    """
    path = os.environ.get("CHROMIUM") or _find_chromium()
    if not path:
        pytest.skip("browser walk skipped: no Chromium (apt install chromium, or set CHROMIUM)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()


def _find_chromium() -> str | None:
    from launch import chromium

    return chromium.find()


# --- What no test may do -------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="session")
def _closed_network() -> Iterator[None]:
    """Only this machine can be reached: unix sockets and the loopback addresses."""
    patch = pytest.MonkeyPatch()
    for method in ("connect", "connect_ex"):
        patch.setattr(socket.socket, method, _only_this_machine(getattr(socket.socket, method)))
    yield
    patch.undo()


def _only_this_machine(original: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(str(address[0])):
            raise AssertionError(f"a test tried to reach {address}: tests reach this machine only")
        return original(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True)
def _nobodys_number_in_the_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Our own code never logs a phone number; `config/logs.py` is only the second net."""
    yield
    for when in ("setup", "call"):
        for record in caplog.get_records(when):  # type: ignore[arg-type]
            if record.name.partition(".")[0] in OUR_LOGGERS:
                assert not PHONE_NUMBER.search(_everything_in(record)), f"{record.name} logged a phone number"


def _everything_in(record: logging.LogRecord) -> str:
    return f"{record.msg} {record.args}"


if sys.flags.optimize:
    raise SystemExit("Tests need their assertions: run Python without -O.")
