"""The editor of a segment: three lists of rows (all of, at least one of, none of) between a page and a definition.

What a row cannot say (lists of contacts, deeper groups) is a row in words that can be kept or taken away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from broadcasts.filters.grammar import CONDITIONS_MAX, BadDefinition
from broadcasts.filters.parts import Match, Test

Part = dict[str, Any]
KINDS = {
    "countries": _("Country"),
    "languages": _("Language"),
    "attribute": _("What you noted of them"),
    "interaction": _("What they did"),
    "last_reaction": _("Their last reaction"),
    "broadcast": _("One of your broadcasts"),
    "offers": _("How many offers they got"),
    "added": _("Since when you know them"),
}
OTHER = "other"
WHENS = ("within_days", "more_than_days_ago", "since", "before")
KNOWN, UNKNOWN = "is_known", "is_not_known"


@dataclass
class Row:
    """One condition as it stands in the form: texts by field, and what is wrong with it."""

    kind: str
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    # How the names of its fields begin: ``all-0``.
    begin: str = ""


Sections = dict[str, list[Row]]


def empty() -> Sections:
    return {str(match): [] for match in Match}


# --- From the page ---------------------------------------------------------------------------------


def from_post(data: QueryDict) -> Sections:
    """Return what the form holds; at most as many rows as a definition may have conditions."""
    sections = empty()
    for match, rows in sections.items():
        for i in range(CONDITIONS_MAX + 1):
            kind = data.get(f"{match}-{i}-kind")
            if kind in KINDS or kind == OTHER:
                begin = f"{match}-{i}-"
                values = {name.removeprefix(begin): data.get(name, "") for name in data if name.startswith(begin)}
                rows.append(Row(kind, values | {"codes": data.getlist(f"{begin}codes")}))
    return sections


def change(sections: Sections, wish: str, data: QueryDict) -> None:
    """Add or take away a row: ``add:all`` (of the kind chosen there), ``remove:any:2``. Anything else does nothing."""
    verb, _colon, where = wish.partition(":")
    match, _colon, position = where.partition(":")
    rows = sections.get(match)
    if rows is None:
        return
    kind = data.get(f"add-{match}", "")
    if verb == "add" and kind in KINDS and len(rows) < CONDITIONS_MAX:
        rows.append(Row(kind, {"codes": []}))
    if verb == "remove" and position.isdecimal() and position.isascii() and int(position[:3]) < len(rows):
        del rows[int(position[:3])]


# --- To a definition -------------------------------------------------------------------------------


def definition_of(sections: Sections) -> Part:
    """Return the definition that the rows say; its reader tells what is wrong, by the place of the row."""
    return {match: [PARTS[row.kind](row.values) for row in rows] for match, rows in sections.items() if rows}


def blame(sections: Sections, bad: BadDefinition) -> list[str]:
    """Put each finding beside its row; return those that belong to none."""
    others = []
    for finding in bad.findings:
        _root, match, position, *_rest = [*finding.path.split("/"), "", ""]
        rows = sections.get(match, [])
        if position.isdecimal() and int(position) < len(rows):
            rows[int(position)].faults.append(finding.message)
        else:
            others.append(finding.message)
    return others


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def _amount(text: str) -> float | str:
    try:
        return float(text.replace(",", ".").replace(" ", "").replace("\u202f", "").replace("\xa0", ""))
    except ValueError:
        return text


def _when(values: Mapping[str, str]) -> Part:
    when = values.get("when", "")
    if when in ("within_days", "more_than_days_ago"):
        return {when: _whole(values.get("days", "").strip())}
    return {when: values.get("day", "")} if when in WHENS else {}


def _attribute(values: Mapping[str, str]) -> Part:
    test, value, other = (values.get(name, "") for name in ("test", "value", "other"))
    return {"attributes": {values.get("name", "").strip(): _test(test, value.strip(), other.strip())}}


def _test(test: str, value: str, other: str) -> Any:
    if test in (KNOWN, UNKNOWN):
        return {"is_set": test == KNOWN}
    if test == Test.ONE_OF:
        return {test: [each.strip() for each in value.split(";") if each.strip()]}
    if test in (Test.MORE_THAN, Test.LESS_THAN):
        return {test: _amount(value)}
    if test == Test.BETWEEN:
        pair = [value, other]
        return {test: pair if "-" in value[1:] else [_amount(each) for each in pair]}
    return {test: value}


def _interaction(values: Mapping[str, str]) -> Part:
    kinds = {"kinds": [values["did"]]} if values.get("did") else {}
    provenance = {"provenance": values["provenance"]} if values.get("provenance") else {}
    times = {"at_least": _whole(values["at_least"].strip())} if values.get("at_least", "").strip() else {}
    return {"interaction": kinds | provenance | times | _when(values)}


def _broadcast(values: Mapping[str, str]) -> Part:
    verb, _colon, word = values.get("became", "").partition(":")
    return {"broadcast": {"code": values.get("code", ""), **({verb: word} if verb in ("was", "reaction") else {})}}


def _offers(values: Mapping[str, str]) -> Part:
    days, least = values.get("days", "").strip(), values.get("at_least", "").strip()
    return {"offers": {"within_days": _whole(days), "at_least": _whole(least or "1")}}


def _other(values: Mapping[str, str]) -> Part:
    try:
        part = json.loads(values.get("json", ""))
    except (ValueError, RecursionError):
        part = None
    return part if isinstance(part, dict) else {"": None}


PARTS: dict[str, Callable[[Mapping[str, Any]], Part]] = {
    "countries": lambda values: {"countries": values["codes"]},
    "languages": lambda values: {"languages": values["codes"]},
    "attribute": _attribute,
    "interaction": _interaction,
    "last_reaction": lambda values: {"last_reaction": values.get("word", "")},
    "broadcast": _broadcast,
    "offers": _offers,
    "added": lambda values: {"added": _when(values)},
    OTHER: _other,
}


# --- From a definition -----------------------------------------------------------------------------


def sections_of(definition: Part) -> Sections:
    """Return the rows of a definition that has been read; what is no row stays as it is, in words."""
    sections = empty()
    for name, value in definition.items():
        if name in sections:
            sections[name] += [_row(part) for part in value]
        else:
            sections[Match.ALL] += [_row(part) for part in _single(name, value)]
    return sections


def _single(name: str, value: Any) -> Iterator[Part]:
    if name != "attributes":
        yield {name: value}
        return
    for attribute, test in value.items():
        for word, wanted in (test if isinstance(test, dict) else {"is": test}).items():
            yield {name: {attribute: {word: wanted}}}


def _row(part: Part) -> Row:
    """Return the row that says exactly ``part``, or the part itself."""
    other = Row(OTHER, {"json": json.dumps(part, ensure_ascii=False)})
    if len(part) != 1:
        return other
    ((name, value),) = part.items()
    parts = list(_single(name, value))
    if len(parts) != 1 or name not in ROWS:
        return other
    row = ROWS[name](parts[0][name])
    return row if PARTS[row.kind](row.values) in (part, parts[0]) else other


def _row_of_attribute(value: Part) -> Row:
    ((name, test),) = value.items()
    ((word, wanted),) = test.items()
    values = {"name": name, "test": word, "value": "", "other": ""}
    if word == Test.IS_SET:
        values["test"] = KNOWN if wanted else UNKNOWN
    elif word == Test.ONE_OF:
        values["value"] = "; ".join(wanted)
    elif word == Test.BETWEEN:
        values["value"], values["other"] = (_written(each) for each in wanted)
    else:
        values["value"] = _written(wanted)
    return Row("attribute", values)


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row_of_when(kind: str, value: Part, **more: Any) -> Row:
    when = next((name for name in WHENS if name in value), "")
    days = str(value.get(when, "")) if when in ("within_days", "more_than_days_ago") else ""
    return Row(kind, {"when": when, "days": days, "day": "" if days else value.get(when, ""), **more})


def _row_of_interaction(value: Part) -> Row:
    kinds = value.get("kinds", [])
    more = {
        "did": kinds[0] if kinds else "",
        "provenance": value.get("provenance", ""),
        "at_least": str(value.get("at_least", "")),
    }
    return _row_of_when("interaction", value, **more)


def _row_of_broadcast(value: Part) -> Row:
    became = f"was:{value['was']}" if "was" in value else f"reaction:{value.get('reaction', '')}"
    return Row("broadcast", {"code": value["code"], "became": became})


ROWS: dict[str, Callable[[Any], Row]] = {
    "countries": lambda value: Row("countries", {"codes": value}),
    "languages": lambda value: Row("languages", {"codes": value}),
    "attributes": _row_of_attribute,
    "interaction": _row_of_interaction,
    "last_reaction": lambda value: Row("last_reaction", {"word": value}),
    "broadcast": _row_of_broadcast,
    "offers": lambda value: Row(
        "offers", {"days": str(value["within_days"]), "at_least": str(value.get("at_least", 1))}
    ),
    "added": lambda value: _row_of_when("added", value),
}
