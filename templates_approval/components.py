"""WhatsApp's component JSON, read into typed parts and written again. Reading never fails: it reports faults."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

HEADER, BODY, FOOTER, BUTTONS = "HEADER", "BODY", "FOOTER", "BUTTONS"
CAROUSEL, LIMITED_TIME_OFFER = "CAROUSEL", "LIMITED_TIME_OFFER"
CALL_PERMISSION_REQUEST = "CALL_PERMISSION_REQUEST"
CARD_PARTS = frozenset({HEADER, BODY, BUTTONS})

QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE = "QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE"
# What the channels of this installation carry; the others are WhatsApp's own worlds: shops, forms, calls, codes.
CARRIED_BUTTONS = frozenset({QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE})
OTP = "OTP"
BUTTON_KINDS = CARRIED_BUTTONS | {
    *("VOICE_CALL", "FLOW", "CATALOG", "MPM", "SPM", OTP, "APP"),
    *(CALL_PERMISSION_REQUEST, "REQUEST_CONTACT_INFO"),
}
# WhatsApp labels these itself, or lets the author leave the label to it.
OWN_LABEL = frozenset({COPY_CODE, OTP, "VOICE_CALL", CALL_PERMISSION_REQUEST, "REQUEST_CONTACT_INFO"})

TEXT, LOCATION, PRODUCT = "TEXT", "LOCATION", "PRODUCT"
MEDIA = frozenset({"IMAGE", "VIDEO", "GIF", "DOCUMENT"})
HEADER_FORMATS = MEDIA | {TEXT, LOCATION, PRODUCT}

# The keys that clients write and read. Any other one is kept, and pointed out.
KEYS: Mapping[str, frozenset[str]] = {
    HEADER: frozenset({"type", "format", "text", "example"}),
    BODY: frozenset({"type", "text", "example", "add_security_recommendation"}),
    FOOTER: frozenset({"type", "text", "code_expiration_minutes"}),
    BUTTONS: frozenset({"type", "buttons"}),
    CAROUSEL: frozenset({"type", "cards"}),
    LIMITED_TIME_OFFER: frozenset({"type", "limited_time_offer"}),
    CALL_PERMISSION_REQUEST: frozenset({"type"}),
    QUICK_REPLY: frozenset({"type", "text"}),
    URL: frozenset({"type", "text", "url", "example", "app_deep_link"}),
    PHONE_NUMBER: frozenset({"type", "text", "phone_number"}),
    COPY_CODE: frozenset({"type", "text", "example"}),
}

# The largest legal template, ten cards with two links of 2,000 characters and their examples each, takes about 100 kB.
MAX_JSON_BYTES = 256_000
MAX_JSON_DEPTH = 20
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the JSON that cannot be read; ``code`` is one of ``rules.book``."""

    code: str
    path: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """A header, body or footer. ``examples`` are the sample values by the name inside the braces.

    ``more`` holds what else its component said, so that it is written again as it came.
    """

    text: str
    path: str
    format: str = TEXT
    examples: Mapping[str, str] = field(default_factory=dict)
    n_examples: int = 0
    sample: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Button:
    """One button; which of the fields are filled depends on ``kind``."""

    kind: str
    text: str
    path: str
    url: str = ""
    phone: str = ""
    example: str = ""
    n_examples: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The line of a limited-time offer; ``has_expiration`` shows a timer beside it. None: not said."""

    text: str
    path: str
    has_expiration: bool | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A whole template as far as it could be read, or one card of its carousel."""

    header: Text | None = None
    body: Text | None = None
    footer: Text | None = None
    buttons: tuple[Button, ...] = ()
    faults: tuple[Fault, ...] = ()
    path: str = "components"
    deadline: Deadline | None = None
    cards: tuple[Message, ...] = ()
    # Where the components stand that have no text of their own; "" when there is none.
    buttons_path: str = ""
    carousel_path: str = ""
    call_permission_path: str = ""

    @property
    def texts(self) -> Iterator[tuple[str, Text]]:
        """The parts that carry words, with their names, in reading order; cards have their own."""
        for name, part in (("header", self.header), ("body", self.body), ("footer", self.footer)):
            if part is not None:
                yield name, part

    @property
    def all(self) -> Iterator[Message]:
        """The message itself, then its cards."""
        yield self
        yield from self.cards


