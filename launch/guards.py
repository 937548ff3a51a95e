"""The guards: each is a tool that says what is wrong before a person has to."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

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


AT_ONCE = 2


def run() -> int:
    """Run every guard, print what each that objects has to say, and return 1 when one did.

    The longest begins first and the others pass by it, two at a time: a guard loads one core at most.
    """
    environment = {**servers.inherited(), **WITHOUT_SERVERS, "PYTHONWARNINGS": "ignore::RuntimeWarning"}
    environment.pop("ALLOWED_HOSTS", None)
    longest_first = sorted(GUARDS, key=lambda name: name != "mypy")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        passes = pool.map(lambda name: _passes(name, GUARDS[name], environment), longest_first)
        objections = [name for name, is_fine in zip(longest_first, passes, strict=True) if not is_fine]
    if objections:
        print(f"· {len(objections)} of {len(GUARDS)} guards object: {', '.join(objections)}", flush=True)
    return 1 if objections else 0


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    verdict = "ok" if done.returncode == 0 else "OBJECTS"
    said = f"\n{done.stdout}" if done.returncode else ""
    # In one piece, so that two guards never speak into each other.
    print(f"· {name:<16}{verdict}  {time.monotonic() - began:.1f} s{said}\n", end="", flush=True)
    return done.returncode == 0
