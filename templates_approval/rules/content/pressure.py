"""Pressure that people cannot check, or that is not true: invented deadlines, prizes, threats and crowds."""

from __future__ import annotations

from collections.abc import Iterator

from templates_approval.rules.book import Finding
from templates_approval.rules.policy import word_list
from templates_approval.rules.subject import Subject

PRESSURE, CALM = word_list("pressure.txt"), word_list("calm.txt")


def check(subject: Subject) -> Iterator[Finding]:
    for path, text in subject.wordings:
        if path.endswith((".text", ".example")) and (words := pressing(text)):
            yield Finding("urgency_misleading", path, {"words": words})


def pressing(text: str) -> str:
    """Return the words of ``text`` that press people, or ''."""
    if not PRESSURE.search(text):
        return ""
    match = PRESSURE.search(CALM.sub(" ", text))
    return match[0].strip() if match else ""
