"""B5: a file of contacts, from its first byte to its last row taken in, with two parser processes."""

from __future__ import annotations

import csv
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from django.core.files import File
from django.db import connection

from benchmarks.figures import Figure
from businesses.models import Business
from consent import imports
from consent.models import ImportBatch
from tests.make import make_business

N_TARGET, SECONDS_TARGET, MEGABYTES_TARGET = 1_000_000, 60, 400
SAMPLE_SECONDS = 0.1
CITIES = ("Lyon", "Paris", "Nantes", "Lille", "Brest", "Nice", "Metz", "Dijon")
TITLES = ("phone", "name", "language", "city", "interaction", "interaction_date", "evidence", "opt_out_offered")


def measure(*, n: int) -> list[Figure]:
    """Import ``n`` people whom nobody knows; every tenth number is written as people at home write it. Then again.

    Whoever is known costs other work: the same file once more proves nothing new, a later one something of everybody.
    """
    now = datetime.now(UTC)
    business = make_business(name="Importing", now=now)
    with tempfile.NamedTemporaryFile("w+", suffix=".csv", newline="") as file:
        _write(file.name, n)
        with _memory() as peaks:
            first = _bring(business, file.name, now)
        second = _bring(business, file.name, now)
        _write(file.name, n, of_day=1)
        third = _bring(business, file.name, now)
    _must_be(first, n_new=n)
    _must_be(second, n_new=0)
    _must_be(third, n_new=0)
    target = N_TARGET / SECONDS_TARGET
    at_first = n / first.seconds
    return [
        Figure("B5", f"import of {n:,} contacts", at_first, "rows/s", target, first.note),
        Figure("B5 memory", "… peak of our processes, summed", max(peaks), "MB", MEGABYTES_TARGET, "", is_limit=True),
        Figure("B5 again", "… the same file, everybody known", n / second.seconds, "rows/s", at_first, second.note),
        Figure("B5 later", "… all known, each with new evidence", n / third.seconds, "rows/s", target, third.note),
    ]


class Run(NamedTuple):
    batch: ImportBatch
    seconds: float
    note: str


def _bring(business: Business, path: str, now: datetime) -> Run:
    with Path(path).open("rb") as content:
        batch = imports.receive(business=business, file=File(content), filename="people.csv", by=None, now=now)
    began, used = time.perf_counter(), _cpu_of_database()
    batch = imports.run(batch=batch, now=now)
    seconds = time.perf_counter() - began
    return Run(batch, seconds, f"{seconds:.1f} s ({_cpu_of_database() - used:.0f} s of PostgreSQL's CPU)")


def _must_be(run: Run, *, n_new: int) -> None:
    batch = run.batch
    if (batch.state, batch.n_new, batch.n_faulty) != (ImportBatch.State.DONE, n_new, 0):
        raise RuntimeError(f"not everybody was taken in: {batch.state}, {batch.n_new} of {n_new}, {batch.failure}")


def _write(path: str, n: int, of_day: int = 0) -> None:
    with Path(path).open("w", newline="") as file:
        write = csv.writer(file).writerow
        write(TITLES)
        for i in range(n):
            digits = f"74{i:07d}"
            at_home = f"0{digits[0]} {digits[1:3]} {digits[3:5]} {digits[5:7]} {digits[7:]}"
            phone = at_home if i % 10 == 0 else f"+33{digits}"
            day = f"2026-{1 + i % 9:02d}-{1 + i % 28:02d}"
            order = f"order {i + of_day * n}"
            write((phone, f"Ana {i}", "fr", CITIES[i % len(CITIES)], "purchase", day, order, "yes"))


def _cpu_of_database() -> float:
    """The seconds that this connection's process of PostgreSQL has used, where it can be seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _memory() -> Iterator[list[float]]:
    """Sample what this process and its children hold, summed, while the block runs; megabytes."""
    peaks, is_over = [0.0], threading.Event()

    def sample() -> None:
        while not is_over.wait(SAMPLE_SECONDS):
            peaks.append(sum(map(_megabytes, [os.getpid(), *_children(os.getpid())])))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peaks
    finally:
        is_over.set()
        sampler.join()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _megabytes(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0
