"""The emergency stop: obeyed within a second in every scope, and lifted again. (In the gate itself: test_gate.)"""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from broadcasts import (
    channels,
    chunks,
    clock,
    counts,
    courier,
    emergency,
    estimate,
    gate,
    lanes,
    lifecycle,
    notices,
    plan,
    quote,
)
from broadcasts.models import Broadcast, Chunk, Delivery, EmergencyStop, Notice, Sender
from businesses.models import AuditEvent, Business, Event
from consent.models import Recipient
from tests.at_once import at_once
from tests.broadcasts.stamped import Stamped
from tests.conftest import OwnDatabase, wait_for
from tests.make import EURO, make_broadcast, make_business, make_launched, make_people, make_user, open_policy

Scope = EmergencyStop.Scope


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def broadcast(db: None) -> Broadcast:
    business = make_business(money=100 * EURO)
    make_people(business=business, n=10, now=now())
    return make_launched(business=business, now=now())


def target_of(broadcast: Broadcast, scope: str) -> emergency.Target:
    reference = {
        Scope.PLATFORM: "",
        Scope.COUNTRY: "FR",
        Scope.BUSINESS: broadcast.business.code,
        Scope.SENDER: broadcast.sender.code,
        Scope.TEMPLATE: broadcast.template.code,
        Scope.BROADCAST: broadcast.code,
    }[Scope(scope)]
    return emergency.target(scope=scope, reference=reference)


def stop(broadcast: Broadcast, scope: str, **more: Any) -> EmergencyStop:
    operators = {"is_operators": True, **more}
    return emergency.stop(at=target_of(broadcast, scope), reason="wrong price", by=None, now=now(), **operators)


def claimed() -> chunks.Claim | None:
    return chunks.claim(owner=uuid4(), busy=[], now=now())


@pytest.mark.parametrize("scope", Scope.values)
def test_nothing_in_the_scope_passes_and_everything_goes_on_when_it_is_lifted(broadcast: Broadcast, scope: str) -> None:
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=now())
    assert claim is not None
    the_plan = plan.read(broadcast.pk)

    placed = stop(broadcast, scope)

    # A lane that had the chunk and the plan before: the gate reads the stop itself.
    passed = gate.pass_batch(chunk_id=claim.chunk_id, owner=owner, plan=the_plan, recipient_ids=claim.recipient_ids)
    assert (passed.messages, passed.is_paused) == ([], True)
    assert chunks.finish(claim=claim, owner=owner, waiting=[(now(), i) for i in claim.recipient_ids], now=now())
    assert claimed() is None, "nor is a chunk of it given to anybody"
    assert clock.lanes_wanted(most=2, now=now()) == 0

    assert emergency.lift(stop=placed, by=None, now=now(), is_operator=True) == (scope != Scope.COUNTRY)
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.state_reason, broadcast.stop) == ("sending", "", None)
    claim = chunks.claim(owner=owner, busy=[], now=now())
    assert claim is not None
    passed = gate.pass_batch(chunk_id=claim.chunk_id, owner=owner, plan=the_plan, recipient_ids=claim.recipient_ids)
    assert len(passed.messages) == 10
    assert counts.verify(broadcast) == []


@pytest.mark.parametrize("scope", [scope for scope in Scope.values if scope not in (Scope.PLATFORM, Scope.COUNTRY)])
def test_others_are_not_concerned(broadcast: Broadcast, scope: str) -> None:
    other = make_business(name="Other", money=EURO)
    make_people(business=other, n=1, first=500, now=now())
    theirs = make_launched(business=other, now=now())

    stop(broadcast, scope)

    claim = claimed()
    assert claim is not None
    assert claim.broadcast_id == theirs.pk
    theirs.refresh_from_db()
    assert theirs.state == Broadcast.State.SENDING


def test_a_country_waits_while_the_others_are_sent_to(broadcast: Broadcast) -> None:
    business = broadcast.business
    make_people(business=business, n=3, first=100, country="BE", timezone="Europe/Brussels", now=now())
    both = make_launched(business=business, now=now(), sender=broadcast.sender)
    lifecycle.cancel(broadcast=broadcast, by=None, now=now())
    placed = stop(broadcast, Scope.COUNTRY)

    taken = [claim for claim in iter(claimed, None) if claim.broadcast_id == both.pk]

    assert [claim.country for claim in taken] == ["BE"]
    both.refresh_from_db()
    assert both.state == Broadcast.State.SENDING
    # Whoever still waits at the end of the offer's life has that one reason.
    emergency.lift(stop=placed, by=None, now=now(), is_operator=True)
    assert {claim.country for claim in iter(claimed, None)} == {"FR"}


