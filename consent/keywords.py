"""Words that people send back: does this message say stop, resume, help, or none of these?

A stop that is overheard harms a person, a stop that is invented silences somebody who likes the offers. So a message
counts when, without politeness, it *is* one of the known words or phrases, or when it plainly asks for an end in a
short sentence ("please stop sending me this"); a word that only occurs in it ("bus stop", "non-stop") does not count.

Sources: CTIA Messaging Principles (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT, START, UNSTOP, YES, HELP, INFO),
47 CFR 64.1200(a)(10) (adds REVOKE and OPT OUT), and the habit of each country's operators.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Literal

Meaning = Literal["stop", "resume", "help", "none"]

# A longer message is a conversation, for people to read.
MAX_WORDS = 12
MAX_LETTERS = 1_000


def classify(text: str, locale: str = "") -> Meaning:
    """Return what ``text`` asks for; "stop stop stop" is one stop, said with feeling.

    Case, accents, punctuation, emoji and politeness do not matter. ``locale`` (``fr``, ``pt-BR``) only settles words
    that languages disagree about.
    """
    words = [word for word, _ in groupby(_words(text[:MAX_LETTERS]))]
    if not words or len(words) > MAX_WORDS:
        return "none"
    core = " ".join(_without_politeness(words))
    language = locale[:2].lower()
    if core in _STOP or core in _STOP_IN.get(language, ()):
        return "stop"
    if core in _RESUME or core in _RESUME_IN.get(language, ()):
        return "resume"
    if core in _HELP:
        return "help"
    sentence = " ".join(words)
    if _ASKS_FOR_AN_END.search(sentence) and not _ASKS_TO_GO_ON.search(sentence):
        return "stop"
    return "none"


def _words(text: str) -> list[str]:
    """Return plain lower-case words: no accents, no punctuation; an apostrophe or hyphen inside a word joins it."""
    flat = unicodedata.normalize("NFKD", text.casefold()).translate(_SAME_LETTERS)
    letters = "".join(c for c in flat if not unicodedata.combining(c) or c in _KEPT_MARKS)
    joined = re.sub(r"(?<=\w)['\u2019\u2010\u2011-](?=\w)", "_", letters)
    # Not by \w: to Python's expressions an Indic vowel sign is no letter.
    return "".join(c if c in _KEPT_MARKS or c.isalnum() or c == "_" else " " for c in joined).split()


def _without_politeness(words: list[str]) -> list[str]:
    return [word for word in words if word not in _POLITE]


def _spelled(lists: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return all the phrases of some lists in the spelling that messages are compared in."""
    return frozenset(" ".join(_words(phrase)) for phrases in lists.values() for phrase in phrases)


def _spelled_by_language(lists: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    return {language: _spelled({language: phrases}) for language, phrases in lists.items()}


# Dotless i, long s and the like, which Unicode does not decompose; Arabic ya in one spelling; the signs that mean stop.
_SAME_LETTERS = str.maketrans(
    {"🛑": " stop ", "⛔": " stop ", "ı": "i", "ß": "ss", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ى": "ي"}
)
# Indic vowel signs and viramas carry meaning: they are marks, not accents.
_KEPT_MARKS = frozenset(chr(c) for c in range(0x0900, 0x0DFF) if unicodedata.category(chr(c)) in {"Mn", "Mc"})

_LISTS = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
_POLITE = _spelled({"": _LISTS["polite"]})
_STOP = _spelled(_LISTS["stop"])
_STOP_IN = _spelled_by_language(_LISTS["stop_in"])
_RESUME = _spelled(_LISTS["resume"])
_RESUME_IN = _spelled_by_language(_LISTS["resume_in"])
_HELP = _spelled(_LISTS["help"])

# Plain requests inside a short sentence. Words are compared without accents; hyphens and apostrophes are "_".
_ASKS_FOR_AN_END = re.compile(
    r"\b(?:"
    r"stop (?:sending|messaging|texting|contacting|writing|bothering|spamming|these|the|all|your|this)\b"
    r"|unsubscribe me\b"
    r"|(?:want|like) to (?:unsubscribe|opt out|be removed|stop (?:receiving|getting|these|this))\b"
    r"|(?:remove|delete|take) (?:me|my number) (?:from|off)\b|take my number off|remove my number\b"
    r"|(?:do not|don_t|dont|never) (?:send|text|message|contact|write)\b"
    # French
    r"|ne (?:m_envoyez|m_envoie|me contactez|m_ecrivez|me contacte|m_ecris|veux|souhaite|desire) (?:\w+ )*?plus\b"
    r"|(?:arretez|arrete|cessez|stopp?e[rz]|stop) (?:de m_|vos|ces|les|tout|de me|d_envoyer|avec)\w*"
    r"|(?:veux|souhaite|voudrais|desire|peux|puis_je) (?:me |etre )?(?:desabonne|desinscri|retire)\w*"
    # German
    r"|(?:keine|nie wieder) (?:weiteren |mehr )?(?:nachrichten|werbung|sms|angebote)\b"
    r"|(?:hor|hort|horen sie) (?:bitte )?(?:auf|damit auf)\b"
    r"|(?:schicken|senden|schreiben) sie (?:mir )?(?:bitte )?(?:nichts|keine\w*)\b"
    # Spanish
    r"|no (?:me )?(?:envien|envies|manden|mandes|escriban|escribas|contacten) mas\b"
    r"|no quiero (?:recibir )?mas\b|dejen? de (?:enviar|mandar|escribir)\w*"
    # Italian
    r"|(?:smettetela|smettila|non (?:mandatemi|inviatemi|scrivetemi|voglio)) (?:\w+ )*?(?:piu|di \w+(?:rmi|re))\b"
    # Portuguese
    r"|(?:parem|pare) de (?:me )?(?:enviar|mandar)\b|nao quero (?:mais )?receber\b"
    r"|nao (?:me )?(?:envie|envies|mande|mandem|enviem) mais\b"
    # Dutch
    r"|(?:stuur|stuurt) (?:mij |me )?(?:geen|niets)\b|geen (?:berichten|reclame) meer\b"
    r")"
)
_ASKS_TO_GO_ON = re.compile(
    r"\b(?:"
    r"(?:do not|don_t|dont|never|not|can_t|cant|won_t) (?:\w+ )?(?:stop|unsubscribe|remove|delete|cancel)\b"
    r"|stop (?:by|at|in|over|the (?:bus|car|train|clock))\b|how (?:do|can|to)\b.*\bstop the\b"
    r"|n_arretez|n_arrete|ne \w+ pas (?:\w+ )?(?:desabonner|arreter|desinscrire)"
    r"|ne (?:vous |t_)?\w* ?arret\w+ (?:pas|jamais|surtout)"
    r"|hor\w* (?:nicht|nie) auf|no dejen de|non smett\w+"
    r")"
)
