"""What a rule of the book is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """``message`` and ``fix`` take the finding's params. ``source`` names WhatsApp's rule, or ``platform``.

    ``provider_code`` is what Meta answers when it refuses the same thing, as far as it is known.
    """

    severity: Severity
    message: str | Promise
    fix: str | Promise
    source: str = "WhatsApp"
    provider_code: int | None = None


def error(message: str | Promise, fix: str | Promise, source: str = "WhatsApp", code: int | None = None) -> Rule:
    return Rule(Severity.ERROR, message, fix, source, code)


def warning(message: str | Promise, fix: str | Promise, source: str = "WhatsApp", code: int | None = None) -> Rule:
    return Rule(Severity.WARNING, message, fix, source, code)
