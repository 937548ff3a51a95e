"""Tests of one attribute as SQL. Name and value are parameters; a missing value is a plain *no*, never NULL.

An attribute is read with ``->>`` and a text, so that a name like ``2024`` is a name and no position in a list.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.db.models import BooleanField, Expression, F, Q
from django.db.models.sql.compiler import SQLCompiler

from broadcasts.filters.parts import Attribute, Test

# What reads as a number, with a point or a comma; as long as a double keeps every digit of it.
IS_NUMBER = r"({value} ~ '^-?[0-9]+([.,][0-9]+)?$' AND length({value}) <= 16)"
AS_NUMBER = "replace({value}, ',', '.')::float8"
IS_DAY = "{value} ~ '^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'"
AS_DAY = "left({value}, 10)"
COMPARED = {
    Test.BETWEEN: "BETWEEN {p} AND {p}",
    Test.MORE_THAN: "> {p}",
    Test.LESS_THAN: "< {p}",
    Test.SINCE: ">= {p}",
    Test.BEFORE: "< {p}",
}
SIGNS = re.compile(r"({value}|{p})")


class _OfAttribute(Expression):
    """``sql`` with ``{value}`` for the attribute as text and ``{p}`` for each of ``parameters``, in order."""

    output_field = BooleanField()

    def __init__(self, name: str, sql: str, *parameters: Any) -> None:
        super().__init__()
        self.name, self.sql, self.parameters = name, sql, parameters
        self.column: Any = F("attributes")

    def get_source_expressions(self) -> list[Any]:
        return [self.column]

    def set_source_expressions(self, expressions: Any) -> None:
        (self.column,) = expressions

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        column, _none = compiler.compile(self.column)
        value = f"({column} ->> %s::text)"
        sql, parameters, given = "", [], iter(self.parameters)
        for piece in SIGNS.split(self.sql):
            sql += {"{value}": value, "{p}": "%s"}.get(piece, piece)
            if piece == "{value}":
                parameters.append(self.name)
            elif piece == "{p}":
                parameters.append(next(given))
        return f"({sql})", parameters


def attribute_test(asked: Attribute) -> Any:
    """Return ``asked`` as a condition on contacts."""
    match asked.test, asked.value:
        case Test.IS, str(text):
            return Q(attributes__contains={asked.name: text})
        case Test.IS_NOT, str(text):
            return ~Q(attributes__contains={asked.name: text})
        case Test.ONE_OF, tuple(some):
            return _OfAttribute(asked.name, "coalesce({value} = ANY({p}::text[]), FALSE)", list(some))
        case Test.IS_SET, bool(is_set):
            return _OfAttribute(asked.name, f"coalesce({{value}}, '') {'<>' if is_set else '='} ''")
        case ((Test.CONTAINS | Test.STARTS_WITH), str(text)):
            return _like(asked.name, "{}%" if asked.test is Test.STARTS_WITH else "%{}%", text)
    values: tuple[Any, ...] = asked.value if isinstance(asked.value, tuple) else (asked.value,)
    return (_day if isinstance(values[0], date) else _number)(asked.name, COMPARED[asked.test], *values)


def _number(name: str, comparison: str, *numbers: float) -> _OfAttribute:
    comparison = comparison.replace("{p}", "{p}::float8")
    return _OfAttribute(name, f"CASE WHEN {IS_NUMBER} THEN {AS_NUMBER} {comparison} ELSE FALSE END", *numbers)


def _day(name: str, comparison: str, *days: date) -> _OfAttribute:
    """Days written year first compare as texts; that costs less than reading them, and cannot fail."""
    sql = f'CASE WHEN {IS_DAY} THEN {AS_DAY} COLLATE "C" {comparison} ELSE FALSE END'
    return _OfAttribute(name, sql, *(day.isoformat() for day in days))


def _like(name: str, pattern: str, text: str) -> _OfAttribute:
    """Compare without regard to case, whichever letters the database's locale knows the case of."""
    patterns = {pattern.format(_escaped(_upper(each))) for each in (text, text.lower(), text.upper())}
    return _OfAttribute(name, "coalesce(upper({value}) LIKE ANY({p}::text[]), FALSE)", sorted(patterns))


def _upper(text: str) -> str:
    """Return ``text`` as PostgreSQL's ``upper`` leaves it under the locale C: only ASCII has cases there."""
    return "".join(letter.upper() if letter.isascii() else letter for letter in text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
