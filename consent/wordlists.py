"""The words of ``words.toml``, in the spelling that messages are compared in, and the expressions made of them.

They are read when the first message is judged: compiling them takes a sixth of a second, and most processes never
judge one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from consent import spelling

EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Words:
    """What is known of all languages; ``…_in`` holds by language what others mean differently."""

    stop: frozenset[str]
    resume: frozenset[str]
    help: frozenset[str]
    stop_in: Mapping[str, frozenset[str]]
    resume_in: Mapping[str, frozenset[str]]
    # In one word though a space slipped in: "sto p", "un subscribe".
    stop_anywhere: frozenset[str]
    bare: frozenset[str]
    # One set a language; the English ones are in each, since everybody writes "please".
    polite: tuple[frozenset[str], ...]
    asks: re.Pattern[str]
    asks_unspaced: re.Pattern[str]
    go_on: re.Pattern[str]
    go_on_unspaced: re.Pattern[str]
    lively: re.Pattern[str]
    beside: re.Pattern[str]
    vocabulary: spelling.Vocabulary


@cache
def lists() -> dict[str, dict[str, Any]]:
    """Return the file as it is: what each language, and everywhere, says."""
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))


@cache
def known() -> Words:
    """Return everything that a message is compared with."""
    stop, resume, help_ = _everybody("stop"), _everybody("resume"), _everybody("help")
    english = lists()["en"]["polite"]
    polite = tuple(_spelled([*words["polite"], *english]) for words in lists().values() if words.get("polite"))
    asks, go_on, beside = _any_of("asks"), _any_of("go_on"), _any_of("beside", begins="")
    written = " ".join(expression.pattern for expression in (asks, go_on, beside))
    said = (word for phrases in (stop, resume, help_, *polite) for phrase in phrases for word in phrase.split())
    return Words(
        stop=stop,
        resume=resume,
        help=help_,
        stop_in=_each("stop_here"),
        resume_in=_each("resume_here"),
        stop_anywhere=_spelled(lists()[EVERYWHERE]["stop"]),
        bare=_everybody("bare"),
        polite=polite,
        asks=asks,
        asks_unspaced=_any_of("asks_without_spaces", begins=""),
        go_on=go_on,
        go_on_unspaced=_any_of("go_on_without_spaces", begins=""),
        lively=_any_of("lively"),
        beside=beside,
        vocabulary=spelling.Vocabulary(
            words=[*said, *re.findall(r"[^\W\d]{3,}", written)], targets=stop | resume | help_
        ),
    )


def _spelled(phrases: Iterable[str]) -> frozenset[str]:
    """Return phrases in the spelling that messages are compared in."""
    parts = ((word for part in spelling.clauses(phrase) for word in part) for phrase in phrases)
    return frozenset(" ".join(spelling.without_repeats(words)) for words in parts)


def _everybody(field: str) -> frozenset[str]:
    return _spelled(phrase for words in lists().values() for phrase in words.get(field, ()))


def _each(field: str) -> dict[str, frozenset[str]]:
    return {code: _spelled(words[field]) for code, words in lists().items() if field in words}


def _any_of(field: str, *, begins: str = r"(?<![^\s_])") -> re.Pattern[str]:
    """Return one expression for what a field of all languages says; never matches when none says anything."""
    written = [_expression(e, words) for words in lists().values() for e in words.get(field, ())]
    return re.compile(begins + "(?:" + "|".join(written or ["(?!)"]) + ")")


def _expression(written: str, words: Mapping[str, Any]) -> str:
    """Return an expression of the list, in the spelling of messages; it ends at the end of a clause."""
    messages = "|".join(words.get("messages", ()))
    return spelling.plain(written.replace("MESSAGES", messages)).replace("$", r"(?=$| \|)")
