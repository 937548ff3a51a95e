"""WhatsApp's component JSON, read into typed parts. Reading never fails: what it cannot use, it reports as a fault."""

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
# Known to WhatsApp, but not carried by this installation's channels.
NOT_CARRIED = frozenset({"CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST"})

QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE = "QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE"
BUTTON_KINDS = frozenset({QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE})
BUTTON_KINDS_NOT_CARRIED = frozenset(
    {"VOICE_CALL", "FLOW", "CATALOG", "MPM", "SPM", "OTP", "CALL_PERMISSION_REQUEST", "REQUEST_CONTACT_INFO"}
)

TEXT = "TEXT"
MEDIA = frozenset({"IMAGE", "VIDEO", "GIF", "DOCUMENT"})
HEADER_FORMATS = MEDIA | {TEXT, "LOCATION"}

# A template of legal size takes about 4 kB; this leaves room for indentation and unknown keys.
MAX_JSON_BYTES = 64_000
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
    """A header, body or footer. ``examples`` are the sample values by the name inside the braces."""

    text: str
    path: str
    format: str = TEXT
    examples: Mapping[str, str] = field(default_factory=dict)
    n_examples: int = 0
    sample: str = ""


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


@dataclass(frozen=True, slots=True)
class Message:
    """A whole template, as far as it could be read."""

    header: Text | None = None
    body: Text | None = None
    footer: Text | None = None
    buttons: tuple[Button, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def texts(self) -> Iterator[tuple[str, Text]]:
        """The parts that carry words, with their names, in reading order."""
        for name, part in (("header", self.header), ("body", self.body), ("footer", self.footer)):
            if part is not None:
                yield name, part


UNSTORABLE_JSON = _("This JSON holds a number or a nesting that cannot be stored.")
UNSTORABLE_TEXT = _("The text holds a character that cannot be stored. Type it again by hand.")


class BadComponents(ValidationError):
    """The text is not component JSON that can be stored."""


def parse(text: str) -> list[Any]:
    """Return the components written in ``text``: a list, or WhatsApp's whole request with a ``components`` key.

    Raises ``BadComponents`` with a sentence that says how to mend it.
    """
    if len(text.encode(errors="replace")) > MAX_JSON_BYTES:
        raise BadComponents(_("This is longer than any template can be. Paste the components only."), code="too_long")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise BadComponents(
            _("This is not JSON: look at line %(line)s, column %(column)s."),
            code="not_json",
            params={"line": error.lineno, "column": error.colno},
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadComponents(UNSTORABLE_JSON, code="not_json") from error
    if isinstance(value, dict) and "components" in value:
        value = value["components"]
    if not isinstance(value, list):
        raise BadComponents(_("Write a list of components: [{“type”: “BODY”, …}, …]."), code="not_a_list")
    ensure_storable(value)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def ensure_storable(value: object, depth: int = 0) -> None:
    """Raise ``BadComponents`` for what PostgreSQL's jsonb cannot hold and give back unchanged."""
    if depth > MAX_JSON_DEPTH:
        raise BadComponents(_("This JSON is nested too deeply."), code="too_deep")
    match value:
        case str() if UNSTORABLE.search(value):
            raise BadComponents(UNSTORABLE_TEXT, code="bad_text")
        case float() if not math.isfinite(value):
            raise BadComponents(UNSTORABLE_JSON, code="not_json")
        case dict():
            for name, item in value.items():
                ensure_storable(name, depth + 1)
                ensure_storable(item, depth + 1)
        case list() | tuple():
            for item in value:
                ensure_storable(item, depth + 1)


def read(components: Any) -> Message:
    """Read ``components`` into typed parts; whatever is unknown, doubled or of the wrong type becomes a fault."""
    if not isinstance(components, list):
        return Message(faults=(Fault("not_a_list", "components"),))
    reader = _Reader()
    for index, component in enumerate(components):
        reader.take(component, f"components[{index}]")
    return reader.message()


class _Reader:
    """Collects the parts of one template and the faults met on the way."""

    def __init__(self) -> None:
        self.parts: dict[str, Text] = {}
        self.buttons: list[Button] | None = None
        self.faults: list[Fault] = []

    def message(self) -> Message:
        return Message(
            header=self.parts.get(HEADER),
            body=self.parts.get(BODY),
            footer=self.parts.get(FOOTER),
            buttons=tuple(self.buttons or ()),
            faults=tuple(self.faults),
        )

    def fault(self, code: str, path: str, **params: object) -> None:
        self.faults.append(Fault(code, path, params))

    def take(self, component: object, path: str) -> None:
        if not isinstance(component, dict):
            return self.fault("component_shape", path)
        kind = _word(component.get("type"))
        if kind in self.parts or (kind == BUTTONS and self.buttons is not None):
            return self.fault("component_twice", path, type=kind)
        if kind == BUTTONS:
            self.buttons = list(self._read_buttons(component, path))
        elif kind in {HEADER, BODY, FOOTER}:
            self.parts[kind] = self._read_text(kind, component, path)
        elif kind in NOT_CARRIED:
            self.fault("component_not_carried", path, type=kind)
        else:
            self.fault("component_unknown", f"{path}.type", type=kind[:40])
        return None

    def _read_text(self, kind: str, component: dict[str, Any], path: str) -> Text:
        format_ = (_word(component.get("format")) or TEXT) if kind == HEADER else TEXT
        if format_ not in HEADER_FORMATS:
            self.fault("header_format_unknown", f"{path}.format", format=format_[:40])
            format_ = TEXT
        example = component.get("example")
        if format_ != TEXT:
            handles = example.get("header_handle") if isinstance(example, dict) else None
            return Text("", path, format_, sample=_first(handles))
        examples, n_examples = self._read_examples(kind.lower(), example, f"{path}.example")
        return Text(self._string(component, "text", path), path, format_, examples, n_examples)

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
        kind = _word(button.get("type"))
        if kind not in BUTTON_KINDS:
            code = "button_not_carried" if kind in BUTTON_KINDS_NOT_CARRIED else "button_unknown"
            self.fault(code, f"{path}.type", type=kind[:40])
            return None
        example = button.get("example")
        return Button(
            kind=kind,
            # WhatsApp labels the copy button itself.
            text="" if kind == COPY_CODE else self._string(button, "text", path),
            path=path,
            url=self._string(button, "url", path) if kind == URL else "",
            phone=self._string(button, "phone_number", path) if kind == PHONE_NUMBER else "",
            example=example if isinstance(example, str) else _first(example),
            n_examples=len(example) if isinstance(example, list) else int(isinstance(example, str)),
        )

    def _string(self, source: dict[str, Any], name: str, path: str) -> str:
        value = source.get(name)
        if isinstance(value, str):
            return value
        self.fault("text_missing" if value is None else "component_shape", f"{path}.{name}")
        return ""


def _word(value: object) -> str:
    return value.upper() if isinstance(value, str) else ""


def _first(value: object) -> str:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else ""
