"""How people spell: a message becomes clauses of plain words, and a word that is nobody's is mended into one that is.

Plain means lower case, without accents, in one kind of letters; an apostrophe or a hyphen inside a word is "_".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

# A slip of one letter is forgiven in words of this length: shorter ones have too many neighbours.
LONG_WORD = 9


def plain(text: str) -> str:
    """Return ``text`` without accents and in one spelling of each letter; case and punctuation stay."""
    flat = unicodedata.normalize("NFKD", text).translate(_SAME_LETTERS)
    letters = (c for c in flat if (not unicodedata.combining(c) or c in _KEPT_MARKS) and c not in _INVISIBLE)
    return unicodedata.normalize("NFC", "".join(c for c in letters if unicodedata.category(c) != "Cf"))


def clauses(text: str) -> list[list[str]]:
    """Return the plain words of ``text``, parted where a comma, full stop, line or sign parts them."""
    flat = re.sub(r"(?<=\w)['’ʼ`´‘‐‑-](?=\w)", "_", plain(text.casefold()))
    flat = _SPELLED_OUT.sub(lambda found: "".join(re.findall(r"[^\W_]", found[0])), flat)
    marked = "".join(c if _is_of_a_word(c) else " " if c in " \t\u00a0\u3000*~" else "|" for c in flat)
    return [words for part in marked.split("|") if (words := part.split())]


def without_repeats(words: Iterable[str]) -> list[str]:
    """Return ``words`` with each said once where it is said several times in a row."""
    return [word for word, _ in groupby(words)]


def _is_of_a_word(c: str) -> bool:
    # Not by \w: to Python's expressions an Indic vowel sign is no letter.
    return c.isalnum() or c == "_" or c in _KEPT_MARKS or unicodedata.category(c) in {"Mn", "Mc"}


# "s t o p", "S.T.O.P." and "s-t-o-p" are one word.
_SPELLED_OUT = re.compile(r"(?<![^\W_])(?:[a-z\u0370-\u052f][ ._*·-]{1,3}){2,}[a-z\u0370-\u052f](?![^\W_])")


class Vocabulary:
    """The words that mean something here, and how to get to one of them from what was typed."""

    def __init__(self, *, words: Iterable[str], targets: Iterable[str]) -> None:
        """``words`` are left as they are; a long word one slip away from exactly one of ``targets`` becomes that."""
        self.words = frozenset(words)
        self._long = tuple(word for word in targets if len(word) >= LONG_WORD and " " not in word)
        self.mend = lru_cache(maxsize=4096)(self._mend)

    def _mend(self, word: str) -> str:
        """Return ``word``, or the known word that it plainly is: stretched, in disguise, or one letter off."""
        if word in self.words:
            return word
        for candidate in (*_disguises(word), *_shrunk(word)):
            if candidate in self.words:
                return candidate
        near = [known for known in self._long if is_one_slip(word, known)] if len(word) >= LONG_WORD - 1 else []
        return near[0] if len(near) == 1 else next(iter(_shrunk(word)), word)


def _shrunk(word: str) -> list[str]:
    """Return "stooop" with one, and with two letters for each three or more."""
    return [re.sub(r"(.)\1{2,}", kept, word) for kept in (r"\1", r"\1\1")] if re.search(r"(.)\1\1", word) else []


def _disguises(word: str) -> list[str]:
    """Return ``word`` with figures and letters of another alphabet read as the letters that they look like."""
    written = [word.translate(_FIGURES)] if any(c.isdigit() for c in word) and any(c.isalpha() for c in word) else []
    written += [word.translate(_TO_LATIN), word.translate(_TO_CYRILLIC)]
    shrunk = [short for candidate in written for short in _shrunk(candidate)]
    return [candidate for candidate in written + shrunk if candidate != word]


def is_one_slip(typed: str, known: str) -> bool:
    """Say whether one letter too many, too few, wrong or swapped with its neighbour lies between the two.

    The first letter is never the slip: "abmelden" and "anmelden" are two words, and so are many others.
    """
    if typed == known or typed[0] != known[0] or abs(len(typed) - len(known)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(typed, known, strict=False)) if a != b), min(len(typed), len(known)))
    rest, wanted = typed[at:], known[at:]
    if len(typed) == len(known):
        return rest[1:] == wanted[1:] or (rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:])
    return rest[1:] == wanted or rest == wanted[1:]


# What Unicode does not decompose; Arabic and Persian letters in one spelling; the signs that mean stop.
_SAME_LETTERS = str.maketrans(
    dict(zip("ıłøđىیکةھہ", "ilodييكههه", strict=True))
    | {"🛑": " stop ", "⛔": " stop ", "ß": "ss", "æ": "ae", "œ": "oe", "ـ": ""}
)
_INVISIBLE = frozenset("\ufe0f\u20e3")
# Indic, Thai and similar vowel signs carry meaning, and so do the two dots that make a Japanese "ga" of "ka".
_KEPT_MARKS = frozenset(
    chr(c) for c in (*range(0x0900, 0x1100), 0x3099, 0x309A) if unicodedata.category(chr(c)) in {"Mn", "Mc"}
)
_FIGURES = str.maketrans("013457", "oieast")
_TO_LATIN = str.maketrans("асеікмотрѕхуј" + "αεικνορτυχ", "aceikmotpsxyj" + "aeikvoptyx")
_TO_CYRILLIC = str.maketrans("aceikmotpxy", "асеікмотрху")
