"""docker-compose.yml in earnest: its very commands and environments, run against servers of this machine."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from broadcasts import counts
from broadcasts.models import Broadcast
from launch import ROOT, postgres, programs
from launch.processes import Service, Supervisor, last_words
from tests.conftest import SERVER_URL, OwnDatabase, wait_for

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "tambour"}
PERSON_SAYS = {  # what the comments ask a person to put into `.env`
    "SECRET_KEY": "a long random text, " * 4,
    "POSTGRES_PASSWORD": "superuser",
    "TAMBOUR_OWNER_PASSWORD": "owner1",
    "TAMBOUR_PASSWORD": "plain2",
}


def interpolated(value: str) -> str:
    """Fill `${NAME:-default}` and `${NAME:?why}` in as compose does."""

    def filled(match: re.Match[str]) -> str:
        name, how, rest = match.groups()
        if name in PERSON_SAYS:
            return PERSON_SAYS[name]
        assert how == ":-", f"{name} is required, but nobody is asked for it"
        return rest

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", filled, value)


class Containers:
    """Starts services as compose would, with this machine's addresses in place of the containers' names."""

    def __init__(self, database: OwnDatabase, supervisor: Supervisor, folder: Path, port: int) -> None:
        self.database, self.supervisor, self.folder, self.port = database, supervisor, folder, port

    def environment(self, name: str) -> dict[str, str]:
        said = {key: interpolated(str(value)) for key, value in OURS[name]["environment"].items()}
        image = dict(re.findall(r"^(?:ENV |    )([A-Z_]+)=(\S+)", DOCKERFILE, re.MULTILINE))
        # The image holds its modules compiled; here a process may keep what it had to compile, wherever it is told to.
        del image["PYTHONDONTWRITEBYTECODE"]
        image |= {name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ}
        here = {
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.database.redis_url,
            "INTERNAL_URL": f"http://127.0.0.1:{self.port}",
            "MEDIA_ROOT": str(self.folder / "media"),
            "JOURNAL_ROOT": str(self.folder / "journal"),
            "STATIC_ROOT": str(self.folder / "static"),
            "WEB_BIND": f"127.0.0.1:{self.port}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
        }
        if "DATABASE_OWNER_URL" in said:
            here["DATABASE_OWNER_URL"] = self.database.owner_url
        return {**image, **said, **here}

    def up(self, name: str) -> None:
        log = self.folder / f"{name}.log"
        self.supervisor.start_soon(Service(name, OURS[name]["command"], self.environment(name), log))

    def is_healthy(self, name: str) -> bool:
        if name in self.supervisor.running:
            service, process = self.supervisor.running[name]
            assert process.poll() is None, f"{name} ended: {last_words(service.log)}"
        kind, *check = OURS[name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [word.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}") for word in check]
        return subprocess.run(command, env=self.environment(name), cwd=ROOT, capture_output=True).returncode == 0

    def run(self, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
        command = command or tuple(OURS[name]["command"])
        return subprocess.run(command, env=self.environment(name), cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def containers(own_database: OwnDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Containers]:
    from tests.conftest import _free

    monkeypatch.chdir(ROOT)
    (tmp_path / "static").mkdir()
    with Supervisor() as supervisor:
        yield Containers(own_database, supervisor, tmp_path, _free())


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_service_starts_and_passes_its_own_health_check(containers: Containers) -> None:
    migrated = containers.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    collected = containers.run("web", "python", "manage.py", "collectstatic", "--no-input")
    assert collected.returncode == 0, collected.stderr

    serving = [name for name in OURS if name != "migrate"]
    for name in serving:
        containers.up(name)
    for name in serving:
        wait_for(lambda name=name: containers.is_healthy(name), seconds=60, what=f"the health of {name}")  # type: ignore[misc]

    launched = containers.run("web", "python", "-m", "tests.story.one_broadcast")
    assert launched.returncode == 0, launched.stderr
    broadcast = Broadcast.objects.get(code=launched.stdout.strip())
    # Sent by "send", reported by the phones through "web", folded by "desk", settled by "beat".
    wait_for(lambda: _is_settled(broadcast), seconds=60, what="the broadcast's end")
    assert counts.funnel(broadcast).states == {"delivered": 50}


def _is_settled(broadcast: Broadcast) -> bool:
    return Broadcast.objects.filter(pk=broadcast.pk, settled_at__isnull=False).exists()


def test_a_service_that_does_not_run_is_not_healthy(containers: Containers) -> None:
    assert not any(containers.is_healthy(name) for name in ("web", "send", "beat"))


@pytest.mark.parametrize("name", [name for name in COMPOSE["services"] if name != "migrate"])
def test_every_service_has_a_health_check(name: str) -> None:
    assert COMPOSE["services"][name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", programs.COMMANDS)
def test_the_launcher_starts_the_same_programs(name: str) -> None:
    here = ["python", "-m", *programs.COMMANDS[name], *programs.PROCESSES.get(name, [])]
    assert sorted(here) == sorted(OURS[name]["command"])


def test_one_image_serves_all_and_holds_every_floor() -> None:
    floors = ["config", "feedback", "broadcasts", "templates_approval", "consent", "businesses"]
    assert all(f"COPY {floor} {floor}" in DOCKERFILE for floor in floors)
    assert all(f"!{floor}" in (ROOT / ".dockerignore").read_text() for floor in floors)
    assert {service["build"] for service in OURS.values()} == {"."}


def test_the_database_container_makes_the_two_roles(own_database: OwnDatabase) -> None:
    mounted = dict(volume.split(":")[:2] for volume in COMPOSE["services"]["postgres"]["volumes"][1:])
    assert mounted == {
        "./launch/roles.sh": "/docker-entrypoint-initdb.d/roles.sh",
        "./launch/roles.sql": "/roles.sql",
    }
    script = (ROOT / "launch/roles.sh").read_text().replace("/roles.sql", str(ROOT / "launch/roles.sql"))
    told: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(os.environ[SERVER_URL])
    said = COMPOSE["services"]["postgres"]["environment"]
    done = subprocess.run(
        ["bash", "-c", script],
        env={
            "PATH": f"{postgres.find().folder}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": told["host"],
            **{name: interpolated(value) for name, value in said.items()},
            "POSTGRES_DB": own_database.name,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(own_database.superuser_url) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolpassword IS NOT NULL FROM pg_authid WHERE rolname LIKE 'tambour%' ORDER BY 1"
        ).fetchall()
    assert roles == [("tambour", False, True), ("tambour_owner", False, True)]
