"""What a definition is once it has been read: a tree of groups and conditions, which cannot hold anything unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Match(StrEnum):
    """How the parts of a group hold together."""

    ALL = "all"
    ANY = "any"
    NONE = "none"


class Was(StrEnum):
    """What became of a person in a broadcast, as far as their business may know it person by person.

    Whoever was left out for a fact of the platform looks exactly like somebody whose phone is off: *sent*, and never
    arrived. ``disclosure`` counts them so, too. ``absent`` was never meant, or is still waiting for their turn.
    """

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    # … for a reason that may be over by now: not a wrong number, not a stop, not the message itself.
    FAILED_FOR_NOW = "failed_for_now"
    SKIPPED = "skipped"
    ABSENT = "absent"


class Reacted(StrEnum):
    INTERESTED = "interested"
    NOT_INTERESTED = "not_interested"
    NONE = "none"


class Test(StrEnum):
    """How an attribute's value may be compared. Numbers and dates are compared where the value reads as one."""

    IS = "is"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    IS_SET = "is_set"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    MORE_THAN = "more_than"
    LESS_THAN = "less_than"
    BETWEEN = "between"
    SINCE = "since"
    BEFORE = "before"


@dataclass(frozen=True)
class When:
    """A stretch of time; what is None does not bound it. ``since`` includes its day, ``before`` does not."""

    within_days: int | None = None
    more_than_days_ago: int | None = None
    since: date | None = None
    before: date | None = None


@dataclass(frozen=True)
class Group:
    """``parts`` hold together by ``match``; a group without parts says nothing, so it is true."""

    match: Match
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Countries:
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Languages:
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """``value`` is a text, True or False (``is_set``), a number, a date, or a tuple of them, as ``test`` wants it."""

    name: str
    test: Test
    value: str | bool | float | date | tuple[str, ...] | tuple[float, float] | tuple[date, date]


@dataclass(frozen=True)
class Listed:
    """In a list of contacts by their codes, or in none of it."""

    codes: tuple[str, ...]
    is_in: bool


@dataclass(frozen=True)
class Added:
    when: When


@dataclass(frozen=True)
class Dealt:
    """Dealt with the business: any kind and provenance where none is named."""

    kinds: tuple[int, ...]
    provenance: int | None
    when: When
    at_least: int


@dataclass(frozen=True)
class LastReaction:
    reacted: Reacted


@dataclass(frozen=True)
class Told:
    """What became of them in one broadcast of the business, and how they reacted to it."""

    broadcast: str
    was: Was | None
    reacted: Reacted | None


@dataclass(frozen=True)
class Offers:
    """How many offers of the business reached them of late."""

    within_days: int
    at_least: int


@dataclass(frozen=True)
class Saved:
    """A saved segment by its code, or by what it meant when it was frozen."""

    code: str


Part = Group | Countries | Languages | Attribute | Listed | Added | Dealt | LastReaction | Told | Offers | Saved
