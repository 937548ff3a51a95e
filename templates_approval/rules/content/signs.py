"""Signs that nobody sees: zero-width ones, overrides of the direction, private ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from templates_approval.rules.book import Finding
from templates_approval.rules.subject import Subject

# Joiners inside emojis and scripts, and the plain marks of right-to-left scripts, are fine where they belong.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\ue000-\uf8ff\U000e0000-\U000e001f\U000f0000-\U0010ffff]"
)
# A joiner or a direction mark between two Latin letters joins nothing: it splits a word so that no filter reads it.
SPLIT = re.compile("(?<=[A-Za-z\u00c0-\u024f])[\u200c\u200d\u200e\u200f]+(?=[A-Za-z\u00c0-\u024f])")
# Tags spell flags of regions behind a black flag, and nothing else.
TAGS = re.compile("(?<!\U0001f3f4)(?<![\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+")


def check(subject: Subject) -> Iterator[Finding]:
    for path, text in subject.wordings:
        if sign := found(text):
            near = INVISIBLE.sub("", text[max(0, sign.start() - 12) : sign.end() + 12])
            yield Finding("sign_invisible", path, {"near": near})


def found(text: str) -> re.Match[str] | None:
    """Return the first sign that nobody sees and that does not belong where it stands."""
    if text.isascii() and text.isprintable():
        return None
    return INVISIBLE.search(text) or SPLIT.search(text) or TAGS.search(text)
