"""Roots: once a night the installation signs all the links there are, and keeps that outside the database.

A chain that is cut at its end still looks whole, and a person without a chain looks like one who never had any. A root
tells: it is a line of ``LEDGER_ROOTS/roots.jsonl`` with a digest over every link since the root before it (its id, its
person, its place and its hash), the hash of the line before, and a signature. Whoever has a copy of the file can tell
what is missing, even when everything on this machine was changed.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from consent import sealing, signatures

FORMAT = "tambour-root/1"
NO_LINE = "0" * 64
SLICE_LINKS = 20_000
SETTLE_SECONDS = 120.0
_PLACE = struct.Struct(">QQI")


class CannotSign(RuntimeError):
    """No root can be written now; the sentence says why and what to do."""


@dataclass
class Root:
    """One line of the file."""

    number: int
    from_id: int
    to_id: int
    n_links: int
    digest: str
    at: str
    previous: str
    restored: str = ""
    line_hash: str = field(default="", compare=False)

    def document(self) -> dict[str, Any]:
        told = {name: value for name, value in vars(self).items() if name != "line_hash"}
        return {"format": FORMAT, "installation": settings.PUBLIC_URL, **told}


def sign_due(*, now: datetime) -> Root | None:
    """Write tonight's root, unless it is there. Returns it when it was written."""
    tonight = sealing.moment(now)[:10]
    is_there = any(root and root.at[:10] >= tonight for root, _finding in _lines(_path()))
    return None if is_there else sign(now=now)


def sign(*, now: datetime, restored: str = "") -> Root:
    """Sign every link since the last root, and add the line to the file. Never inside a transaction.

    ``restored`` says why links that were signed are gone: the roots that still hold stay, and a new line takes over
    from there. Raises ``CannotSign``.
    """
    with _file() as file:
        roots = _readable(file)
        if restored:
            held = _still_held(roots)
        elif roots and not _is_there(roots[-1]):
            raise CannotSign(
                _("Links that were signed are gone. After a restore, say so: sign_root --restored 'backup of …'.")
            )
        else:
            held = roots
        from_id, to_id = held[-1].to_id if held else 0, _settled_id()
        ((n_links, digest),) = _digests([(from_id, to_id)])
        root = Root(
            number=len(roots) + 1,
            from_id=from_id,
            to_id=max(from_id, to_id),
            n_links=n_links,
            digest=digest,
            at=sealing.moment(now),
            previous=roots[-1].line_hash if roots else NO_LINE,
            restored=restored,
        )
        line = json.dumps(signatures.signed(root.document()), sort_keys=True).encode()
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
        return root


@dataclass
class Checked:
    """What the roots say of the database: what is wrong, what was declared, and how far they reach."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_roots: int = 0
    n_links: int = 0
    last_at: str = ""


def check(*, path: Path | None = None, progress: Callable[[int], None] | None = None) -> Checked:
    """Compare the links with everything that was ever signed, or with a copy of it kept elsewhere (``path``)."""
    path = path or _path()
    checked = Checked()
    roots: list[Root] = []
    for number, (root, finding) in enumerate(_lines(path), start=1):
        if root is None:
            checked.findings.append(_("Root %(n)d: %(what)s") % {"n": number, "what": finding})
            continue
        if (root.number, root.previous) != (number, roots[-1].line_hash if roots else NO_LINE):
            checked.findings.append(_("Root %(n)d: a line before it is missing or was changed.") % {"n": number})
        if root.restored:
            note = _("Roots that reach beyond link %(id)d no longer hold, as was declared at %(at)s: %(why)s")
            checked.notes.append(note % {"id": root.from_id, "at": root.at, "why": root.restored})
        roots.append(root)
    if not roots:
        checked.findings.append(_("There are no roots at %(path)s.") % {"path": path})
    _compare(_standing(roots), checked, progress)
    return checked


def _compare(roots: list[Root], checked: Checked, progress: Callable[[int], None] | None) -> None:
    ends = [0, *(root.to_id for root in roots)]
    found = _digests([(root.from_id, root.to_id) for root in roots], progress=progress)
    for root, end, (n_links, digest) in zip(roots, ends, found, strict=False):
        if root.from_id != end:
            checked.findings.append(_("Root %(n)d: it does not begin where the one before ended.") % {"n": root.number})
        if (n_links, digest) != (root.n_links, root.digest):
            sentence = _(
                "Root %(n)d, signed at %(at)s: of %(then)d links then, %(now)d are there, and not the same ones."
            )
            values = {"n": root.number, "at": root.at, "then": root.n_links, "now": n_links}
            checked.findings.append(sentence % values)
        checked.n_links += n_links
    checked.n_roots, checked.last_at = len(roots), roots[-1].at if roots else ""


def _standing(roots: list[Root]) -> list[Root]:
    """The roots that still speak: after a restore, those that reach beyond it were set aside."""
    standing: list[Root] = []
    for root in roots:
        if root.restored:
            standing = [other for other in standing if other.to_id <= root.from_id]
        standing.append(root)
    return standing


def _path() -> Path:
    return Path(settings.LEDGER_ROOTS) / "roots.jsonl"


@contextmanager
def _file() -> Iterator[IO[bytes]]:
    """The file, for one writer at a time."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _readable(file: IO[bytes]) -> list[Root]:
    """Every root so far; nothing is added to a file in which a line is not ours."""
    file.seek(0)
    roots = []
    for line in file:
        root, finding = _read(line)
        if root is None:
            raise CannotSign(
                _("%(path)s: %(what)s Look into it before anything is added.") % {"path": _path(), "what": finding}
            )
        roots.append(root)
    return roots


