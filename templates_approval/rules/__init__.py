"""What a template may not say: ``check`` is pure and tells everything at once, each finding with its place and cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from templates_approval import components as reading
from templates_approval.rules import limits, platform, variables
from templates_approval.rules.book import BOOK, Finding, Severity

__all__ = ["BOOK", "Finding", "Severity", "check", "errors"]


def check(
    components: Any, *, category: str, language: str, fallbacks: Mapping[str, object], profile: str = "platform"
) -> list[Finding]:
    """Return what is wrong with a template, errors first, each in reading order.

    ``profile="whatsapp"`` applies WhatsApp's own rules only; ``"platform"`` adds those of this installation: offers
    carry Interested, Not interested and a way to stop, hide no link, and ask for no secret. Never raises for any JSON.
    """
    message = reading.read(components)
    findings = list(_found(message, category=category, language=language, fallbacks=fallbacks, profile=profile))
    return sorted(findings, key=lambda finding: finding.severity != Severity.ERROR)


def errors(findings: list[Finding]) -> list[Finding]:
    """Return the findings that stop a submission."""
    return [finding for finding in findings if finding.severity == Severity.ERROR]


def _found(
    message: reading.Message, *, category: str, language: str, fallbacks: Mapping[str, object], profile: str
) -> Iterator[Finding]:
    for fault in message.faults:
        yield Finding(fault.code, fault.path, fault.params)
    yield from limits.check(message, fallbacks=fallbacks)
    yield from variables.check(message, fallbacks=fallbacks)
    if profile == "platform":
        yield from platform.check(message, category=category, language=language)
