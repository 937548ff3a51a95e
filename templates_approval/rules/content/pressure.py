"""Pressure that people cannot check, or that is not true: invented deadlines, prizes, threats and crowds."""

from __future__ import annotations

from collections.abc import Iterator

from templates_approval.rules.book import Finding
from templates_approval.rules.policy import WordList
from templates_approval.rules.subject import Subject

PRESSURE, CALM = WordList("pressure.txt"), WordList("calm.txt")


def check(subject: Subject) -> Iterator[Finding]:
    for path, text in subject.wordings:
        if path.endswith((".text", ".example")) and (words := pressing(text)):
            yield Finding("urgency_misleading", path, {"words": words})


def pressing(text: str) -> str:
    """Return the words of ``text`` that press people, or ''."""
    found = PRESSURE.find(text)
    # Mostly there is nothing to find, and nothing to take out.
    return found and (PRESSURE.find(CALM.without(text)) and found)