def _lines(path: Path) -> Iterator[tuple[Root | None, str]]:
    if path.exists():
        with path.open("rb") as file:
            yield from map(_read, file)


def _read(line: bytes) -> tuple[Root | None, str]:
    try:
        document = json.loads(line)
        root = Root(**{name: document[name] for name in Root.__dataclass_fields__ if name != "line_hash"})
    except (ValueError, KeyError, TypeError):
        return None, _("this line cannot be read.")
    if document.get("format") != FORMAT or not signatures.is_genuine(document):
        return None, _("its signature is not this installation's, or it was changed.")
    root.line_hash = sha256(line.rstrip(b"\n")).hexdigest()
    return root, ""


def _is_there(root: Root) -> bool:
    ((n_links, digest),) = _digests([(root.from_id, root.to_id)])
    return (n_links, digest) == (root.n_links, root.digest)


def _still_held(roots: list[Root]) -> list[Root]:
    """The roots, from the first on, that a restored database still fulfils."""
    return list(takewhile(_is_there, _standing(roots)))


def _settled_id() -> int:
    """Return an id below which no link can appear any more. Raises ``CannotSign`` when somebody keeps it open too long.

    Ids are given before they are committed. Whoever adds a link has locked a person first, and so has a transaction
    number: when everybody who was at work has ended, nothing can come below the newest link that was seen before.
    """
    with connection.cursor() as cursor:
        # Our own number is the newest: whoever was at work before has a lower one.
        cursor.execute("SELECT COALESCE(max(id), 0), pg_current_xact_id()::text::bigint FROM consent_consentevent")
        newest, mine = cursor.fetchone()
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            if cursor.fetchone()[0] >= mine:
                return int(newest)
            if time.monotonic() > deadline:
                raise CannotSign(_("A transaction has been open for minutes; the root is written when it has ended."))
            time.sleep(0.1)


def _digests(
    ranges: list[tuple[int, int]], *, progress: Callable[[int], None] | None = None
) -> Iterator[tuple[int, str]]:
    """Yield, for each range of ids in order, how many links there are and a digest over them. Little memory."""
    n_seen = 0
    for from_id, to_id in ranges:
        digest, n_links = sha256(), 0
        while from_id < to_id:
            rows = _links_after(from_id, to_id)
            for pk, recipient_id, position, link_hash in rows:
                digest.update(_PLACE.pack(pk, recipient_id, position) + link_hash)
            n_links, n_seen = n_links + len(rows), n_seen + len(rows)
            if progress is not None:
                progress(n_seen)
            from_id = rows[-1][0] if len(rows) == SLICE_LINKS else to_id
        yield n_links, digest.hexdigest()


def _links_after(from_id: int, to_id: int) -> list[tuple[int, int, int, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, recipient_id, position, hash FROM consent_consentevent"
            " WHERE id > %s AND id <= %s ORDER BY id LIMIT %s",
            [from_id, to_id, SLICE_LINKS],
        )
        rows: list[tuple[int, int, int, bytes]] = cursor.fetchall()
        return rows
