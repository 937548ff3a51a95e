"""Every rule in words: its stable code, how severe it is, what is wrong, how to mend it, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from templates_approval.rules.book.content import CONTENT
from templates_approval.rules.book.formats import FORMATS
from templates_approval.rules.book.limits import LIMITS
from templates_approval.rules.book.offers import OFFERS
from templates_approval.rules.book.rule import Rule, Severity
from templates_approval.rules.book.shape import SHAPE
from templates_approval.rules.book.variables import VARIABLES

__all__ = ["BOOK", "Finding", "Rule", "Severity", "from_json"]

BOOK: dict[str, Rule] = SHAPE | LIMITS | FORMATS | VARIABLES | CONTENT | OFFERS


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where (``components[1].text``, ``fallbacks.name``), and how to mend it.

    The sentences are made when they are read, so that author and reviewer each get them in their own language.
    ``is_advice`` makes a warning of an error of this installation where only the provider's own rules are asked.
    """

    code: str
    path: str
    params: Mapping[str, object] = field(default_factory=dict)
    is_advice: bool = False

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.is_advice else BOOK[self.code].severity

    @property
    def is_error(self) -> bool:
        return self.severity == Severity.ERROR

    @property
    def source(self) -> str:
        """The reference's rule (``V6``), ``WhatsApp``, or ``platform``."""
        return BOOK[self.code].source

    @property
    def message(self) -> str:
        return str(BOOK[self.code].message) % self.params

    @property
    def fix(self) -> str:
        return str(BOOK[self.code].fix) % self.params

    def as_json(self) -> dict[str, Any]:
        """Return what is stored with the version: the code and its params, not the sentence."""
        return {"code": self.code, "severity": str(self.severity), "path": self.path, "params": dict(self.params)}


def from_json(stored: Mapping[str, Any]) -> Finding | None:
    """Return the finding that ``as_json`` wrote, or None when its rule has left the book since."""
    code = stored.get("code", "")
    return Finding(code, stored.get("path", ""), stored.get("params", {})) if code in BOOK else None