# --- JSON that can be kept -----------------------------------------------------------------------

UNSTORABLE_JSON = _("This JSON holds a number or a nesting that cannot be stored.")
TOO_LONG = _("This is longer than any template can be. Paste the components only.")
TOO_DEEP = _("This JSON is nested too deeply.")
UNSTORABLE_TEXT = _("The text holds a character that cannot be stored. Type it again by hand.")


class BadComponents(ValidationError):
    """The text is not component JSON that can be stored. ``path`` says where, as far as that is known."""

    def __init__(self, message: Any, code: str, params: dict[str, Any] | None = None, path: str = "") -> None:
        super().__init__(message, code=code, params=params)
        self.path = path


def parse(text: str) -> list[Any]:
    """Return the components written in ``text``: a list, or WhatsApp's whole request with a ``components`` key.

    Raises ``BadComponents`` with a sentence that says how to mend it.
    """
    value = parse_json(text)
    if isinstance(value, dict) and "components" in value:
        value = value["components"]
    if not isinstance(value, list):
        raise BadComponents(_("Write a list of components: [{“type”: “BODY”, …}, …]."), code="not_a_list")
    return value


def parse_json(text: str) -> Any:
    """Return what is written in ``text``, if PostgreSQL would give it back unchanged. Raises ``BadComponents``."""
    if len(text.encode(errors="replace")) > MAX_JSON_BYTES:
        raise BadComponents(TOO_LONG, code="too_long")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise BadComponents(
            _("This is not JSON: look at line %(line)s, column %(column)s."),
            code="not_json",
            params={"line": error.lineno, "column": error.colno},
        ) from error
    except RecursionError as error:
        raise BadComponents(TOO_DEEP, code="too_deep") from error
    except ValueError as error:
        raise BadComponents(UNSTORABLE_JSON, code="unstorable_json") from error
    ensure_storable(value)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadComponents(
                _("“%(name)s” stands twice in the same object."), code="key_twice", params={"name": name[:40]}
            )
        found[name] = value
    return found


def ensure_storable(value: object, path: str = "", depth: int = 0) -> None:
    """Raise ``BadComponents`` for what PostgreSQL's jsonb cannot hold and give back unchanged."""
    if depth > MAX_JSON_DEPTH:
        raise BadComponents(TOO_DEEP, code="too_deep", path=path)
    match value:
        case str() if UNSTORABLE.search(value):
            raise BadComponents(UNSTORABLE_TEXT, code="bad_text", path=path)
        case float() if not math.isfinite(value):
            raise BadComponents(UNSTORABLE_JSON, code="unstorable_json", path=path)
        case dict():
            for name, item in value.items():
                ensure_storable(name, path, depth + 1)
                ensure_storable(item, f"{path}.{name}" if path else str(name), depth + 1)
        case list() | tuple():
            for index, item in enumerate(value):
                ensure_storable(item, f"{path}[{index}]", depth + 1)


def ensure_short(value: object) -> None:
    """Raise ``BadComponents`` for JSON that is longer than any template can be; it can be stored otherwise."""
    if len(json.dumps(value, ensure_ascii=False).encode()) > MAX_JSON_BYTES:
        raise BadComponents(TOO_LONG, code="too_long")


# --- Reading -------------------------------------------------------------------------------------


def read(components: Any) -> Message:
    """Read ``components`` into typed parts; whatever is unknown, doubled or of the wrong type becomes a fault."""
    if not isinstance(components, list):
        return Message(faults=(Fault("not_a_list", "components"),))
    return _Reader("components").read(components)