def test_a_broadcast_that_ended_is_drained_in_spite_of_a_stop(broadcast: Broadcast) -> None:
    stop(broadcast, Scope.COUNTRY)
    stop(broadcast, Scope.PLATFORM)
    lifecycle.cancel(broadcast=broadcast, by=None, now=now())
    assert claimed() is not None


def test_broadcasts_say_why_and_cannot_be_resumed(broadcast: Broadcast) -> None:
    placed = stop(broadcast, Scope.SENDER)

    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.stop) == (Broadcast.State.PAUSED, placed)
    assert broadcast.state_reason == "Arrêt d’urgence par l’opérateur\u202f: wrong price", "in the business's language"
    with pytest.raises(lifecycle.CannotResume, match="wrong price"):
        lifecycle.resume(broadcast=broadcast, by=None, now=now())
    event = Event.objects.filter(business=broadcast.business, kind="broadcast.paused").get()
    assert event.payload == {"code": broadcast.code, "reason": broadcast.state_reason, "stop": placed.code}


def test_it_is_audited_with_reason_and_person(broadcast: Broadcast) -> None:
    operator = make_user(is_staff=True)
    placed = emergency.stop(
        at=target_of(broadcast, Scope.COUNTRY), reason=" an  outage ", by=operator, now=now(), is_operators=True
    )
    emergency.lift(stop=placed, by=operator, now=now(), is_operator=True)

    trail = AuditEvent.objects.filter(object_kind="emergency_stop", object_code=placed.code).order_by("pk")
    assert [(line.action, line.actor) for line in trail] == [
        ("emergency_stop.placed", operator),
        ("emergency_stop.lifted", operator),
    ]
    assert trail[0].after == {"scope": "country", "reference": "FR", "reason": "an outage"}


@pytest.mark.parametrize("scope", [Scope.PLATFORM, Scope.BUSINESS, Scope.SENDER, Scope.TEMPLATE])
def test_launches_and_estimates_refuse_with_the_reason(broadcast: Broadcast, scope: str) -> None:
    draft = make_broadcast(business=broadcast.business, sender=broadcast.sender, now=now())
    Broadcast.objects.filter(pk=draft.pk).update(template=broadcast.template)
    draft.refresh_from_db()
    token = estimate.estimate(broadcast=draft, now=now()).token if scope == Scope.PLATFORM else ""
    stop(broadcast, scope)

    with pytest.raises(quote.CannotQuote, match="Emergency stop by the operator: wrong price"):
        estimate.estimate(broadcast=draft, now=now())
    with pytest.raises(quote.CannotQuote, match="wrong price") as refusal:
        lifecycle.launch(broadcast=draft, token=token, by=None, now=now())
    assert refusal.value.code == "stopped"


def test_what_is_scheduled_waits_until_it_is_lifted(db: None) -> None:
    business = make_business(money=EURO)
    make_people(business=business, n=1, now=now())
    scheduled = make_broadcast(business=business, now=now(), scheduled_at=now() + timedelta(hours=1))
    token = estimate.estimate(broadcast=scheduled, now=now()).token
    lifecycle.launch(broadcast=scheduled, token=token, by=None, now=now())
    placed = stop(scheduled, Scope.BUSINESS)
    later = now() + timedelta(hours=2)

    clock.begin(now=later)
    scheduled.refresh_from_db()
    assert scheduled.state == Broadcast.State.SCHEDULED

    emergency.lift(stop=placed, by=None, now=later, is_operator=True)
    clock.begin(now=later)
    scheduled.refresh_from_db()
    assert scheduled.state == Broadcast.State.PREPARING


def test_what_somebody_else_paused_stays_paused(broadcast: Broadcast) -> None:
    lifecycle.pause(broadcast=broadcast, reason="look first", by=None, now=now())
    placed = stop(broadcast, Scope.PLATFORM)

    assert emergency.lift(stop=placed, by=None, now=now(), is_operator=True) == 0
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.state_reason) == ("paused", "look first")


