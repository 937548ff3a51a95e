"""A text that was rejected does not come back with other numbers, other signs or two words changed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from templates_approval import placeholders
from templates_approval.rules.book import Finding
from templates_approval.rules.content import signs
from templates_approval.rules.subject import Subject

ALIKE_PERCENT = 85
# So few words of two texts are often the same by chance.
MIN_LETTERS = 25
SHARED = 0.3
NOISE = re.compile(r"[\W_]+")
NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Rejected:
    """The body of a template that was rejected, and what its author calls it."""

    name: str
    text: str


def check(subject: Subject, rejected: Sequence[Rejected]) -> Iterator[Finding]:
    body = subject.message.body
    if not rejected or body is None:
        return
    text = plain(body.text)
    for other in rejected:
        percent = alike(text, plain(other.text))
        if percent:
            params = {"name": other.name[:80], "percent": percent}
            yield Finding("near_duplicate", f"{body.path}.text", params)
            return


@lru_cache(maxsize=512)
def plain(text: str) -> str:
    """Return what of ``text`` is left when variables, numbers, signs, accents and case do not count."""
    text = placeholders.TOKEN.sub(" ", signs.INVISIBLE.sub("", text))
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return NOISE.sub(" ", NUMBERS.sub(" ", text)).strip()


@lru_cache(maxsize=512)
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def alike(one: str, other: str) -> int:
    """Return how alike two plain texts are, in percent, or 0 when that is not near: letter by letter, or reordered."""
    if min(len(one), len(other)) < MIN_LETTERS:
        return 100 if one and one == other else 0
    # Who shares so few words is not near, and most texts share few: that is known a hundred times sooner.
    one_words, other_words = _words(one), _words(other)
    if len(one_words & other_words) < SHARED * min(len(one_words), len(other_words)):
        return 0
    score = fuzz.ratio(one, other, score_cutoff=ALIKE_PERCENT)
    score = score or fuzz.token_sort_ratio(one, other, score_cutoff=ALIKE_PERCENT)
    return int(score)