class _Reader:
    """Collects the parts of one template, or of one card, and the faults met on the way."""

    def __init__(self, path: str, *, is_card: bool = False) -> None:
        self.path = path
        self.is_card = is_card
        self.parts: dict[str, Text] = {}
        self.paths: dict[str, str] = {}
        self.buttons: tuple[Button, ...] = ()
        self.cards: tuple[Message, ...] = ()
        self.deadline: Deadline | None = None
        self.faults: list[Fault] = []

    def read(self, components: list[Any]) -> Message:
        for index, component in enumerate(components):
            self._take(component, f"{self.path}[{index}]")
        return Message(
            header=self.parts.get(HEADER),
            body=self.parts.get(BODY),
            footer=self.parts.get(FOOTER),
            buttons=self.buttons,
            faults=tuple(self.faults),
            path=self.path,
            deadline=self.deadline,
            cards=self.cards,
            buttons_path=self.paths.get(BUTTONS, ""),
            carousel_path=self.paths.get(CAROUSEL, ""),
            call_permission_path=self.paths.get(CALL_PERMISSION_REQUEST, ""),
        )

    def fault(self, code: str, path: str, **params: object) -> None:
        self.faults.append(Fault(code, path, params))

    def _take(self, component: object, path: str) -> None:
        if not isinstance(component, dict):
            return self.fault("component_shape", path)
        kind = word(component.get("type"))
        if kind not in KEYS or kind in CARRIED_BUTTONS:
            return self.fault("component_unknown", f"{path}.type", type=kind[:40])
        if self.is_card and kind not in CARD_PARTS:
            return self.fault("card_component", path, type=kind)
        if kind in self.paths:
            return self.fault("component_twice", path, type=kind)
        self.paths[kind] = path
        self._note_unknown_keys(component, kind, path)
        match kind:
            case "BUTTONS":
                self.buttons = tuple(self._read_buttons(component, path))
            case "CAROUSEL":
                self.cards = tuple(self._read_cards(component, path))
            case "LIMITED_TIME_OFFER":
                self.deadline = self._read_deadline(component, path)
            case "HEADER" | "BODY" | "FOOTER":
                self.parts[kind] = self._read_text(kind, component, path)
        return None

    def _note_unknown_keys(self, source: dict[str, Any], kind: str, path: str) -> None:
        for name in source:
            if name not in KEYS.get(kind, source):
                self.fault("key_unknown", f"{path}.{name[:40]}", name=name[:40])

    # --- Texts -----------------------------------------------------------------------------------

    def _read_text(self, kind: str, component: dict[str, Any], path: str) -> Text:
        format_ = (word(component.get("format")) or TEXT) if kind == HEADER else TEXT
        if format_ not in HEADER_FORMATS:
            self.fault("header_format_unknown", f"{path}.format", format=format_[:40])
            format_ = TEXT
        example = component.get("example")
        if format_ != TEXT:
            return self._read_sample(format_, component, path)
        examples, n_examples = self._read_examples(kind.lower(), example, f"{path}.example")
        more = {name: value for name, value in component.items() if name not in {"type", "format", "text", "example"}}
        return Text(self._string(component, "text", path), path, format_, examples, n_examples, more=more)

    def _read_sample(self, format_: str, component: dict[str, Any], path: str) -> Text:
        example = component.get("example")
        handles = example.get("header_handle") if isinstance(example, dict) else None
        if handles is not None and not (isinstance(handles, list) and all(isinstance(one, str) for one in handles)):
            self.fault("example_shape", f"{path}.example.header_handle")
        elif example is not None and not isinstance(example, dict):
            self.fault("example_shape", f"{path}.example")
        more = {name: value for name, value in component.items() if name not in {"type", "format", "example"}}
        return Text("", path, format_, sample=_first(handles), more=more)

    def _read_examples(self, part: str, example: object, path: str) -> tuple[dict[str, str], int]:
        """Return the examples by name and how many there were; numbers count as the names ``1``, ``2`` …"""
        if example is None:
            return {}, 0
        if not isinstance(example, dict):
            self.fault("example_shape", path)
            return {}, 0
        named = example.get(f"{part}_text_named_params")
        if named is not None:
            return self._read_named(named, f"{path}.{part}_text_named_params")
        values = example.get(f"{part}_text")
        # The body's examples are a list of lists (one inner list is enough), the header's a flat list.
        if part == "body" and isinstance(values, list) and values and isinstance(values[0], list):
            values = values[0]
        if values is None:
            return {}, 0
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            self.fault("example_shape", f"{path}.{part}_text")
            return {}, 0
        return {str(position): value for position, value in enumerate(values, start=1)}, len(values)

    def _read_named(self, params: object, path: str) -> tuple[dict[str, str], int]:
        found: dict[str, str] = {}
        for index, param in enumerate(params if isinstance(params, list) else [None]):
            name, value = (param.get("param_name"), param.get("example")) if isinstance(param, dict) else (None, None)
            if not isinstance(name, str) or not isinstance(value, str):
                self.fault("example_shape", f"{path}[{index}]")
            elif name in found:
                self.fault("example_twice", f"{path}[{index}]", name=name[:40])
            else:
                found[name] = value
        return found, len(found)

    # --- Buttons ---------------------------------------------------------------------------------

    def _read_buttons(self, component: dict[str, Any], path: str) -> Iterator[Button]:
        buttons = component.get("buttons")
        if not isinstance(buttons, list):
            self.fault("component_shape", f"{path}.buttons")
            return
        if not buttons:
            self.fault("buttons_empty", f"{path}.buttons")
        for index, button in enumerate(buttons):
            read = self._read_button(button, f"{path}.buttons[{index}]")
            if read is not None:
                yield read

    def _read_button(self, button: object, path: str) -> Button | None:
        if not isinstance(button, dict):
            self.fault("component_shape", path)
            return None
        kind = word(button.get("type"))
        if kind not in BUTTON_KINDS:
            self.fault("button_unknown", f"{path}.type", type=kind[:40])
            return None
        self._note_unknown_keys(button, kind, path)
        example = button.get("example")
        if not _is_example(example):
            self.fault("example_shape", f"{path}.example")
        known = {"type", "text"} | ({"url", "example"} if kind == URL else {"example"} if kind == COPY_CODE else set())
        known |= {"phone_number"} if kind == PHONE_NUMBER else set()
        return Button(
            kind=kind,
            text=self._label(button, kind, path),
            path=path,
            url=self._string(button, "url", path) if kind == URL else "",
            phone=self._string(button, "phone_number", path) if kind == PHONE_NUMBER else "",
            example=example if isinstance(example, str) else _first(example),
            n_examples=len(example) if isinstance(example, list) else int(isinstance(example, str)),
            more={name: value for name, value in button.items() if name not in known},
        )

    def _label(self, button: dict[str, Any], kind: str, path: str) -> str:
        if kind == COPY_CODE:
            return ""
        if kind in OWN_LABEL and button.get("text") is None:
            return ""
        return self._string(button, "text", path)

    # --- Formats of their own --------------------------------------------------------------------

    def _read_deadline(self, component: dict[str, Any], path: str) -> Deadline:
        path = f"{path}.limited_time_offer"
        inner = component.get("limited_time_offer")
        if not isinstance(inner, dict):
            self.fault("component_shape", path)
            return Deadline("", path)
        timer = inner.get("has_expiration")
        if timer is not None and not isinstance(timer, bool):
            self.fault("component_shape", f"{path}.has_expiration")
            timer = None
        for name in inner.keys() - {"text", "has_expiration"}:
            self.fault("key_unknown", f"{path}.{name[:40]}", name=name[:40])
        return Deadline(self._string(inner, "text", path), path, timer)

    def _read_cards(self, component: dict[str, Any], path: str) -> Iterator[Message]:
        cards = component.get("cards")
        if not isinstance(cards, list):
            self.fault("component_shape", f"{path}.cards")
            return
        for index, card in enumerate(cards):
            here = f"{path}.cards[{index}]"
            inner = card.get("components") if isinstance(card, dict) else None
            if not isinstance(card, dict) or not isinstance(inner, list):
                self.fault("component_shape", here if not isinstance(card, dict) else f"{here}.components")
                continue
            for name in card.keys() - {"components", "card_index"}:
                self.fault("key_unknown", f"{here}.{name[:40]}", name=name[:40])
            read = _Reader(f"{here}.components", is_card=True).read(inner)
            self.faults += read.faults
            yield read

    def _string(self, source: dict[str, Any], name: str, path: str) -> str:
        value = source.get(name)
        if isinstance(value, str):
            return value
        self.fault("text_missing" if value is None else "component_shape", f"{path}.{name}")
        return ""


