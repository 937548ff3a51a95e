"""The rules of ``{{variables}}``: V1 to V13 of the reference, by their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from templates_approval import components as reading
from templates_approval import placeholders
from templates_approval.placeholders import Placeholder
from templates_approval.rules.book import Finding

# WhatsApp publishes no threshold; 2·n + 1 words for n variables is the rule of thumb of the field.
WORDS_PER_VARIABLE = 2
# V11; a tab, a line break or a longer run of spaces makes WhatsApp refuse the message itself.
UNUSABLE = re.compile(r"[\n\r\t]| {5,}")
FORBIDDEN_SIGNS = re.compile(r"[#$%]")
SHOWN = 40


def check(message: reading.Message, *, fallbacks: Mapping[str, object]) -> Iterator[Finding]:
    """Yield what is wrong with the variables, their examples and their fallbacks."""
    for name, part in message.texts:
        yield from _text(name, part)
    for button in message.buttons:
        yield from _button(button)
    yield from _formats(message)
    yield from _fallbacks(message, fallbacks)


def _text(name: str, part: reading.Text) -> Iterator[Finding]:
    path, found = f"{part.path}.text", placeholders.find(part.text)
    if not placeholders.is_balanced(part.text):
        yield Finding("variable_syntax", path)
    # A variable in the footer is one finding, not five.
    if not found or name == "footer":
        return
    yield from _names(found, path)
    yield from _numbers(found, path)
    yield from _places(part.text, found, path)
    if name == "body":
        yield from _words(part.text, found, path)
    yield from _examples(part, found)


def _names(found: list[Placeholder], path: str) -> Iterator[Finding]:
    for placeholder in found:
        if placeholder.is_named or placeholder.is_positional:
            continue
        name, better = placeholder.name, _better_name(placeholder.name)
        code = "variable_forbidden_sign" if FORBIDDEN_SIGNS.search(name) else "variable_name"
        yield Finding(code, path, {"name": name[:SHOWN], "better": better})


def _better_name(name: str) -> str:
    letters = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")
    return letters[:SHOWN] or "name"


def _numbers(found: list[Placeholder], path: str) -> Iterator[Finding]:
    numbers = {int(placeholder.name) for placeholder in found if placeholder.is_positional}
    gaps = set(range(1, max(numbers, default=0))) - numbers
    if gaps:
        yield Finding("variable_gap", path, {"missing": min(gaps)})


def _places(text: str, found: list[Placeholder], path: str) -> Iterator[Finding]:
    if not text[: found[0].start].strip():
        yield Finding("variable_at_edge", path, {"name": found[0].name[:SHOWN]})
    if not text[found[-1].end :].strip():
        yield Finding("variable_at_edge", path, {"name": found[-1].name[:SHOWN]})
    for first, second in pairwise(found):
        if not text[first.end : second.start].strip():
            params = {"first": first.name[:SHOWN], "second": second.name[:SHOWN]}
            yield Finding("variables_adjacent", path, params)


def _words(text: str, found: list[Placeholder], path: str) -> Iterator[Finding]:
    words = len(re.findall(r"\w+", placeholders.without(text)))
    wanted = WORDS_PER_VARIABLE * len(found) + 1
    if words == 0:
        yield Finding("body_unclear", path)
    elif words < wanted:
        yield Finding("variables_dense", path, {"variables": len(found), "words": words, "wanted": wanted})


def _examples(part: reading.Text, found: list[Placeholder]) -> Iterator[Finding]:
    path, names = f"{part.path}.example", list(dict.fromkeys(placeholder.name for placeholder in found))
    is_positional = all(placeholder.is_positional for placeholder in found)
    if is_positional and 0 < part.n_examples != len(names):
        yield Finding("example_count", path, {"examples": part.n_examples, "variables": len(names)})
    for name in names:
        if not part.examples.get(name, "").strip():
            yield Finding("example_missing", path, {"name": name[:SHOWN]})
    for name, value in part.examples.items():
        if UNUSABLE.search(value):
            yield Finding("value_unusable", path, {"name": name[:SHOWN]})
        if name not in names and not is_positional:
            yield Finding("example_unknown", path, {"name": name[:SHOWN]})


def _button(button: reading.Button) -> Iterator[Finding]:
    if button.kind == reading.COPY_CODE and not button.example.strip():
        yield Finding("example_missing", f"{button.path}.example", {"name": placeholders.COUPON})
    if button.kind != reading.URL:
        return
    path, found = f"{button.path}.url", placeholders.find(button.url)
    if not placeholders.is_balanced(button.url):
        yield Finding("variable_syntax", path)
    yield from _names(found, path)
    yield from _numbers(found, path)
    if found and not button.example.strip():
        # Nobody but us knows how the address of a person's own page ends.
        if not placeholders.is_own_page(button.url):
            yield Finding("example_missing", f"{button.path}.example", {"name": found[0].name[:SHOWN]})
    elif found and button.n_examples != 1:
        yield Finding("example_count", f"{button.path}.example", {"examples": button.n_examples, "variables": 1})
    if UNUSABLE.search(button.example):
        yield Finding("value_unusable", f"{button.path}.example", {"name": found[0].name[:SHOWN] if found else ""})


def _formats(message: reading.Message) -> Iterator[Finding]:
    """Header and body use one format; a link's ``{{1}}`` may stand beside names, as WhatsApp's clients write it."""
    found = [placeholder for _, part in message.texts for placeholder in placeholders.find(part.text)]
    if any(p.is_positional for p in found) and any(p.is_named for p in found):
        yield Finding("variables_mixed", "components")


def _fallbacks(message: reading.Message, fallbacks: Mapping[str, object]) -> Iterator[Finding]:
    names = dict.fromkeys(name for name, _ in placeholders.slots(message))
    for name, value in fallbacks.items():
        path, shown = f"fallbacks.{name}", {"name": str(name)[:SHOWN]}
        if not isinstance(value, str):
            yield Finding("fallback_shape", path, shown)
        elif UNUSABLE.search(value):
            yield Finding("value_unusable", path, shown)
        if name not in names:
            yield Finding("fallback_unknown", path, shown)
