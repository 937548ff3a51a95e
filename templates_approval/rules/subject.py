"""What the rules look at: a template read into its parts, with all that stands beside its components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from templates_approval import components as reading

MARKETING, UTILITY, AUTHENTICATION = "marketing", "utility", "authentication"


@dataclass(frozen=True)
class Subject:
    """``category`` is in small letters. ``fallbacks`` are by the names of ``placeholders.key``."""

    message: reading.Message
    category: str
    language: str
    fallbacks: Mapping[str, object] = field(default_factory=dict)
    parameter_format: str = ""

    @property
    def is_for_codes(self) -> bool:
        return self.category == AUTHENTICATION

    @cached_property
    def wordings(self) -> Sequence[tuple[str, str]]:
        """Everything that a person will read or be led to, with its path: texts, examples, labels, links, cards."""
        found: list[tuple[str, str]] = []
        for message in self.message.all:
            for _name, part in message.texts:
                found.append((f"{part.path}.text", part.text))
                found += [(f"{part.path}.example", value) for value in part.examples.values()]
            for button in message.buttons:
                found.append((f"{button.path}.text", button.text))
                found += [(f"{button.path}.url", button.url)] if button.url else []
        if (deadline := self.message.deadline) is not None:
            found.append((f"{deadline.path}.text", deadline.text))
        return [(path, text) for path, text in found if text]

    def shortened(self, most: int) -> Subject:
        """Return the same with no text, example, label or address longer than ``most`` characters."""
        if max((len(text) for _path, text in self.wordings), default=0) <= most:
            return self
        return replace(self, message=_shortened(self.message, most))


def _shortened(message: reading.Message, most: int) -> reading.Message:
    def text(part: reading.Text | None) -> reading.Text | None:
        examples = {name: value[:most] for name, value in part.examples.items()} if part else {}
        return replace(part, text=part.text[:most], examples=examples) if part else None

    deadline = message.deadline
    return replace(
        message,
        header=text(message.header),
        body=text(message.body),
        footer=text(message.footer),
        buttons=tuple(replace(one, text=one.text[:most], url=one.url[:most]) for one in message.buttons),
        deadline=replace(deadline, text=deadline.text[:most]) if deadline else None,
        cards=tuple(_shortened(card, most) for card in message.cards),
    )
