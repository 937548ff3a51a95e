"""Who may be told, worked out slowly and obviously, one person at a time. It imports nothing of Tambour on purpose:
it is written from the rules as the design states them, and the gate's SQL has to agree with it.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WEEK = timedelta(days=7)


@dataclass
class Batch:
    trust: str


@dataclass
class Evidence:
    kind: str
    occurred_at: datetime
    opt_out_offered: bool = True
    batch: Batch | None = None
    is_probe: bool = True
    is_withdrawn: bool = False


@dataclass
class Slot:
    """An offer that was handed over, and when it arrived: at the latest when it cannot arrive any more."""

    business: int
    may_arrive_until: datetime
    arrived_at: datetime | None = None

    def counts_at(self, now: datetime) -> datetime:
        return self.arrived_at or min(self.may_arrive_until, now)


@dataclass
class Person:
    id: int
    country: str
    # What each of their numbers is: mobile, landline, internet, pager, or nobody can tell.
    lines: list[str] = field(default_factory=list)
    is_erased: bool = False
    has_paused_all: bool = False
    own_limit: int | None = None
    contact_of: set[int] = field(default_factory=set)
    # Since when their number is theirs, if it was somebody else's before.
    owner_since: datetime | None = None
    lacks_variable_at: set[int] = field(default_factory=set)
    evidence: dict[int, list[Evidence]] = field(default_factory=lambda: defaultdict(list))
    stopped: set[int] = field(default_factory=set)  # legal entities
    blocked: set[int] = field(default_factory=set)
    last_word: dict[int, str] = field(default_factory=dict)
    slots: dict[int, Slot] = field(default_factory=dict)  # by broadcast


@dataclass(frozen=True)
class BasisRule:
    country: str
    kind: str
    days: int
    needs_opt_out_offered: bool


@dataclass(frozen=True)
class CapRule:
    scope: str  # platform, business, business_not_interested
    country: str
    most: int
    hours: int


@dataclass(frozen=True)
class Question:
    """One broadcast of one business, asked at one moment."""

    business: int
    legal_entity: int
    salt: str
    holdout_permille: int
    now: datetime
    # What the sender reaches; None: whatever has a number.
    reaches: frozenset[str] | None = None


@dataclass
class Policy:
    bases: list[BasisRule]
    caps: list[CapRule]

    def bases_in(self, country: str) -> list[BasisRule]:
        return [r for r in self.bases if r.country == country] or [r for r in self.bases if r.country == ""]

    def caps_in(self, country: str, scope: str) -> list[CapRule]:
        of_scope = [r for r in self.caps if r.scope == scope]
        return [r for r in of_scope if r.country == country] or [r for r in of_scope if r.country == ""]


def judge(person: Person, asked: Question, policy: Policy) -> str:
    """Return ``go`` or the first reason against it, in the order of the design's table."""
    if person.is_erased:
        return "erased"
    if not person.lines:
        return "invalid_address"
    if asked.reaches is not None and not any(line in asked.reaches for line in person.lines):
        return "line_type"
    if reason := _against_the_evidence(person, asked, policy):
        return reason
    if asked.legal_entity in person.blocked:
        return "blocked"
    if asked.legal_entity in person.stopped:
        return "opted_out"
    if person.has_paused_all:
        return "paused_all"
    if asked.business in person.lacks_variable_at:
        return "missing_variable"
    if _is_held_out(person, asked):
        return "holdout"
    return _against_the_caps(person, asked, policy) or "go"


def _against_the_evidence(person: Person, asked: Question, policy: Policy) -> str:
    done = [e for e in person.evidence[asked.business] if not _is_withdrawn(e) and e.occurred_at <= asked.now]
    done = [e for e in done if person.owner_since is None or e.occurred_at > person.owner_since]
    if asked.business not in person.contact_of or not done:
        return "no_interaction"
    valid = [e for e in done if _is_basis(e, person.country, asked.now, policy)]
    if not valid:
        return "no_legal_basis"
    if any(_may_be_relied_on(e) for e in valid):
        return ""
    if any(e.batch and e.batch.trust == "probe" for e in valid):
        return "awaiting_probe"
    return "quarantined"


def _is_withdrawn(evidence: Evidence) -> bool:
    return evidence.is_withdrawn or (evidence.batch is not None and evidence.batch.trust == "withdrawn")


def _is_basis(evidence: Evidence, country: str, now: datetime, policy: Policy) -> bool:
    return any(
        rule.kind == evidence.kind
        and evidence.occurred_at + timedelta(days=rule.days) > now
        and (evidence.opt_out_offered or not rule.needs_opt_out_offered)
        for rule in policy.bases_in(country)
    )


def _may_be_relied_on(evidence: Evidence) -> bool:
    if evidence.batch is None or evidence.batch.trust in ("vouched", "clean"):
        return True
    return evidence.batch.trust == "probe" and evidence.is_probe


def _is_held_out(person: Person, asked: Question) -> bool:
    digest = hashlib.md5(f"{asked.salt}:{person.id}".encode()).hexdigest()
    return int(digest[:8], 16) % 1000 < asked.holdout_permille


def _against_the_caps(person: Person, asked: Question, policy: Policy) -> str:
    def told(width: timedelta, *, by_us: bool) -> int:
        moments = [s.counts_at(asked.now) for s in person.slots.values() if not by_us or s.business == asked.business]
        return sum(asked.now - width < moment <= asked.now for moment in moments)

    def is_full(scope: str, *, by_us: bool) -> bool:
        rules = policy.caps_in(person.country, scope)
        return any(told(timedelta(hours=rule.hours), by_us=by_us) >= rule.most for rule in rules)

    if person.own_limit is not None and told(WEEK, by_us=False) >= person.own_limit:
        return "cap_recipient"
    if is_full("business", by_us=True):
        return "cap_business"
    if person.last_word.get(asked.business) == "not_interested" and is_full("business_not_interested", by_us=True):
        return "cap_business"
    return "cap_platform" if is_full("platform", by_us=False) else ""
