"""Words that people send back: does this message say stop, resume, help, or none of these?

A stop that is overheard harms a person, a stop that is invented silences somebody who likes the offers. So a message
counts when, without politeness, it *is* one of the known words or phrases ("stop svp"), when it is one of them beside
a reason ("Stop, wrong number"), or when it plainly asks for an end in a short sentence ("please stop sending me this");
a word that only occurs in it ("bus stop", "non-stop", "cancel my order 123") does not count. A message that asks for
nothing of ours is the business's to read and answer.

The words, their languages and their sources are in ``words.toml``; ``wordlists.py`` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

from consent import spelling
from consent.wordlists import EVERYWHERE, known, lists

Meaning = Literal["stop", "resume", "help", "none"]
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)

# A longer message is a conversation, for people to read.
MAX_WORDS = 30
MAX_WORDS_BESIDE = 14
MAX_LETTERS = 1_000


def classify(text: str, locale: str = "") -> Meaning:
    """Return what ``text`` asks for; "stop stop stop" is one stop, said with feeling.

    Case, accents, punctuation, emoji, stretched letters and politeness do not matter. ``locale`` (``fr``, ``pt-BR``)
    only settles words that languages disagree about.
    """
    parts = [_mended(words) for words in spelling.clauses(text[:MAX_LETTERS])]
    parts = [words for words in parts if words]
    words = spelling.without_repeats(word for part in parts for word in part)
    if not words or len(words) > MAX_WORDS:
        return "none"
    language = re.split("[-_]", locale.lower())[0]
    whole = _meaning_of(words, language)
    if whole != "none":
        return whole
    is_stop = _is_stop_with_reasons(parts, language) or _is_bare_stop(text, parts) or _asks_for_an_end(parts)
    return "stop" if is_stop else "none"


def languages() -> dict[str, str]:
    """Return the languages that are understood, by code, each as its speakers call it."""
    return {code: words["name"] for code, words in lists().items() if code != EVERYWHERE}


def words_of(language: str) -> dict[Meaning, list[str]]:
    """Return what counts as stop, resume and help in ``language``, besides what counts everywhere."""
    said = lists()[language]
    return {
        "stop": [*said.get("stop", ()), *said.get("stop_here", ())],
        "resume": [*said.get("resume", ()), *said.get("resume_here", ())],
        "help": list(said.get("help", ())),
    }


def _mended(words: Sequence[str]) -> list[str]:
    return spelling.without_repeats(known().vocabulary.mend(word) for word in words)


def _meaning_of(words: Sequence[str], language: str) -> Meaning:
    """Return what a whole phrase means, said as it is or with the politeness of any one language."""
    if "".join(words) in known().stop_anywhere:
        return "stop"
    for phrase in _without_politeness(words):
        if phrase in known().stop or phrase in known().stop_in.get(language, ()):
            return "stop"
        if phrase in known().resume or phrase in known().resume_in.get(language, ()):
            return "resume"
        if phrase in known().help:
            return "help"
    return "none"


def _without_politeness(words: Sequence[str]) -> list[str]:
    """Return ``words`` as a phrase, then without what is polite in each language that has some of them."""
    phrases = [" ".join(words)]
    for polite in known().polite:
        if not polite.isdisjoint(words):
            phrases.append(" ".join(word for word in words if word not in polite))
    return phrases


def _is_stop_with_reasons(parts: Sequence[Sequence[str]], language: str) -> bool:
    """Say whether every clause is a stop or goes beside one: "Stop. I never signed up", "not interested, stop"."""
    if known().go_on.search(_sentence(parts)):
        return False
    has_stop = False
    for words in parts:
        if _meaning_of(words, language) == "stop" or _is_stop_and_reason(words, language):
            has_stop = True
        elif not _is_beside(words):
            return False
    return has_stop


def _is_stop_and_reason(words: Sequence[str], language: str) -> bool:
    """Say whether a clause begins or ends with a stop, and the rest of it goes beside one."""
    cuts = range(1, min(len(words), 5))
    return any(_meaning_of(words[:n], language) == "stop" and _is_beside(words[n:]) for n in cuts) or any(
        _meaning_of(words[-n:], language) == "stop" and _is_beside(words[:-n]) for n in cuts
    )


def _is_bare_stop(text: str, parts: Sequence[Sequence[str]]) -> bool:
    """Say whether a short message begins or ends with a bare stop, and nothing in it asks, counts, wants or laughs.

    Bare is a clause of its own, or the STOP in capitals that the offer told them to write.
    """
    sentence = _sentence(parts)
    if sum(map(len, parts)) > MAX_WORDS_BESIDE or any(e.search(sentence) for e in (known().lively, known().go_on)):
        return False
    if _LIVELY_SIGNS.search(text):
        return False
    ends = [phrase for words in (parts[0], parts[-1]) for phrase in _without_politeness(words)] if parts[1:] else []
    return any(phrase in known().bare for phrase in ends) or _IN_CAPITALS.search(text) is not None


def _is_beside(words: Sequence[str]) -> bool:
    return any(not phrase or known().beside.fullmatch(phrase) for phrase in _without_politeness(words))


def _asks_for_an_end(parts: Sequence[Sequence[str]]) -> bool:
    """Say whether one of the plain requests is made, and nothing says that it is meant otherwise."""
    polite_ones = (polite for polite in known().polite if _has(parts, polite))
    sentences = [_sentence(parts), *(_sentence(parts, without=polite) for polite in polite_ones)]
    if any(known().asks.search(sentence) for sentence in sentences) and not known().go_on.search(sentences[0]):
        return True
    unspaced = "|".join("".join(words) for words in parts)
    return bool(known().asks_unspaced.search(unspaced)) and not known().go_on_unspaced.search(unspaced)


def _sentence(parts: Sequence[Sequence[str]], without: frozenset[str] = frozenset()) -> str:
    clauses = (" ".join(word for word in words if word not in without) for words in parts)
    return " | ".join(clause for clause in clauses if clause)


def _has(parts: Sequence[Sequence[str]], polite: frozenset[str]) -> bool:
    return any(not polite.isdisjoint(words) for words in parts)


_IN_CAPITALS = re.compile(r"^\W*STOPP?\b(?!\s+\w+ing\b)|(?<!\w[-‑])\bSTOPP?\W*$")
_LIVELY_SIGNS = re.compile("[?？؟😂🤣😍🥰😊😘🤩😅😄😁😆😉😜❤💕💖🔥👏🎉]")
