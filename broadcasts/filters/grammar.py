"""What may be asked of contacts: reads a definition (JSON) into ``parts``, or says what is wrong with it, and where.

A part is an object whose conditions all hold together; ``all``, ``any`` and ``none`` are lists of further parts::

    {"countries": ["FR"], "attributes": {"city": "Lyon"},
     "any": [{"interaction": {"kinds": ["purchase"], "within_days": 90}}, {"last_reaction": "interested"}],
     "none": [{"broadcast": {"code": "brd_…", "was": "sent"}}]}

``{}`` is everybody. Everything here is pure; whether the codes exist is asked by ``query``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from broadcasts.filters import attributes
from broadcasts.filters.parts import (
    Added,
    Countries,
    Dealt,
    Group,
    Languages,
    LastReaction,
    Listed,
    Match,
    Offers,
    Part,
    Reacted,
    Saved,
    Told,
    Was,
    When,
)
from broadcasts.filters.reading import Faults, Finding, a_date, a_number, below, choice, texts
from consent.models import Interaction

VERSION = 1
DEPTH_MAX = 3
CONDITIONS_MAX = 30
# How many saved segments one audience may name; each is as large as a definition may be, and lies in one group more.
SEGMENTS_MAX = 5
LIST_MAX = 10_000
DAYS_MAX = 3_650
COUNTRY = re.compile(r"[A-Z]{2}")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,4})?")
CODE = re.compile(r"[a-z0-9_]{1,24}")
KINDS = {kind.name.lower(): int(kind) for kind in Interaction.Kind}
PROVENANCES = {provenance.name.lower(): int(provenance) for provenance in Interaction.Provenance}


class BadDefinition(ValidationError):
    """The definition cannot be used; ``findings`` say where and how to mend it."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__(
            [f"{finding.path}: {finding.message}" if finding.path else finding.message for finding in findings]
        )


class _Reader:
    """Reads one definition, counting its conditions and collecting what is wrong."""

    def __init__(self, *, may_name_segments: bool, depth_max: int, conditions_max: int) -> None:
        self.faults = Faults()
        self.depth_max, self.conditions_max = depth_max, conditions_max
        self.n_conditions = 0
        self.readers: dict[str, Callable[[str, Any], list[Part]]] = {
            "countries": self._countries,
            "languages": self._languages,
            "attributes": self._attributes,
            "contacts": lambda path, value: self._listed(path, value, is_in=True),
            "except_contacts": lambda path, value: self._listed(path, value, is_in=False),
            "added": self._added,
            "interaction": self._interaction,
            "last_reaction": self._last_reaction,
            "broadcast": self._broadcast,
            "offers": self._offers,
        }
        if may_name_segments:
            self.readers["segment"] = self._segment

    def part(self, path: str, value: Any, depth: int = 0) -> Group:
        """Read an object of conditions that all hold together."""
        parts: list[Part] = []
        if not isinstance(value, dict):
            self.faults.add(path, _("This must be an object, for example {“countries”: [“FR”]}."))
            return Group(Match.ALL, ())
        for name, inner in value.items():
            here = below(path, name)
            if name in set(Match):
                parts.append(self._group(here, Match(name), inner, depth + 1))
            elif name in self.readers:
                parts += self._counted(here, self.readers[name](here, inner))
            else:
                known = ", ".join(sorted([*self.readers, *Match]))
                said = _("There is no condition of this name. Known ones: %(known)s.") % {"known": known}
                self.faults.add(here, said, "unknown_field")
        return Group(Match.ALL, tuple(parts))

    def _group(self, path: str, match: Match, value: Any, depth: int) -> Group:
        if not isinstance(value, list):
            self.faults.add(path, _("This must be a list of objects with conditions."), "not_a_list")
        elif depth > self.depth_max:
            self.faults.add(path, _("Groups may be nested %(n)d deep, no deeper.") % {"n": self.depth_max})
        elif len(value) > self.conditions_max:
            self.faults.add(path, _("There may be %(n)d conditions at most.") % {"n": self.conditions_max})
        else:
            return Group(match, tuple(self.part(below(path, i), inner, depth) for i, inner in enumerate(value)))
        return Group(match, ())

    def _counted(self, path: str, conditions: list[Part]) -> list[Part]:
        before, self.n_conditions = self.n_conditions, self.n_conditions + len(conditions)
        if before <= self.conditions_max < self.n_conditions:
            self.faults.add(path, _("There may be %(n)d conditions at most.") % {"n": self.conditions_max})
        return conditions

    def _countries(self, path: str, value: Any) -> list[Part]:
        codes = texts(self.faults, path, value, most=250, form=COUNTRY, like="FR")
        return [Countries(codes)] if codes else []

    def _languages(self, path: str, value: Any) -> list[Part]:
        codes = texts(self.faults, path, value, most=100, form=LANGUAGE, like="fr")
        return [Languages(codes)] if codes else []

    def _listed(self, path: str, value: Any, *, is_in: bool) -> list[Part]:
        codes = texts(self.faults, path, value, most=LIST_MAX, form=CODE, like="ctc_…")
        return [Listed(codes, is_in)] if codes is not None and (codes or is_in) else []

    def _attributes(self, path: str, value: Any) -> list[Part]:
        return [*attributes.read(self.faults, path, value)]

    def _added(self, path: str, value: Any) -> list[Part]:
        self._object(path, value, {"within_days", "more_than_days_ago", "since", "before"})
        return [Added(self._when(path, value))]

    def _interaction(self, path: str, value: Any) -> list[Part]:
        when = {"within_days", "more_than_days_ago", "since", "before"}
        self._object(path, value, {"kinds", "provenance", "at_least"} | when)
        if not isinstance(value, dict):
            return []
        named = texts(self.faults, below(path, "kinds"), value.get("kinds", []), most=len(KINDS))
        kinds = [choice(self.faults, below(path, "kinds"), name, KINDS) for name in named or ()]
        provenance = value.get("provenance")
        if provenance is not None:
            choice(self.faults, below(path, "provenance"), provenance, PROVENANCES)
        return [
            Dealt(
                kinds=tuple(KINDS[kind] for kind in kinds if kind in KINDS),
                provenance=PROVENANCES.get(provenance) if isinstance(provenance, str) else None,
                when=self._when(path, value),
                at_least=a_number(self.faults, path, value, "at_least", 1, 1_000) or 1,
            )
        ]

    def _last_reaction(self, path: str, value: Any) -> list[Part]:
        word = choice(self.faults, path, value, Reacted)
        return [LastReaction(Reacted(word))] if word else []

    def _broadcast(self, path: str, value: Any) -> list[Part]:
        self._object(path, value, {"code", "was", "reaction"})
        if not isinstance(value, dict):
            return []
        code = self._code(below(path, "code"), value.get("code"), "brd_…")
        was = choice(self.faults, below(path, "was"), value["was"], Was) if "was" in value else ""
        word = choice(self.faults, below(path, "reaction"), value["reaction"], Reacted) if "reaction" in value else ""
        if "was" not in value and "reaction" not in value:
            said = {"was": ", ".join(Was), "reaction": ", ".join(Reacted)}
            self.faults.add(path, _("Say what became of them: “was” (%(was)s) or “reaction” (%(reaction)s).") % said)
        return [Told(code, Was(was) if was else None, Reacted(word) if word else None)]

    def _offers(self, path: str, value: Any) -> list[Part]:
        self._object(path, value, {"within_days", "at_least"})
        days = a_number(self.faults, path, value, "within_days", 1, 365)
        if days is None and isinstance(value, dict) and "within_days" not in value:
            self.faults.add(path, _("Say within how many days, for example {“within_days”: 30, “at_least”: 2}."))
        return [Offers(days or 1, a_number(self.faults, path, value, "at_least", 1, 100) or 1)]

    def _segment(self, path: str, value: Any) -> list[Part]:
        return [Saved(self._code(path, value, "seg_…"))]

    def _code(self, path: str, value: Any, like: str) -> str:
        if isinstance(value, str) and CODE.fullmatch(value):
            return value
        self.faults.add(path, _("This must be a code like “%(like)s”.") % {"like": like})
        return ""

    def _object(self, path: str, value: Any, known: set[str]) -> None:
        if not isinstance(value, dict):
            self.faults.add(
                path, _("This must be an object with any of: %(known)s.") % {"known": ", ".join(sorted(known))}
            )
            return
        for name in value:
            if name not in known:
                said = _("Nothing of this name can be said here. Known: %(known)s.") % {
                    "known": ", ".join(sorted(known))
                }
                self.faults.add(below(path, name), said, "unknown_field")

    def _when(self, path: str, value: Any) -> When:
        if not isinstance(value, dict):
            return When()
        when = When(
            within_days=a_number(self.faults, path, value, "within_days", 1, DAYS_MAX),
            more_than_days_ago=a_number(self.faults, path, value, "more_than_days_ago", 1, DAYS_MAX),
            since=a_date(self.faults, below(path, "since"), value["since"]) if "since" in value else None,
            before=a_date(self.faults, below(path, "before"), value["before"]) if "before" in value else None,
        )
        if when.since and when.before and when.since >= when.before:
            self.faults.add(below(path, "before"), _("This day must come after “since”."))
        if when.within_days and when.more_than_days_ago and when.more_than_days_ago >= when.within_days:
            self.faults.add(below(path, "more_than_days_ago"), _("This must be fewer days than “within_days”."))
        return when


