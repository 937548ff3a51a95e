"""How pretended people live with their phones: by seed, so that the same phone does the same again.

A sandbox sender with a seed has phones that are switched off for a while, read, answer and write STOP by themselves, in
about the shares that offers meet; without one only whoever opens them does anything.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

INTERESTED, NOT_INTERESTED, STOP = "interested", "not_interested", "stop"
# In seconds: how soon a message reaches a phone, and how soon it is read there.
ARRIVES, READS = (0.0, 8.0), (2.0, 30.0)
# In a hundred: who reads, and what those do who read.
READERS = 60
ANSWERS = ((INTERESTED, 10), (NOT_INTERESTED, 5), (STOP, 2))


class Fate(NamedTuple):
    """What becomes of one message. ``answer`` is one of the words above, or '' for nothing."""

    arrives_after: timedelta
    reads_after: timedelta | None
    answer: str


AT_ONCE = Fate(timedelta(0), None, "")


def fate(settings: Mapping[str, Any], *, address: str) -> Fate:
    """Return what the phone at ``address`` does with each message of a sender with these settings."""
    seed = settings.get("seed")
    if seed is None:
        return AT_ONCE
    chance = random.Random(f"{seed}:{address}")  # noqa: S311 — no secret
    arrives = timedelta(seconds=chance.uniform(*ARRIVES))
    reads = timedelta(seconds=chance.uniform(*READS))
    if chance.randrange(100) >= READERS:
        return Fate(arrives, None, "")
    words = [word for word, share in ANSWERS for _one in range(share)]
    drawn = chance.randrange(100)
    return Fate(arrives, arrives + reads, words[drawn] if drawn < len(words) else "")
