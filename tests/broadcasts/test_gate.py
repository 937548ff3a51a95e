"""The gate decides at the moment of sending, and what it reserved always adds up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from broadcasts import (
    chunks,
    clock,
    codes,
    counts,
    estimate,
    freeze,
    gate,
    lifecycle,
    panel,
    plan,
    quote,
    senders,
    settle,
)  # fmt: skip
from broadcasts.channels.base import Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast, Budget, Delivery, Estimate
from businesses import wallet
from businesses.models import Business, Wallet
from consent import refusals
from consent.lines import LineType
from consent.models import Address, CapEntry, Interaction
from consent.reasons import Reason
from templates_approval.models import Version
from tests.make import EURO, make_approved_version, make_broadcast, make_business, make_launched, make_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business() -> Business:
    return make_business(money=100 * EURO)


def pass_first_chunk(broadcast: Broadcast, now: datetime | None = None) -> gate.Passed:
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=now or datetime.now(UTC))
    assert claim is not None
    return gate.pass_batch(
        chunk_id=claim.chunk_id,
        owner=owner,
        plan=plan.read(broadcast.pk),
        recipient_ids=claim.recipient_ids,
        now=now,
    )


def states(broadcast: Broadcast) -> dict[str, int]:
    return counts.funnel(broadcast).states


@pytest.fixture(autouse=True)
def counts_are_true() -> Iterator[None]:
    yield
    for broadcast in Broadcast.objects.all():
        assert counts.verify(broadcast) == []
    assert wallet.verify_books() == []


def test_everybody_who_may_be_told_passes_with_a_passport(business: Business, now: datetime) -> None:
    ids = make_people(business=business, n=20, now=now)
    broadcast = make_launched(business=business, now=now)

    passed = pass_first_chunk(broadcast)

    assert sorted(message.recipient_id for message in passed.messages) == ids
    row = Delivery.objects.get(broadcast_id=broadcast.pk, recipient_id=ids[0])
    assert (row.state, row.attempt, row.basis) == (Delivery.State.SENDING, 1, 1)
    assert row.interaction_id is not None
    assert row.cap_counts == [0, 0, 0, 0]
    assert passed.messages[0].content["body"].startswith("Hello Ana, this week 20 percent off")
    assert CapEntry.objects.filter(broadcast_id=broadcast.pk).count() == 20


def test_a_stop_between_freeze_and_gate_is_obeyed(business: Business, now: datetime) -> None:
    ids = make_people(business=business, n=5, now=now)
    broadcast = make_launched(business=business, now=now)
    refusals.stop(recipient_id=ids[2], business=business, via="page", now=now)

    passed = pass_first_chunk(broadcast)

    assert len(passed.messages) == 4
    assert Delivery.objects.get(broadcast_id=broadcast.pk, recipient_id=ids[2]).reason == Reason.OPTED_OUT


def test_a_second_account_of_the_same_company_inherits_the_stop(now: datetime) -> None:
    first = make_business(registration_number="RCS 1", money=EURO)
    second = make_business(registration_number="RCS 1", money=EURO, name="Second Shop")
    ids = make_people(business=second, n=2, now=now)
    broadcast = make_launched(business=second, now=now)
    refusals.stop(recipient_id=ids[0], business=first, via="page", now=now)

    assert len(pass_first_chunk(broadcast).messages) == 1


def test_caps_over_businesses_and_the_persons_own(now: datetime) -> None:
    businesses = [make_business(money=10 * EURO, name=f"Shop {n}") for n in range(3)]
    for business in businesses:
        ids = make_people(business=business, n=4, now=now)
    refusals.set_own_limit(recipient_id=ids[0], limit=1, via="page", now=now)

    make_people(business=businesses[2], n=1, first=100, now=now)
    granted = [len(pass_first_chunk(make_launched(business=each, now=now)).messages) for each in businesses]

    # Two offers a day over all businesses; the person who chose one a week gets one.
    assert granted == [4, 3, 1]
    reasons = list(Delivery.objects.filter(state=Delivery.State.SKIPPED).values_list("reason", flat=True))
    assert sorted(reasons) == [Reason.CAP_RECIPIENT] * 2 + [Reason.CAP_PLATFORM] * 3


def test_the_same_business_twice_in_a_day_is_capped(business: Business, now: datetime) -> None:
    make_people(business=business, n=3, now=now)
    version = make_approved_version(business=business)
    assert len(pass_first_chunk(make_launched(business=business, version=version, now=now)).messages) == 3

    again = make_broadcast(business=business, version=version, now=now)
    result = estimate.estimate(broadcast=again, now=now)
    assert (result.n_eligible, result.reasons) == (0, {"cap_business": 3})


def test_evidence_that_gives_no_basis_in_the_country(business: Business, now: datetime) -> None:
    make_people(business=business, n=3, interaction=Interaction.Kind.INQUIRY, now=now)
    result = estimate.estimate(broadcast=make_broadcast(business=business, now=now), now=now)

    assert result.reasons == {"no_legal_basis": 3}


def test_wording_changed_after_approval_stops_the_gate(business: Business, now: datetime) -> None:
    make_people(business=business, n=3, now=now)
    broadcast = make_launched(business=business, now=now)
    version = Version.objects.get(template=broadcast.template)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    the_plan = plan.read(broadcast.pk)
    assert the_plan.obstacle is None

    version.components[0]["text"] = "Something nobody approved {{first_name}} {{discount}}"
    frozen = list(broadcast.versions.select_related("version__template"))
    frozen[0].version.components = version.components

    assert plan._obstacle(broadcast, frozen) == (Reason.TEMPLATE_UNAVAILABLE, "")


def test_a_lost_lease_changes_nothing(business: Business, now: datetime) -> None:
    make_people(business=business, n=3, now=now)
    broadcast = make_launched(business=business, now=now)
    claim = chunks.claim(owner=uuid4(), busy=[], now=now)
    assert claim is not None

    with pytest.raises(gate.LeaseLost):
        gate.pass_batch(
            chunk_id=claim.chunk_id, owner=uuid4(), plan=plan.read(broadcast.pk), recipient_ids=claim.recipient_ids
        )
    assert states(broadcast) == {"queued": 3}


def test_a_small_budget_grants_fewer(business: Business, now: datetime) -> None:
    make_people(business=business, n=10, now=now)
    broadcast = make_launched(business=business, now=now)
    price = Delivery.objects.filter(broadcast_id=broadcast.pk)[0].price_micro
    Budget.objects.filter(broadcast=broadcast).update(ceiling_micro=price * 4 + price // 2)

    passed = pass_first_chunk(broadcast)

    assert (len(passed.messages), len(passed.waiting), passed.is_over_budget) == (4, 6, True)
    assert Budget.objects.get(broadcast=broadcast).reserved_micro == 4 * price


def test_the_tier_limits_people_per_day(now: datetime) -> None:
    business = make_business(money=EURO)
    business.daily_people_limit = 7
    business.save()
    make_people(business=business, n=10, now=now)

    passed = pass_first_chunk(make_launched(business=business, now=now))

    assert (len(passed.messages), len(passed.waiting)) == (7, 3)


def test_outcomes_and_receipts_move_forward_only_and_money_follows(business: Business, now: datetime) -> None:
    make_people(business=business, n=6, now=now)
    broadcast = make_launched(business=business, now=now)
    messages = pass_first_chunk(broadcast).messages
    kinds = [OutcomeKind.ACCEPTED] * 3 + [OutcomeKind.REJECTED, OutcomeKind.NOT_STARTED, OutcomeKind.UNKNOWN]
    results = [
        (message, Outcome(kind, provider_id=f"p{n}", error_code="x"))
        for n, (message, kind) in enumerate(zip(messages, kinds, strict=True))
    ]
    for _ in range(2):  # the same outcome twice is one outcome
        settle.outcomes(broadcast_id=broadcast.pk, sender_id=broadcast.sender_id, results=results, now=now)
    assert states(broadcast) == {"queued": 1, "unknown": 1, "accepted": 3, "failed": 1}
    price = messages[0].price_micro
    assert Budget.objects.get(broadcast=broadcast).reserved_micro == 4 * price
    assert CapEntry.objects.filter(broadcast_id=broadcast.pk).count() == 4

    def receipt(n: int, status: ReceiptStatus, **by: str) -> ReceiptUpdate:
        return ReceiptUpdate(
            status=status, at=now, sender_id=broadcast.sender_id, **(by or {"message_code": messages[n].code})
        )

    updates = [
        receipt(0, ReceiptStatus.READ),
        receipt(0, ReceiptStatus.DELIVERED),
        receipt(1, ReceiptStatus.DELIVERED, provider_id="p1"),
        receipt(2, ReceiptStatus.FAILED),
        receipt(3, ReceiptStatus.DELIVERED),  # arrived after all
        receipt(5, ReceiptStatus.SENT),  # the unknown one is resolved
        receipt(0, ReceiptStatus.SENT),
        receipt(0, ReceiptStatus.READ, provider_id="nobody's"),
    ]
    for _ in range(2):
        settle.fold_receipts(updates=updates, now=now)
    assert states(broadcast) == {"queued": 1, "sent": 1, "failed": 1, "delivered": 2, "read": 1}
    budget = Budget.objects.get(broadcast=broadcast)
    assert (budget.reserved_micro, budget.captured_micro) == (4 * price, 3 * price)
    assert CapEntry.objects.filter(broadcast_id=broadcast.pk).count() == 4


def test_a_provider_speaks_of_its_own_messages_only(business: Business, now: datetime) -> None:
    make_people(business=business, n=1, now=now)
    broadcast = make_launched(business=business, now=now)
    (message,) = pass_first_chunk(broadcast).messages
    forged = ReceiptUpdate(
        status=ReceiptStatus.READ, at=now, sender_id=broadcast.sender_id + 1, message_code=message.code
    )

    assert settle.fold_receipts(updates=[forged], now=now) == 0


def test_cancel_ends_everything_and_releases_the_money(business: Business, now: datetime) -> None:
    make_people(business=business, n=5, now=now)
    broadcast = make_launched(business=business, now=now)
    before = Wallet.objects.get(business=business)
    assert before.held_micro > 0
    lifecycle.cancel(broadcast=broadcast, by=None, now=now)
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=now)
    assert claim is not None

    assert chunks.drain(claim=claim, owner=owner, reason=Reason.CANCELLED, now=now) == 5
    assert chunks.finish(claim=claim, owner=owner, waiting=[], now=now)
    clock.close_books(now=now)

    assert counts.funnel(broadcast).reasons == {"cancelled": 5}
    after = Wallet.objects.get(business=business)
    assert (after.held_micro, after.balance_micro) == (0, before.balance_micro)


def test_an_audience_that_grew_is_asked_about_again(business: Business, now: datetime) -> None:
    make_people(business=business, n=3, now=now)
    broadcast = make_broadcast(business=business, now=now)
    token = estimate.estimate(broadcast=broadcast, now=now).token
    make_people(business=business, n=3, first=100, now=now)
    lifecycle.launch(broadcast=broadcast, token=token, by=None, now=now)

    freeze.next_slice(broadcast_id=broadcast.pk, now=now)

    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.DRAFT
    assert "3" in broadcast.state_reason
    assert Wallet.objects.get(business=business).held_micro == 0


def test_a_launch_needs_the_money_and_takes_it_once(now: datetime) -> None:
    business = make_business(money=1)
    make_people(business=business, n=3, now=now)
    broadcast = make_broadcast(business=business, now=now)
    token = estimate.estimate(broadcast=broadcast, now=now).token
    with pytest.raises(wallet.NotEnoughMoney):
        lifecycle.launch(broadcast=broadcast, token=token, by=None, now=now)
    wallet.top_up(business=business, amount_micro=EURO, key="more", now=now)
    lifecycle.launch(broadcast=broadcast, token=token, by=None, now=now)
    with pytest.raises(lifecycle.CannotLaunch):
        lifecycle.launch(broadcast=broadcast, token=token, by=None, now=now)


def test_waiting_for_the_cap_makes_a_later_chunk(now: datetime) -> None:
    business = make_business(money=100 * EURO)
    make_people(business=business, n=3, now=now)
    version = make_approved_version(business=business)
    pass_first_chunk(make_launched(business=business, version=version, now=now))
    later = make_people(business=business, n=120, first=50, now=now)
    broadcast = make_launched(business=business, version=version, now=now, waits_for_cap=True, life_hours=48)

    passed = pass_first_chunk(broadcast)

    assert sorted(message.recipient_id for message in passed.messages) == later
    assert len(passed.waiting) == 3
    assert all(now + timedelta(hours=23) < due < now + timedelta(hours=25) for due, _ in passed.waiting)


@pytest.mark.parametrize(
    ("n", "fields", "said"),
    [
        (120, {"waits_for_cap": True, "life_hours": 48}, None),
        (120, {"waits_for_cap": True, "life_hours": 12}, "nobody can be written to again"),
        (99, {"waits_for_cap": True, "life_hours": 48}, "among fewer than 100 people nobody is waited for"),
        (120, {"waits_for_cap": False, "life_hours": 48}, "The estimate says why"),
    ],
)
def test_a_broadcast_that_only_waits_may_launch(
    now: datetime, n: int, fields: dict[str, Any], said: str | None
) -> None:
    business = make_business(money=100 * EURO)
    people = make_people(business=business, n=n, now=now)
    version = make_approved_version(business=business)
    assert len(pass_first_chunk(make_launched(business=business, version=version, now=now)).messages) == n

    if said:
        with pytest.raises(quote.CannotQuote, match=said):
            make_launched(business=business, version=version, now=now, **fields)
        return
    again = make_launched(business=business, version=version, now=now, **fields)
    assert again.waits_for_cap
    passed = pass_first_chunk(again)
    assert (passed.messages, sorted(who for _, who in passed.waiting)) == ([], people)


def test_among_a_few_nobody_is_waited_for(business: Business, now: datetime) -> None:
    make_people(business=business, n=3, now=now)
    assert not make_launched(business=business, now=now, waits_for_cap=True).waits_for_cap


def told(business: Business, version: Version, at: datetime, **fields: int) -> list[str]:
    """Send to somebody new, and to person 1; return the codes of what person 1 gets."""
    make_people(business=business, n=1, first=int(at.timestamp()), now=at)
    messages = pass_first_chunk(make_launched(business=business, version=version, now=at, **fields), at).messages
    return [message.code for message in messages if message.address == "+33639980000001"]


def test_an_offer_counts_when_it_arrives_not_when_it_left(now: datetime) -> None:
    """A phone that is off for days must not show two offers at once: the first one may still arrive at any moment."""
    business = make_business(money=10 * EURO)
    make_people(business=business, n=1, now=now)
    version = make_approved_version(business=business)

    def granted(days: float) -> list[str]:
        return told(business, version, now + timedelta(days=days), life_hours=72)

    def arrived(code: str, days: float, *, heard: float) -> None:
        at = now + timedelta(days=days)
        broadcast_id, _, _ = codes.read_delivery_code(code) or (0, 0, 0)
        sender_id = Broadcast.objects.get(pk=broadcast_id).sender_id
        update = ReceiptUpdate(status=ReceiptStatus.DELIVERED, at=at, sender_id=sender_id, message_code=code)
        settle.fold_receipts(updates=[update], now=now + timedelta(days=heard))

    (first,) = granted(0)
    assert granted(2) == []
    arrived(first, 2.5, heard=2.9)
    assert granted(3) == []
    (second,) = granted(3.6)
    # A clock ahead of ours cannot move an arrival out of today, nor one behind it to before it left.
    arrived(second, 9, heard=3.7)
    assert granted(4.6) == []
    assert len(granted(4.8)) == 1
    reasons = Delivery.objects.filter(state=Delivery.State.SKIPPED).values_list("reason", flat=True)
    assert set(reasons) == {Reason.CAP_BUSINESS}


def test_what_never_arrives_counts_until_it_cannot_arrive_any_more(now: datetime) -> None:
    business = make_business(money=10 * EURO)
    make_people(business=business, n=1, now=now)
    version = make_approved_version(business=business)
    assert len(told(business, version, now, life_hours=24)) == 1
    last = plan.read(Broadcast.objects.get().pk).may_arrive_until

    assert told(business, version, last + timedelta(hours=23)) == []
    assert len(told(business, version, last + timedelta(hours=25))) == 1


def test_nobody_reads_an_unfilled_variable(business: Business, now: datetime) -> None:
    ids = make_people(business=business, n=3, now=now)
    broadcast = make_launched(business=business, now=now)
    Delivery.objects.filter(broadcast_id=broadcast.pk, recipient_id=ids[1]).update(variables={"first_name": "Ana"})

    passed = pass_first_chunk(broadcast)

    assert sorted(message.recipient_id for message in passed.messages) == [ids[0], ids[2]]
    assert Delivery.objects.get(broadcast_id=broadcast.pk, recipient_id=ids[1]).reason == Reason.MISSING_VARIABLE
    assert CapEntry.objects.filter(broadcast_id=broadcast.pk).count() == 2


def test_spent_slots_are_forgotten_when_no_rule_counts_them(business: Business, now: datetime) -> None:
    for broadcast_id, days in ((1, 31), (2, 29)):
        told_at = now - timedelta(days=days)
        CapEntry.objects.create(
            recipient_id=1, broadcast_id=broadcast_id, business_id=1, reserved_at=told_at, counts_at=told_at
        )

    clock.prune(now=now)

    assert [entry.broadcast_id for entry in CapEntry.objects.all()] == [2]


@pytest.mark.promise("P11")
def test_a_row_that_nobody_can_write_is_set_aside_and_the_others_pass(business: Business, now: datetime) -> None:
    ids = make_people(business=business, n=20, now=now)
    broadcast = make_launched(business=business, now=now)
    Delivery.objects.filter(broadcast_id=broadcast.pk, recipient_id__in=(ids[3], ids[11])).update(version_id=4_711)

    passed = pass_first_chunk(broadcast)

    assert {message.recipient_id for message in passed.messages} == set(ids) - {ids[3], ids[11]}
    assert (passed.n_decided, passed.stopped_by) == (20, None)
    bad = Delivery.objects.get(broadcast_id=broadcast.pk, recipient_id=ids[3])
    assert (bad.state, bad.reason, bad.error_code) == (Delivery.State.SKIPPED, Reason.NOT_SENDABLE, "KeyError")
    assert CapEntry.objects.filter(broadcast_id=broadcast.pk).count() == 18


@pytest.mark.promise("P11")
def test_many_such_rows_are_not_their_own_fault_and_stop_the_broadcast(business: Business, now: datetime) -> None:
    make_people(business=business, n=40, now=now)
    broadcast = make_launched(business=business, now=now)
    Delivery.objects.filter(broadcast_id=broadcast.pk).update(version_id=4_711)

    passed = pass_first_chunk(broadcast)

    assert (passed.stopped_by, passed.n_decided, passed.messages) == (Reason.NOT_SENDABLE, gate.MOST_SET_ASIDE, [])
    assert states(broadcast) == {"skipped": gate.MOST_SET_ASIDE, "queued": 40 - gate.MOST_SET_ASIDE}


def test_a_landline_is_refused_where_the_sender_reaches_mobiles_only(business: Business, now: datetime) -> None:
    """The rule is the channel's: over another one they are told. Where nobody can tell, nobody is refused."""
    landline, both, unclear, mobile = make_people(business=business, n=4)
    Address.objects.filter(recipient_id__in=(landline, both)).update(line_type=LineType.LANDLINE)
    Address.objects.filter(recipient_id=mobile).update(line_type=LineType.MOBILE)
    Address.objects.create(recipient_id=both, kind="e164", value="+33612345678", line_type=LineType.MOBILE)
    gateway, _ = senders.connect_webhook(
        business=business, name="SMS", url="http://127.0.0.1:9/", mobiles_only=True, now=now
    )
    broadcast = make_launched(business=business, now=now, sender=gateway)
    told = Estimate.objects.get(broadcast=broadcast)
    assert (told.n_eligible, told.reasons) == (3, {"line_type": 1})
    assert "landline" in next(row.sentence for row in panel.of(told).rows if row.code == "line_type")

    passed = pass_first_chunk(broadcast)

    assert {m.recipient_id for m in passed.messages} == {both, unclear, mobile}
    assert next(m.address for m in passed.messages if m.recipient_id == both) == "+33612345678"
    assert Delivery.objects.get(broadcast_id=broadcast.pk, recipient_id=landline).reason == Reason.LINE_TYPE

    CapEntry.objects.all().delete()
    anywhere = make_launched(business=business, now=now, version=broadcast.versions.get().version)
    assert len(pass_first_chunk(anywhere).messages) == 4


