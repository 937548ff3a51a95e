"""A figure is a number with a target; together they are a table for people and a file for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection


@dataclass(frozen=True)
class Figure:
    """One measured value; ``note`` says how it came about."""

    id: str
    what: str
    value: float
    unit: str
    target: float
    note: str = ""
    # The target is what it may be at most, not at least.
    is_limit: bool = False

    @property
    def ok(self) -> bool:
        return self.value <= self.target if self.is_limit else self.value >= self.target

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "ok": self.ok}


def machine() -> str:
    """Say on what the figures were measured, and how busy it was with other things when the measuring began."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('shared_buffers')")
        version, buffers = cursor.fetchone()
    return (
        f"{os.cpu_count()} × {_processor()} · {_memory_gib()} GiB · Python {platform.python_version()} · "
        f"PostgreSQL {version.split()[0]} (shared_buffers {buffers}) · load {os.getloadavg()[0]:.1f} at the start"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def peak_mb() -> float:
    """Return the most that this process ever held.

    Not what ``getrusage`` says: a process that was started by a large one inherits the other's highest.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not say how much memory a process held")


def print_table(figures: Sequence[Figure], machine: str) -> None:
    print(f"\n  {machine}\n")
    for figure in figures:
        print(f"  {in_one_line(figure)}")
    print(flush=True)


def in_one_line(figure: Figure) -> str:
    target = f"{'≤' if figure.is_limit else '≥'} {_number(figure.target)}"
    value = f"{_number(figure.value):>10} {figure.unit:<6}"
    return f"{figure.id:<11}{figure.what:<56}{value}{target:<10}{'✓' if figure.ok else '✗'}  {figure.note}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def write_json(figures: Sequence[Figure], machine: str, path: Path) -> None:
    """Write the list that the README's table is made from."""
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [{**figure.as_json(), "machine": machine, "measured_at": measured_at} for figure in figures]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(lines, indent=2, ensure_ascii=False) + "\n")
