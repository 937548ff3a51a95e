"""The ``{{…}}`` of a template: where they stand, what they are called, and what they ask a broadcast to supply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from templates_approval import components as reading

TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
# WhatsApp takes lower-case letters and underscores; it also takes digits after the first sign.
NAMED = re.compile(r"[a-z][a-z0-9_]*\Z")
POSITIONAL = re.compile(r"[1-9][0-9]{0,2}\Z")
COUPON = "coupon_code"
# What ends the address of a person's own page. Each message brings it along: no business supplies it, and no variable
# of a template can be called like this.
OWN_PAGE = "own.page"
# Where nobody in particular reads (a preview, a test) it ends like this: the page then asks whose it should be.
DEFAULTS = {OWN_PAGE: "mine"}
# A header of a place has no braces; what WhatsApp needs when it is sent is asked for under these names.
PLACE = ("location.latitude", "location.longitude", "location.name", "location.address")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One ``{{name}}``, with its place in the text."""

    name: str
    start: int
    end: int

    @property
    def is_positional(self) -> bool:
        return POSITIONAL.match(self.name) is not None

    @property
    def is_named(self) -> bool:
        return NAMED.match(self.name) is not None


def find(text: str) -> list[Placeholder]:
    """Return the well-formed ``{{…}}`` of ``text`` in order; what is inside them may still be a wrong name."""
    if "{" not in text:
        return []
    return [Placeholder(match[1].strip(), match.start(), match.end()) for match in TOKEN.finditer(text)]


def is_balanced(text: str) -> bool:
    """Say whether all doubled braces of ``text`` belong to a placeholder."""
    rest = TOKEN.sub("", text)
    # One sign is looked for sooner than two.
    return not ("{" in rest or "}" in rest) or ("{{" not in rest and "}}" not in rest)


def without(text: str) -> str:
    """Return ``text`` with each placeholder replaced by one space."""
    return TOKEN.sub(" ", text) if "{" in text else text


def key(part: str, name: str) -> str:
    """Return what a broadcast calls the variable ``name`` of ``part``.

    A named variable and a number in the body keep their name. Header, buttons and cards count from ``{{1}}`` on their
    own, so that their numbers get the part in front: ``header.1``, ``button.0.1``, ``card.2.1``, ``card.2.button.0.1``.
    """
    return f"{part}.{name}" if part != "body" and POSITIONAL.match(name) else name


def is_own_page(url: str) -> bool:
    """Say whether a button's address is that of the reader's own page: ``PUBLIC_URL/p/{{1}}``."""
    if not url.startswith(f"{settings.PUBLIC_URL}/p/"):
        return False
    found = find(url)
    return len(found) == 1 and url[: found[0].start] == f"{settings.PUBLIC_URL}/p/" and found[0].end == len(url)


def button_key(index: int, url: str, name: str, *, card: str = "") -> str:
    """As ``key``, for the variable ``name`` in the address of the button at ``index``, in ``card.2.`` for instance."""
    return OWN_PAGE if is_own_page(url) else key(f"{card}button.{index}", name)


def slots(message: reading.Message) -> Iterator[tuple[str, str]]:
    """Yield ``(key, example)`` for each variable of ``message`` as often as it is used, in reading order."""
    if message.header is not None:
        yield from _slots_of("header", message.header)
    if message.body is not None:
        yield from _slots_of("body", message.body)
    yield from _slots_of_buttons("", message.buttons)
    for index, card in enumerate(message.cards):
        if card.body is not None:
            yield from _slots_of(f"card.{index}", card.body)
        yield from _slots_of_buttons(f"card.{index}.", card.buttons)


def _slots_of(part: str, text: reading.Text) -> Iterator[tuple[str, str]]:
    if text.format == reading.LOCATION:
        yield from ((name, "") for name in PLACE)
    for placeholder in find(text.text):
        yield key(part, placeholder.name), text.examples.get(placeholder.name, "")


def _slots_of_buttons(card: str, buttons: tuple[reading.Button, ...]) -> Iterator[tuple[str, str]]:
    for index, button in enumerate(buttons):
        if button.kind == reading.COPY_CODE:
            yield COUPON, button.example
        for placeholder in find(button.url) if not is_own_page(button.url) else ():
            yield button_key(index, button.url, placeholder.name, card=card), _tail(button, placeholder)


def _tail(button: reading.Button, placeholder: Placeholder) -> str:
    """Return the example of a URL's variable: clients give the whole address, or only the end that is appended."""
    return button.example.removeprefix(button.url[: placeholder.start])


def variables(components: Any) -> list[str]:
    """Return the variables that ``components`` ask a broadcast to supply, each once, in reading order."""
    return list(examples(components))


def examples(components: Any) -> dict[str, str]:
    """Return ``{variable: example}`` in reading order; an empty example is a missing one."""
    found: dict[str, str] = {}
    for name, example in slots(reading.read(components)):
        found[name] = found.get(name) or example
    return found