def word(value: object) -> str:
    """Return a type, format or category as WhatsApp writes it; clients write it in small letters, too."""
    return value.upper() if isinstance(value, str) else ""


def _first(value: object) -> str:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else ""


def _is_example(value: object) -> bool:
    return (
        value is None
        or isinstance(value, str)
        or (isinstance(value, list) and all(isinstance(one, str) for one in value))
    )


# --- Writing -------------------------------------------------------------------------------------


def write(message: Message) -> list[dict[str, Any]]:
    """Write ``message`` as WhatsApp's clients do: reading that again gives the same message.

    Components stand in WhatsApp's own order, types in capitals. What could not be read is not there any more.
    """
    parts: list[dict[str, Any]] = []
    if message.header is not None:
        parts.append(_written_header(message.header))
    if message.deadline is not None:
        parts.append(_written_deadline(message.deadline))
    if message.body is not None:
        parts.append(_written_text(BODY, message.body))
    if message.footer is not None:
        parts.append(_written_text(FOOTER, message.footer))
    if message.buttons:
        parts.append({"type": BUTTONS, "buttons": [_written_button(button) for button in message.buttons]})
    if message.carousel_path:
        parts.append({"type": CAROUSEL, "cards": [{"components": write(card)} for card in message.cards]})
    if message.call_permission_path:
        parts.append({"type": CALL_PERMISSION_REQUEST})
    return parts


