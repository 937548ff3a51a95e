"""WhatsApp's rules of buttons: how many of each kind, in which order, what they say and where they lead."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from urllib.parse import urlsplit

from templates_approval import components as reading
from templates_approval import placeholders
from templates_approval.rules.book import Finding
from templates_approval.rules.subject import Subject

MAX_BUTTONS, MAX_URL_BUTTONS, MAX_LABEL, MAX_URL, MAX_PHONE = 10, 2, 25, 2000, 20
MAX_CODE = 20

PHONE = re.compile(r"\+?[1-9][0-9 ().-]{4,18}[0-9]\Z")
CODE = re.compile(r"[A-Za-z0-9]{1,20}\Z")
UNSAFE_IN_URL = " <>\"'\\"
LIMITED = (
    (reading.URL, "url_buttons_too_many", MAX_URL_BUTTONS),
    (reading.PHONE_NUMBER, "phone_buttons_too_many", 1),
    (reading.COPY_CODE, "code_buttons_too_many", 1),
)
ONCE = reading.BUTTON_KINDS - reading.CARRIED_BUTTONS


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the buttons of the message and of each card."""
    message = subject.message
    if message.buttons:
        yield from _counts(message.buttons, f"{message.buttons_path}.buttons")
    for part in message.all:
        yield from _labels(part.buttons)
        for button in part.buttons:
            yield from _target(button)


def _counts(buttons: tuple[reading.Button, ...], path: str) -> Iterator[Finding]:
    if len(buttons) > MAX_BUTTONS:
        yield Finding("buttons_too_many", path, {"count": len(buttons), "limit": MAX_BUTTONS})
    kinds = Counter(button.kind for button in buttons)
    for kind, code, limit in LIMITED:
        if kinds[kind] > limit:
            yield Finding(code, path, {"count": kinds[kind], "limit": limit})
    for kind in sorted(ONCE & kinds.keys()):
        if kinds[kind] > 1:
            yield Finding("special_buttons_too_many", path, {"count": kinds[kind], "type": kind})
    blocks = [is_reply for is_reply, _ in groupby(button.kind == reading.QUICK_REPLY for button in buttons)]
    if len(blocks) > 2:  # one block of quick replies, one of everything else
        yield Finding("buttons_interleaved", path)


def _labels(buttons: tuple[reading.Button, ...]) -> Iterator[Finding]:
    seen: set[str] = set()
    for button in buttons:
        path, label = f"{button.path}.text", button.text.strip()
        if button.kind in reading.OWN_LABEL and not button.text:
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
    elif button.kind == reading.PHONE_NUMBER and not is_phone(button.phone):
        yield Finding("phone_wrong", f"{button.path}.phone_number")
    elif button.kind == reading.COPY_CODE and button.example and not CODE.match(button.example):
        yield Finding("code_wrong", f"{button.path}.example", {"code": button.example[:40], "limit": MAX_CODE})


def is_phone(number: str) -> bool:
    return len(number) <= MAX_PHONE and PHONE.match(number) is not None


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
    if found and "://" in button.example and not is_web_address(_unlike(button.example, button.url[: found[0].start])):
        yield Finding("url_example_wrong", f"{button.path}.example")


def _unlike(example: str, start: str) -> str:
    """Return ``example`` without the long beginning that it shares with the address, which is looked at anyway."""
    return f"https://example.com/{example[len(start) :]}" if start and example.startswith(start) else example


def is_web_address(url: str) -> bool:
    """Say whether ``url`` is a whole http(s) address of a named site, with nothing hidden before an ``@``."""
    if not url.isprintable() or any(sign in url for sign in UNSAFE_IN_URL):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 (raises for a port that is no number)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "." in host.strip(".") and parts.username is None
