"""Writes component JSON from plain words: what the composer and the gallery hand to the rules and the renderer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from templates_approval import components as reading
from templates_approval import offer, placeholders


def components(
    *,
    language: str,
    body: str,
    header: str = "",
    footer: str | None = None,
    examples: Mapping[str, str],
    link: tuple[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Write component JSON: header and footer when there are any, both reactions, then the link (label, address).

    ``examples`` are by the names of ``placeholders.key``. ``footer=None`` says how to stop in the language's own words.
    """
    words = offer.wording(language)
    parts: list[dict[str, Any]] = []
    if header:
        parts.append(
            {"type": reading.HEADER, "format": reading.TEXT, "text": header} | _example("header", header, examples)
        )
    parts.append({"type": reading.BODY, "text": body} | _example("body", body, examples))
    if footer is None:
        footer = words.footer
    if footer:
        parts.append({"type": reading.FOOTER, "text": footer})
    buttons: list[dict[str, Any]] = [
        {"type": reading.QUICK_REPLY, "text": words.interested},
        {"type": reading.QUICK_REPLY, "text": words.not_interested},
    ]
    if link is not None:
        buttons.append(_link(*link, index=len(buttons), examples=examples))
    parts.append({"type": reading.BUTTONS, "buttons": buttons})
    return parts


def _link(label: str, url: str, *, index: int, examples: Mapping[str, str]) -> dict[str, Any]:
    button: dict[str, Any] = {"type": reading.URL, "text": label, "url": url}
    found = placeholders.find(url)
    if found and (example := examples.get(placeholders.key(f"button.{index}", found[0].name))):
        button["example"] = [url[: found[0].start] + example]
    return button


def _example(part: str, text: str, examples: Mapping[str, str]) -> dict[str, Any]:
    """Return the example of one part in WhatsApp's shape: named, or flat (header) or doubled (body) when numbered."""
    names = list(dict.fromkeys(placeholder.name for placeholder in placeholders.find(text)))
    if not names:
        return {}
    if all(placeholders.POSITIONAL.match(name) for name in names):
        values = [examples.get(placeholders.key(part, name), "") for name in sorted(names, key=int)]
        return {"example": {f"{part}_text": values if part == "header" else [values]}}
    params = [{"param_name": name, "example": examples.get(name, "")} for name in names]
    return {"example": {f"{part}_text_named_params": params}}