def _written_header(header: Text) -> dict[str, Any]:
    if header.format == TEXT:
        return {"type": HEADER, "format": TEXT} | _written_text(HEADER, header)
    sample = {"example": {"header_handle": [header.sample]}} if header.sample else {}
    return {"type": HEADER, "format": header.format, **sample, **header.more}


def _written_text(kind: str, part: Text) -> dict[str, Any]:
    words = {"text": part.text} if part.text else {}
    return {"type": kind, **words, **_written_examples(kind.lower(), part), **part.more}


def _written_examples(part: str, text: Text) -> dict[str, Any]:
    if not text.examples:
        return {}
    if text.n_examples and all(name.isdecimal() for name in text.examples):
        values = list(text.examples.values())
        return {"example": {f"{part}_text": [values] if part == "body" else values}}
    params = [{"param_name": name, "example": value} for name, value in text.examples.items()]
    return {"example": {f"{part}_text_named_params": params}}


def _written_deadline(deadline: Deadline) -> dict[str, Any]:
    timer = {} if deadline.has_expiration is None else {"has_expiration": deadline.has_expiration}
    return {"type": LIMITED_TIME_OFFER, "limited_time_offer": {"text": deadline.text, **timer}}


def _written_button(button: Button) -> dict[str, Any]:
    written: dict[str, Any] = {"type": button.kind}
    if button.text:
        written["text"] = button.text
    if button.kind == URL:
        written["url"] = button.url
    if button.kind == PHONE_NUMBER:
        written["phone_number"] = button.phone
    if button.example:
        written["example"] = button.example if button.kind == COPY_CODE else [button.example]
    return written | dict(button.more)
