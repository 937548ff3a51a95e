"""Nobody is asked for full card, bank or identity numbers, nor for passwords and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from templates_approval.rules.book import Finding
from templates_approval.rules.policy import WordList
from templates_approval.rules.subject import Subject

SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]?")
SECRETS, ASKS, HARMLESS = WordList("secrets.txt"), WordList("asks.txt"), WordList("harmless.txt")


def check(subject: Subject) -> Iterator[Finding]:
    for path, text in subject.wordings:
        if path.endswith(".url"):
            continue
        if words := asked(text):
            yield Finding("secret_asked", path, {"words": words})


def asked(text: str) -> str:
    """Return what ``text`` asks for and may not, or ''."""
    if not SECRETS.find(text):
        return ""
    for sentence in SENTENCE.findall(text):
        secret = SECRETS.find(sentence)
        if secret and ASKS.find(sentence) and not HARMLESS.find(sentence):
            return secret
    return ""
