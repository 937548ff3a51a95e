"""What `make` can be asked for: one function per verb."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from launch import LOCAL, ROOT, CannotStart, bootstrap, checkout, chromium, guards, programs, servers
from launch.processes import Supervisor, stop_on_sigterm

USUAL_PORT = 8000


def run(arguments: list[str]) -> int:
    """Carry out one verb and return the exit code."""
    verb, *rest = arguments or ["help"]
    if verb not in VERBS:
        raise CannotStart(f"`{verb}` is not one of: {', '.join(VERBS)}.")
    stop_on_sigterm()
    servers.read_env_file()
    return VERBS[verb](rest)


def serve(_: list[str]) -> int:
    """Run everything until Ctrl-C."""
    with _everything() as (supervisor, environment):
        _print_addresses(environment["PUBLIC_URL"])
        _keep(supervisor)
    return 0


def demo(_: list[str]) -> int:
    """Run everything, tell the whole story once, and on a terminal go on serving."""
    # The messaging service that the story starts; the workers must know beforehand that it is the operator's own.
    sink = f"127.0.0.1:{_any_port()}"
    with _everything(database="tambour_demo", is_emptied=True, DEMO_SINK=sink, TRUSTED_HOSTS=sink) as (
        supervisor,
        environment,
    ):
        story = subprocess.Popen(servers.manage("demo"), env=environment, start_new_session=True)
        try:
            while story.poll() is None:
                supervisor.keep_alive()
                time.sleep(0.2)
        finally:
            if story.poll() is None:
                os.killpg(story.pid, signal.SIGINT)
                story.wait(10)
        if story.returncode or os.environ.get("EXIT") == "1" or not sys.stdin.isatty():
            return story.returncode
        _print_addresses(environment["PUBLIC_URL"])
        _keep(supervisor)
    return 0


def manage(_: list[str]) -> int:
    """Run CMD='…' through manage.py, with the servers up; a running `make serve` lends its own."""
    command = shlex.split(os.environ.get("CMD", ""))
    if not command:
        raise CannotStart("Say which command: make manage CMD='check', or CMD='help' for a list.")
    try:
        with checkout.taken(), Supervisor() as supervisor, servers.local(supervisor) as up:
            environment = servers.for_children(up)
            if command[0] != "migrate":
                _migrate(environment)
            return _foreground(servers.manage(*command), environment)
    except checkout.InUse:
        up, public_url = checkout.running()
        return _foreground(servers.manage(*command), servers.for_children(up, public_url=public_url))


def test(rest: list[str]) -> int:
    """The guards, then every test, against servers of its own."""
    return guards.run() or pytest([*rest, *shlex.split(os.environ.get("ARGS", ""))])


def check(_: list[str]) -> int:
    """The guards alone."""
    return guards.run()


def promises(_: list[str]) -> int:
    """The property and race tests at full length."""
    os.environ["PROMISES"] = "1"
    return pytest(["-m", "promise", "--timeout", "3600"])


def bench(rest: list[str]) -> int:
    """Measure, against servers of its own whose writes are as careful as in production."""
    if not (ROOT / "benchmarks" / "__main__.py").exists():
        raise CannotStart("There is no benchmarks/__main__.py in this checkout.")
    with servers.temporary(careful=True) as up:
        environment = {**servers.for_children(up), "TEST_SERVER_URL": up.superuser_url}
        _migrate(environment)
        return _foreground([sys.executable, "-m", "benchmarks", *rest], environment)


def chaos(rest: list[str]) -> int:
    """Send to 20,000 people twice while everything dies around it; then let the checker judge."""
    return _foreground([sys.executable, "-m", "tests.chaos", *rest, *shlex.split(os.environ.get("ARGS", ""))], _bare())


def compare(_: list[str]) -> int:
    """Send the same job with Tambour and with a peer from its package, side by side, and kill each once."""
    return _foreground([sys.executable, "-m", "benchmarks.compare"], _bare())


def messages(_: list[str]) -> int:
    """Collect the texts to translate into config/locale."""
    ignored = [part for name in (".venv", ".local", "tests") for part in ("--ignore", f"{name}/*")]
    command = servers.manage("makemessages", "--locale", "fr", "--no-wrap", "--add-location", "file", *ignored)
    return _foreground(command, {**servers.inherited(), **guards.WITHOUT_SERVERS})


def compile_(_: list[str]) -> int:
    """Turn the translated texts into the files that Django reads."""
    command = [sys.executable, "-m", "babel.messages.frontend", "compile", "--domain", "django"]
    return _foreground([*command, "--directory", "config/locale"], dict(servers.inherited()))


def lock(_: list[str]) -> int:
    """Resolve the packages of pyproject.toml and write the hashed locks, which name no index and no machine."""
    uv = [*bootstrap.find_uv(sys.executable), "pip", "compile", "--quiet", "--universal", "--upgrade"]
    plain = ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--python-version", "3.11"]
    whole = [*uv, *plain, "--extra", "embedded", "--group", "dev", "pyproject.toml", "-o", "requirements/dev.lock"]
    image = [*uv, *plain, "-c", "requirements/dev.lock", "pyproject.toml", "-o", "requirements/runtime.lock"]
    environment = bootstrap.for_uv()
    return _foreground(whole, environment) or _foreground(image, environment)


def pictures(_: list[str]) -> int:
    """Take the pictures of README and docs from the demo that another terminal is serving."""
    try:
        with checkout.taken():
            raise CannotStart("Start `make demo` in another terminal, and leave it running; then run this again.")
    except checkout.InUse:
        up, public_url = checkout.running()
    found = chromium.find(may_download=True)
    if found is None:
        raise CannotStart("No Chromium was found, and none could be downloaded: install one (apt install chromium).")
    environment = {**servers.for_children(up, public_url=public_url), "PUBLIC_URL": public_url, "CHROMIUM": found}
    return _foreground([sys.executable, "-m", "docs.pictures"], environment)


def help_(_: list[str]) -> int:
    """Point to the Makefile, which explains itself."""
    return subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT).returncode


def pytest(arguments: list[str]) -> int:
    """Run pytest on three processes, since tests wait a lot; it brings its own servers up (see `tests/conftest.py`)."""
    found = chromium.find(may_download=True)
    if found:
        os.environ["CHROMIUM"] = found
    else:
        print("· Browser walks are SKIPPED: no Chromium was found, and none could be downloaded.", flush=True)
    command = [sys.executable, "-m", "pytest", "-n", os.environ.get("TEST_PROCESSES", "3"), *arguments]
    # Whoever is done early takes over what the other has not begun: some tests last a minute.
    command += ["--dist", "worksteal"]
    return _foreground(command, _bare())


def _bare() -> dict[str, str]:
    """Without settings: pytest-django would load them before tests/conftest.py has said which ones."""
    environment = dict(servers.inherited())
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return environment


@contextmanager
def _everything(
    *, database: str = servers.DATABASE, is_emptied: bool = False, **settings: str
) -> Iterator[tuple[Supervisor, dict[str, str]]]:
    """PostgreSQL, Valkey, migrations, the web server, the workers and the clock: up, and ready for messages."""
    began = time.monotonic()
    with (
        checkout.taken(),
        Supervisor() as supervisor,
        servers.local(supervisor, database=database, is_emptied=is_emptied) as up,
    ):
        port = free_port(os.environ.get("PORT", ""))
        public_url = os.environ.get("PUBLIC_URL") or f"http://localhost:{port}"
        environment = {**servers.for_children(up, public_url=public_url), "PUBLIC_URL": public_url}
        environment |= settings
        environment["WEB_BIND"] = os.environ.get("WEB_BIND", f"127.0.0.1:{port}")
        _migrate(environment)
        checkout.publish(up, public_url)
        for name in programs.COMMANDS:
            supervisor.start_soon(programs.service(name, environment))
        supervisor.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/healthz"), of="web")
        for name in programs.HEARTBEATS:
            supervisor.wait_until(lambda name=name: programs.is_alive(name, up.redis_url), of=name)  # type: ignore[misc]
        print(f"· Everything is up after {time.monotonic() - began:.1f} s; logs are in {LOCAL / 'logs'}", flush=True)
        yield supervisor, environment


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_port(wanted: str) -> int:
    """The wanted port, or 8000, or any free one; only a wanted port that is taken is an error."""
    if wanted and not (wanted.isdigit() and 0 < int(wanted) < 65536):
        raise CannotStart(f"PORT is {wanted!r}: it has to be a number from 1 to 65535.")
    for port in [int(wanted)] if wanted else [USUAL_PORT, 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise CannotStart(f"Port {wanted} is taken or not allowed: choose another one (PORT=8001), or leave PORT out.")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        raise
    except OSError:
        return False


def _migrate(environment: dict[str, str]) -> None:
    done = subprocess.run(servers.manage("migrate", "--verbosity", "0"), env=environment, cwd=ROOT)
    if done.returncode:
        raise CannotStart("The tables could not be brought up to date (see above).")


def _print_addresses(public_url: str) -> None:
    print(f"\n  Dashboard  {public_url}/\n  Admin      {public_url}/admin/\n\n  Ctrl-C stops everything.", flush=True)


def _keep(supervisor: Supervisor) -> None:
    try:
        while True:
            supervisor.keep_alive()
            time.sleep(0.3)
    except KeyboardInterrupt:
        print("\n· Stopping", flush=True)


def _foreground(command: list[str], environment: dict[str, str]) -> int:
    """Run a command that owns the terminal: Ctrl-C is its to hear, and we wait for it to finish."""
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)


VERBS: dict[str, Callable[[list[str]], int]] = {
    "demo": demo,
    "serve": serve,
    "test": test,
    "check": check,
    "bench": bench,
    "promises": promises,
    "chaos": chaos,
    "compare": compare,
    "manage": manage,
    "messages": messages,
    "compile": compile_,
    "lock": lock,
    "pictures": pictures,
    "help": help_,
}
