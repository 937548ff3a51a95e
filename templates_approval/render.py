"""The one renderer: the same words for the preview, the reviewer, the phone and the channel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

from django.utils.safestring import SafeString

from templates_approval import components as reading
from templates_approval import markup, offer, placeholders

MAX_BODY, MAX_DEADLINE_BODY, MAX_CARD_BODY = 1024, 600, 160
WHITESPACE = re.compile(r"\s+")

# Templates of pages call it by this module's name.
to_html = markup.to_html


@dataclass(frozen=True, slots=True)
class RenderedHeader:
    """``format`` is ``TEXT``, ``LOCATION``, or a kind of media, whose ``sample`` is the handle given with the template.

    ``place`` is ``{"latitude", "longitude", "name", "address"}`` of a location.
    """

    format: str
    text: str
    sample: str = ""
    place: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        fields = {"format": self.format, "text": self.text, "sample": self.sample, "place": self.place}
        return {name: value for name, value in fields.items() if value}

    @property
    def html(self) -> SafeString:
        """The header's words; WhatsApp shows no markup in headers."""
        return markup.marked(self.text)


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
class RenderedDeadline:
    """The line of a limited-time offer. Its timer runs to the end of the broadcast's offer, which channels know."""

    text: str
    has_timer: bool

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "has_timer": self.has_timer}


@dataclass(frozen=True, slots=True)
class RenderedCard:
    """One card of a carousel."""

    header: RenderedHeader | None
    body: str
    buttons: tuple[RenderedButton, ...]

    @property
    def body_html(self) -> SafeString:
        return markup.to_html(self.body)

    def as_json(self) -> dict[str, Any]:
        return {
            "header": self.header and self.header.as_json(),
            "body": self.body,
            "buttons": [button.as_json() for button in self.buttons],
        }


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as one person reads it. ``unfilled`` names the variables that still stand there as ``{{name}}``."""

    header: RenderedHeader | None
    body: str
    footer: str
    buttons: tuple[RenderedButton, ...]
    unfilled: tuple[str, ...] = ()
    deadline: RenderedDeadline | None = None
    cards: tuple[RenderedCard, ...] = ()

    @property
    def body_html(self) -> SafeString:
        return markup.to_html(self.body)

    @property
    def footer_html(self) -> SafeString:
        return markup.marked(self.footer)

    @property
    def files(self) -> list[str]:
        """The web addresses of the pictures, films and documents, for whoever has to look at them."""
        headers = [self.header, *(card.header for card in self.cards)]
        samples = [header.sample for header in headers if header is not None]
        return list(dict.fromkeys(sample for sample in samples if sample.startswith(("https://", "http://"))))

    @property
    def is_too_long(self) -> bool:
        """A filled text is longer than WhatsApp delivers (rule V12)."""
        most = MAX_DEADLINE_BODY if self.deadline else MAX_BODY
        return len(self.body) > most or any(len(card.body) > MAX_CARD_BODY for card in self.cards)

    def as_json(self) -> dict[str, Any]:
        """Return the message as channels and phones carry it: ``{"header", "body", "footer", "buttons"}``.

        A limited-time offer adds ``deadline``, a carousel ``cards``.
        """
        message: dict[str, Any] = {
            "header": self.header and self.header.as_json(),
            "body": self.body,
            "footer": self.footer,
            "buttons": [button.as_json() for button in self.buttons],
        }
        if self.deadline is not None:
            message["deadline"] = self.deadline.as_json()
        if self.cards:
            message["cards"] = [card.as_json() for card in self.cards]
        return message


@dataclass(frozen=True)
class Prepared:
    """A template read once and filled many times: lists of literal words and of variables' keys, in turns.

    ``part`` is ``""`` for the message and ``card.0.`` for its first card, in front of the names of its variables.
    """

    message: reading.Message
    fallbacks: Mapping[str, object]
    header: tuple[str, ...]
    body: tuple[str, ...]
    urls: tuple[tuple[str, ...], ...]
    cards: tuple[Prepared, ...] = ()
    part: str = ""

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

    @cached_property
    def has_more(self) -> bool:
        """Whether there is anything beyond header, body, footer and buttons."""
        return bool(self.cards) or self.message.deadline is not None or self._is_place

    @property
    def _is_place(self) -> bool:
        return self.message.header is not None and self.message.header.format == reading.LOCATION

    def content(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Return ``render(values).as_json()``, for very many people: what no variable changes is made once."""
        if self.has_more:
            return self.render(values).as_json()
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
        header, body, buttons = self._filled(fill)
        deadline = self.message.deadline
        return Rendered(
            header=header,
            body=body,
            footer=self.message.footer.text if self.message.footer else "",
            buttons=buttons,
            cards=tuple(RenderedCard(*card._filled(fill)) for card in self.cards),
            deadline=RenderedDeadline(deadline.text, bool(deadline.has_expiration)) if deadline else None,
            unfilled=tuple(dict.fromkeys(fill.unfilled)),
        )

    def _filled(self, fill: _Filling) -> tuple[RenderedHeader | None, str, tuple[RenderedButton, ...]]:
        header = self._header(fill)
        body = fill(self.body)
        return header, body, tuple(self._button(button, n, fill) for n, button in enumerate(self.message.buttons))

    def _header(self, fill: _Filling) -> RenderedHeader | None:
        source = self.message.header
        if source is None:
            return None
        place = (
            {name.partition(".")[2]: fill(("", name, "")) for name in placeholders.PLACE} if self._is_place else None
        )
        return RenderedHeader(source.format, fill(self.header), source.sample, place)

    def _button(self, button: reading.Button, index: int, fill: _Filling) -> RenderedButton:
        match button.kind:
            case reading.QUICK_REPLY:
                payload = offer.reaction(button.text) or f"{self.part.replace('.', '_')}reply_{index}"
                return RenderedButton(button.kind, button.text, payload=payload)
            case reading.URL:
                return RenderedButton(button.kind, button.text, url=fill(self.urls[index], encode=True))
            case reading.PHONE_NUMBER:
                return RenderedButton(button.kind, button.text, phone=button.phone)
            case reading.COPY_CODE:
                return RenderedButton(button.kind, button.text, code=fill(("", placeholders.COUPON, "")))
            case _:
                return RenderedButton(button.kind, button.text)


