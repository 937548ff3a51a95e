"""The ground the other tests stand on: the plain role, the clones, the closed network."""

import os
import socket
import subprocess

import psycopg
import pytest
from django.core.cache import cache
from django.db import ProgrammingError, connection

from launch import ROOT, servers
from tests.conftest import OwnDatabase


@pytest.mark.django_db
def test_tests_run_as_the_plain_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)")
        assert cursor.fetchone() == ("tambour", False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["CREATE TABLE mine (id int)", "DROP TABLE django_session", "TRUNCATE django_session"]
)
def test_the_plain_role_cannot_change_the_schema(statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError):
        cursor.execute(statement)


def test_another_process_sees_what_own_database_commits(own_database: OwnDatabase) -> None:
    from businesses.models import User

    User.objects.create_user("owner@example.org")
    code = "from businesses.models import User; print(User.objects.get().email)"
    done = subprocess.run(
        servers.manage("shell", "--no-imports", "-c", code),
        cwd=ROOT,
        env=own_database.environment,
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == "owner@example.org", done.stderr


def test_a_clone_starts_without_rows_of_other_tests(own_database: OwnDatabase) -> None:
    with psycopg.connect(own_database.url) as other:
        assert other.execute("SELECT count(*) FROM businesses_user").fetchone() == (0,)


def test_the_cache_is_empty_and_private() -> None:
    assert cache.get("left-behind") is None
    cache.set("left-behind", 1)
    assert f"db={os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:]}" in os.environ["REDIS_URL"]


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 80)])
def test_the_network_is_closed(address: tuple[str, int]) -> None:
    with socket.socket() as door, pytest.raises(AssertionError, match="this machine only"):
        door.connect(address)
