"""The library's numbering plans as trees, so that a million numbers need not be asked for one by one.

Whether a number exists, in which country and of which kind, the library says by regular expressions over its digits.
Walking along the digits, there soon comes a place after which every expression accepts everything of this length, or
nothing: from there on all numbers are alike, and one of them is asked for all. ``decided`` is that place; it is found
from the expressions themselves (by Brzozowski's derivatives), not by trying, so what is said about one number holds
for the others. Where that cannot be shown the answer is None, and the library is asked about every single number.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata

DIGITS = "0123456789"
WORLD = "001"
KINDS_OF_NUMBERS = (
    "general_desc", "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail", "fixed_line", "mobile",
)  # fmt: skip

# An expression is a number: two that are written alike are the same one, so that every step is worked out once.
Expression = int
NOTHING: Expression = 0
EMPTY: Expression = 1


class Node(NamedTuple):
    """One step of an expression: nothing, the end, one of some digits, two in a row, or one of several."""

    kind: str
    digits: str = ""
    first: Expression = NOTHING
    second: Expression = NOTHING
    choices: frozenset[Expression] = frozenset()


class CannotRead(Exception):
    """An expression uses something that this module does not know: its numbers are left to the library."""


@cache
def decided(calling_code: int, national: str, length: int) -> bool | None:
    """Say whether all numbers of this ``length`` that begin with ``national`` are treated alike by the library.

    None when a national prefix might be cut off from some of them, or when nothing can be shown: ask the library.
    """
    state = _walk(calling_code, national)
    if state is None:
        return None
    plans, prefix = state
    n_left = length - len(national)
    if prefix != NOTHING and not _is_barren(prefix, n_left):
        return False if n_left > 0 and not _is_full(prefix, n_left) else None
    return all(_is_barren(plan, n_left) or _is_full(plan, n_left) for plan in plans)


@cache
def _walk(calling_code: int, national: str) -> tuple[frozenset[Expression], Expression] | None:
    """Return what is left of the calling code's expressions after these digits; None where one cannot be read."""
    if not national:
        return _plans_of(calling_code)
    before = _walk(calling_code, national[:-1])
    if before is None:
        return None
    plans, prefix = before
    digit = int(national[-1])
    return frozenset(after for plan in plans if (after := _after(plan, digit)) != NOTHING), _after(prefix, digit)


