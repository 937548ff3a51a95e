"""Answers in free words: to whoever wrote within the last day, in their peace, and never for offers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from broadcasts import courier
from broadcasts.channels.sandbox import network
from broadcasts.models import Notice, PhoneMessage, Sender, Window
from businesses.models import Business, Member, User
from consent import refusals
from consent.models import Contact, Interaction, RetentionRule
from feedback import answers, inbox, privacy, receipts, retention
from feedback.models import Answer
from tests.broadcasts.test_api import Program
from tests.make import (
    make_approved_version,
    make_business,
    make_client,
    make_key,
    make_member,
    make_people,
    make_sandbox_sender,
)

pytestmark = pytest.mark.django_db
NUMBER = "+33639980000001"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def business(now: datetime) -> Business:
    business = make_business(name="Maison Tournesol")
    make_people(business=business, n=1, now=now)
    return business


@pytest.fixture
def sender(business: Business) -> Sender:
    return make_sandbox_sender(business=business)


@pytest.fixture
def contact(business: Business) -> Contact:
    return Contact.objects.of(business).select_related("recipient", "business").get()


@pytest.fixture
def member(business: Business) -> User:
    return make_member(business=business, role=Member.Role.MARKETER)


def write(sender: Sender, text: str, now: datetime, number: str = NUMBER, at: datetime | None = None) -> None:
    said = network.write(sender=sender, address=number, text=text, now=at or now)
    body, headers = network.signed(sender=sender, updates=[said], now=now)
    inbox.accept(sender_code=sender.code, headers=headers, body=body, now=now)
    receipts.fold(now=now, limit=100)


def said(number: str = NUMBER) -> list[str]:
    mine = PhoneMessage.objects.filter(address=number, is_inbound=False).order_by("id")
    return [message.content["text"] for message in mine]


def answer(contact: Contact, member: User | None, text: str, now: datetime) -> Answer:
    return answers.send(contact=contact, text=text, by=member, now=now)


def refusal_of(contact: Contact, text: str, now: datetime) -> str:
    before = Notice.objects.count()
    with pytest.raises(answers.CannotAnswer) as refusal:
        answer(contact, None, text, now)
    assert Notice.objects.count() == before
    return str(refusal.value.code)


def test_who_wrote_is_answered_and_the_conversation_shows_both(
    sender: Sender, contact: Contact, member: User, now: datetime
) -> None:
    write(sender, "Are you open on Monday?", now)
    answer(contact, member, "Yes, from 7.", now + timedelta(minutes=1))
    assert courier.carry(now=now + timedelta(minutes=1)) == 1
    assert said() == ["Yes, from 7."]
    talk = answers.conversation(contact=contact)
    assert [(one.is_ours, one.text) for one in talk] == [(False, "Are you open on Monday?"), (True, "Yes, from 7.")]
    assert (talk[1].state, talk[1].by) == ("sent", member.email)
    # It is no offer: nothing that qualifies, no slot, no price.
    assert Interaction.objects.filter(kind=Interaction.Kind.INQUIRY).count() == 1


def test_nobody_is_answered_who_never_wrote_or_not_for_a_day(sender: Sender, contact: Contact, now: datetime) -> None:
    assert refusal_of(contact, "Hello", now) == "window_closed"
    write(sender, "Hi", now)
    assert answers.opening(contact=contact, now=now + timedelta(hours=23, minutes=59))
    assert refusal_of(contact, "Hello", now + timedelta(hours=24)) == "window_closed"


def test_a_late_old_message_opens_no_window_and_shortens_none(sender: Sender, contact: Contact, now: datetime) -> None:
    write(sender, "Late", now, at=now - timedelta(hours=30))
    assert refusal_of(contact, "Hello", now) == "window_closed"
    write(sender, "New", now)
    write(sender, "Later still", now, at=now - timedelta(hours=30))
    assert answers.opening(contact=contact, now=now).ends_at == Window.objects.get().heard_at + timedelta(hours=24)


def test_an_answer_never_leaves_after_the_window(sender: Sender, contact: Contact, now: datetime) -> None:
    write(sender, "Hi", now)
    answer(contact, None, "Hello", now + timedelta(hours=23, minutes=59))
    assert courier.carry(now=now + timedelta(hours=24)) == 0
    assert answers.conversation(contact=contact)[-1].state == "expired"


def test_the_sender_they_wrote_to_answers(sender: Sender, business: Business, contact: Contact, now: datetime) -> None:
    make_sandbox_sender(business=business)
    write(sender, "Hi", now)
    assert answer(contact, None, "Hello", now).sender == sender
    Sender.objects.filter(pk=sender.pk).update(is_active=False)
    assert refusal_of(contact, "Hello again", now) == "window_closed"


def test_another_businesss_window_opens_nothing(sender: Sender, contact: Contact, now: datetime) -> None:
    other = make_business()
    make_people(business=other, n=1, now=now)
    write(sender, "Hi", now)
    theirs = Contact.objects.of(other).select_related("recipient", "business").get()
    make_sandbox_sender(business=other)
    assert refusal_of(theirs, "Hello", now) == "window_closed"


def test_who_stopped_is_answered_only_what_they_asked_since(sender: Sender, contact: Contact, now: datetime) -> None:
    write(sender, "Are you open?", now)
    write(sender, "STOP", now + timedelta(seconds=1))
    courier.carry(now=now + timedelta(seconds=1))
    assert refusal_of(contact, "Please stay!", now + timedelta(seconds=2)) == "stopped"
    write(sender, "And my order?", now + timedelta(seconds=3))
    answer(contact, None, "It is ready.", now + timedelta(seconds=4))
    assert courier.carry(now=now + timedelta(seconds=4)) == 1
    assert said()[-1] == "It is ready."


def test_who_blocked_is_left_alone(sender: Sender, business: Business, contact: Contact, now: datetime) -> None:
    write(sender, "Hi", now)
    refusals.block(recipient_id=contact.recipient_id, business=business, via="page", now=now)
    write(sender, "Where is it?", now + timedelta(seconds=1))
    assert refusal_of(contact, "Hello", now + timedelta(seconds=2)) == "blocked"


def test_a_stop_that_comes_meanwhile_keeps_the_answer_back(sender: Sender, contact: Contact, now: datetime) -> None:
    write(sender, "Are you open?", now)
    answer(contact, None, "Yes", now)
    write(sender, "STOP", now + timedelta(seconds=1))
    courier.carry(now=now + timedelta(seconds=1))
    assert "Yes" not in said()


def test_words_of_a_template_are_an_offer(sender: Sender, business: Business, contact: Contact, now: datetime) -> None:
    make_approved_version(business=business)
    write(sender, "Hi", now)
    words = "Dear Ana: hello, this week 20 PERCENT off in our shop! Reply STOP to stop. Bye"
    assert refusal_of(contact, words, now) == "template_words"
    answer(contact, None, "Our shop is open this week.", now)


def test_the_same_words_to_many_people_are_no_answers(sender: Sender, business: Business, now: datetime) -> None:
    make_people(business=business, n=7, first=2, now=now)
    people = list(Contact.objects.of(business).select_related("recipient", "business").order_by("pk"))
    for one in people:
        write(sender, "Hi", now, one.recipient.addresses.get().value)
    for one in people[: answers.MOST_ALIKE]:
        answer(one, None, "Come and look at our new bread!", now)
    courier.carry(now=now)
    assert refusal_of(people[-1], "come and look, at our NEW bread", now) == "same_words"
    answer(people[-1], None, "We close at noon.", now)


def test_a_double_press_is_one_answer(sender: Sender, contact: Contact, member: User, now: datetime) -> None:
    write(sender, "Hi", now)
    first = answer(contact, member, "Hello", now)
    assert answer(contact, member, "Hello ", now + timedelta(seconds=2)) == first
    assert Notice.objects.filter(kind="reply").count() == 1


def test_there_are_never_too_many(sender: Sender, contact: Contact, now: datetime) -> None:
    write(sender, "Hi", now)
    for i in range(30):
        answer(contact, None, f"Word number {'x' * i}", now)
    courier.carry(now=now)
    courier.carry(now=now)
    assert refusal_of(contact, "One more", now) == "too_many"


@pytest.mark.parametrize("text", ["", "  ", "x" * 1001])
def test_it_says_something_and_not_too_much(sender: Sender, contact: Contact, now: datetime, text: str) -> None:
    write(sender, "Hi", now)
    assert "text" in _errors(contact, text, now)


def _errors(contact: Contact, text: str, now: datetime) -> dict[str, list[str]]:
    with pytest.raises(answers.CannotAnswer) as refusal:
        answer(contact, None, text, now)
    return refusal.value.message_dict


def test_erasing_and_retention_take_the_words(sender: Sender, contact: Contact, now: datetime) -> None:
    write(sender, "Hi", now)
    answer(contact, None, "Hello Ana", now)
    copy = privacy.export(recipient_id=contact.recipient_id, now=now)
    assert [one["text"] for one in copy["answered"]] == ["Hello Ana"]
    assert [one["text"] for one in privacy.export_contact(contact=contact, now=now)["answered"]] == ["Hello Ana"]
    rule = RetentionRule.objects.get(kind=RetentionRule.Kind.MESSAGE)
    later = now + timedelta(days=rule.days + 1)
    dry = next(line for line in retention.obey(now=later, is_dry=True) if line.rule == rule)
    assert dry.n == 2
    privacy.erase(recipient_id=contact.recipient_id, via="page", now=now)
    privacy.run_waiting(now=now)
    assert not Answer.objects.exists()
    assert courier.carry(now=now) == 0


def test_the_page_answers_and_says_when_it_cannot(
    sender: Sender, contact: Contact, member: User, now: datetime
) -> None:
    client, page = make_client(member), f"/b/{contact.business.code}/contacts/{contact.code}/"
    assert "Conversation" not in client.get(page).content.decode()
    write(sender, "Are you <b>open</b>?", now)
    shown = client.get(page).content.decode()
    assert "Are you &lt;b&gt;open&lt;/b&gt;?" in shown
    assert "never for offers" in shown
    assert client.post(f"{page}answer/", {"text": "Yes"}).status_code == 302
    courier.carry(now=timezone.now())
    assert said() == ["Yes"]
    assert "Yes" in client.get(page).content.decode()
    refusals.block(recipient_id=contact.recipient_id, business=contact.business, via="page", now=now)
    assert "This person blocked you" in client.get(page).content.decode()
    refused = client.post(f"{page}answer/", {"text": "Hello?"})
    assert refused.status_code == 422
    assert "This person blocked you" in refused.content.decode()
    analyst = make_client(make_member(business=contact.business, role=Member.Role.ANALYST))
    assert analyst.post(f"{page}answer/", {"text": "Hello"}).status_code == 403


def test_by_machine(sender: Sender, contact: Contact, member: User, now: datetime) -> None:
    program = Program(contact.business, secret=make_key(business=contact.business, by=member)[1])
    talk = f"contacts/{contact.code}/conversation"
    closed = program.get(talk).json()
    assert (closed["open_until"], closed["messages"]) == (None, [])
    assert "24 hours" in closed["closed_because"]
    assert program.post(f"contacts/{contact.code}/answers", {"text": "Hi"}).status_code == 422
    write(sender, "Are you open?", now)
    sent = program.post(f"contacts/{contact.code}/answers", {"text": "Yes"}, **{"Idempotency-Key": "a"})
    assert (sent.status_code, sent.json()["state"], sent.json()["direction"]) == (201, "waiting", "out")
    again = program.post(f"contacts/{contact.code}/answers", {"text": "Yes"}, **{"Idempotency-Key": "a"})
    assert again.json() == sent.json()
    told = program.get(talk).json()
    assert [one["direction"] for one in told["messages"]] == ["in", "out"]
    assert told["open_until"] is not None
    reader = Program(contact.business, "contacts:write")
    assert reader.post(f"contacts/{contact.code}/answers", {"text": "x"}).status_code == 403


def test_test_mode_answers_on_sandbox_phones(business: Business, now: datetime) -> None:
    twin = business.twin
    sandbox: Any = make_sandbox_sender(business=twin)
    write(sandbox, "Hello?", now, "+33639980007")
    contact = Contact.objects.of(twin).select_related("recipient", "business").get()
    answer(contact, None, "Hello!", now)
    courier.carry(now=now)
    assert said("+33639980007") == ["Hello!"]