def prepare(components: Any, *, fallbacks: Mapping[str, object]) -> Prepared:
    """Read ``components`` for many renderings. Never fails; what cannot be read is left out."""
    return _prepared(reading.read(components), fallbacks, part="")


def _prepared(message: reading.Message, fallbacks: Mapping[str, object], *, part: str) -> Prepared:
    return Prepared(
        message=message,
        fallbacks=fallbacks,
        header=_cut(message.header.text if message.header else "", partial(placeholders.key, "header")),
        body=_cut(message.body.text if message.body else "", partial(placeholders.key, part.rstrip(".") or "body")),
        urls=tuple(
            _cut(button.url, partial(placeholders.button_key, index, button.url, card=part))
            for index, button in enumerate(message.buttons)
        ),
        cards=tuple(_prepared(card, fallbacks, part=f"card.{n}.") for n, card in enumerate(message.cards)),
        part=part,
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


def too_long_for(
    components: Any, longest: Mapping[str, str], *, fallbacks: Mapping[str, object]
) -> tuple[int, int] | None:
    """Return ``(length, limit)`` of the first text that gets too long with the ``longest`` values, or None (rule V12).

    ``longest`` has for each variable the longest value that anybody in the audience has; nobody has longer ones, so
    that what fits with all of them fits everybody.
    """
    worst = {
        name: max(clean(longest.get(name)), clean(fallbacks.get(name)), key=len)
        for name in placeholders.variables(components)
    }
    rendered = render(components, worst, fallbacks=fallbacks)
    texts = [(len(rendered.body), MAX_DEADLINE_BODY if rendered.deadline else MAX_BODY)]
    texts += [(len(card.body), MAX_CARD_BODY) for card in rendered.cards]
    return next(((length, limit) for length, limit in texts if length > limit), None)


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
