"""The one renderer: the same words for the preview, the reviewer, the phone and the channel, and their safe HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from templates_approval import components as reading
from templates_approval import offer, placeholders

MAX_BODY = 1024
WHITESPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class RenderedHeader:
    """``format`` is ``TEXT`` or a kind of media, whose ``sample`` is the handle given with the template."""

    format: str
    text: str
    sample: str = ""

    def as_json(self) -> dict[str, str]:
        fields = {"format": self.format, "text": self.text, "sample": self.sample}
        return {name: value for name, value in fields.items() if value}

    @property
    def html(self) -> SafeString:
        """The header's words; WhatsApp shows no markup in headers."""
        return _marked(self.text)


@dataclass(frozen=True, slots=True)
class RenderedButton:
    """What one button says and does. ``payload`` is what comes back when a quick reply is pressed."""

    type: str
    text: str
    payload: str = ""
    url: str = ""
    phone: str = ""
    code: str = ""

    def as_json(self) -> dict[str, str]:
        fields = {name: getattr(self, name) for name in ("type", "text", "payload", "url", "phone", "code")}
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as one person reads it. ``unfilled`` names the variables that still stand there as ``{{name}}``."""

    header: RenderedHeader | None
    body: str
    footer: str
    buttons: tuple[RenderedButton, ...]
    unfilled: tuple[str, ...] = ()

    @property
    def body_html(self) -> SafeString:
        return to_html(self.body)

    @property
    def footer_html(self) -> SafeString:
        return _marked(self.footer)

    @property
    def is_too_long(self) -> bool:
        """The filled body is longer than WhatsApp delivers (rule V12)."""
        return len(self.body) > MAX_BODY

    def as_json(self) -> dict[str, Any]:
        """Return the message as channels and phones carry it: ``{"header", "body", "footer", "buttons"}``."""
        return {
            "header": self.header and self.header.as_json(),
            "body": self.body,
            "footer": self.footer,
            "buttons": [button.as_json() for button in self.buttons],
        }


@dataclass(frozen=True)
class Prepared:
    """A template read once and filled many times: lists of literal words and of variables' keys, in turns."""

    message: reading.Message
    fallbacks: Mapping[str, object]
    header: tuple[str, ...]
    body: tuple[str, ...]
    urls: tuple[tuple[str, ...], ...]

    @cached_property
    def fixed_buttons(self) -> list[dict[str, str] | None]:
        """The buttons that are the same for everybody, as JSON; None stands for one that a variable changes."""
        nobody = _Filling({}, {})
        return [
            None
            if button.kind == reading.COPY_CODE or (button.kind == reading.URL and len(self.urls[index]) > 1)
            else self._button(button, index, nobody).as_json()
            for index, button in enumerate(self.message.buttons)
        ]

    def content(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Return ``render(values).as_json()``, for very many people: what no variable changes is made once."""
        fill = _Filling(values, self.fallbacks)
        source = self.message.header
        return {
            "header": RenderedHeader(source.format, fill(self.header), source.sample).as_json() if source else None,
            "body": fill(self.body),
            "footer": self.message.footer.text if self.message.footer else "",
            "buttons": [
                fixed or self._button(self.message.buttons[index], index, fill).as_json()
                for index, fixed in enumerate(self.fixed_buttons)
            ],
        }

    def render(self, values: Mapping[str, object]) -> Rendered:
        """Fill the variables with ``values``, else with the fallbacks; what has neither stays visible."""
        fill = _Filling(values, self.fallbacks)
        source = self.message.header
        header = RenderedHeader(source.format, fill(self.header), source.sample) if source else None
        body = fill(self.body)
        buttons = tuple(self._button(button, index, fill) for index, button in enumerate(self.message.buttons))
        footer = self.message.footer.text if self.message.footer else ""
        return Rendered(header, body, footer, buttons, tuple(dict.fromkeys(fill.unfilled)))

    def _button(self, button: reading.Button, index: int, fill: _Filling) -> RenderedButton:
        match button.kind:
            case reading.QUICK_REPLY:
                return RenderedButton(button.kind, button.text, payload=offer.reaction(button.text) or f"reply_{index}")
            case reading.URL:
                return RenderedButton(button.kind, button.text, url=fill(self.urls[index], encode=True))
            case reading.PHONE_NUMBER:
                return RenderedButton(button.kind, button.text, phone=button.phone)
            case _:
                return RenderedButton(button.kind, button.text, code=fill(("", placeholders.COUPON)))


def prepare(components: Any, *, fallbacks: Mapping[str, object]) -> Prepared:
    """Read ``components`` for many renderings. Never fails; what cannot be read is left out."""
    message = reading.read(components)
    return Prepared(
        message=message,
        fallbacks=fallbacks,
        header=_cut(message.header.text if message.header else "", partial(placeholders.key, "header")),
        body=_cut(message.body.text if message.body else "", partial(placeholders.key, "body")),
        urls=tuple(
            _cut(button.url, partial(placeholders.button_key, index, button.url))
            for index, button in enumerate(message.buttons)
        ),
    )


def render(components: Any, values: Mapping[str, object], *, fallbacks: Mapping[str, object]) -> Rendered:
    """Return the message that ``components`` make with ``values``; see ``Prepared.render``."""
    return prepare(components, fallbacks=fallbacks).render(values)


def missing(components: Any, values: Mapping[str, object], fallbacks: Mapping[str, object]) -> list[str]:
    """Return the variables that have neither a value nor a fallback, in reading order."""
    return [
        name
        for name in placeholders.variables(components)
        if not clean(values.get(name)) and not clean(fallbacks.get(name))
    ]


def clean(value: object) -> str:
    """Return ``value`` as WhatsApp takes it: no line break, no tab, no run of spaces (rule V11)."""
    return "" if value is None else WHITESPACE.sub(" ", str(value)).strip()


def _cut(text: str, key_of: Callable[[str], str]) -> tuple[str, ...]:
    """Cut ``text`` into ``(words, key, words, key, …, words)``; ``key_of`` says what a variable of it is called."""
    pieces: list[str] = []
    end = 0
    for placeholder in placeholders.find(text):
        pieces += [text[end : placeholder.start], key_of(placeholder.name)]
        end = placeholder.end
    return (*pieces, text[end:])


class _Filling:
    """Puts one person's values into the cut texts and remembers what was missing."""

    def __init__(self, values: Mapping[str, object], fallbacks: Mapping[str, object]) -> None:
        self.values = values
        self.fallbacks = fallbacks
        self.unfilled: list[str] = []

    def __call__(self, pieces: tuple[str, ...], *, encode: bool = False) -> str:
        if len(pieces) == 1:
            return pieces[0]
        words = list(pieces)
        for position in range(1, len(words), 2):
            words[position] = self._value(words[position], encode=encode)
        return "".join(words)

    def _value(self, name: str, *, encode: bool) -> str:
        value = clean(self.values.get(name)) or clean(self.fallbacks.get(name)) or placeholders.DEFAULTS.get(name, "")
        if not value:
            self.unfilled.append(name)
            return "{{" + name + "}}"
        return quote(value, safe="") if encode else value


# --- WhatsApp's markup -------------------------------------------------------------------------

MONOSPACE = re.compile(r"```(.+?)```|`([^`\n]+)`", re.DOTALL)
# A mark opens after a space or a sign and before a letter, and closes the other way round, within one line.
EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])(?P<strong>[^*\n]*[^\s*])\*(?![\w*])"
    r"|(?<![\w])_(?=[^\s_])(?P<em>[^_\n]*[^\s_])_(?![\w])"
    r"|(?<![\w~])~(?=[^\s~])(?P<s>[^~\n]*[^\s~])~(?![\w~])"
)


