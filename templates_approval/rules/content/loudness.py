"""Capital letters all over, which people report as spam."""

from __future__ import annotations

import re
from collections.abc import Iterator

from templates_approval import offer, placeholders
from templates_approval.rules.book import Finding
from templates_approval.rules.subject import Subject

SHOUTING_LETTERS, SHOUTING_WORDS = 15, 3
SHOUTING_SHARE = 0.7
RUN_LETTERS = 20
WORD = re.compile(r"[^\W\d_]{2,}")
# Five words in capitals one after the other; lists of abbreviations have commas between them.
RUN = re.compile(r"(?:\b[^\W\d_a-zà-ÿ]{2,}\b[’'! ]+){4,}[^\W\d_a-zà-ÿ]{2,}\b")


def check(subject: Subject) -> Iterator[Finding]:
    for message in subject.message.all:
        for _name, part in message.texts:
            if shouts(part.text):
                yield Finding("shouting", f"{part.path}.text")


def shouts(text: str) -> bool:
    """Say whether most letters are capitals, or a whole sentence is."""
    if sum(map(str.isupper, text)) < SHOUTING_LETTERS * SHOUTING_SHARE:
        return False
    words = offer.STOP.sub("", placeholders.without(text))
    letters = [sign for sign in words if sign.isalpha()]
    capitals = sum(map(str.isupper, letters))
    if len(letters) >= SHOUTING_LETTERS and capitals >= SHOUTING_SHARE * len(letters):
        return len(WORD.findall(words)) >= SHOUTING_WORDS
    run = RUN.search(words) if capitals >= RUN_LETTERS else None
    return run is not None and sum(map(str.isalpha, run[0])) >= RUN_LETTERS
