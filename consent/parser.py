"""A process that reads records of a contact file: ``python -m consent.parser ROWS FAULTS``, two open files' numbers.

On its standard input come frames (four bytes of length, then JSON): first the recipe, then batches of records. When
the input ends it prints how many rows and faults there were. It knows the database as little as the settings.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

import orjson

from consent.sieve import Recipe, Sieve

BUFFER_BYTES = 1 << 18


def main() -> None:
    frames = _frames(sys.stdin.buffer)
    with _spool(sys.argv[1]) as rows, _spool(sys.argv[2]) as faults:
        sieve = Sieve(Recipe(**next(frames)), csv.writer(rows).writerow, csv.writer(faults).writerow)
        for batch in frames:
            for record in batch:
                sieve.take(*record)
    told = {"n_rows": sieve.n_rows, "n_faults": sieve.n_faults, "n_stops": sieve.n_stops}
    sys.stdout.buffer.write(orjson.dumps(told))


def _spool(number: str) -> IO[str]:
    return open(int(number), "w", encoding="utf-8", newline="", buffering=BUFFER_BYTES)


def _frames(pipe: BinaryIO) -> Iterator[Any]:
    while size := pipe.read(4):
        frame = pipe.read(int.from_bytes(size, "big"))
        if len(frame) < int.from_bytes(size, "big"):
            raise SystemExit("the reader is gone")
        yield orjson.loads(frame)


if __name__ == "__main__":
    main()
