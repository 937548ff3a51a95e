"""Afterwards: was everybody who was told allowed to be? Worked out anew from the rows, slowly and obviously.

The gate decides in one statement, about people as they are at that moment. Here nothing of that statement is used, and
only what no later change can have made true or false is called a fault: a rule that the operator changed since is not
asked about, nor are people who were merged or erased in the meantime, whose rows are no more what they were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count

from businesses.models import AuditEvent
from consent.models import Address, BasisRule, CapEntry, CapRule, ConsentEvent, Interaction, Recipient, Refusal

# A pause that came at the very moment was waiting for the gate's lock: its own moment may be a little earlier.
GRACE = timedelta(seconds=5)
# Evidence may be dated a little ahead of our clock.
SKEW = timedelta(minutes=5)
RULES = ("basisrule", "caprule")


class Told(NamedTuple):
    """Somebody who was told something, and on what: a delivery's passport."""

    recipient_id: int
    broadcast_id: int
    business_id: int
    legal_entity_id: int
    interaction_id: int | None
    basis: int | None
    told_at: datetime
    holds_slot: bool


class Finding(NamedTuple):
    """``kind`` is one of the words below; the person by their row, for whoever looks."""

    kind: str
    recipient_id: int
    broadcast_id: int


class Rules(NamedTuple):
    """The rules of today, read once for everybody, and when they were last changed."""

    bases: list[BasisRule]
    caps: list[CapRule]
    changed_at: datetime | None

    @classmethod
    def of_today(cls) -> Rules:
        changes = AuditEvent.objects.filter(object_kind__in=RULES).order_by("-created_at")
        changed_at = changes.values_list("created_at", flat=True).first()
        return cls(list(BasisRule.objects.all()), list(CapRule.objects.all()), changed_at)

    def were_the_same(self, moment: datetime) -> bool:
        return self.changed_at is None or self.changed_at < moment - GRACE


def against(told: Sequence[Told], *, rules: Rules) -> list[Finding]:
    """Return what speaks against having told these people; [] when all is well."""
    ids = {one.recipient_id for one in told}
    people = {person.pk: person for person in Recipient.objects.filter(pk__in=ids)}
    changed = set(Recipient.objects.filter(merged_into__in=ids).values_list("merged_into_id", flat=True))
    changed |= {pk for pk, person in people.items() if person.merged_into_id or person.erased_at}
    world = _World(told, people, rules)
    found = [Finding("nobody", one.recipient_id, one.broadcast_id) for one in told if one.recipient_id not in people]
    for one in told:
        if one.recipient_id in people and one.recipient_id not in changed:
            found += [Finding(kind, one.recipient_id, one.broadcast_id) for kind in world.faults(one)]
        elif (person := people.get(one.recipient_id)) and _before(person.erased_at, one):
            found.append(Finding("erased_before", one.recipient_id, one.broadcast_id))
    return found


def _before(moment: datetime | None, one: Told) -> bool:
    return moment is not None and moment < one.told_at - GRACE


class _World:
    """The rows about some people, read once; then each is looked at by itself."""

    def __init__(self, told: Sequence[Told], people: Mapping[int, Recipient], rules: Rules) -> None:
        ids = list(people)
        self.people, self.rules = people, rules
        self.evidence = Interaction.objects.in_bulk({one.interaction_id for one in told if one.interaction_id})
        self.refusals: dict[tuple[int, int], list[datetime]] = defaultdict(list)
        for refusal in Refusal.objects.filter(recipient__in=ids, lifted_at=None):
            self.refusals[refusal.recipient_id, refusal.legal_entity_id].append(refusal.written_at)
        self.pauses = _pauses(people)
        self.slots: dict[int, list[CapEntry]] = defaultdict(list)
        for slot in CapEntry.objects.filter(recipient_id__in=ids):
            self.slots[slot.recipient_id].append(slot)

    def faults(self, one: Told) -> Iterator[str]:
        person = self.people[one.recipient_id]
        evidence = self.evidence.get(one.interaction_id or 0)
        if evidence is None or (evidence.recipient_id, evidence.business_id) != (one.recipient_id, one.business_id):
            yield "no_evidence"
        else:
            yield from self._of_evidence(one, person, evidence)
        if any(_before(at, one) for at in self.refusals[one.recipient_id, one.legal_entity_id]):
            yield "refused_before"
        if _before(self.pauses.get(one.recipient_id), one):
            yield "paused_before"
        if one.holds_slot:
            yield from self._of_slots(one, person)

    def _of_evidence(self, one: Told, person: Recipient, evidence: Interaction) -> Iterator[str]:
        if evidence.occurred_at > one.told_at + SKEW:
            yield "evidence_later"
        if _before(evidence.withdrawn_at, one):
            yield "withdrawn_before"
        if person.evidence_from and evidence.occurred_at <= person.evidence_from < one.told_at - GRACE:
            yield "evidence_of_another"
        if self.rules.were_the_same(one.told_at) and not any(
            rule.kind == evidence.kind
            and rule.basis == one.basis
            and evidence.occurred_at + timedelta(days=rule.valid_days) > one.told_at
            and (evidence.opt_out_offered or not rule.needs_opt_out_offered)
            for rule in _in_country(self.rules.bases, person.country)
        ):
            yield "no_basis"

    def _of_slots(self, one: Told, person: Recipient) -> Iterator[str]:
        mine = self.slots[one.recipient_id]
        own = next((slot for slot in mine if slot.broadcast_id == one.broadcast_id), None)
        if own is None:
            yield "no_slot"
            return
        for scope in (CapRule.Scope.PLATFORM, CapRule.Scope.BUSINESS):
            for rule in _in_country([rule for rule in self.rules.caps if rule.scope == scope], person.country):
                since = own.reserved_at - timedelta(hours=rule.window_hours)
                n = sum(
                    since < slot.reserved_at <= own.reserved_at
                    for slot in mine
                    if (scope == CapRule.Scope.PLATFORM or slot.business_id == one.business_id)
                    and (slot is own or not _was_taken_again(slot))
                )
                if n > rule.max_offers and self.rules.were_the_same(own.reserved_at):
                    yield "over_cap"


def _pauses(people: Mapping[int, Recipient]) -> dict[int, datetime]:
    """Return since when each pause holds. One that was kept and given back tells when it was taken, not since when.

    A pause that somebody takes has a link of the same moment. A kept one has none: it holds as long as its address is
    theirs, which is from the beginning only for the first.
    """
    paused = {pk: person.paused_all_at for pk, person in people.items() if person.paused_all_at}
    links = ConsentEvent.objects.filter(recipient__in=paused, kind="paused_all")
    taken = set(links.values_list("recipient_id", "created_at"))
    addresses = Address.objects.filter(recipient__in=paused).values("recipient_id").annotate(n=Count("pk"))
    came_later = set(addresses.filter(n__gt=1).values_list("recipient_id", flat=True))
    return {pk: at for pk, at in paused.items() if (pk, at) in taken or pk not in came_later}


def _was_taken_again(slot: CapEntry) -> bool:
    """Failed, given back, and delivered after all: nobody could know when the next one was granted."""
    return slot.reserved_at == slot.counts_at


def _in_country(rules: Sequence[Any], country: str) -> list[Any]:
    """Return the country's own rules, else those of countries without any."""
    return [rule for rule in rules if rule.country == country] or [rule for rule in rules if rule.country == ""]