def test_a_second_stop_still_holds_when_the_first_is_lifted(broadcast: Broadcast) -> None:
    first, second = stop(broadcast, Scope.PLATFORM), stop(broadcast, Scope.TEMPLATE)

    assert emergency.lift(stop=first, by=None, now=now(), is_operator=True) == 0
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.stop) == ("paused", second)
    assert emergency.lift(stop=second, by=None, now=now(), is_operator=True) == 1


def test_lifting_may_leave_the_decision_to_each_business(broadcast: Broadcast) -> None:
    placed = stop(broadcast, Scope.PLATFORM)
    assert emergency.lift(stop=placed, by=None, now=now(), goes_on=False, is_operator=True) == 0
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED
    lifecycle.resume(broadcast=broadcast, by=None, now=now())


def test_what_is_over_its_life_does_not_go_on(broadcast: Broadcast) -> None:
    placed = stop(broadcast, Scope.PLATFORM)
    assert emergency.lift(stop=placed, by=None, now=now() + timedelta(days=3), is_operator=True) == 0


def test_what_begins_to_be_sent_in_spite_of_a_stop_is_paused_at_the_next_tick(broadcast: Broadcast) -> None:
    stop(broadcast, Scope.BUSINESS)
    Broadcast.objects.update(state=Broadcast.State.SENDING, stop=None)
    assert claimed() is None
    clock.begin(now=now())
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED


def test_a_business_lifts_its_own_and_not_the_operators(broadcast: Broadcast) -> None:
    operators = stop(broadcast, Scope.BROADCAST)
    own = stop(broadcast, Scope.BROADCAST, is_operators=False)
    assert own != operators
    with pytest.raises(emergency.CannotLift, match="operator"):
        emergency.lift(stop=operators, by=None, now=now())
    emergency.lift(stop=own, by=None, now=now())
    with pytest.raises(emergency.CannotLift, match="already"):
        emergency.lift(stop=own, by=None, now=now())
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED


@pytest.mark.parametrize(
    ("scope", "reference"),
    [
        ("broadcast", "brd_0000000000000000"),
        ("broadcast", "\x00"),
        ("sender", ""),
        ("template", "nonsense"),
        ("business", "biz_0000000000000000"),
        ("country", "france"),
        ("country", "F1"),
        ("country", ""),
        ("everything", ""),
    ],
)
def test_a_wrong_target_is_refused(db: None, scope: str, reference: str) -> None:
    with pytest.raises(emergency.CannotStop):
        emergency.target(scope=scope, reference=reference)


