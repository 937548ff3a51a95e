"""What follows a broadcast: copies, other tries and corrections, each a draft of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from broadcasts import chunks, estimate, freeze, gate, lifecycle, panel, plan, sequels
from broadcasts.channels.base import Message, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast, Delivery
from broadcasts.settle import fold_receipts
from businesses.models import Business, Member
from consent import refusals
from consent.models import CapRule
from tests import make
from tests.at_once import at_once
from tests.broadcasts.test_api import Program
from tests.conftest import OwnDatabase


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


def make_business() -> Business:
    business = make.make_business(money=100 * make.EURO)
    make.make_people(business=business, n=10, now=now())
    return business


def completed(business: Business, **fields: Any) -> tuple[Broadcast, list[Message]]:
    broadcast, messages = make.make_sent(business=business, now=now(), **fields)
    Broadcast.objects.filter(pk=broadcast.pk).update(state=Broadcast.State.COMPLETED, completed_at=now())
    broadcast.refresh_from_db()
    return broadcast, messages


def receipts(broadcast: Broadcast, codes: dict[str, ReceiptStatus], error_code: str = "") -> None:
    updates = [
        ReceiptUpdate(status, now(), broadcast.sender_id, message_code=code, error_code=error_code)
        for code, status in codes.items()
    ]
    fold_receipts(updates=updates, now=now())


def fail(broadcast: Broadcast, message: Message, error_code: str) -> None:
    receipts(broadcast, {message.code: ReceiptStatus.FAILED}, error_code)


def launch(draft: Broadcast) -> Broadcast:
    token = estimate.estimate(broadcast=draft, now=now()).token
    launched = lifecycle.launch(broadcast=draft, token=token, by=None, now=now())
    while freeze.next_slice(broadcast_id=launched.pk, now=now()):
        pass
    return launched


def people_of(broadcast: Broadcast) -> set[int]:
    return set(Delivery.objects.filter(broadcast_id=broadcast.pk).values_list("recipient_id", flat=True))


# --- Copies ------------------------------------------------------------------------------------------


def test_a_copy_has_the_same_answers_and_is_a_draft(business: Business) -> None:
    answers = {"life_hours": 12, "messages_per_second": 5, "pause_at_failed_percent": 7, "holdout_permille": 10}
    like = make.make_broadcast(
        business=business, audience={"countries": ["FR"]}, now=now(), scheduled_at=now() + timedelta(hours=1), **answers
    )
    draft = sequels.copy(broadcast=like, by=None, now=now())
    assert draft.pk != like.pk
    assert draft.state == Broadcast.State.DRAFT
    assert {name: getattr(draft, name) for name in answers} == answers
    assert (draft.audience, draft.variables, draft.name) == (like.audience, like.variables, "Spring (copy)")
    assert (draft.scheduled_at, draft.follows) == (None, None)


def test_the_copy_of_a_long_name_still_says_so(business: Business) -> None:
    like = make.make_broadcast(business=business, now=now())
    Broadcast.objects.filter(pk=like.pk).update(name="x" * 120)
    like.refresh_from_db()
    name = sequels.copy(broadcast=like, by=None, now=now()).name
    assert name.endswith("x (copy)")
    assert len(name) == 120


# --- Another try -------------------------------------------------------------------------------------


def test_only_those_are_tried_again_for_whom_it_may_help(business: Business) -> None:
    broadcast, messages = completed(business)
    reasons = ["130429", "131049", "131026", "131050", "132000", "failed", "gave_up", "later", "132016"]
    for message, code in zip(messages, reasons, strict=False):
        fail(broadcast, message, code)

    draft = sequels.retry(broadcast=broadcast, by=None, now=now())
    assert (draft.state, draft.follows, draft.follows_as) == ("draft", broadcast, "retry")
    told = estimate.estimate(broadcast=draft, now=now())
    assert (told.n_audience, told.n_eligible) == (4, 4), "a failure gave the slot back"
    assert 0 < told.max_micro < broadcast.budget.ceiling_micro
    again = launch(draft)
    tried = [messages[n] for n in (0, 1, 6, 7)]
    assert people_of(again) == {message.recipient_id for message in tried}


def test_they_pass_the_gate_once_more(business: Business) -> None:
    broadcast, messages = completed(business)
    for message in messages[:3]:
        fail(broadcast, message, "130429")
    draft = sequels.retry(broadcast=broadcast, by=None, now=now())
    again = launch(draft)
    # One stops, and of one a late receipt says that it did arrive: their slot is taken.
    refusals.stop(recipient_id=messages[0].recipient_id, business=business, via="page", now=now())
    receipts(broadcast, {messages[1].code: ReceiptStatus.DELIVERED})

    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=now())
    assert claim is not None
    passed = gate.pass_batch(
        chunk_id=claim.chunk_id, owner=owner, plan=plan.read(again.pk), recipient_ids=claim.recipient_ids
    )
    assert [message.recipient_id for message in passed.messages] == [messages[2].recipient_id]


def test_who_arrived_in_the_meantime_is_not_tried_again(business: Business) -> None:
    broadcast, messages = completed(business)
    fail(broadcast, messages[0], "130429")
    fail(broadcast, messages[1], "130429")
    draft = sequels.retry(broadcast=broadcast, by=None, now=now())
    receipts(broadcast, {messages[1].code: ReceiptStatus.DELIVERED})
    assert people_of(launch(draft)) == {messages[0].recipient_id}


def test_there_is_one_retry_and_it_can_be_tried_again(business: Business) -> None:
    broadcast, messages = completed(business)
    fail(broadcast, messages[0], "130429")
    draft = sequels.retry(broadcast=broadcast, by=None, now=now())
    assert sequels.retry(broadcast=broadcast, by=None, now=now()) == draft
    lifecycle.cancel(broadcast=draft, by=None, now=now())
    second = sequels.retry(broadcast=broadcast, by=None, now=now())
    assert second != draft
    again = launch(second)
    with pytest.raises(sequels.CannotRetry, match=again.code):
        sequels.retry(broadcast=broadcast, by=None, now=now())
    lifecycle.cancel(broadcast=again, by=None, now=now())
    with pytest.raises(sequels.CannotRetry), transaction.atomic():
        sequels.retry(broadcast=broadcast, by=None, now=now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Broadcast.objects.filter(pk=draft.pk).update(state=Broadcast.State.DRAFT)


@pytest.mark.parametrize("state", ["draft", "sending"])
def test_what_is_under_way_is_not_tried_again(business: Business, state: str) -> None:
    is_draft = state == "draft"
    broadcast = (make.make_broadcast if is_draft else make.make_launched)(business=business, now=now())
    with pytest.raises(sequels.CannotRetry):
        sequels.retry(broadcast=broadcast, by=None, now=now())


def test_pressed_by_many_at_once_it_is_one_draft(own_database: OwnDatabase) -> None:
    broadcast, messages = completed(make_business())
    fail(broadcast, messages[0], "130429")
    drafts = at_once(lambda _: sequels.retry(broadcast=broadcast, by=None, now=now()), 5)
    assert len({draft.pk for draft in drafts}) == 1
    assert Broadcast.objects.filter(follows=broadcast).count() == 1


# --- Corrections -------------------------------------------------------------------------------------


def test_a_correction_is_for_those_who_got_it_and_says_who_has_no_slot_left(business: Business) -> None:
    broadcast, messages = completed(business)
    receipts(broadcast, {message.code: ReceiptStatus.DELIVERED for message in messages[:6]})
    fail(broadcast, messages[6], "131026")

    draft = sequels.correct(broadcast=broadcast, by=None, now=now())
    assert (draft.follows, draft.follows_as) == (broadcast, "correction")
    assert (draft.waits_for_cap, draft.life_hours) == (True, 72)
    told = estimate.estimate(broadcast=draft, now=now())
    assert (told.n_audience, told.n_eligible) == (6, 0)
    assert panel.of(told).n_without_slot == 6

    CapRule.objects.all().delete()
    assert people_of(launch(draft)) == {message.recipient_id for message in messages[:6]}


def test_a_correction_may_go_to_all_to_whom_it_was_sent(business: Business) -> None:
    broadcast, messages = completed(business)
    receipts(broadcast, {messages[0].code: ReceiptStatus.DELIVERED})
    fail(broadcast, messages[1], "131026")
    draft = sequels.correct(broadcast=broadcast, by=None, now=now(), was="sent")
    assert estimate.estimate(broadcast=draft, now=now()).n_audience == 9


def test_wrong_corrections_are_refused(business: Business) -> None:
    broadcast = make.make_broadcast(business=business, now=now())
    with pytest.raises(sequels.CannotCorrect):
        sequels.correct(broadcast=broadcast, by=None, now=now())
    launched = make.make_launched(business=business, now=now(), sender=broadcast.sender)
    with pytest.raises(sequels.CannotCorrect):
        sequels.correct(broadcast=launched, by=None, now=now(), was="read")


# --- Doors -------------------------------------------------------------------------------------------


@pytest.fixture
def marketer(client: Client, business: Business) -> Client:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    return client


def test_the_pages_lead_from_the_broadcast_to_each_draft(marketer: Client, business: Business) -> None:
    broadcast, messages = completed(business)
    here = f"/b/{business.code}/broadcasts/{broadcast.code}/"
    receipts(broadcast, {message.code: ReceiptStatus.DELIVERED for message in messages[1:]})
    fail(broadcast, messages[0], "130429")
    assert "Copy" in marketer.get(here).content.decode()
    assert "retry/" in marketer.get(f"{here}refused/").content.decode()

    answer = marketer.post(f"{here}retry/")
    draft = Broadcast.objects.get(follows_as="retry")
    assert answer.headers["Location"] == f"/b/{business.code}/broadcasts/{draft.code}/review/"
    review = marketer.get(answer.headers["Location"]).content.decode()
    assert "Another try for those whom" in review
    assert "failed to arrive, for a reason that may be over" in review

    assert "takes a slot of each person" in marketer.get(f"{here}correct/").content.decode()
    assert marketer.post(f"{here}correct/", {"was": "read"}).status_code == 422
    assert marketer.post(f"{here}correct/", {"was": "delivered"}).status_code == 302
    correction = Broadcast.objects.get(follows_as="correction")
    counted = marketer.post(
        f"/b/{business.code}/broadcasts/{correction.code}/estimate/", {"step": "review"}, headers={"hx-request": "true"}
    ).content.decode()
    assert "9 of them have no free slot now" in counted


def test_a_page_says_why_not(marketer: Client, business: Business) -> None:
    broadcast = make.make_launched(business=business, now=now())
    answer = marketer.post(f"/b/{business.code}/broadcasts/{broadcast.code}/retry/", follow=True)
    assert "Wait until nothing of it is left to send" in answer.content.decode()


def test_programs_make_the_same_drafts(business: Business) -> None:
    broadcast, messages = completed(business)
    receipts(broadcast, {message.code: ReceiptStatus.DELIVERED for message in messages[1:]})
    fail(broadcast, messages[0], "later")
    program = Program(business)
    copied = program.post(f"broadcasts/{broadcast.code}/copy", {})
    assert (copied.status_code, copied.json()["state"], copied.json()["follows"]) == (201, "draft", None)

    tried = program.post(f"broadcasts/{broadcast.code}/retry", {}).json()
    assert (tried["follows"], tried["follows_as"]) == (broadcast.code, "retry")
    told = program.post(f"broadcasts/{tried['code']}/estimate", {}).json()
    assert told["n_audience"] == 1
    assert program.post(f"broadcasts/{tried['code']}/launch", {"token": told["token"]}).status_code == 200
    refused = program.post(f"broadcasts/{broadcast.code}/retry", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "cannot_retry")

    corrected = program.post(f"broadcasts/{broadcast.code}/correct", {}).json()
    assert corrected["audience"] == {"broadcast": {"code": broadcast.code, "was": "delivered"}}
    told = program.post(f"broadcasts/{corrected['code']}/estimate", {}).json()
    assert {line["code"]: line["n"] for line in told["not_reached"]}["cap_business"] == 9
    assert program.post(f"broadcasts/{broadcast.code}/correct", {"was": "read"}).status_code == 400
    assert program.post(f"broadcasts/{copied.json()['code']}/correct", {}).status_code == 422
    assert program.post(f"broadcasts/{broadcast.code}/copy", {"name": "x"}).status_code == 400
