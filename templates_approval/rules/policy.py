"""What an operator decides: which goods are forbidden or restricted. Which names are imitated, which hosts hide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
TOKEN = re.compile(r"\w+")
BEGINNING = re.compile(r"\(\?:([^()\[\]]*)\)(\??)(?![?*+{])(.*)\Z")
LEVELS = ("forbidden", "restricted")


class BadPolicy(ValueError):
    """The operator's list cannot be used; the sentence says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Goods:
    """Words for goods that stand in a text, and what the list says about them."""

    words: str
    vertical: str
    is_forbidden: bool


class Phrases:
    """Finds whole words and phrases, whatever their case and punctuation, except inside phrases that mean otherwise."""

    def __init__(self, verticals: Mapping[str, Any]) -> None:
        self._wanted: dict[str, list[tuple[tuple[str, ...], str, bool]]] = {}
        self._except: dict[str, list[tuple[str, ...]]] = {}
        for name, vertical in verticals.items():
            for phrase in vertical["words"]:
                tokens = _tokens(phrase)
                self._wanted.setdefault(tokens[0], []).append((tokens, name, vertical["level"] == "forbidden"))
            for phrase in vertical.get("except", ()):
                tokens = _tokens(phrase)
                self._except.setdefault(tokens[0], []).append(tokens)

    def find(self, text: str) -> Iterator[Goods]:
        """Yield what ``text`` names, once each, in reading order."""
        tokens = tuple(TOKEN.findall(text.casefold()))
        hits = [hit for n, token in enumerate(tokens) if token in self._wanted for hit in self._at(tokens, n)]
        if not hits:
            return
        harmless = self._harmless(tokens)
        places = list(TOKEN.finditer(text))
        seen: set[str] = set()
        for n, length, vertical, is_forbidden in hits:
            if n not in harmless and vertical not in seen:
                seen.add(vertical)
                last = min(n + length, len(places)) - 1
                yield Goods(text[places[n].start() : places[last].end()], vertical, is_forbidden)

    def _at(self, tokens: tuple[str, ...], n: int) -> Iterator[tuple[int, int, str, bool]]:
        for phrase, vertical, is_forbidden in self._wanted[tokens[n]]:
            if tokens[n : n + len(phrase)] == phrase:
                yield n, len(phrase), vertical, is_forbidden

    def _harmless(self, tokens: tuple[str, ...]) -> set[int]:
        found: set[int] = set()
        for n, token in enumerate(tokens):
            for phrase in self._except.get(token, ()):
                if tokens[n : n + len(phrase)] == phrase:
                    found.update(range(n, n + len(phrase)))
        return found


def _tokens(phrase: str) -> tuple[str, ...]:
    return tuple(match[0].casefold() for match in TOKEN.finditer(phrase))


@dataclass(frozen=True, slots=True)
class Brand:
    """A name that is imitated, and the sites that are really its own."""

    name: str
    sites: frozenset[str]


@dataclass(frozen=True, eq=False)
class Policy:
    """Compared by what it is, not by what it holds: verdicts are remembered by it."""

    goods: Phrases
    shorteners: frozenset[str]
    brands: tuple[Brand, ...]


@cache
def shipped() -> Policy:
    """Return the lists that come with the program."""
    return Policy(
        goods=Phrases(_verticals((DATA / "verticals.json").read_text())),
        shorteners=frozenset(lines("shorteners.txt")),
        brands=tuple(_brand(line) for line in lines("brands.txt")),
    )


@cache
def of_operator(path: str) -> Policy:
    """Return the shipped lists with the operator's own goods, read from a JSON file once. Raises ``BadPolicy``."""
    if not path:
        return shipped()
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadPolicy(f"{path} cannot be read: {error}") from error
    known = shipped()
    return Policy(goods=Phrases(_verticals(text)), shorteners=known.shorteners, brands=known.brands)


def _verticals(text: str) -> Mapping[str, Any]:
    """``{"tobacco": {"level": "forbidden", "words": ["vape", …], "except": ["nicotine-free", …]}, …}``"""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadPolicy(f"the list of goods is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadPolicy("the list of goods is not an object of verticals")
    for name, vertical in found.items():
        if not isinstance(vertical, dict) or vertical.get("level") not in LEVELS:
            raise BadPolicy(f"{name}: the level is {' or '.join(LEVELS)}")
        for key in ("words", "except"):
            words = vertical.get(key, [])
            if not isinstance(words, list) or not all(isinstance(word, str) and _tokens(word) for word in words):
                raise BadPolicy(f"{name}: {key} is not a list of words")
    return found


def lines(name: str) -> list[str]:
    """Return the lines of one of the shipped lists, without remarks."""
    text = (DATA / name).read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


class WordList:
    """One of the shipped lists of expressions: whole words of it, in any case.

    Texts are looked at in small letters by an expression in small letters, which is twice as fast as one that minds
    no case: a template is checked while its author types.
    """

    def __init__(self, name: str) -> None:
        spread = (one for line in lines(name) for one in _spread(_small(line)))
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(spread)})(?!\w)")

    def find(self, text: str) -> str:
        """Return the first words of ``text`` that are on the list, or ''."""
        small = text.lower()
        match = self._pattern.search(small)
        if match is None:
            return ""
        # One letter may become two small ones.
        return text[match.start() : match.end()] if len(small) == len(text) else match[0]

    def without(self, text: str) -> str:
        """Return ``text``, in small letters, with what is on the list taken out."""
        return self._pattern.sub(" ", text.lower())


def _spread(expression: str) -> Iterator[str]:
    """Yield expressions that begin with a letter, where ``(?:one|two)`` was the beginning: others are tried at every
    word of a text."""
    match = BEGINNING.match(expression)
    if match is None:
        yield expression
        return
    for choice in match[1].split("|"):
        yield from _spread(choice + match[3])
    if match[2]:
        yield from _spread(match[3])


def _small(expression: str) -> str:
    return re.sub(r"\\.|[^\\]", lambda match: match[0] if match[0].startswith("\\") else match[0].lower(), expression)


def _brand(line: str) -> Brand:
    name, *sites = line.split()
    return Brand(name, frozenset(sites))
