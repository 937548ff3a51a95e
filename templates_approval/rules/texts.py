"""WhatsApp's limits of header, body and footer (reference: message templates, components)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from templates_approval import components as reading
from templates_approval import placeholders
from templates_approval.rules.book import Finding
from templates_approval.rules.subject import MARKETING, Subject

MAX_HEADER, MAX_BODY, MAX_FOOTER = 60, 1024, 60
# Unpublished by WhatsApp; the number that is quoted most often.
MAX_EMOJIS = 10

EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23f3]")
MARKUP = re.compile(r"[*_~`]")
BLANK_LINES = re.compile(r"\n\s*\n\s*\n")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what exceeds WhatsApp's limits in the message's own texts; cards have theirs in ``formats``."""
    message = subject.message
    if message.header is not None:
        yield from _header(message.header, subject)
    if message.body is not None:
        yield from _body(message.body, subject)
    elif not message.call_permission_path:
        yield Finding("body_missing", "components")
    # WhatsApp writes when a code expires itself.
    if message.footer is not None and not (subject.is_for_codes and "code_expiration_minutes" in message.footer.more):
        yield from _footer(message.footer, subject)


def _header(header: reading.Text, subject: Subject) -> Iterator[Finding]:
    if header.format != reading.TEXT:
        yield from sample(header)
        if header.format == reading.LOCATION and subject.is_for_codes:
            yield Finding("header_location_code", f"{header.path}.format")
        if header.format == "GIF" and subject.category != MARKETING:
            yield Finding("header_gif_category", f"{header.path}.format")
        return
    path, words = f"{header.path}.text", placeholders.without(header.text)
    if not header.text.strip():
        yield Finding("header_empty", path)
    if len(header.text) > MAX_HEADER:
        yield Finding("header_too_long", path, {"length": len(header.text), "limit": MAX_HEADER})
    if "\n" in header.text or "\r" in header.text:
        yield Finding("header_line_break", path)
    if MARKUP.search(words):
        yield Finding("header_markup", path)
    if EMOJI.search(header.text):
        yield Finding("header_emoji", path)
    if (count := len(placeholders.find(header.text))) > 1:
        yield Finding("header_variables", path, {"count": count})


def sample(header: reading.Text) -> Iterator[Finding]:
    """Yield the finding about a picture, film or document that came without a sample."""
    if header.format in reading.MEDIA and not header.sample.strip():
        yield Finding("header_sample_missing", f"{header.path}.example")


def _body(body: reading.Text, subject: Subject) -> Iterator[Finding]:
    path = f"{body.path}.text"
    if not body.text.strip():
        if not subject.is_for_codes:
            yield Finding("body_empty", path)
    elif len(body.text) > MAX_BODY:
        yield Finding("body_too_long", path, {"length": len(body.text), "limit": MAX_BODY})
    elif (length := length_filled(body, subject.fallbacks)) > MAX_BODY:
        yield Finding("body_too_long_filled", path, {"length": length, "limit": MAX_BODY})
    if BLANK_LINES.search(body.text):
        yield Finding("body_blank_lines", path)
    if (count := len(EMOJI.findall(body.text))) > MAX_EMOJIS:
        yield Finding("body_emojis", path, {"count": count, "limit": MAX_EMOJIS})


def length_filled(body: reading.Text, values: Mapping[str, object]) -> int:
    """Return the length of the body with the longer of example and value in each place."""
    length = len(body.text)
    for found in placeholders.find(body.text):
        value = max(body.examples.get(found.name, ""), str(values.get(found.name, "")), key=len)
        length += len(value) - (found.end - found.start)
    return length


def _footer(footer: reading.Text, subject: Subject) -> Iterator[Finding]:
    path = f"{footer.path}.text"
    if not footer.text.strip() and not subject.is_for_codes:
        yield Finding("footer_empty", path)
    if len(footer.text) > MAX_FOOTER:
        yield Finding("footer_too_long", path, {"length": len(footer.text), "limit": MAX_FOOTER})
    if "{{" in footer.text:
        yield Finding("footer_variable", path)
