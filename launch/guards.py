"""The guards: each is a tool that says what is wrong before a person has to."""

from __future__ import annotations

import subprocess
import time

from launch import ROOT, servers

# Enough for tools that load the settings but reach no server.
WITHOUT_SERVERS = {
    "DATABASE_URL": "postgres://nobody@/nothing?host=/nonexistent",
    "DATABASE_OWNER_URL": "",
    "DATABASE_POOL_SIZE": "0",
    "REDIS_URL": "unix:///nonexistent/valkey.sock?db=0",
    "SECRET_KEY": "only for the guards: nothing signed with this text is ever shown to anybody",
    "PUBLIC_URL": "https://tambour.example",
    "DEBUG": "false",
}
PAGES = ["config/templates", "businesses", "consent", "templates_approval", "broadcasts", "feedback"]

GUARDS: dict[str, list[str]] = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "import-linter": ["lint-imports"],
    "mypy": ["mypy"],
    "djlint": ["djlint", "--quiet", "--lint", *PAGES],
    "makemigrations": servers.manage("makemigrations", "--check", "--dry-run"),
    "check --deploy": servers.manage("check", "--deploy", "--fail-level", "WARNING"),
}


def run() -> int:
    """Run every guard, print what each that objects has to say, and return 1 when one did."""
    environment = {**servers.inherited(), **WITHOUT_SERVERS, "PYTHONWARNINGS": "ignore::RuntimeWarning"}
    environment.pop("ALLOWED_HOSTS", None)
    objections = [name for name, command in GUARDS.items() if not _passes(name, command, environment)]
    if objections:
        print(f"· {len(objections)} of {len(GUARDS)} guards object: {', '.join(objections)}", flush=True)
    return 1 if objections else 0


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    print(f"· {name:<16}{'ok' if done.returncode == 0 else 'OBJECTS'}  {time.monotonic() - began:.1f} s", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0
