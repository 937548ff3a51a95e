"""What a template may not say: ``check`` is pure and tells everything at once, each finding with its place and cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from templates_approval import components as reading
from templates_approval import exchange
from templates_approval.rules import buttons, content, formats, offers, policy, request, texts, variables
from templates_approval.rules.book import BOOK, Finding, Severity
from templates_approval.rules.content import Rejected
from templates_approval.rules.policy import Policy
from templates_approval.rules.subject import Subject

__all__ = ["BOOK", "Finding", "Policy", "Rejected", "Severity", "check", "check_request", "errors"]

WHATSAPP, PLATFORM = "whatsapp", "platform"
PROFILES = (WHATSAPP, PLATFORM)


def check(
    components: Any,
    *,
    category: str,
    language: str,
    fallbacks: Mapping[str, object],
    profile: str = PLATFORM,
    parameter_format: str = "",
    rejected: Sequence[Rejected] = (),
    asks: Policy | None = None,
) -> list[Finding]:
    """Return what is wrong with a template, errors first, each in reading order. Never raises for any JSON.

    ``profile="whatsapp"`` finds what the provider refuses, and says as advice what this installation would object to;
    ``"platform"`` is what submission asks for: offers also carry Interested, Not interested and a way to stop, and
    nothing that no channel carries. ``rejected`` are texts that may not come back; ``asks`` are the operator's lists.
    """
    subject = Subject(reading.read(components), category, language, fallbacks, parameter_format)
    return _sorted(_found(subject, profile=profile, rejected=rejected, asks=asks or policy.shipped()))


def check_request(
    value: Any,
    *,
    profile: str,
    rejected: Sequence[Rejected] = (),
    asks: Policy | None = None,
) -> list[Finding]:
    """Return what is wrong with a whole template as a client posts it; see ``check``."""
    asked = exchange.read(value)
    found = list(request.check(asked))
    if asked.components is not None:
        found += check(
            asked.components,
            category=asked.category,
            language=asked.language,
            fallbacks=asked.fallbacks,
            profile=profile,
            parameter_format=asked.parameter_format,
            rejected=rejected,
            asks=asks,
        )
    if any(finding.path in {"language", "category"} and finding.code.startswith("field_") for finding in found):
        # What is missing is one finding, not two.
        said = {finding.path for finding in found if finding.code.startswith("field_")}
        found = [finding for finding in found if finding.code.startswith("field_") or finding.path not in said]
    return _sorted(found)


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that stop a submission."""
    return [finding for finding in findings if finding.severity == Severity.ERROR]


def _sorted(findings: Any) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.severity != Severity.ERROR)


def _found(subject: Subject, *, profile: str, rejected: Sequence[Rejected], asks: Policy) -> Iterator[Finding]:
    for fault in subject.message.faults:
        # WhatsApp writes the words of templates for codes itself.
        if fault.code != "text_missing" or not subject.is_for_codes:
            yield Finding(fault.code, fault.path, fault.params)
    yield from request.language(subject.language)
    yield from request.formats(subject)
    yield from texts.check(subject)
    yield from buttons.check(subject)
    yield from formats.check(subject)
    yield from variables.check(subject)
    for finding in content.check(subject, policy=asks, rejected=rejected):
        is_ours = profile == WHATSAPP and BOOK[finding.code].source == "platform"
        yield replace(finding, is_advice=True) if is_ours else finding
    if profile == PLATFORM:
        yield from offers.check(subject)
        yield from variables.fallbacks(subject)
