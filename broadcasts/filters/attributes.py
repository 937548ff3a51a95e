"""Conditions on what the business itself noted of a contact: ``{"city": "Lyon", "age": {"between": [18, 30]}}``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from broadcasts.filters.parts import Attribute, Test
from broadcasts.filters.reading import Faults, a_date, below, choice, is_text, texts

NAME_MAX = 200
VALUES_MAX = 1_000
NUMBER_MAX = 10**15
Values = str | bool | float | date | tuple[str, ...] | tuple[float, float] | tuple[date, date] | None


def read(faults: Faults, path: str, value: Any) -> list[Attribute]:
    """Return one condition for each test; a bare text is the test ``is``."""
    if not isinstance(value, dict):
        faults.add(path, _("This must map names to texts or tests, for example {“city”: “Lyon”}."))
        return []
    found: list[Attribute] = []
    for name, test in value.items():
        here = below(path, name)
        if not is_text(name, most=NAME_MAX):
            faults.add(here, _("An attribute's name is a text of at most %(n)d letters.") % {"n": NAME_MAX})
        elif isinstance(test, str):
            found += _test(faults, here, name, Test.IS, test)
        elif isinstance(test, dict) and test:
            for word, inner in test.items():
                if known := choice(faults, below(here, word), word, Test):
                    found += _test(faults, below(here, word), name, Test(known), inner)
        else:
            said = {"known": ", ".join(Test)}
            faults.add(here, _("This must be a text or a test, for example {“is”: “Lyon”}. Tests: %(known)s.") % said)
    return found


def _test(faults: Faults, path: str, name: str, test: Test, value: Any) -> list[Attribute]:
    read_value = READERS[test](faults, path, value)
    return [] if read_value is None else [Attribute(name, test, read_value)]


def _text(faults: Faults, path: str, value: Any) -> str | None:
    if is_text(value):
        return str(value)
    faults.add(path, _("This must be a text of 1 to 500 letters."))
    return None


def _texts(faults: Faults, path: str, value: Any) -> tuple[str, ...] | None:
    found = texts(faults, path, value, most=VALUES_MAX)
    if found == ():
        faults.add(path, _("This must be a list of at least one text."))
    return found or None


def _yes_or_no(faults: Faults, path: str, value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    faults.add(path, _("This must be true or false."))
    return None


def _number(faults: Faults, path: str, value: Any) -> float | None:
    # Neither infinity nor what is no number is that small.
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= NUMBER_MAX:
        return float(value)
    faults.add(path, _("This must be a number, for example 12.5."))
    return None


def _between(faults: Faults, path: str, value: Any) -> tuple[float, float] | tuple[date, date] | None:
    if not isinstance(value, list) or len(value) != 2:
        faults.add(path, _("This must be a list of two numbers or two days, the smaller one first."))
        return None
    if isinstance(value[0], str):
        first, last = (a_date(faults, below(path, i), day) for i, day in enumerate(value))
        if first and last and first <= last:
            return first, last
    else:
        least, most = (_number(faults, below(path, i), number) for i, number in enumerate(value))
        if least is not None and most is not None and least <= most:
            return least, most
    faults.add(path, _("This must be a list of two numbers or two days, the smaller one first."))
    return None


READERS: dict[Test, Callable[[Faults, str, Any], Values]] = {
    Test.IS: _text,
    Test.IS_NOT: _text,
    Test.ONE_OF: _texts,
    Test.IS_SET: _yes_or_no,
    Test.CONTAINS: _text,
    Test.STARTS_WITH: _text,
    Test.MORE_THAN: _number,
    Test.LESS_THAN: _number,
    Test.BETWEEN: _between,
    Test.SINCE: a_date,
    Test.BEFORE: a_date,
}
