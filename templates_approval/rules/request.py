"""WhatsApp's rules of what stands beside the components: name, language, category, the way variables are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from templates_approval import exchange, languages, placeholders
from templates_approval.rules.book import Finding
from templates_approval.rules.subject import AUTHENTICATION, MARKETING, UTILITY, Subject

NAME = re.compile(r"[a-z0-9_]{1,512}\Z")
SHOWN = 40
# How long WhatsApp tries to deliver, in seconds; -1 means 30 days where it may be said.
TTL_SECONDS = {MARKETING: (43_200, 2_592_000), UTILITY: (30, 43_200), AUTHENTICATION: (30, 900)}


def check(request: exchange.Request) -> Iterator[Finding]:
    """Yield what is wrong with a request, its components aside."""
    for fault in request.faults:
        yield Finding(fault.code, fault.path, fault.params)
    bad = {fault.path for fault in request.faults}
    if "" in bad:
        return
    if "name" not in bad and not NAME.match(request.name):
        yield Finding("name_wrong", "name", {"name": request.name[:SHOWN], "better": better_name(request.name)})
    if request.category not in TTL_SECONDS and "category" not in bad:
        yield Finding("category_unknown", "category", {"category": request.category[:SHOWN]})
    if request.parameter_format not in {"", exchange.POSITIONAL, exchange.NAMED}:
        yield Finding("parameter_format_unknown", "parameter_format", {"format": request.parameter_format[:SHOWN]})
    yield from _ttl(request.ttl_seconds, request.category)


def better_name(name: str) -> str:
    """Return a name that WhatsApp takes, as near to ``name`` as it can be."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:SHOWN] or "summer_sale_2"


def _ttl(value: Any, category: str) -> Iterator[Finding]:
    least, most = TTL_SECONDS.get(category, (30, 2_592_000))
    if value is None or (value == -1 and category != MARKETING):
        return
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        yield Finding("ttl_wrong", "message_send_ttl_seconds", {"least": least, "most": most})


def language(code: str) -> Iterator[Finding]:
    """Yield the finding about a language that WhatsApp does not know by this code."""
    if not languages.is_known(code):
        params = {"language": code[:20], "better": languages.nearest(code)}
        yield Finding("language_unknown", "language", params)


def formats(subject: Subject) -> Iterator[Finding]:
    """Header, body and cards use the one format that the template says; links count by numbers whatever it is."""
    if subject.parameter_format not in {exchange.POSITIONAL, exchange.NAMED}:
        return
    for message in subject.message.all:
        for _name, part in message.texts:
            for found in placeholders.find(part.text):
                wrong = found.is_named if subject.parameter_format == exchange.POSITIONAL else found.is_positional
                if wrong:
                    params = {"format": subject.parameter_format, "name": found.name[:SHOWN]}
                    yield Finding("parameter_format_wrong", f"{part.path}.text", params)
                    return