@pytest.mark.parametrize("scope", Scope.values)
def test_a_business_reaches_only_what_is_its_own(broadcast: Broadcast, scope: str) -> None:
    stranger = make_business(name="Stranger")
    reference = target_of(broadcast, scope)
    code = getattr(reference, scope, None)
    with pytest.raises(emergency.CannotStop):
        emergency.target(scope=scope, reference=getattr(code, "code", "FR"), business=stranger)


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 251])
def test_a_reason_is_required(broadcast: Broadcast, reason: str) -> None:
    with pytest.raises(emergency.CannotStop) as refusal:
        emergency.stop(at=target_of(broadcast, "platform"), reason=reason, by=None, now=now(), is_operators=True)
    assert "reason" in refusal.value.message_dict
    assert not EmergencyStop.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "platform", "country": "FR"},
        {"scope": "country", "country": "fr"},
        {"scope": "country"},
        {"scope": "sender"},
        {"scope": "platform", "is_operators": False},
        {"scope": "platform", "reason": ""},
    ],
)
def test_the_database_keeps_a_stop_whole(db: None, wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        EmergencyStop.objects.create(**{"reason": "x", "is_operators": True, "created_at": now(), **wrong})


def test_notices_still_go_out(broadcast: Broadcast) -> None:
    stop(broadcast, Scope.PLATFORM)
    recipient = Recipient.objects.all()[0]
    notices.tell(
        sender=broadcast.sender,
        recipient_id=recipient.pk,
        kind=Notice.Kind.STOP,
        cause="stop",
        language="en",
        now=now(),
    )
    courier.carry(now=now())
    assert Notice.objects.get().state == Notice.State.SENT


# --- At the same moment ------------------------------------------------------------------------------


def test_pressed_by_many_at_once_it_is_one_stop(own_database: OwnDatabase) -> None:
    business = make_business()
    at = emergency.target(scope="business", reference=business.code, business=business)

    answers = at_once(lambda n: emergency.stop(at=at, reason=f"number {n}", by=None, now=now()), 6)

    assert len({answer.pk for answer in answers}) == 1
    assert EmergencyStop.objects.count() == 1
    assert AuditEvent.objects.filter(action="emergency_stop.placed").count() == 1


def test_a_gate_that_waited_for_a_lock_looks_once_more(own_database: OwnDatabase) -> None:
    """It had decided to begin before the stop: what it waited for ends long after, and still nothing passes."""
    open_policy()
    business = make_business(money=100 * EURO)
    ids = make_people(business=business, n=10, now=now())
    broadcast = make_launched(business=business, now=now())
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=now())
    assert claim is not None
    the_plan = plan.read(broadcast.pk)
    passed: list[gate.Passed] = []

    def pass_it() -> None:
        try:
            passed.append(
                gate.pass_batch(chunk_id=claim.chunk_id, owner=owner, plan=the_plan, recipient_ids=claim.recipient_ids)
            )
        finally:
            connection.close()

    thread = threading.Thread(target=pass_it)
    with transaction.atomic():
        list(Recipient.objects.select_for_update(no_key=True).filter(pk=ids[0]))
        thread.start()
        wait_for(lambda: _somebody_waits_for_a_lock(own_database.superuser_url), what="the gate at the lock")
        # From another connection, as its own commit.
        at_once(lambda _: stop(broadcast, Scope.BROADCAST), 1)
        assert EmergencyStop.objects.count() == 1
    thread.join(timeout=20)

    assert [(each.messages, each.is_paused) for each in passed] == [([], True)]
    assert counts.funnel(broadcast).states == {"queued": 10}
    assert counts.verify(broadcast) == []


def _somebody_waits_for_a_lock(url: str) -> bool:
    """Asked by a session of its own: inside a transaction this view stands still."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True) as watcher:
        return watcher.execute(waiting).fetchone() is not None


@pytest.mark.parametrize("scope", [Scope.PLATFORM, Scope.COUNTRY, Scope.BROADCAST])
def test_no_gate_passes_after_it_commits_and_the_wire_is_still_within_a_second(
    own_database: OwnDatabase, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    open_policy()
    Stamped.began = []
    monkeypatch.setitem(channels.KINDS, Sender.Channel.SANDBOX, Stamped)
    business = make_business(money=1000 * EURO)
    make_people(business=business, n=3_000, now=now())
    broadcast = make_launched(business=business, now=now(), messages_per_second=600)
    committed: list[float] = []

    def press() -> None:
        stop(broadcast, scope)
        committed.append(time.time())

    async def stop_in_the_middle() -> None:
        lane = lanes.Lane(life_seconds=6)
        run = asyncio.create_task(lane.run())
        while lane.n_handed_over < 300:
            await asyncio.sleep(0.02)
        await lane.database(press)
        await run

    asyncio.run(stop_in_the_middle())

    placed = EmergencyStop.objects.get()
    assert 300 <= len(Stamped.began) < 2_500
    assert max(Stamped.began) < committed[0] + 1.0
    # The gate's own clock: what was decided after the stop stood there did not pass.
    last = Delivery.objects.filter(broadcast_id=broadcast.pk, gated_at__isnull=False).order_by("-gated_at")[0]
    assert last.gated_at is not None
    assert last.gated_at.timestamp() <= committed[0]
    funnel = counts.funnel(broadcast)
    assert funnel.sent + funnel.queued == 3_000
    assert funnel.queued > 500
    assert Chunk.objects.filter(broadcast=broadcast, done_at__isnull=True).exists()
    assert counts.verify(broadcast) == []

    emergency.lift(stop=placed, by=None, now=now(), is_operator=True)
    Broadcast.objects.update(messages_per_second=None)
    asyncio.run(lanes.Lane(life_seconds=30).run())
    assert counts.funnel(broadcast).sent == 3_000
    assert isinstance(business, Business)
