"""What changed between two wordings, word by word, so that a reviewer reads only what is new."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from templates_approval import components as reading

WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words and what became of them: ``same``, ``added`` or ``removed``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the message, as pieces in reading order."""

    name: str | Promise
    pieces: tuple[Piece, ...]

    @property
    def is_same(self) -> bool:
        return all(piece.kind == "same" for piece in self.pieces)


def parts(old: Any, new: Any) -> list[Part]:
    """Compare two templates' components part by part; parts that neither has are left out."""
    before, after = reading.read(old), reading.read(new)
    pairs = [
        (_("header"), _text(before.header), _text(after.header)),
        (_("body"), _text(before.body), _text(after.body)),
        (_("footer"), _text(before.footer), _text(after.footer)),
        (_("buttons"), _buttons(before), _buttons(after)),
    ]
    return [Part(name, tuple(words(one, other))) for name, one, other in pairs if one or other]


def _text(text: reading.Text | None) -> str:
    return text.text or text.format if text else ""


def _buttons(message: reading.Message) -> str:
    return "\n".join(" ".join(filter(None, (b.text or b.kind, b.url, b.phone, b.example))) for b in message.buttons)


def words(old: str, new: str) -> Iterator[Piece]:
    """Yield the pieces that lead from ``old`` to ``new``: without the added ones they spell ``old``."""
    before, after = WORDS.findall(old), WORDS.findall(new)
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(before[i1:i2]))
            continue
        if i2 > i1:
            yield Piece("removed", "".join(before[i1:i2]))
        if j2 > j1:
            yield Piece("added", "".join(after[j1:j2]))
