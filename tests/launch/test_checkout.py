"""The launcher says what is wrong in one sentence, and cleans up after killed runs."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest

from launch import LOCAL, CannotStart, __main__, bootstrap, checkout, postgres, processes, servers, valkey, verbs
from launch.processes import Service, Supervisor


def sleeper(tmp_path: Path, name: str = "sleeper", **environment: str) -> Service:
    return Service(name, [sys.executable, "-c", "import time; time.sleep(60)"], environment, tmp_path / f"{name}.log")


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CannotStart, match=r"Port \d+ is taken .*PORT=8001"):
            verbs.free_port(str(taken.getsockname()[1]))


@pytest.mark.parametrize("wanted", ["http", "0", "70000", "-1"])
def test_a_port_that_is_none_is_named(wanted: str) -> None:
    with pytest.raises(CannotStart, match="number from 1 to 65535"):
        verbs.free_port(wanted)


def test_an_unknown_verb_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CannotStart, match="`fly` is not one of: demo, serve, test"):
        verbs.run(["fly"])


@pytest.mark.parametrize("find", [postgres.find, valkey.find])
def test_a_choice_of_server_that_does_not_exist_is_named(find: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMBOUR_POSTGRES", "cloud")
    monkeypatch.setenv("TAMBOUR_VALKEY", "cloud")
    with pytest.raises(CannotStart, match="'cloud': it may be `system`, `wheel`"):
        find()  # type: ignore[operator]


def test_named_servers_that_do_not_answer_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "LOCAL", tmp_path)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("DATABASE_URL", "postgres://tambour@127.0.0.1:1/tambour")
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    with pytest.raises(CannotStart, match="DATABASE_URL names a PostgreSQL"), Supervisor() as supervisor:
        servers.local(supervisor).__enter__()


def test_two_runs_do_not_share_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "LOCAL", tmp_path)
    monkeypatch.setattr(checkout, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(checkout, "ADDRESSES", tmp_path / "servers.json")
    monkeypatch.setenv(processes.MARK, "")
    with checkout.taken(), pytest.raises(checkout.InUse, match=f"process {os.getpid()}"), checkout.taken():
        pass
    with checkout.taken():
        pass


def test_what_a_killed_run_has_left_is_ended(tmp_path: Path) -> None:
    leftover = processes.start(sleeper(tmp_path, **{processes.MARK: str(tmp_path)}))
    somebody_elses = processes.start(sleeper(tmp_path, "other", **{processes.MARK: "/elsewhere"}))
    # A leftover is nobody's child any more: whatever ends is gone at once, and no zombie of ours.
    threading.Thread(target=leftover.wait).start()
    try:
        time.sleep(0.2)
        processes.end_leftovers(str(tmp_path))
        assert leftover.wait(5) == -signal.SIGKILL
        assert somebody_elses.poll() is None
    finally:
        processes.stop(somebody_elses, signal.SIGTERM)


def test_a_service_dies_with_whoever_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from launch.processes import Service, start\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        f"p = start(Service('s', sleep, {{}}, Path({str(tmp_path / 'log')!r})))\n"
        "print(p.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=bootstrap.ROOT)
    pid = int(done.stdout)
    for _ in range(100):
        if (
            not Path("/proc", str(pid)).exists()
            or "Z" in Path("/proc", str(pid), "stat").read_text().split(") ")[1][:1]
        ):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("the service outlived its supervisor")


def test_a_service_that_dies_is_started_again_until_it_is_hopeless(tmp_path: Path) -> None:
    service = Service("hopeless", [sys.executable, "-c", "raise SystemExit(3)"], {}, tmp_path / "log")
    with Supervisor() as supervisor:
        supervisor.start_soon(service)
        with pytest.raises(CannotStart, match=r"hopeless keeps ending \(code 3\)"):
            watch_for_seconds(supervisor, 10)


def watch_for_seconds(supervisor: Supervisor, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        supervisor.keep_alive()
        time.sleep(0.02)


def test_a_killed_cluster_comes_back_with_its_rows(tmp_path: Path) -> None:
    sockets = postgres.socket_folder(tmp_path / "run")
    cluster = postgres.cluster(home=tmp_path, sockets=sockets, log=tmp_path / "log")
    with Supervisor() as supervisor:
        cluster.prepare()
        supervisor.start(cluster.service(), is_ready=cluster.answers)
        postgres.create_database(cluster.url("postgres", "postgres"), "tambour")
        with psycopg.connect(cluster.url("tambour_owner", "tambour")) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS row")
        pid = supervisor.running["postgres"][1].pid
        os.kill(pid, signal.SIGKILL)
        supervisor.running["postgres"][1].wait()
        (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n")  # by now the pid is somebody else's

        cluster.prepare()
        supervisor.start(cluster.service(), is_ready=cluster.answers)
        with psycopg.connect(cluster.url("tambour", "tambour")) as connection:
            assert connection.execute("SELECT row FROM kept").fetchone() == (1,)


def test_a_long_or_strange_path_gets_its_sockets_elsewhere(tmp_path: Path) -> None:
    long = tmp_path / ("a" * 60) / ("b" * 60)
    strange = tmp_path / "with space"
    for wanted in (long, strange):
        folder = postgres.socket_folder(wanted)
        assert folder != wanted
        assert len(str(folder / ".s.PGSQL.5432")) < 108
        folder.rmdir()


def test_a_half_made_environment_is_seen_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap.ready()
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "installed-lock")
    assert not bootstrap.ready()


def test_who_forbids_compiled_files_beside_the_sources_gets_them_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    __main__._let_compiled_modules_be_kept()
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
    assert os.environ["PYTHONPYCACHEPREFIX"] == str(LOCAL / "pycache")


def test_a_shim_that_knows_no_python_is_not_taken_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setattr(bootstrap, "CANDIDATES", (str(shim),))
    monkeypatch.setattr(sys, "executable", str(shim))
    with pytest.raises(CannotStart, match=r"Python 3\.11 or newer"):
        bootstrap._find_python()