@cache
def _plans_of(calling_code: int) -> tuple[frozenset[Expression], Expression] | None:
    """Return every expression that the library may ask about numbers of this calling code, and its national prefix."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(calling_code, ())
    try:
        plans = frozenset(_expression(text) for region in regions for text in _texts_of(calling_code, region))
        cut_off = _metadata(calling_code, regions[0]).national_prefix_for_parsing
        return plans, _expression(_beginning(cut_off)) if cut_off else NOTHING
    except (CannotRead, IndexError):
        return None


def _texts_of(calling_code: int, region: str) -> Iterator[str]:
    metadata = _metadata(calling_code, region)
    for kind in KINDS_OF_NUMBERS:
        described = getattr(metadata, kind)
        if described is not None and described.national_number_pattern:
            yield described.national_number_pattern
    if metadata.leading_digits:
        yield _beginning(metadata.leading_digits)


def _metadata(calling_code: int, region: str) -> PhoneMetadata:
    is_world = region == WORLD
    found = (
        PhoneMetadata.metadata_for_nongeo_region(calling_code)
        if is_world
        else PhoneMetadata.metadata_for_region(region)
    )
    if found is None:
        raise CannotRead(region)
    return found


def _beginning(text: str) -> str:
    """Return the expression of everything that begins like ``text``."""
    return rf"(?:{text})\d{{0,17}}"


# --- Expressions and their derivatives ------------------------------------------------------------------

_nodes: list[Node] = [Node("nothing"), Node("empty")]
_number_of: dict[Node, Expression] = {node: number for number, node in enumerate(_nodes)}


def _intern(node: Node) -> Expression:
    number = _number_of.get(node)
    if number is None:
        number = _number_of[node] = len(_nodes)
        _nodes.append(node)
    return number


def _one_of(digits: str) -> Expression:
    return _intern(Node("digit", digits="".join(sorted(set(digits))))) if digits else NOTHING


def _then(first: Expression, second: Expression) -> Expression:
    if NOTHING in (first, second):
        return NOTHING
    if first == EMPTY:
        return second
    return first if second == EMPTY else _intern(Node("then", first=first, second=second))


def _either(*choices: Expression) -> Expression:
    flat: set[Expression] = set()
    for choice in choices:
        flat |= _nodes[choice].choices or {choice}
    flat.discard(NOTHING)
    if not flat:
        return NOTHING
    return flat.pop() if len(flat) == 1 else _intern(Node("either", choices=frozenset(flat)))


@cache
def _ends(expression: Expression) -> bool:
    """Say whether the expression accepts a number that ends here."""
    node = _nodes[expression]
    if node.kind == "then":
        return _ends(node.first) and _ends(node.second)
    return node.kind == "empty" or any(_ends(choice) for choice in node.choices)


@cache
def _after(expression: Expression, digit: int) -> Expression:
    """Return what the expression accepts after ``digit``: its derivative."""
    node = _nodes[expression]
    if node.kind == "digit":
        return EMPTY if DIGITS[digit] in node.digits else NOTHING
    if node.kind == "then":
        rest = _then(_after(node.first, digit), node.second)
        return _either(rest, _after(node.second, digit)) if _ends(node.first) else rest
    return _either(*(_after(choice, digit) for choice in node.choices))


@cache
def _is_full(expression: Expression, n_digits: int) -> bool:
    """Say whether the expression accepts every further number of so many digits."""
    if n_digits == 0 or expression == NOTHING:
        return n_digits == 0 and _ends(expression)
    return all(_is_full(_after(expression, digit), n_digits - 1) for digit in range(10))


@cache
def _is_barren(expression: Expression, n_digits: int) -> bool:
    """Say whether the expression accepts no further number of so many digits."""
    if n_digits == 0 or expression == NOTHING:
        return expression == NOTHING or not _ends(expression)
    return all(_is_barren(_after(expression, digit), n_digits - 1) for digit in range(10))


# --- Reading the library's expressions: digits, sets, groups, choices, counts, and nothing else ------------


@cache
def _expression(text: str) -> Expression:
    reader = _Reader(text)
    expression = reader.choices()
    if reader.rest:
        raise CannotRead(text)
    return expression


class _Reader:
    def __init__(self, text: str) -> None:
        self.rest = text

    def choices(self) -> Expression:
        found = [self.sequence()]
        while self.took("|"):
            found.append(self.sequence())
        return _either(*found)

    def sequence(self) -> Expression:
        parts = []
        while self.rest and self.rest[0] not in "|)":
            parts.append(self.counted(self.one()))
        whole = EMPTY
        for part in reversed(parts):
            whole = _then(part, whole)
        return whole

    def one(self) -> Expression:
        if self.took("(?:") or self.took("("):
            if self.rest.startswith("?"):
                raise CannotRead(self.rest)
            inner = self.choices()
            if not self.took(")"):
                raise CannotRead(self.rest)
            return inner
        if self.took("["):
            inside, _, self.rest = self.rest.partition("]")
            return _one_of(_spelled_out(inside))
        if self.took(r"\d"):
            return _one_of(DIGITS)
        digit, self.rest = self.rest[0], self.rest[1:]
        if digit not in DIGITS:
            raise CannotRead(digit)
        return _one_of(digit)

    def counted(self, expression: Expression) -> Expression:
        if self.took("?"):
            return _either(EMPTY, expression)
        if not self.took("{"):
            return expression
        count, _, self.rest = self.rest.partition("}")
        low, _, high = count.partition(",")
        if not (low.isdigit() and (high.isdigit() or not high)):
            raise CannotRead(count)
        return _repeated(expression, int(low), int(high or low))

    def took(self, word: str) -> bool:
        if not self.rest.startswith(word):
            return False
        self.rest = self.rest[len(word) :]
        return True


def _spelled_out(inside: str) -> str:
    digits, position = "", 0
    while position < len(inside):
        first = inside[position]
        last = inside[position + 2] if inside[position + 1 : position + 2] == "-" else first
        if first not in DIGITS or last not in DIGITS:
            raise CannotRead(inside)
        digits += DIGITS[int(first) : int(last) + 1]
        position += 3 if last != first or inside[position + 1 : position + 2] == "-" else 1
    return digits


def _repeated(expression: Expression, low: int, high: int) -> Expression:
    whole = EMPTY
    for _ in range(high - low):
        whole = _either(EMPTY, _then(expression, whole))
    for _ in range(low):
        whole = _then(expression, whole)
    return whole