def to_html(text: str) -> SafeString:
    """Return ``text`` as escaped HTML: ``*bold*``, ``_italic_``, ``~strike~``, code, line breaks, unfilled variables.

    Whatever a business or a contact's data wrote is escaped; the only tags are the ones made here, properly nested.
    """
    return mark_safe("".join(_blocks(text)).replace("\n", "<br>"))  # noqa: S308 (every leaf went through escape)


def _blocks(text: str) -> Iterator[str]:
    end = 0
    for match in MONOSPACE.finditer(text):
        yield _emphasised(text[end : match.start()])
        yield f"<code>{_marked(match[1] or match[2])}</code>"
        end = match.end()
    yield _emphasised(text[end:])


def _emphasised(text: str) -> str:
    html: list[str] = []
    end = 0
    # Underscores of variables' names are no markup: the braces are blotted out where marks are looked for.
    for match in EMPHASIS.finditer(placeholders.TOKEN.sub(_blot, text)):
        tag = match.lastgroup or ""
        inner = text[match.start(tag) : match.end(tag)]
        html += [_marked(text[end : match.start()]), f"<{tag}>", _emphasised(inner), f"</{tag}>"]
        end = match.end()
    html.append(_marked(text[end:]))
    return "".join(html)


def _blot(match: re.Match[str]) -> str:
    return "." * len(match[0])


def _marked(text: str) -> SafeString:
    """Escape ``text`` and mark the variables that nobody filled."""
    html: list[str] = []
    end = 0
    for placeholder in placeholders.find(text):
        html.append(escape(text[end : placeholder.start]))
        html.append(f'<mark class="unfilled">{escape(text[placeholder.start : placeholder.end])}</mark>')
        end = placeholder.end
    html.append(escape(text[end:]))
    return mark_safe("".join(html))  # noqa: S308 (every leaf went through escape)
