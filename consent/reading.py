"""Reads a contact file row by row: what is good goes to one spool on disk, what is not to another.

A large file is read by two processes: this one cuts it into records, and hands them over by the thousand to two
``parser`` processes, which know what the cells mean. They are programs of their own and know no database; they end
when their input does, so that nothing is left of them when this process is killed.
"""

from __future__ import annotations

import contextlib
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import orjson

from consent import cells, csv_file
from consent.columns import arranged, looks_like_people, n_recognised
from consent.csv_file import CsvFile
from consent.sieve import Recipe, Sieve

N_PARSERS = 2
# Below this a second process costs more than it brings.
WORTH_TWO_BYTES = 8 << 20
RECORDS_A_BATCH = 2_000
PROGRESS_SECONDS = 0.5
PROGRESS_ROWS = 500

ShowProgress = Callable[[int, int], None]


@dataclass
class Spool:
    """What one reader leaves for the merge: good rows and faults, as CSV in the columns of ``staging``."""

    rows: IO[str]
    faults: IO[str]


@dataclass
class Reading:
    """All spools of a file, and how much there was."""

    spools: list[Spool] = field(default_factory=list)
    n_rows: int = 0
    n_faults: int = 0
    n_stops: int = 0


class ParserDied(Exception):
    """A parser process ended before its work was done; the file is read again."""


def opened(file: BinaryIO) -> CsvFile:
    """Open a table and read its header."""
    return csv_file.open_csv(file, recognise=n_recognised, is_data=looks_like_people)


@contextmanager
def read(
    file: BinaryIO, recipe_of: Callable[[CsvFile], Recipe], *, n_bytes: int, show: ShowProgress
) -> Iterator[Reading]:
    """Read the whole file; the spools are gone when the block ends. ``show(bytes, rows)`` is called now and then."""
    table = opened(file)
    recipe, clock = recipe_of(table), _Clock(file, show)
    with ExitStack() as open_files:
        if n_bytes < WORTH_TWO_BYTES:
            spool = open_files.enter_context(_spool())
            yield _read_here(table, recipe, spool, clock)
        else:
            spools = [open_files.enter_context(_spool()) for _ in range(N_PARSERS)]
            yield _read_by_parsers(table, recipe, spools, clock)


@contextmanager
def _spool() -> Iterator[Spool]:
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as rows,
        tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as faults,
    ):
        yield Spool(rows, faults)


def _read_here(table: CsvFile, recipe: Recipe, spool: Spool, clock: _Clock) -> Reading:
    sieve = Sieve(recipe, csv.writer(spool.rows).writerow, csv.writer(spool.faults).writerow)
    for record in table.records():
        sieve.take(*record)
        clock.tick(1)
    return Reading([spool], sieve.n_rows, sieve.n_faults, sieve.n_stops)


def _read_by_parsers(table: CsvFile, recipe: Recipe, spools: list[Spool], clock: _Clock) -> Reading:
    with ExitStack() as running:
        parsers = [running.enter_context(_parser(recipe, spool)) for spool in spools]
        for turn, batch in enumerate(_batches(table)):
            _hand_over(parsers[turn % len(parsers)], batch)
            clock.tick(len(batch))
        told = [_ended(parser, clock) for parser in parsers]
    return Reading(spools, *(sum(each[key] for each in told) for key in ("n_rows", "n_faults", "n_stops")))


def _batches(table: CsvFile) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for record in table.records():
        batch.append(record)
        if len(batch) == RECORDS_A_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _parser(recipe: Recipe, spool: Spool) -> Iterator[subprocess.Popen[bytes]]:
    files = (spool.rows.fileno(), spool.faults.fileno())
    process = subprocess.Popen(
        [sys.executable, "-m", "consent.parser", *map(str, files)],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=files,
    )
    try:
        _hand_over(process, asdict(recipe))
        yield process
    finally:
        with contextlib.suppress(BrokenPipeError):
            cast(IO[bytes], process.stdin).close()
        cast(IO[bytes], process.stdout).close()
        process.kill()
        process.wait()


def _hand_over(parser: subprocess.Popen[bytes], words: Any) -> None:
    frame = orjson.dumps(words, default=list)
    pipe = cast(IO[bytes], parser.stdin)
    try:
        pipe.write(len(frame).to_bytes(4, "big") + frame)
        pipe.flush()
    except BrokenPipeError:
        raise ParserDied from None


def _ended(parser: subprocess.Popen[bytes], clock: _Clock) -> dict[str, int]:
    cast(IO[bytes], parser.stdin).close()
    answer = cast(IO[bytes], parser.stdout).read()
    clock.tick(0)
    if parser.wait() != 0:
        raise ParserDied
    told: dict[str, int] = orjson.loads(answer)
    return told


class _Clock:
    """Shows how far reading is, but not too often."""

    def __init__(self, file: BinaryIO, show: ShowProgress) -> None:
        self.file, self.show = file, show
        self.n_rows = self.n_unlooked = 0
        self.shown_at = time.monotonic()

    def tick(self, n: int) -> None:
        self.n_rows += n
        self.n_unlooked += n
        if self.n_unlooked >= PROGRESS_ROWS:
            self.n_unlooked = 0
            if time.monotonic() - self.shown_at > PROGRESS_SECONDS:
                self.show(self.file.tell(), self.n_rows)
                self.shown_at = time.monotonic()


def recipe_for(
    table: CsvFile,
    *,
    layout: Any,
    country: str,
    timezone: str,
    now: datetime,
    allow_fiction: bool,
    is_of_stops: bool,
    has_serials: bool,
) -> Recipe:
    """Say how the rows of this table are to be read."""
    columns = arranged(table.header, layout)
    return Recipe(
        n=columns.n,
        own=columns.own,
        attributes=columns.attributes,
        stops=columns.stops,
        titles=columns.titles,
        for_all=dict(layout.for_all),
        country=cells.country_code(layout.for_all.get("country", "")) or country,
        timezone=timezone,
        now=now.isoformat(),
        allow_fiction=allow_fiction,
        is_of_stops=is_of_stops,
        has_serials=has_serials,
        delimiter=table.delimiter,
    )
