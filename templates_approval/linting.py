"""Looks through files of templates, as clients post them to WhatsApp, and says what the rules find in each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from templates_approval import components as reading
from templates_approval import rules
from templates_approval.rules import Finding


@dataclass(frozen=True, slots=True)
class Linted:
    """One file and what is to be said about it; nothing when it is fine."""

    path: str
    findings: list[Finding]

    @property
    def n_errors(self) -> int:
        return len(rules.errors(self.findings))


def files(path: Path) -> list[Path]:
    """Return ``path`` itself, or the JSON files of a folder and of those inside it, in the order of their names."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*.json") if file.is_file())


def lint(path: Path, *, profile: str, asks: rules.Policy) -> Linted:
    """Read one file and check it. Whatever the file holds, the answer is findings, never an exception."""
    return Linted(str(path), _findings(path, profile=profile, asks=asks))


def _findings(path: Path, *, profile: str, asks: rules.Policy) -> list[Finding]:
    try:
        with path.open("rb") as file:
            # One byte more than is allowed is enough to know that it is too much, be it 10 MB or a device.
            body = file.read(reading.MAX_JSON_BYTES + 1)
    except OSError as fault:
        return [Finding("not_readable", "", {"why": fault.strerror or str(fault)})]
    if len(body) > reading.MAX_JSON_BYTES:
        return [Finding("too_long", "", {"limit": reading.MAX_JSON_BYTES})]
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [Finding("not_utf8", "")]
    return findings_in(text, profile=profile, asks=asks)


def findings_in(text: str, *, profile: str, asks: rules.Policy) -> list[Finding]:
    """Return what is wrong with a template written as JSON; what is no JSON, or cannot be kept, is a finding too."""
    try:
        value = reading.parse_json(text)
    except reading.BadComponents as fault:
        params = {"limit": reading.MAX_JSON_BYTES, **(fault.params or {})}
        return [Finding(str(fault.code), fault.path, params)]
    return rules.check_request(value, profile=profile, asks=asks)


def lines(linted: Linted) -> Iterator[str]:
    """Yield the findings as a person reads them: what and where, then how to mend it."""
    for finding in linted.findings:
        place = f"{linted.path}: {finding.path}" if finding.path else linted.path
        yield f"{place}: {finding.severity} {finding.code} ({finding.source}): {finding.message}"
        yield f"    {finding.fix}"


def table() -> Iterator[str]:
    """Yield the rows of docs/rules.md: code, severity, source, what Meta answers, what is wrong, how to mend it."""
    for code, rule in rules.BOOK.items():
        told = str(rule.provider_code or "")
        message, fix = (_shown(text) for text in (rule.message, rule.fix))
        yield f"| `{code}` | {rule.severity} | {rule.source} | {told} | {message} | {fix} |"


def _shown(sentence: object) -> str:
    """Return a sentence of the book with its params as ``…``."""
    return re.sub(r"%\(\w+\)s", "…", str(sentence)).replace("%%", "%").replace("|", "\\|")
