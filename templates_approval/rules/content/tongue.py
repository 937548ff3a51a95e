"""The declared language is the language of the words: WhatsApp rejects templates where it is not.

py3langid looks at the body only, and only where there is enough of it (docs/decisions/0034-what-reads-the-words.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from functools import cache
from typing import Any

from templates_approval import placeholders
from templates_approval.rules.book import Finding
from templates_approval.rules.subject import Subject

MIN_LETTERS = 25
# So much is enough to tell, and more takes time.
MAX_LETTERS = 160
SURE, UNLIKELY = 0.9, 0.04
MODEL_NAMES = {"nb": "no", "fil": "tl", "prs": "fa"}
# What a template is told apart from; all else is never accused.
SPOKEN = ("en", "fr", "de", "es", "it", "pt", "nl", "pl", "ar", "ru", "tr", "ro", "zh", "ja")
# Too near to each other for a few words.
NEAR = (
    frozenset({"da", "no", "sv"}),
    frozenset({"hr", "sr", "sl", "bs"}),
    frozenset({"id", "ms"}),
    frozenset({"cs", "sk"}),
    frozenset({"es", "ca", "gl", "pt"}),
    frozenset({"hi", "mr"}),
    frozenset({"fa", "ps", "ur", "ar"}),
    frozenset({"ru", "uk", "bg", "mk", "be"}),
    frozenset({"nl", "af"}),
    frozenset({"az", "tr", "uz"}),
    frozenset({"zu", "xh"}),
)
NOT_WORDS = re.compile(r"https?://\S+|\S+@\S+|\b[\w-]+(?:\.[\w-]+)+\S*|[*_~`>\d%€$£#]+|\bSTOP\b")


def check(subject: Subject) -> Iterator[Finding]:
    body = subject.message.body
    if body is None or subject.is_for_codes:
        return
    declared = subject.language.partition("_")[0]
    found = other_language(body.text, declared)
    if found:
        params = {"declared": subject.language[:20], "found": found}
        yield Finding("language_mismatch", f"{body.path}.text", params)


def other_language(text: str, declared: str) -> str:
    """Return the language of ``text`` when it is surely not ``declared``, else ''."""
    words = NOT_WORDS.sub(" ", placeholders.without(text[: 3 * MAX_LETTERS]))
    if sum(map(str.isalpha, words)) < MIN_LETTERS:
        return ""
    own = MODEL_NAMES.get(declared, declared)
    model = _model(own)
    if model is None:
        return ""
    ranking = model.rank(words[:MAX_LETTERS])
    best, probability = ranking[0]
    if best == own or probability < SURE or dict(ranking)[own] > UNLIKELY:
        return ""
    return "" if any({best, own} <= near for near in NEAR) else str(best)


@cache
def _whole() -> Any:
    """Half a second and 60 MB, spent by whoever first checks a template, and by nobody who only sends."""
    from py3langid import langid

    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


@cache
def _model(own: str) -> Any:
    """Return py3langid restricted to ``own`` and the languages around it; None when it does not know ``own``."""
    if own not in _whole().labels:
        return None
    model = copy(_whole())
    model.set_languages(sorted({own, *SPOKEN}))
    return model
