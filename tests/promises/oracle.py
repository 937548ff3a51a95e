"""What must be true of finished broadcasts, worked out anew from the rows and the sink's log, slowly and obviously."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from broadcasts import counts
from broadcasts.models import Broadcast, Delivery
from businesses import wallet
from consent.models import CapEntry, CapRule, Contact, Recipient

State = Delivery.State
HOLDS_A_SLOT = [
    State.SENDING, State.UNKNOWN, State.UNCONFIRMED, State.ACCEPTED, State.HELD, State.SENT, State.NO_RECEIPT,
    State.DELIVERED, State.READ,
]  # fmt: skip
RESERVED = [State.SENDING, State.UNKNOWN, State.ACCEPTED, State.HELD, State.SENT, State.DELIVERED, State.READ]
ARRIVED = [State.DELIVERED, State.READ]


@dataclass(frozen=True)
class Arrival:
    """One request that the sink took."""

    to: str
    key: str
    first_byte_at: float


def handed_over_twice(arrivals: Iterable[Arrival], *, same_key_is_same_message: bool) -> dict[str, int]:
    """Return who got more than one message of what should be one broadcast, and how many."""
    messages: dict[str, list[str]] = defaultdict(list)
    for arrival in arrivals:
        messages[arrival.to].append(arrival.key)
    n = {to: len(set(keys)) if same_key_is_same_message else len(keys) for to, keys in messages.items()}
    return {to: times for to, times in n.items() if times > 1}


def faults(broadcast: Broadcast) -> list[str]:
    """P10 and the counts: Σ states = audience, and each row has exactly one reason, or a passport, or is on its way."""
    broadcast.refresh_from_db()
    found = counts.verify(broadcast)
    rows = list(Delivery.objects.filter(broadcast_id=broadcast.pk))
    if len(rows) != broadcast.n_audience:
        found.append(f"{len(rows)} rows for an audience of {broadcast.n_audience}")
    for row in rows:
        passport = (row.interaction_id, row.basis, row.version_id, row.cap_counts, row.gated_at)
        was_reached = row.state in HOLDS_A_SLOT
        if was_reached and None in passport:
            found.append(f"recipient {row.recipient_id} was reached without a passport")
        has_reason = row.reason is not None
        if has_reason != (row.state in (State.SKIPPED, State.FAILED, State.UNCONFIRMED, State.NO_RECEIPT)):
            found.append(f"recipient {row.recipient_id} is {row.state} with reason {row.reason}")
    return found


def money_faults() -> list[str]:
    """P5: the books add up, and every budget says exactly what its deliveries say."""
    found = wallet.verify_books()
    for broadcast in Broadcast.objects.filter(launched_at__isnull=False).select_related("budget", "hold"):
        rows = list(Delivery.objects.filter(broadcast_id=broadcast.pk).values_list("state", "price_micro"))
        arrived = sum(price for state, price in rows if state in ARRIVED)
        reserved = sum(price for state, price in rows if state in RESERVED)
        budget, hold = broadcast.budget, broadcast.hold
        if budget.captured_micro + budget.written_off_micro != arrived:
            found.append(f"{broadcast.code}: captured {budget.captured_micro}, arrived {arrived}")
        if budget.reserved_micro + budget.written_off_micro != reserved:
            found.append(f"{broadcast.code}: reserved {budget.reserved_micro}, handed over {reserved}")
        if not 0 <= budget.captured_micro <= budget.reserved_micro <= budget.ceiling_micro:
            found.append(f"{broadcast.code}: the budget is out of bounds")
        if hold is not None and hold.captured_micro > budget.captured_micro:
            found.append(f"{broadcast.code}: more was taken from the wallet than arrived")
        if broadcast.settled_at and hold is not None and (hold.captured_micro != budget.captured_micro):
            found.append(f"{broadcast.code}: settled with {hold.captured_micro} of {budget.captured_micro}")
        if broadcast.settled_at and hold is not None and hold.remaining_micro:
            found.append(f"{broadcast.code}: settled, and {hold.remaining_micro} are still held")
    return found


def slot_faults() -> list[str]:
    """Whoever was reached, or may have been, holds exactly one slot; nobody else holds any."""
    held = Counter(CapEntry.objects.filter(broadcast_id__gt=0).values_list("broadcast_id", "recipient_id"))
    reached = Counter(Delivery.objects.filter(state__in=HOLDS_A_SLOT).values_list("broadcast_id", "recipient_id"))
    keys = [key for key in held | reached if held[key] != reached[key]]
    return [f"{key} holds {held[key]} slots instead of {reached[key]}" for key in keys]


def cap_excesses() -> list[str]:
    """P2: look back from every slot ever granted, through each window that held for that person."""
    entries: dict[int, list[CapEntry]] = defaultdict(list)
    for entry in CapEntry.objects.order_by("reserved_at"):
        entries[entry.recipient_id].append(entry)
    people = {person.pk: person for person in Recipient.objects.filter(pk__in=entries)}
    uninterested = set(
        Contact.objects.filter(last_reaction=Contact.Reaction.NOT_INTERESTED).values_list("business_id", "recipient_id")
    )
    rules = list(CapRule.objects.all())
    found = []
    for recipient_id, mine in entries.items():
        for entry in mine:
            if entry.broadcast_id > 0:  # the others are a history that the test made up
                is_uninterested = (entry.business_id, recipient_id) in uninterested
                found += _excesses(entry, mine, people[recipient_id], rules, is_uninterested)
    return found


def _excesses(
    entry: CapEntry, mine: list[CapEntry], person: Recipient, rules: list[CapRule], is_uninterested: bool
) -> list[str]:
    limits = [(timedelta(days=7), person.own_limit, False)] if person.own_limit is not None else []
    for rule in _rules_of(person.country, rules):
        if rule.scope != CapRule.Scope.BUSINESS_NOT_INTERESTED or is_uninterested:
            limits.append((timedelta(hours=rule.window_hours), rule.max_offers, rule.scope != CapRule.Scope.PLATFORM))
    return [
        f"recipient {person.pk}: {n} in {width}, {most} allowed, at {entry.reserved_at}"
        for width, most, of_one_business in limits
        if (n := _seen(entry, mine, width, of_one_business)) > most
    ]


def _seen(entry: CapEntry, mine: list[CapEntry], width: timedelta, of_one_business: bool) -> int:
    since: datetime = entry.reserved_at - width
    return sum(
        since < other.reserved_at <= entry.reserved_at
        for other in mine
        if not of_one_business or other.business_id == entry.business_id
    )


def _rules_of(country: str, rules: list[CapRule]) -> list[CapRule]:
    own_scopes = {rule.scope for rule in rules if rule.country == country}
    return [rule for rule in rules if rule.country == (country if rule.scope in own_scopes else "")]


def in_the_air() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM broadcasts_delivery WHERE state IN (0, 10)")
        return int(cursor.fetchone()[0])
