"""WhatsApp's limits of each component (reference: message templates, components)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from urllib.parse import urlsplit

from templates_approval import components as reading
from templates_approval import placeholders
from templates_approval.rules.book import Finding

MAX_HEADER, MAX_BODY, MAX_FOOTER = 60, 1024, 60
MAX_BUTTONS, MAX_URL_BUTTONS, MAX_LABEL, MAX_URL = 10, 2, 25, 2000
MAX_CODE = 20
# Unpublished by WhatsApp; the number that is quoted most often.
MAX_EMOJIS = 10

EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23f3]")
MARKUP = re.compile(r"[*_~`]")
BLANK_LINES = re.compile(r"\n\s*\n\s*\n")
PHONE = re.compile(r"\+?[1-9][0-9 ().-]{4,18}[0-9]\Z")
CODE = re.compile(r"[A-Za-z0-9]{1,20}\Z")


def check(message: reading.Message, *, fallbacks: Mapping[str, object]) -> Iterator[Finding]:
    """Yield what exceeds WhatsApp's limits."""
    if message.header is not None:
        yield from _header(message.header)
    yield from _body(message, fallbacks)
    if message.footer is not None:
        yield from _footer(message.footer)
    yield from _buttons(message)


def _header(header: reading.Text) -> Iterator[Finding]:
    if header.format != reading.TEXT:
        yield from _media(header)
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


def _media(header: reading.Text) -> Iterator[Finding]:
    if header.format in reading.MEDIA and not header.sample:
        yield Finding("header_sample_missing", f"{header.path}.example")
    # No channel of this installation carries media yet, and what is approved must be what is sent.
    yield Finding("header_not_carried", f"{header.path}.format", {"format": header.format})


def _body(message: reading.Message, fallbacks: Mapping[str, object]) -> Iterator[Finding]:
    body = message.body
    if body is None:
        yield Finding("body_missing", "components")
        return
    path = f"{body.path}.text"
    if not body.text.strip():
        yield Finding("body_empty", path)
    elif len(body.text) > MAX_BODY:
        yield Finding("body_too_long", path, {"length": len(body.text), "limit": MAX_BODY})
    elif (length := _length_filled(body, fallbacks)) > MAX_BODY:
        yield Finding("body_too_long_filled", path, {"length": length, "limit": MAX_BODY})
    if BLANK_LINES.search(body.text):
        yield Finding("body_blank_lines", path)
    if (count := len(EMOJI.findall(body.text))) > MAX_EMOJIS:
        yield Finding("body_emojis", path, {"count": count, "limit": MAX_EMOJIS})


def _length_filled(body: reading.Text, fallbacks: Mapping[str, object]) -> int:
    """Return the length of the body with the longer of example and fallback in each place."""
    length = len(body.text)
    for found in placeholders.find(body.text):
        value = max(body.examples.get(found.name, ""), str(fallbacks.get(found.name, "")), key=len)
        length += len(value) - (found.end - found.start)
    return length


def _footer(footer: reading.Text) -> Iterator[Finding]:
    path = f"{footer.path}.text"
    if not footer.text.strip():
        yield Finding("footer_empty", path)
    if len(footer.text) > MAX_FOOTER:
        yield Finding("footer_too_long", path, {"length": len(footer.text), "limit": MAX_FOOTER})
    if "{{" in footer.text:
        yield Finding("footer_variable", path)


def _buttons(message: reading.Message) -> Iterator[Finding]:
    buttons = message.buttons
    if not buttons:
        return
    path = buttons[0].path.rpartition("[")[0]
    if len(buttons) > MAX_BUTTONS:
        yield Finding("buttons_too_many", path, {"count": len(buttons), "limit": MAX_BUTTONS})
    kinds = Counter(button.kind for button in buttons)
    for kind, code, limit in (
        (reading.URL, "url_buttons_too_many", MAX_URL_BUTTONS),
        (reading.PHONE_NUMBER, "phone_buttons_too_many", 1),
        (reading.COPY_CODE, "code_buttons_too_many", 1),
    ):
        if kinds[kind] > limit:
            yield Finding(code, path, {"count": kinds[kind], "limit": limit})
    blocks = [is_reply for is_reply, _ in groupby(buttons, key=lambda button: button.kind == reading.QUICK_REPLY)]
    if len(blocks) > 2:  # one block of quick replies, one of everything else
        yield Finding("buttons_interleaved", path)
    yield from _labels(buttons)
    for button in buttons:
        yield from _target(button)


def _labels(buttons: tuple[reading.Button, ...]) -> Iterator[Finding]:
    seen: set[str] = set()
    for button in buttons:
        path, label = f"{button.path}.text", button.text.strip()
        if button.kind == reading.COPY_CODE:
            continue
        if not label:
            yield Finding("label_empty", path)
        elif label.casefold() in seen:
            yield Finding("label_twice", path, {"label": label[:MAX_LABEL]})
        if len(button.text) > MAX_LABEL:
            yield Finding("label_too_long", path, {"length": len(button.text), "limit": MAX_LABEL})
        if "{{" in label:
            yield Finding("label_variable", path)
        seen.add(label.casefold())


def _target(button: reading.Button) -> Iterator[Finding]:
    if button.kind == reading.URL:
        yield from _url(button)
    elif button.kind == reading.PHONE_NUMBER and not PHONE.match(button.phone):
        yield Finding("phone_wrong", f"{button.path}.phone_number")
    elif button.kind == reading.COPY_CODE and button.example and not CODE.match(button.example):
        yield Finding("code_wrong", f"{button.path}.example", {"code": button.example[:40], "limit": MAX_CODE})


def _url(button: reading.Button) -> Iterator[Finding]:
    path, found = f"{button.path}.url", placeholders.find(button.url)
    if len(button.url) > MAX_URL:
        yield Finding("url_too_long", path, {"length": len(button.url), "limit": MAX_URL})
    if not is_web_address(placeholders.TOKEN.sub("x", button.url)):
        yield Finding("url_not_web", path)
    if len(found) > 1:
        yield Finding("url_variables", path, {"count": len(found)})
    elif found and found[0].end != len(button.url):
        yield Finding("url_variable_not_last", path)
    if found and "/" not in button.url[: found[0].start].partition("://")[2]:
        yield Finding("url_variable_in_host", path)


def is_web_address(url: str) -> bool:
    """Say whether ``url`` is a whole http(s) address of a named site, with nothing hidden before an ``@``."""
    if re.search(r"[\s<>\"'\\\x00-\x1f]", url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 (raises for a port that is no number)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "." in host.strip(".") and parts.username is None
