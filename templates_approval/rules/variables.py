"""The rules of ``{{variables}}``: V1 to V13 of the reference, by their numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from templates_approval import components as reading
from templates_approval import placeholders
from templates_approval.placeholders import Placeholder
from templates_approval.rules.book import Finding
from templates_approval.rules.subject import Subject

# WhatsApp publishes no threshold; 2·n + 1 words for n variables is the rule of thumb of the field.
WORDS_PER_VARIABLE = 2
# V11; a tab, a line break or a longer run of spaces makes WhatsApp refuse the message itself.
UNUSABLE = ("\n", "\r", "\t")
RUN_OF_SPACES = " " * 5
FORBIDDEN_SIGNS = re.compile(r"[#$%]")
WORD = re.compile(r"\w+")
CLEAR_WORDS, CLEAR_LETTERS = 2, 20
SHOWN = 40
# No text that it stands in may be longer.
MAX_EXAMPLE = 1024


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the variables and their examples, in the message and in each card."""
    for message in subject.message.all:
        for name, part in message.texts:
            yield from _text(name, part)
        for button in message.buttons:
            yield from _button(button)
    yield from _formats(subject.message)
    if (body := subject.message.body) is not None and len(placeholders.find(body.text)) == 0:
        yield from _clear(body)


def is_unusable(value: str) -> bool:
    return any(sign in value for sign in UNUSABLE) or (" " in value and RUN_OF_SPACES in value)


def _text(name: str, part: reading.Text) -> Iterator[Finding]:
    path, found = f"{part.path}.text", placeholders.find(part.text)
    if not placeholders.is_balanced(part.text):
        yield Finding("variable_syntax", path)
    if not found and part.n_examples and name != "footer":
        yield Finding("example_count", f"{part.path}.example", {"examples": part.n_examples, "variables": 0})
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
        name = placeholder.name
        if placeholder.is_positional:
            continue
        if placeholder.is_named:
            if re.search("[0-9]", name):
                letters = re.sub("_?[0-9]+", "", name)
                yield Finding("variable_digits", path, {"name": name[:SHOWN], "better": letters[:SHOWN] or "name"})
            continue
        better = _better_name(name)
        code = "variable_forbidden_sign" if FORBIDDEN_SIGNS.search(name) else "variable_name"
        yield Finding(code, path, {"name": name[:SHOWN], "better": better})


def _better_name(name: str) -> str:
    letters = re.sub(r"[^a-z]+", "_", name.lower()).strip("_")
    return letters[:SHOWN] or "name"


def _numbers(found: list[Placeholder], path: str) -> Iterator[Finding]:
    numbers = {int(placeholder.name) for placeholder in found if placeholder.is_positional}
    gaps = set(range(1, max(numbers, default=0))) - numbers
    if gaps:
        yield Finding("variable_gap", path, {"missing": min(gaps)})
    names = Counter(placeholder.name for placeholder in found if placeholder.is_named)
    for name, n in names.items():
        if n > 1:
            yield Finding("variable_twice", path, {"name": name[:SHOWN]})


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
    words = len(WORD.findall(placeholders.without(text)))
    wanted = WORDS_PER_VARIABLE * len(found) + 1
    if words == 0:
        yield Finding("body_unclear", path)
    elif words < wanted:
        yield Finding("variables_dense", path, {"variables": len(found), "words": words, "wanted": wanted})


def _clear(body: reading.Text) -> Iterator[Finding]:
    """WhatsApp's own example of a body without a meaning is “Congratulations!”."""
    text = body.text.strip()
    if text and len(text) < CLEAR_LETTERS and len(WORD.findall(text)) < CLEAR_WORDS:
        yield Finding("body_unclear", f"{body.path}.text")


def _examples(part: reading.Text, found: list[Placeholder]) -> Iterator[Finding]:
    path, names = f"{part.path}.example", list(dict.fromkeys(placeholder.name for placeholder in found))
    is_positional = all(placeholder.is_positional for placeholder in found)
    if is_positional and 0 < part.n_examples != len(names):
        yield Finding("example_count", path, {"examples": part.n_examples, "variables": len(names)})
    for name in names:
        if not part.examples.get(name, "").strip():
            yield Finding("example_missing", path, {"name": name[:SHOWN]})
    for name, value in part.examples.items():
        if is_unusable(value):
            yield Finding("value_unusable", path, {"name": name[:SHOWN]})
        if len(value) > MAX_EXAMPLE:
            yield Finding("example_too_long", path, {"name": name[:SHOWN], "length": len(value), "limit": MAX_EXAMPLE})
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
    if is_unusable(button.example):
        yield Finding("value_unusable", f"{button.path}.example", {"name": found[0].name[:SHOWN] if found else ""})


def _formats(message: reading.Message) -> Iterator[Finding]:
    """Texts use one format; a link's ``{{1}}`` may stand beside names, as WhatsApp's clients write it."""
    found = [
        placeholder
        for part_of in message.all
        for _, part in part_of.texts
        for placeholder in placeholders.find(part.text)
    ]
    if any(p.is_positional for p in found) and any(p.is_named for p in found):
        yield Finding("variables_mixed", "components")


def fallbacks(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the words for people of whom a value is not known."""
    names = dict.fromkeys(name for name, _ in placeholders.slots(subject.message))
    for name, value in subject.fallbacks.items():
        path, shown = f"fallbacks.{name}", {"name": str(name)[:SHOWN]}
        if not isinstance(value, str):
            yield Finding("fallback_shape", path, shown)
        elif is_unusable(value):
            yield Finding("value_unusable", path, shown)
        if name not in names:
            yield Finding("fallback_unknown", path, shown)