def read(definition: Any, *, may_name_segments: bool = False) -> Group:
    """Return what ``definition`` means. Raises ``BadDefinition`` with a finding for everything that is wrong."""
    reader = _Reader(may_name_segments=may_name_segments, depth_max=DEPTH_MAX, conditions_max=CONDITIONS_MAX)
    return _read(reader, definition)


def read_frozen(definition: Any) -> Group:
    """Return what a definition means into which saved segments have been put: it may be that much larger."""
    conditions_max = CONDITIONS_MAX * (1 + SEGMENTS_MAX)
    return _read(
        _Reader(may_name_segments=False, depth_max=2 * DEPTH_MAX + 1, conditions_max=conditions_max), definition
    )


def _read(reader: _Reader, definition: Any) -> Group:
    tree = reader.part("", definition)
    if reader.faults.found:
        raise BadDefinition(reader.faults.found)
    return tree


class Located(NamedTuple):
    """A code that a definition names, and where."""

    path: str
    code: str


def named(definition: Any, key: str, path: str = "") -> list[Located]:
    """Return the codes under ``key`` (``segment`` or ``broadcast``) in a definition that has been read."""
    found = []
    for name, value in definition.items():
        here = below(path, name)
        if name in set(Match):
            for i, inner in enumerate(value):
                found += named(inner, key, below(here, i))
        elif name == key:
            found.append(
                Located(here, value) if isinstance(value, str) else Located(below(here, "code"), value["code"])
            )
    return found


def put_in(definition: dict[str, Any], segments: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return ``definition`` with each segment that it names replaced by that segment's own definition."""
    whole: dict[str, Any] = {}
    for name, value in definition.items():
        if name in set(Match):
            whole[name] = [*whole.get(name, []), *(put_in(inner, segments) for inner in value)]
        elif name == "segment":
            whole["all"] = [*whole.get("all", []), segments[value]]
        else:
            whole[name] = value
    return whole
