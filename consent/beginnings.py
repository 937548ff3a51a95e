"""First links of the people whom a file makes, sealed by a thread while the database writes everything else of them.

Nothing has to be looked up for these links, neither one before nor a key. What the file proves comes out of the staging
tables into a spool on disk and goes from there, sealed, into others: memory stays the same for any number of people.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import orjson

from consent import bundles, links
from consent.models import ImportBatch, Interaction

FACTS = (Path(__file__).parent / "sql" / "import_beginnings.sql").read_text()
KIND_NAMES = {str(kind.value): kind.name.lower() for kind in Interaction.Kind}
SLICE_LINKS = 1_000
COPY_BYTES = 1 << 18


class Beginnings:
    """Sealed links on disk, and the keys that were made for them."""

    def __init__(self, links: IO[bytes], keys: IO[bytes], sealing: Future[int]) -> None:
        self.links, self.keys, self.sealing = links, keys, sealing

    def write(self, cursor: Any) -> int:
        """Let the database take them in, once the last one is sealed; returns how many there are."""
        n = self.sealing.result()
        for query, file in ((bundles.COPY_LINKS, self.links), (bundles.COPY_KEYS, self.keys)):
            file.seek(0)
            bundles.copy(cursor, query, iter(partial(file.read, COPY_BYTES), b""))
        return n


@contextmanager
def sealed(cursor: Any, *, batch: ImportBatch, now: datetime) -> Iterator[Beginnings]:
    """Begin the chains of the staging tables' new people while the block runs; it ends with ``write``.

    The caller's transaction has made these people: nobody else can know them, and no lock is needed.
    """
    with (
        tempfile.TemporaryFile() as facts,
        tempfile.TemporaryFile() as sealed_links,
        tempfile.TemporaryFile() as keys,
        ThreadPoolExecutor(1) as thread,
    ):
        with cursor.copy(FACTS) as copy:
            facts.writelines(copy)
        facts.seek(0)
        heads = _heads(facts, batch.business_id, batch.code)
        codes: dict[int | None, str | None] = {batch.business_id: batch.business.code}
        yield Beginnings(sealed_links, keys, thread.submit(_seal, heads, codes, now, sealed_links, keys))


def _seal(
    heads: Iterator[bundles.Head],
    codes: dict[int | None, str | None],
    now: datetime,
    sealed_links: IO[bytes],
    keys: IO[bytes],
) -> int:
    n = 0
    while some := list(islice(heads, SLICE_LINKS)):
        link_rows, key_rows = bundles.packed(some, codes, now)
        sealed_links.write(link_rows)
        keys.write(key_rows)
        n += len(some)
    return n


def _heads(facts: IO[bytes], business_id: int, batch_code: str) -> Iterator[bundles.Head]:
    """Yield one first link a person: ``facts`` has a line for each interaction, those of one person in a row."""
    rows = csv.reader(map(bytes.decode, facts))
    for recipient_id, proven in groupby(rows, key=itemgetter(0)):
        said = links.Evidence(
            via="import",
            actor="business",
            batch=batch_code,
            provenance="attested",
            interactions=[
                links.Dealing(
                    kind=KIND_NAMES[kind], occurred_at=occurred_at, evidence=evidence, opt_out_offered=offered == "t"
                )
                for _, kind, occurred_at, evidence, offered in proven
            ],
        )
        yield int(recipient_id), business_id, "interaction", orjson.dumps(said).decode(), 1, None, None
