"""A template that calls itself utility and promotes something: WhatsApp makes it marketing, at marketing's price."""

from __future__ import annotations

import re
from collections.abc import Iterator

from templates_approval.rules.book import Finding
from templates_approval.rules.policy import WordList
from templates_approval.rules.subject import UTILITY, Subject

PROMOTES, SERVICE = WordList("promotes.txt"), WordList("service.txt")
MINUS = re.compile(r"[-–−] ?\d{1,2} ?%")


def check(subject: Subject) -> Iterator[Finding]:
    if subject.category != UTILITY:
        return
    for path, text in subject.wordings:
        if path.endswith(".text") and (words := promoting(text)):
            yield Finding("category_drift", path, {"words": words})
            return


def promoting(text: str) -> str:
    """Return the words of ``text`` that promote, or ''."""
    rest = SERVICE.without(text)
    if found := PROMOTES.find(rest):
        return found
    match = MINUS.search(rest)
    return match[0].strip() if match else ""
