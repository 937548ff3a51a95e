"""The journal of erasures: what a restored backup does not know, kept outside the database.

One JSON object a line, a file a month, in ``JOURNAL_ROOT``; codes and keyed hashes, nothing that names a person. An
entry is on disk before the erasure counts as followed up.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

NAME = "erasures-{:%Y-%m}.jsonl"


def write(entry: dict[str, Any], *, now: datetime) -> None:
    """Append one entry and wait until the disk has it. Writing it twice does no harm."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(entry, separators=(",", ":"), sort_keys=True) + "\n"
    with open(folder / NAME.format(now), "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def entries() -> Iterator[dict[str, Any]]:
    """Yield all entries, the oldest first. A line that was cut off by a crash is none: its erasure is written again."""
    for path in sorted(_folder().glob("erasures-*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def forget(*, before: datetime) -> int:
    """Delete the files whose last entry is older than any backup; return how many."""
    old = [path for path in _folder().glob("erasures-*.jsonl") if path.name < NAME.format(before - timedelta(days=31))]
    for path in old:
        path.unlink()
    return len(old)


def _folder() -> Path:
    return Path(settings.JOURNAL_ROOT)
