"""Guards: a broadcast pauses by itself when too much fails or too many refuse, and is counted anew after a resume."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from broadcasts import channels, clock, counts, guards, lanes, lifecycle
from broadcasts.channels.base import Message, Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate, Report
from broadcasts.channels.sandbox import Sandbox
from broadcasts.models import Broadcast, Guard, Sender
from broadcasts.settle import fold_receipts
from businesses.models import AuditEvent, Business, Event, Member
from consent import refusals
from tests import make
from tests.broadcasts.test_api import Program, draft_of
from tests.conftest import OwnDatabase

LIMITS = {"pause_at_failed_percent": 20, "pause_at_refused_permille": 100, "pause_after_n": 20}


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business(db: None) -> Business:
    business = make.make_business(money=100 * make.EURO)
    make.make_people(business=business, n=50, now=now())
    return business


def sent(business: Business, **limits: Any) -> tuple[Broadcast, list[Message]]:
    """A broadcast to 50 people that is *sending*: as if more were to come."""
    broadcast, messages = make.make_sent(business=business, now=now(), **(LIMITS | limits))
    Broadcast.objects.filter(pk=broadcast.pk).update(state=Broadcast.State.SENDING, completed_at=None)
    return broadcast, messages


def fail(broadcast: Broadcast, messages: list[Message]) -> None:
    updates = [
        ReceiptUpdate(ReceiptStatus.FAILED, now(), broadcast.sender_id, message_code=message.code, error_code="131026")
        for message in messages
    ]
    fold_receipts(updates=updates, now=now())


def stop(broadcast: Broadcast, messages: list[Message], via: str = "page") -> None:
    for message in messages:
        refusals.stop(recipient_id=message.recipient_id, business=broadcast.business, via=via, now=now())


def paused(broadcast: Broadcast) -> bool:
    broadcast.refresh_from_db()
    return broadcast.state == Broadcast.State.PAUSED


def test_too_many_failures_pause_it_with_reason_and_event(business: Business) -> None:
    broadcast, messages = sent(business)
    fail(broadcast, messages[:9])
    clock.begin(now=now())
    assert not paused(broadcast)

    fail(broadcast, messages[9:10])
    clock.begin(now=now())

    assert paused(broadcast)
    assert "10" in broadcast.state_reason
    assert "50" in broadcast.state_reason
    event = Event.objects.get(kind="broadcast.paused")
    assert event.payload["guard"] == {"n": 50, "failed": 10, "refused": 0}
    assert event.payload["reason"] == broadcast.state_reason
    assert AuditEvent.objects.filter(action="broadcast.paused", object_code=broadcast.code).exists()


def test_too_many_refusals_pause_it(business: Business) -> None:
    broadcast, messages = sent(business)
    stop(broadcast, messages[:4])
    assert guards.watch(now=now()) == 0
    stop(broadcast, messages[4:5])
    assert guards.watch(now=now()) == 1
    assert paused(broadcast)
    assert Event.objects.get(kind="broadcast.paused").payload["guard"]["refused"] == 5


def test_what_has_nothing_to_do_with_it_does_not_count(business: Business) -> None:
    make.make_people(business=business, n=10, first=200, language="fr", now=now() - timedelta(days=1))
    broadcast, messages = sent(business, audience={"languages": ["en"]})
    others = make.make_people(business=business, n=10, first=200, now=now())
    for recipient_id in others:  # were not sent it
        refusals.stop(recipient_id=recipient_id, business=business, via="page", now=now())
    stop(broadcast, messages[:10], via="import")  # a file of old stops
    for message in messages[10:20]:  # long before
        refusals.stop(recipient_id=message.recipient_id, business=business, via="page", now=now() - timedelta(days=2))
    assert guards.watch(now=now()) == 0


def test_a_few_hand_overs_say_nothing(business: Business) -> None:
    broadcast, messages = sent(business, pause_after_n=51)
    fail(broadcast, messages)
    assert guards.watch(now=now()) == 0


def test_zero_is_off_and_the_businesss_own_limit_holds_where_the_broadcast_has_none(business: Business) -> None:
    off, messages = sent(business, pause_at_failed_percent=0)
    fail(off, messages)
    assert guards.watch(now=now()) == 0

    Broadcast.objects.filter(pk=off.pk).update(pause_at_failed_percent=None)
    guards.set_limits(business=business, by=None, now=now(), failed_percent=0)
    assert guards.watch(now=now()) == 0
    guards.set_limits(business=business, by=None, now=now(), failed_percent=50)
    assert guards.watch(now=now()) == 1


def test_after_a_resume_it_is_counted_anew(business: Business) -> None:
    broadcast, messages = sent(business)
    fail(broadcast, messages[:20])
    assert guards.watch(now=now()) == 1
    lifecycle.resume(broadcast=broadcast, by=None, now=now())
    assert guards.watch(now=now()) == 0, "the same failures do not pause it again"
    counts.squash()
    assert guards.watch(now=now()) == 0


def test_the_defaults_are_on_and_sane(business: Business) -> None:
    broadcast, _messages = sent(
        business, pause_at_failed_percent=None, pause_at_refused_permille=None, pause_after_n=None
    )
    assert guards.shown(broadcast) == {"failed_percent": 20, "refused_permille": 30, "after_n": 200}


def test_looking_costs_the_same_for_many_broadcasts(business: Business) -> None:
    first, messages = sent(business)
    stop(first, messages[:1])
    with CaptureQueriesContext(
        connection,
    ) as one:
        guards.watch(now=now())
    for n in range(3):
        other = make.make_business(name=f"Shop {n}", money=100 * make.EURO)
        make.make_people(business=other, n=30, first=1000 * (n + 1), now=now())
        theirs, messages = sent(other)
        stop(theirs, messages[:1])
    with CaptureQueriesContext(connection) as many:
        guards.watch(now=now())
    assert len(many) == len(one) <= 5


@pytest.mark.parametrize(
    "wrong", [{"failed_percent": 101}, {"failed_percent": -1}, {"refused_permille": 1001}, {"after_n": 19}]
)
def test_wrong_limits_are_refused(business: Business, wrong: dict[str, int]) -> None:
    with pytest.raises(guards.CannotGuard) as refusal:
        guards.set_limits(business=business, by=None, now=now(), **wrong)
    assert set(refusal.value.message_dict) == set(wrong)
    with pytest.raises((IntegrityError, OverflowError)), transaction.atomic():
        Guard.objects.create(business=business, **wrong)


@pytest.mark.parametrize(
    "wrong", [{"pause_at_failed_percent": 101}, {"pause_at_refused_permille": -1}, {"pause_after_n": 5}]
)
def test_wrong_limits_of_a_broadcast_are_refused(business: Business, wrong: dict[str, int]) -> None:
    with pytest.raises(lifecycle.CannotCreate) as refusal:
        make.make_broadcast(business=business, **wrong)
    assert set(refusal.value.message_dict) == set(wrong)


# --- Doors -------------------------------------------------------------------------------------------


def test_the_page_shows_and_changes_the_guard(client: Client, business: Business) -> None:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    guard = f"/b/{business.code}/guard/"
    assert 'value="20"' in client.get(guard).content.decode()
    given = {"failed_percent": "10", "refused_permille": "0", "after_n": "500"}
    assert client.post(guard, given).status_code == 302
    assert guards.limits_of(make.make_broadcast(business=business), Guard.objects.get()) == (10, 0, 500)
    assert client.post(guard, given | {"after_n": "1"}).status_code == 422
    assert client.post(guard, {}).status_code == 422


def test_the_composer_asks_for_limits_and_the_page_shows_them(client: Client, business: Business) -> None:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    draft = make.make_broadcast(business=business, now=now())
    when = f"/b/{business.code}/broadcasts/{draft.code}/compose/when/"
    assert "Empty: 20, as for all your broadcasts" in client.get(when).content.decode()
    given = {"start": "now", "life_hours": "24", "pause_at_failed_percent": "7", "pause_after_n": ""}
    assert client.post(when, given).status_code == 302
    draft.refresh_from_db()
    assert (draft.pause_at_failed_percent, draft.pause_at_refused_permille, draft.pause_after_n) == (7, None, None)
    assert client.post(when, given | {"pause_at_failed_percent": "101"}).status_code == 422

    live = make.make_launched(business=business, now=now(), pause_at_failed_percent=7)
    assert "at 7 failed in 100" in client.get(f"/b/{business.code}/broadcasts/{live.code}/").content.decode()


def test_programs_read_and_set_both(business: Business) -> None:
    program = Program(business)
    assert program.get("guard").json() == {"failed_percent": 20, "refused_permille": 30, "after_n": 200}
    wanted = {"failed_percent": 5, "refused_permille": 10, "after_n": 100}
    assert program.ask("PUT", "guard", wanted).json() == wanted
    assert program.ask("PUT", "guard", wanted | {"after_n": 1}).status_code == 400
    assert program.ask("PUT", "guard", {"failed_percent": 5}).status_code == 400
    created = program.post("broadcasts", draft_of(business, pause_at_failed_percent=7, pause_after_n=None))
    assert created.status_code == 201
    assert (created.json()["pause_at_failed_percent"], created.json()["pause_after_n"]) == (7, None)
    assert program.post("broadcasts", draft_of(business, name="x", pause_after_n=1)).status_code == 400


def test_a_broadcast_that_nobody_can_judge_stops_no_other(business: Business, caplog: Any) -> None:
    broadcast, messages = sent(business)
    fail(broadcast, messages)
    Broadcast.objects.filter(pk=broadcast.pk).update(guarded_from="nonsense")
    with caplog.at_level("ERROR"):
        assert clock.begin(now=now()) is False
    assert "watch failed" in caplog.text


# --- While it is sent --------------------------------------------------------------------------------


class Refusing(Sandbox):
    async def send(self, sender: Sender, messages: list[Message], report: Report) -> None:  # type: ignore[override]
        for message in messages:
            report(message, Outcome(OutcomeKind.REJECTED, error_code="131026"))


def test_it_pauses_in_the_middle_of_the_sending(own_database: OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(channels.KINDS, Sender.Channel.SANDBOX, Refusing)
    make.open_policy()
    business = make.make_business(money=1000 * make.EURO)
    make.make_people(business=business, n=2_000, now=now())
    broadcast = make.make_launched(business=business, now=now(), messages_per_second=400, pause_after_n=100)

    async def watched() -> None:
        lane = lanes.Lane(life_seconds=10)
        run = asyncio.create_task(lane.run())
        while not run.done():
            await asyncio.sleep(0.2)
            if not run.done() and not lane.is_over():
                await lane.database(clock.begin, now=now())
        await run

    asyncio.run(watched())
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED
    funnel = counts.funnel(broadcast)
    assert 100 <= funnel.failed < 1_500
    assert funnel.queued > 0
    assert counts.verify(broadcast) == []
