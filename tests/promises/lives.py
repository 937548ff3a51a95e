"""Lets people live through random weeks, in Tambour and in the slow model (``model.py``) alike.

What happens to a person goes through the product's own functions, and is told to the model in its own words.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from broadcasts import chunks, gate, plan, senders, settle
from broadcasts.channels.base import Message, Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast, Delivery, Sender
from broadcasts.quote import CannotQuote
from businesses.models import Business, User
from consent import interactions, refusals, suspicion, trust
from consent.lines import LineType
from consent.models import Address, BasisRule, CapRule, Contact, ImportBatch, Interaction, Recipient, Refusal
from consent.reasons import Reason
from templates_approval.models import Version
from tests.make import EURO, make_approved_version, make_business, make_launched, make_user
from tests.promises import model

COUNTRIES = ("FR", "FR", "DE", "GB", "US", "CA", "IN", "BR", "KE")
KINDS = tuple(Interaction.Kind)
TRUSTS = (*ImportBatch.Trust, ImportBatch.Trust.QUARANTINED)
N_BATCHES = 8
SCOPES = {1: "platform", 2: "business", 3: "business_not_interested"}
LIFE_HOURS = 72
# Of a number that may be either, nobody says that it is none.
REACHED_BY_SMS = frozenset({"mobile", "unknown"})


@dataclass
class Shop:
    business: Business
    version: Version
    # A second voice beside the sandbox: a gateway that reaches mobile phones only.
    sms: Sender
    batches: dict[int, model.Batch] = field(default_factory=dict)


@dataclass
class World:
    """Some shops (two of one company), the people they know, and what is still on its way to them."""

    chance: random.Random
    now: datetime
    shops: list[Shop] = field(default_factory=list)
    people: dict[int, model.Person] = field(default_factory=dict)
    policy: model.Policy = field(default_factory=lambda: model.Policy([], []))
    operator: User = field(default_factory=lambda: make_user(is_staff=True))
    # (when it is heard, the receipt, person, broadcast)
    on_its_way: list[tuple[datetime, ReceiptUpdate, int, int]] = field(default_factory=list)
    numbers: Any = field(default_factory=count)
    broadcasts: Any = field(default_factory=count)


def begin(*, seed: int, n_people: int, now: datetime, is_strict: bool = False) -> World:
    """``is_strict``: the platform allows one offer in each of its windows to begin with, and few people are left over
    for any other cap."""
    world = World(random.Random(seed), now)
    if is_strict:
        CapRule.objects.filter(scope=CapRule.Scope.PLATFORM).update(max_offers=1)
    for name, company in (("One", "RCS 1"), ("Two", "RCS 2"), ("Three", "RCS 3"), ("Three again", "RCS 3")):
        business = make_business(name=name, registration_number=company, money=10_000 * EURO, now=now)
        sms, _secret = senders.connect_webhook(
            business=business, name="SMS", url="http://127.0.0.1:9/", mobiles_only=True, now=now
        )
        world.shops.append(Shop(business, make_approved_version(business=business), sms))
    for shop in world.shops:
        _bring_batches(world, shop)
    _read_policy(world)
    _bear(world, n_people)
    return world


# --- The beginning ---------------------------------------------------------------------------------


def _bring_batches(world: World, shop: Shop) -> None:
    made = ImportBatch.objects.bulk_create(
        ImportBatch(
            business=shop.business,
            filename="people.csv",
            state=ImportBatch.State.DONE,
            trust=TRUSTS[n % len(TRUSTS)],
            created_at=world.now,
        )
        for n in range(N_BATCHES)
    )
    shop.batches = {batch.pk: model.Batch(batch.trust) for batch in made}


def _read_policy(world: World) -> None:
    """The rules are data: the model reads the same lines, and nothing else of ours."""
    world.policy = model.Policy(
        [
            model.BasisRule(rule.country, Interaction.Kind(rule.kind).name, rule.valid_days, rule.needs_opt_out_offered)
            for rule in BasisRule.objects.all()
        ],
        [
            model.CapRule(SCOPES[rule.scope], rule.country, rule.max_offers, rule.window_hours)
            for rule in CapRule.objects.all()
        ],
    )


def _bear(world: World, n: int) -> None:
    chance, now = world.chance, world.now
    recipients = Recipient.objects.bulk_create(
        Recipient(
            country=chance.choice(COUNTRIES),
            timezone="UTC",
            own_limit=chance.choice((0, 1)) if chance.random() < 0.1 else None,
            paused_all_at=now if chance.random() < 0.06 else None,
            evidence_from=now - timedelta(days=chance.choice((10, 200))) if chance.random() < 0.03 else None,
            created_at=now,
        )
        for _ in range(n)
    )
    addresses, contacts, done, refused = [], [], [], []
    for recipient in recipients:
        n_lines = chance.choices((0, 1, 2), (3, 87, 10))[0]
        lines = chance.choices(list(LineType), (6, 80, 10, 3, 1), k=n_lines)
        person = model.Person(recipient.pk, recipient.country, [line.name.lower() for line in lines])
        person.own_limit, person.has_paused_all = recipient.own_limit, recipient.paused_all_at is not None
        person.owner_since = recipient.evidence_from
        world.people[person.id] = person
        if not lines:
            addresses.append(Address(recipient=recipient, kind=Address.Kind.PROVIDER, value=f"{recipient.pk}"))
        for n, line in enumerate(lines):
            value = f"+3363998{n}{recipient.pk:06d}"
            addresses.append(Address(recipient=recipient, kind=Address.Kind.E164, value=value, line_type=line))
        for shop in chance.sample(world.shops, chance.choice((2, 3, 4))):
            contacts.append(_acquaint(world, shop, recipient, person))
            refused += _refused(world, shop, recipient, person)
            done += [_past(world, shop, recipient, person) for _ in range(chance.choice((0, 1, 1, 1, 2, 3)))]
    Address.objects.bulk_create(addresses)
    Contact.objects.bulk_create(contacts)
    Interaction.objects.bulk_create(done)
    Refusal.objects.bulk_create(refused, ignore_conflicts=True)


def _refused(world: World, shop: Shop, recipient: Recipient, person: model.Person) -> list[Refusal]:
    """Some had stopped or blocked the company long before."""
    kinds = {Refusal.Kind.STOPPED: person.stopped, Refusal.Kind.BLOCKED: person.blocked}
    found = []
    for kind, refusing in kinds.items():
        if world.chance.random() < 0.05:
            entity = shop.business.legal_entity_id
            refusing.add(entity)
            found.append(
                Refusal(legal_entity_id=entity, recipient=recipient, kind=kind, via="page", refused_at=world.now)
            )
    return found


def _acquaint(world: World, shop: Shop, recipient: Recipient, person: model.Person) -> Contact:
    person.contact_of.add(shop.business.pk)
    attributes = {"discount": "20"}
    if world.chance.random() < 0.07:
        person.lacks_variable_at.add(shop.business.pk)
        attributes = {}
    return Contact(
        business=shop.business,
        recipient=recipient,
        language="en",
        attributes=attributes,
        created_at=world.now,
        updated_at=world.now,
    )


def _past(world: World, shop: Shop, recipient: Recipient, person: model.Person) -> Interaction:
    """Something that happened in the last years, mostly lately; some of it is attested by a file, some withdrawn."""
    chance = world.chance
    days = chance.choice((3, 30, 200, 300, 400, 1100)) * chance.random()
    evidence = model.Evidence(
        chance.choices(KINDS, (16, 6, 2, 1, 1, 1))[0].name,
        world.now - timedelta(days=days),
        opt_out_offered=chance.random() < 0.7,
        is_withdrawn=chance.random() < 0.08,
    )
    batch_id = None
    if chance.random() < 0.5:
        batch_id = chance.choice(list(shop.batches))
        evidence.batch = shop.batches[batch_id]
        evidence.is_probe = chance.random() < 0.3
    person.evidence[shop.business.pk].append(evidence)
    provenance = Interaction.Provenance.ATTESTED if batch_id else Interaction.Provenance.OBSERVED
    return Interaction(
        business=shop.business,
        recipient=recipient,
        kind=Interaction.Kind[evidence.kind],
        provenance=provenance,
        occurred_at=evidence.occurred_at,
        opt_out_offered=evidence.opt_out_offered,
        evidence=f"order {next(world.numbers)}",
        batch_id=batch_id,
        is_probe=batch_id is not None and evidence.is_probe,
        withdrawn_at=world.now if evidence.is_withdrawn else None,
        created_at=world.now,
    )


# --- Days go by --------------------------------------------------------------------------------------


def go_on(world: World, *, hours: float, share: float) -> None:
    """Let time pass: what was on its way arrives, or not, and ``share`` of the people do something."""
    world.now += timedelta(hours=hours)
    _hear(world)
    for person in world.chance.sample(list(world.people.values()), int(share * len(world.people))):
        if not person.is_erased:
            _do_something(world, person, world.chance.choice(world.shops))
    if world.chance.random() < 0.5:
        _judge_a_batch(world, world.chance.choice(world.shops))
    if world.chance.random() < 0.3:
        _change_a_cap(world)


DEEDS = {
    "stop": 5, "resume": 3, "block": 3, "unblock": 2, "pause": 2, "unpause": 3, "limit": 5, "like": 5, "dislike": 8,
    "deal": 5, "erase": 2,
}  # fmt: skip


def _do_something(world: World, person: model.Person, shop: Shop) -> None:
    (deed,) = world.chance.choices(list(DEEDS), list(DEEDS.values()))
    match deed:
        case "like" | "dislike":
            _react(world, person, shop, is_interested=deed == "like")
        case "deal":
            _deal(world, person, shop)
        case "erase":
            Recipient.objects.filter(pk=person.id).update(erased_at=world.now)
            person.is_erased = True
        case _:
            _refuse_or_take_back(world, person, shop, deed)


def _refuse_or_take_back(world: World, person: model.Person, shop: Shop, deed: str) -> None:
    business, entity = shop.business, shop.business.legal_entity_id
    whom: dict[str, Any] = {"recipient_id": person.id, "via": "page", "now": world.now}
    match deed:
        case "stop":
            refusals.stop(business=business, **whom)
            person.stopped.add(entity)
        case "resume":
            refusals.resume(business=business, **whom)
            person.stopped.discard(entity)
        case "block":
            refusals.block(business=business, **whom)
            person.blocked.add(entity)
        case "unblock":
            refusals.unblock(business=business, **whom)
            person.blocked.discard(entity)
        case "pause" | "unpause":
            person.has_paused_all = deed == "pause"
            (refusals.pause_all if person.has_paused_all else refusals.unpause_all)(**whom)
        case "limit":
            person.own_limit = world.chance.choice((None, 0, 1, 2, 3))
            refusals.set_own_limit(limit=person.own_limit, **whom)


def _react(world: World, person: model.Person, shop: Shop, *, is_interested: bool) -> None:
    business = shop.business
    refusals.react(recipient_id=person.id, business=business, interested=is_interested, via="page", now=world.now)
    if business.pk in person.contact_of:
        person.last_word[business.pk] = "interested" if is_interested else "not_interested"
    if is_interested:  # it is evidence of its own; Not interested never is
        person.evidence[business.pk].append(model.Evidence("INTERESTED", world.now, opt_out_offered=False))


def _deal(world: World, person: model.Person, shop: Shop) -> None:
    kind = world.chance.choice((Interaction.Kind.INQUIRY, Interaction.Kind.CLICK))
    interactions.observe(
        business=shop.business,
        recipient=Recipient.objects.get(pk=person.id),
        kind=kind,
        occurred_at=world.now,
        evidence=f"message {next(world.numbers)}",
        now=world.now,
    )
    person.evidence[shop.business.pk].append(model.Evidence(kind.name, world.now, opt_out_offered=False))


def _judge_a_batch(world: World, shop: Shop) -> None:
    batch_id, told = world.chance.choice(list(shop.batches.items()))
    batch = ImportBatch.objects.select_related("business").get(pk=batch_id)
    judge = world.chance.choice((suspicion.vouch, suspicion.quarantine, trust.pass_probe))
    said = {} if judge is trust.pass_probe else {"by": world.operator, "words": "Looked at it."}
    if judge(batch=batch, now=world.now, **said):
        told.trust = {suspicion.vouch: "vouched", suspicion.quarantine: "quarantined", trust.pass_probe: "clean"}[judge]


def _change_a_cap(world: World) -> None:
    """The operator changes a rule, or makes one for a country of its own.

    Those of the platform become stricter, those of a business looser: with as many offers allowed by one business as
    by all of them, hardly anybody would be left to the platform's.
    """
    rule = world.chance.choice(list(CapRule.objects.all()))
    most = world.chance.choice((1, 1, 2) if rule.scope == CapRule.Scope.PLATFORM else (1, 2, 3, 4))
    if world.chance.random() < 0.5:
        CapRule.objects.filter(pk=rule.pk).update(max_offers=most)
    else:
        CapRule.objects.update_or_create(
            scope=rule.scope,
            country=world.chance.choice(COUNTRIES),
            window_hours=rule.window_hours,
            defaults={"max_offers": most},
        )
    _read_policy(world)


# --- Offers ------------------------------------------------------------------------------------------


def tell(world: World, shop: Shop) -> tuple[Counter[str], list[str]]:
    """Send one broadcast through the gate; return how often each verdict fell, and where the model disagrees."""
    known = [p.id for p in world.people.values() if shop.business.pk in p.contact_of]
    holdout = world.chance.choice((0, 50, 100, 100))
    sms = shop.sms if next(world.broadcasts) % 4 == 0 else None
    try:
        broadcast = make_launched(
            business=shop.business, version=shop.version, now=world.now, variables={}, life_hours=LIFE_HOURS,
            holdout_permille=holdout, sender=sms,
        )  # fmt: skip
    except CannotQuote:
        return Counter(), []  # the estimate says that nobody could be reached now
    asked = model.Question(
        shop.business.pk, shop.business.legal_entity_id, broadcast.salt, broadcast.holdout_permille, world.now,
        REACHED_BY_SMS if sms else None,
    )  # fmt: skip
    expected = {i: model.judge(world.people[i], asked, world.policy) for i in known}
    owner = uuid4()
    parts = _pass(broadcast, owner, world.now)
    rows = Delivery.objects.filter(broadcast_id=broadcast.pk).values_list("recipient_id", "reason")
    found = {i: "go" if reason is None else Reason(reason).name.lower() for i, reason in rows}
    wrong = [f"{i}: {expected.get(i)} expected, the gate says {found.get(i)}" for i in sorted(expected.keys() | found)
             if expected.get(i) != found.get(i)]  # fmt: skip
    _hand_over(world, shop, broadcast, [message for _, part in parts for message in part.messages])
    for claim, part in parts:
        chunks.finish(claim=claim, owner=owner, waiting=part.waiting, now=world.now)
    return Counter(expected.values()), wrong


def _pass(broadcast: Broadcast, owner: UUID, now: datetime) -> list[tuple[chunks.Claim, gate.Passed]]:
    """Let every chunk through the gate: one call judges hundreds of lives."""
    parts = []
    while claim := chunks.claim(owner=owner, busy=[], now=now):
        one = gate.pass_batch(
            chunk_id=claim.chunk_id,
            owner=owner,
            plan=plan.read(broadcast.pk),
            recipient_ids=claim.recipient_ids,
            now=now,
        )
        parts.append((claim, one))
    return parts


def _hand_over(world: World, shop: Shop, broadcast: Broadcast, messages: list[Message]) -> None:
    """Some are refused at once; of the others some fail later, some never say anything, the rest arrive some day."""
    chance, until = world.chance, plan.read(broadcast.pk).may_arrive_until
    results = []
    for message in messages:
        person = world.people[message.recipient_id]
        kind = chance.choices((OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.UNKNOWN), (90, 5, 5))[0]
        results.append((message, Outcome(kind, provider_id=f"p{next(world.numbers)}", error_code="x")))
        if kind != OutcomeKind.REJECTED:
            person.slots[broadcast.pk] = model.Slot(shop.business.pk, until)
            if chance.random() < 0.85:
                world.on_its_way.append(_fate(world, broadcast, message))
    settle.outcomes(broadcast_id=broadcast.pk, sender_id=broadcast.sender_id, results=results, now=world.now)


def _fate(world: World, broadcast: Broadcast, message: Message) -> tuple[datetime, ReceiptUpdate, int, int]:
    """Phones are off for up to three days, and receipts come up to two days later than what they are about."""
    at = world.now + timedelta(hours=world.chance.choice((0.01, 1, 30, 70)) * world.chance.random())
    status = ReceiptStatus.FAILED if world.chance.random() < 0.1 else ReceiptStatus.DELIVERED
    update = ReceiptUpdate(status=status, at=at, sender_id=broadcast.sender_id, message_code=message.code)
    return at + timedelta(hours=48 * world.chance.random() ** 3), update, message.recipient_id, broadcast.pk


def _hear(world: World) -> None:
    due = [fate for fate in world.on_its_way if fate[0] <= world.now]
    world.on_its_way = [fate for fate in world.on_its_way if fate[0] > world.now]
    settle.fold_receipts(updates=[update for _, update, _, _ in due], now=world.now)
    for _, update, recipient_id, broadcast_id in due:
        slots = world.people[recipient_id].slots
        if update.status == ReceiptStatus.FAILED:
            del slots[broadcast_id]
        else:
            slots[broadcast_id].arrived_at = update.at
