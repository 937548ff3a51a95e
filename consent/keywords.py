"""Words that people send back: does this message say stop, resume, help, or none of these?

A stop that is overheard harms a person, a stop that is invented silences somebody who likes the offers. So a message
counts when, without politeness, it *is* one of the known words or phrases ("stop svp"), when it is one of them beside
a reason ("Stop, wrong number"), or when it plainly asks for an end in a short sentence ("please stop sending me this");
a word that only occurs in it ("bus stop", "non-stop", "cancel my order 123") does not count. A message that asks for
nothing of ours is the business's to read and answer.

The words, their languages and their sources are in ``words.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from consent import spelling

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
    return {code: words["name"] for code, words in _LISTS.items() if code != _EVERYWHERE}


def words_of(language: str) -> dict[Meaning, list[str]]:
    """Return what counts as stop, resume and help in ``language``, besides what counts everywhere."""
    lists = _LISTS[language]
    return {
        "stop": [*lists.get("stop", ()), *lists.get("stop_here", ())],
        "resume": [*lists.get("resume", ()), *lists.get("resume_here", ())],
        "help": list(lists.get("help", ())),
    }


def _mended(words: Sequence[str]) -> list[str]:
    return spelling.without_repeats(_VOCABULARY.mend(word) for word in words)


def _meaning_of(words: Sequence[str], language: str) -> Meaning:
    """Return what a whole phrase means, said as it is or with the politeness of any one language."""
    if "".join(words) in _STOP_ANYWHERE:
        return "stop"
    for phrase in _without_politeness(words):
        if phrase in _STOP or phrase in _STOP_IN.get(language, ()):
            return "stop"
        if phrase in _RESUME or phrase in _RESUME_IN.get(language, ()):
            return "resume"
        if phrase in _HELP:
            return "help"
    return "none"


def _without_politeness(words: Sequence[str]) -> list[str]:
    """Return ``words`` as a phrase, then without what is polite in each language that has some of them."""
    phrases = [" ".join(words)]
    for polite in _POLITE:
        if not polite.isdisjoint(words):
            phrases.append(" ".join(word for word in words if word not in polite))
    return phrases


def _is_stop_with_reasons(parts: Sequence[Sequence[str]], language: str) -> bool:
    """Say whether every clause is a stop or goes beside one: "Stop. I never signed up", "not interested, stop"."""
    if _GO_ON.search(_sentence(parts)):
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
    if sum(map(len, parts)) > MAX_WORDS_BESIDE or any(e.search(sentence) for e in (_LIVELY, _GO_ON)):
        return False
    if _LIVELY_SIGNS.search(text):
        return False
    ends = [phrase for words in (parts[0], parts[-1]) for phrase in _without_politeness(words)] if parts[1:] else []
    return any(phrase in _BARE for phrase in ends) or _IN_CAPITALS.search(text) is not None


def _is_beside(words: Sequence[str]) -> bool:
    return any(not phrase or _BESIDE.fullmatch(phrase) for phrase in _without_politeness(words))


def _asks_for_an_end(parts: Sequence[Sequence[str]]) -> bool:
    """Say whether one of the plain requests is made, and nothing says that it is meant otherwise."""
    sentences = [_sentence(parts), *(_sentence(parts, without=polite) for polite in _POLITE if _has(parts, polite))]
    if any(_ASKS.search(sentence) for sentence in sentences) and not _GO_ON.search(sentences[0]):
        return True
    unspaced = "|".join("".join(words) for words in parts)
    return bool(_ASKS_UNSPACED.search(unspaced)) and not _GO_ON_UNSPACED.search(unspaced)


def _sentence(parts: Sequence[Sequence[str]], without: frozenset[str] = frozenset()) -> str:
    clauses = (" ".join(word for word in words if word not in without) for words in parts)
    return " | ".join(clause for clause in clauses if clause)


def _has(parts: Sequence[Sequence[str]], polite: frozenset[str]) -> bool:
    return any(not polite.isdisjoint(words) for words in parts)


def _spelled(phrases: Iterable[str]) -> frozenset[str]:
    """Return phrases in the spelling that messages are compared in."""
    parts = ((word for part in spelling.clauses(phrase) for word in part) for phrase in phrases)
    return frozenset(" ".join(spelling.without_repeats(words)) for words in parts)


def _everybody(field: str) -> frozenset[str]:
    return _spelled(phrase for words in _LISTS.values() for phrase in words.get(field, ()))


def _each(field: str) -> dict[str, frozenset[str]]:
    return {code: _spelled(words[field]) for code, words in _LISTS.items() if field in words}


def _any_of(field: str, *, begins: str = r"(?<![^\s_])") -> re.Pattern[str]:
    """Return one expression for what a field of all languages says; never matches when none says anything."""
    written = [_expression(e, words) for words in _LISTS.values() for e in words.get(field, ())]
    return re.compile(begins + "(?:" + "|".join(written or ["(?!)"]) + ")")


def _expression(written: str, words: Mapping[str, Any]) -> str:
    """Return an expression of the list, in the spelling of messages; it ends at the end of a clause."""
    messages = "|".join(words.get("messages", ()))
    return spelling.plain(written.replace("MESSAGES", messages)).replace("$", r"(?=$| \|)")


_EVERYWHERE = "everywhere"
_LISTS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
_POLITE = tuple(
    _spelled([*words["polite"], *_LISTS["en"]["polite"]]) for words in _LISTS.values() if words.get("polite")
)
_STOP, _RESUME, _HELP = _everybody("stop"), _everybody("resume"), _everybody("help")
# In one word though a space slipped in: "sto p", "un subscribe".
_STOP_ANYWHERE = _spelled(_LISTS[_EVERYWHERE]["stop"])
_STOP_IN, _RESUME_IN = _each("stop_here"), _each("resume_here")
_ASKS, _GO_ON = _any_of("asks"), _any_of("go_on")
_BARE, _LIVELY = _everybody("bare"), _any_of("lively")
_IN_CAPITALS = re.compile(r"^\W*STOPP?\b(?!\s+\w+ing\b)|(?<!\w[-‑])\bSTOPP?\W*$")
_LIVELY_SIGNS = re.compile("[?？؟😂🤣😍🥰😊😘🤩😅😄😁😆😉😜❤💕💖🔥👏🎉]")
_BESIDE = _any_of("beside", begins="")
_ASKS_UNSPACED = _any_of("asks_without_spaces", begins="")
_GO_ON_UNSPACED = _any_of("go_on_without_spaces", begins="")
_WRITTEN = " ".join(e.pattern for e in (_ASKS, _GO_ON, _BESIDE))
_VOCABULARY = spelling.Vocabulary(
    words=[
        *(word for phrases in (_STOP, _RESUME, _HELP, *_POLITE) for phrase in phrases for word in phrase.split()),
        *re.findall(r"[^\W\d]{3,}", _WRITTEN),
    ],
    targets=_STOP | _RESUME | _HELP,
)