def test_whom_a_sender_reaches_is_bound_by_the_estimate(business: Business, now: datetime) -> None:
    make_people(business=business, n=2)
    gateway, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=now)
    draft = make_broadcast(business=business, now=now, sender=gateway)
    told = estimate.estimate(broadcast=draft, now=now)
    senders.set_reach(sender=gateway, mobiles_only=True, by=None, now=now)
    with pytest.raises(quote.CannotQuote) as refusal:
        lifecycle.launch(broadcast=draft, token=told.token, by=None, now=now)
    assert refusal.value.code == "token_stale"
    senders.set_reach(sender=gateway, mobiles_only=False, by=None, now=now)
    lifecycle.launch(broadcast=draft, token=told.token, by=None, now=now)


def test_what_a_sender_reaches_holds_from_the_next_look_on(business: Business, now: datetime) -> None:
    make_people(business=business, n=2)
    Address.objects.update(line_type=LineType.LANDLINE)
    gateway, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=now)
    broadcast = make_launched(business=business, now=now, sender=gateway)
    senders.set_reach(sender=gateway, mobiles_only=True, by=None, now=now)
    assert pass_first_chunk(broadcast).messages == []
    assert set(Delivery.objects.filter(broadcast_id=broadcast.pk).values_list("reason", flat=True)) == {
        Reason.LINE_TYPE
    }
