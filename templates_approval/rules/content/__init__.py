"""What the words say: each rule in a module of its own, tried on texts in tests/templates_approval/corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from templates_approval.rules.book import Finding
from templates_approval.rules.content import drift, goods, links, loudness, pressure, sameness, secrets, signs, tongue
from templates_approval.rules.content.sameness import Rejected
from templates_approval.rules.policy import Policy
from templates_approval.rules.subject import Subject

__all__ = ["Rejected", "check"]

# So much of each text is read. The longest legal one is an address of 2,000 characters.
MAX_LETTERS = 4_096


def check(subject: Subject, *, policy: Policy, rejected: Sequence[Rejected]) -> Iterator[Finding]:
    """Yield what a reviewer, or WhatsApp's, would object to in the words."""
    # Whatever is longer is refused for its length: nobody's text keeps the others waiting.
    subject = subject.shortened(MAX_LETTERS)
    yield from secrets.check(subject)
    yield from links.check(subject, policy)
    yield from signs.check(subject)
    yield from loudness.check(subject)
    yield from pressure.check(subject)
    yield from tongue.check(subject)
    yield from goods.check(subject, policy)
    yield from drift.check(subject)
    yield from sameness.check(subject, rejected)
