"""Tests of a template: on the member's own phone and nobody else's, few a day, marked, and gone with a stop."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from broadcasts import courier, emergency, notices, own_numbers, senders, trial
from broadcasts.channels.sandbox import network
from broadcasts.models import MOST_TESTS_A_DAY, Notice, OwnNumber, PhoneMessage, Sender, TestDay
from businesses.models import Business, Member, User
from consent import refusals
from consent.models import Address, Contact, Interaction, Recipient
from feedback import inbox, privacy, receipts
from feedback.models import Reaction, Reply
from templates_approval.models import Version
from tests.broadcasts.test_api import Program
from tests.make import (
    NOW,
    make_approved_version,
    make_broadcast,
    make_business,
    make_client,
    make_draft,
    make_key,
    make_member,
    make_sandbox_sender,
    make_submitted,
    make_user,
)

pytestmark = pytest.mark.django_db
NUMBER = "+33639980007"
State = Notice.State


@pytest.fixture
def business(settings: Any) -> Business:
    settings.FICTION_NUMBERS_ALLOWED = True
    return make_business(name="Maison Tournesol")


@pytest.fixture
def sender(business: Business) -> Sender:
    return make_sandbox_sender(business=business)


@pytest.fixture
def member(business: Business) -> User:
    return make_member(business=business, role=Member.Role.MARKETER)


@pytest.fixture
def version(business: Business) -> Version:
    return make_approved_version(business=business)


def said(number: str = NUMBER) -> list[dict[str, Any]]:
    return [message.content for message in PhoneMessage.objects.filter(address=number, is_inbound=False).order_by("id")]


def code_on(number: str = NUMBER) -> str:
    found = re.search(r"\d{6}", said(number)[-1]["text"])
    assert found
    return found[0]


def ask(sender: Sender, member: User, number: str = NUMBER, now: Any = NOW) -> None:
    own_numbers.ask(sender=sender, user=member, number=number, language="fr", now=now)
    courier.carry(now=now)


def own(sender: Sender, member: User, number: str = NUMBER, now: Any = NOW) -> OwnNumber:
    ask(sender, member, number, now)
    return own_numbers.enter(sender=sender, user=member, digits=code_on(number), now=now)


def send(sender: Sender, member: User, version: Version, now: Any = NOW, **more: Any) -> Notice:
    return trial.send(version=version, sender=sender, by=member, now=now, **more)


def hear(sender: Sender, *updates: dict[str, Any]) -> None:
    now = timezone.now()
    body, headers = network.signed(sender=sender, updates=updates, now=now)
    inbox.accept(sender_code=sender.code, headers=headers, body=body, now=now)
    receipts.fold(now=now, limit=100)


# --- Whose number -----------------------------------------------------------------------------------


def test_a_code_on_the_phone_shows_whose_it_is(sender: Sender, member: User) -> None:
    ask(sender, member, "06 39 98 00 07")
    assert "Maison Tournesol" in said()[0]["text"]
    assert own_numbers.of(user=member, sender=sender) is None
    verified = own_numbers.enter(sender=sender, user=member, digits=f" {code_on()} ", now=NOW)
    assert own_numbers.value_of(verified) == NUMBER
    assert own_numbers.of(user=member, sender=sender) == verified
    # No business's contact by that, and nobody else's number.
    assert not Contact.objects.exists()
    assert own_numbers.of(user=make_user(), sender=sender) is None
    assert own_numbers.of(user=member, sender=make_sandbox_sender(business=sender.business)) is None


def test_guessing_ends_after_five_tries(sender: Sender, member: User) -> None:
    ask(sender, member)
    right = code_on()
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(own_numbers.MOST_ATTEMPTS):
        with pytest.raises(own_numbers.WrongCode):
            own_numbers.enter(sender=sender, user=member, digits=wrong, now=NOW)
    with pytest.raises(own_numbers.WrongCode):
        own_numbers.enter(sender=sender, user=member, digits=right, now=NOW)


def test_a_code_is_right_for_ten_minutes_and_for_whoever_asked(sender: Sender, member: User) -> None:
    ask(sender, member)
    other = make_member(business=sender.business, role=Member.Role.MARKETER)
    with pytest.raises(own_numbers.WrongCode):
        own_numbers.enter(sender=sender, user=other, digits=code_on(), now=NOW)
    with pytest.raises(own_numbers.WrongCode):
        own_numbers.enter(sender=sender, user=member, digits=code_on(), now=NOW + own_numbers.LIFE)


def test_a_member_asks_for_few_codes_a_day_wherever_they_go(sender: Sender, member: User) -> None:
    for i in range(own_numbers.MOST_OF_ONE_MEMBER):
        ask(sender, member, f"+3363998001{i}")
    with pytest.raises(own_numbers.CannotAsk):
        ask(sender, member, "+33639980019")
    ask(sender, member, "+33639980019", NOW + timedelta(hours=25))
    assert len(said("+33639980019")) == 1


@pytest.mark.parametrize("no", ["stopped", "paused all", "erased"])
def test_whoever_refused_gets_no_code_and_that_is_not_said(sender: Sender, member: User, no: str) -> None:
    person = own(sender, member).recipient
    assert person is not None
    match no:
        case "stopped":
            refusals.stop(recipient_id=person.pk, business=sender.business, via="page", now=NOW)
        case "paused all":
            Recipient.objects.update(paused_all_at=NOW)
        case _:
            privacy.erase(recipient_id=person.pk, via="page", now=NOW)
    before = len(said())
    another = make_member(business=sender.business, role=Member.Role.MARKETER)
    ask(sender, another, now=NOW + timedelta(minutes=20))
    assert len(said()) == before
    assert own_numbers.waiting(user=another, sender=sender, now=NOW + timedelta(minutes=20)) is not None


def test_what_is_no_number_is_said_beside_the_field(sender: Sender, member: User) -> None:
    with pytest.raises(own_numbers.CannotAsk) as refusal:
        ask(sender, member, "12")
    assert "number" in refusal.value.message_dict


def test_a_number_that_nobody_shows_to_be_theirs_is_forgotten(sender: Sender, member: User) -> None:
    ask(sender, member)
    assert own_numbers.forget_unverified(now=NOW + timedelta(hours=23)) == 0
    assert own_numbers.forget_unverified(now=NOW + timedelta(hours=25)) == 1
    assert not Address.objects.filter(value=NUMBER).exists()
    assert not Recipient.objects.exists()


def test_a_verified_number_stays(sender: Sender, member: User) -> None:
    own(sender, member)
    assert own_numbers.forget_unverified(now=NOW + timedelta(days=3)) == 0
    assert own_numbers.of(user=member, sender=sender) is not None


# --- The test itself --------------------------------------------------------------------------------


def test_a_test_arrives_marked_with_examples_and_costs_nothing(sender: Sender, member: User, version: Version) -> None:
    own(sender, member)
    send(sender, member, version)
    assert courier.carry(now=NOW) == 1
    assert said()[-1]["body"].startswith("[Test] Hello Ana, this week 20 percent")
    assert [button["text"] for button in said()[-1]["buttons"]] == ["Interested", "Not interested"]
    assert trial.left_today(business=sender.business, now=NOW) == MOST_TESTS_A_DAY - 1
    assert "Hello" not in repr(list(Notice.objects.values()))


def test_the_broadcasts_own_values_go_first(sender: Sender, member: User, version: Version) -> None:
    own(sender, member)
    broadcast = make_broadcast(business=sender.business, version=version, sender=sender, variables={"discount": "35"})
    send(sender, member, version, broadcast=broadcast)
    courier.carry(now=NOW)
    assert "35 percent" in said()[-1]["body"]


def test_it_goes_to_no_number_that_is_not_theirs(sender: Sender, member: User, version: Version) -> None:
    own(sender, member)
    other = make_member(business=sender.business, role=Member.Role.MARKETER)
    for somebody in (other, make_user()):
        with pytest.raises(trial.CannotTest):
            send(sender, somebody, version)
    # As soon as the number is another person's, it is not the member's.
    Address.objects.update(recipient=Recipient.objects.create(country="FR", timezone="UTC", created_at=NOW))
    with pytest.raises(trial.CannotTest) as refusal:
        send(sender, member, version)
    assert refusal.value.code == "no_own_number"
    assert not Notice.objects.tests().exists()


def test_another_businesss_words_cannot_be_tested(sender: Sender, member: User) -> None:
    own(sender, member)
    with pytest.raises(trial.CannotTest):
        send(sender, member, make_approved_version(business=make_business()))


def test_whoever_left_the_business_sends_no_more_tests(sender: Sender, member: User, version: Version) -> None:
    own(sender, member)
    Member.objects.filter(user=member).delete()
    with pytest.raises(trial.CannotTest) as refusal:
        send(sender, member, version)
    assert refusal.value.code == "not_member"


def test_there_are_ten_a_day_for_the_business(sender: Sender, member: User, version: Version) -> None:
    own(sender, member)
    for i in range(MOST_TESTS_A_DAY):
        send(sender, member, version, NOW + timedelta(seconds=i))
    with pytest.raises(trial.CannotTest) as refusal:
        send(sender, member, version, NOW + timedelta(minutes=1))
    assert refusal.value.code == "too_many"
    assert Notice.objects.tests().count() == MOST_TESTS_A_DAY
    send(sender, member, version, NOW + timedelta(days=1))
    with transaction.atomic(), pytest.raises(IntegrityError):
        TestDay.objects.update(n=MOST_TESTS_A_DAY + 1)
    assert trial.forget_days(now=NOW + timedelta(days=9)) == 2


def test_a_stop_holds_for_tests_and_one_that_comes_meanwhile_too(
    sender: Sender, member: User, version: Version
) -> None:
    person = own(sender, member).recipient
    assert person is not None
    send(sender, member, version)
    refusals.stop(recipient_id=person.pk, business=sender.business, via="keyword", now=NOW)
    assert courier.carry(now=NOW) == 0
    assert Notice.objects.tests().get().state == State.EXPIRED
    with pytest.raises(trial.CannotTest) as refusal:
        send(sender, member, version)
    assert refusal.value.code == "stopped"
    refusals.resume(recipient_id=person.pk, business=sender.business, via="keyword", now=NOW)
    Recipient.objects.update(paused_all_at=NOW)
    with pytest.raises(trial.CannotTest):
        send(sender, member, version)


@pytest.mark.parametrize(
    ("channel", "allowed"),
    [("sandbox", {"draft", "submitted", "approved"}), ("webhook", {"submitted", "approved"}), ("whatsapp", set())],
)
def test_which_versions_may_be_tested_where(business: Business, channel: str, allowed: set[str]) -> None:
    """Over WhatsApp only what Meta has approved: tests/broadcasts/whatsapp/test_trial.py."""
    sender = make_sandbox_sender(business=business)
    Sender.objects.update(channel=channel, settings={"url": "http://127.0.0.1:9/", "account_id": "1"})
    sender.refresh_from_db()
    versions = {
        "draft": make_draft(business=business, name="a"),
        "submitted": make_submitted(business=business, name="b"),
        "approved": make_approved_version(business=business, name="c"),
    }
    for state in ("rejected", "paused", "disabled", "archived"):
        versions[state] = make_submitted(business=business, name=state)
        Version.objects.filter(pk=versions[state].pk).update(state=state)
        versions[state].refresh_from_db()
    fit = {state for state, one in versions.items() if not trial.obstacle(version=one, sender=sender, now=NOW)}
    assert fit == allowed


@pytest.mark.parametrize(("scope", "of"), [("business", "business"), ("sender", "sender"), ("template", "template")])
def test_an_emergency_stop_holds_tests_and_those_that_wait(
    sender: Sender, member: User, version: Version, scope: str, of: str
) -> None:
    own(sender, member)
    send(sender, member, version)
    reference = {"business": sender.business.code, "sender": sender.code, "template": version.template.code}[of]
    at = emergency.target(scope=scope, reference=reference, business=sender.business)
    stop = emergency.stop(at=at, reason="wrong price", by=None, now=NOW)
    assert courier.carry(now=NOW) == 0
    with pytest.raises(trial.CannotTest) as refusal:
        send(sender, member, version)
    assert refusal.value.code == "emergency_stop"
    emergency.lift(stop=stop, by=None, now=NOW)
    assert not trial.obstacle(version=version, sender=sender, now=NOW)


def test_a_countrys_stop_holds_tests_to_its_phones_only(sender: Sender, member: User, version: Version) -> None:
    own(sender, member)
    elsewhere = emergency.target(scope="country", reference="BE")
    emergency.stop(at=elsewhere, reason="there", by=None, now=NOW, is_operators=True)
    send(sender, member, version)
    assert courier.carry(now=NOW) == 1, "the phone is French"
    later = NOW + timedelta(seconds=5)
    send(sender, member, version, now=later)
    at = emergency.target(scope="country", reference="FR")
    stop = emergency.stop(at=at, reason="an outage", by=None, now=NOW, is_operators=True)
    n = TestDay.objects.get().n
    assert courier.carry(now=later) == 0
    with pytest.raises(trial.CannotTest, match="an outage") as refusal:
        send(sender, member, version, now=later + timedelta(seconds=1))
    assert refusal.value.code == "emergency_stop"
    assert TestDay.objects.get().n == n, "what does not leave is not counted"
    emergency.lift(stop=stop, by=None, now=NOW, is_operator=True)
    send(sender, member, version, now=later + timedelta(seconds=2))
    assert courier.carry(now=later + timedelta(seconds=2)) == 1


def test_a_draft_that_the_rules_refuse_and_a_suspended_business_test_nothing(sender: Sender) -> None:
    bad = make_draft(business=sender.business, body="{{1}}")
    assert trial.obstacle(version=bad, sender=sender, now=NOW)
    Business.objects.update(state="suspended")
    sender.refresh_from_db()
    good = make_draft(business=sender.business, name="good")
    assert trial.obstacle(version=good, sender=Sender.objects.get(), now=NOW)


def test_what_is_pressed_in_a_test_counts_nowhere_but_stop_is_a_stop(
    sender: Sender, member: User, version: Version
) -> None:
    now = timezone.now()
    person = own(sender, member, now=now).recipient
    assert person is not None
    test = send(sender, member, version, now)
    courier.carry(now=now)
    shown = PhoneMessage.objects.get(delivery_code=test.code)
    hear(sender, network.press(message=shown, place=0, now=now), network.receipt(shown, "delivered", now))
    test.refresh_from_db()
    assert test.delivered_at is not None
    assert not Reaction.objects.exists()
    assert not Interaction.objects.exists()
    assert not Reply.objects.exists()
    assert not Contact.objects.exists()
    hear(sender, network.write(sender=sender, address=NUMBER, text="STOP", now=now))
    with pytest.raises(trial.CannotTest):
        send(sender, member, version, now)


def test_a_provider_that_fails_a_test_later_is_believed(sender: Sender, member: User, version: Version) -> None:
    own(sender, member)
    test = send(sender, member, version)
    courier.carry(now=NOW)
    shown = PhoneMessage.objects.get(delivery_code=test.code)
    failed = network.receipt(shown, "failed", timezone.now()) | {"error_code": "131026"}
    hear(make_sandbox_sender(business=make_business()), failed)
    assert Notice.objects.get(pk=test.pk).state == State.SENT
    hear(sender, failed)
    assert Notice.objects.get(pk=test.pk).state == State.FAILED
    hear(sender, network.receipt(shown, "delivered", timezone.now()))
    assert Notice.objects.get(pk=test.pk).state == State.FAILED


def test_erasing_the_person_takes_the_number_and_the_waiting_test(
    sender: Sender, member: User, version: Version
) -> None:
    person = own(sender, member).recipient
    assert person is not None
    send(sender, member, version)
    privacy.erase(recipient_id=person.pk, via="page", now=NOW)
    privacy.run_waiting(now=NOW)
    assert courier.carry(now=NOW) == 0
    assert not OwnNumber.objects.exists()
    assert Notice.objects.tests().get().text_encrypted is None


# --- Doors ------------------------------------------------------------------------------------------


def test_the_page_goes_the_whole_way(sender: Sender, member: User, version: Version) -> None:
    client = make_client(member)
    page = f"/b/{sender.business.code}/tests/{version.code}/"
    assert "Which number is yours?" in client.get(page).content.decode()
    assert client.post(page, {"action": "ask", "number": "x"}).status_code == 422
    assert client.post(page, {"action": "ask", "number": NUMBER}).status_code == 302
    courier.carry(now=timezone.now())
    assert "Enter the code" in client.get(page).content.decode()
    assert client.post(page, {"action": "enter", "digits": "12"}).status_code == 422
    assert client.post(page, {"action": "enter", "digits": code_on()}).status_code == 302
    assert NUMBER in client.get(page).content.decode()
    assert client.post(page, {"action": "send"}).status_code == 302
    courier.carry(now=timezone.now())
    shown = client.get(page).content.decode()
    assert "9 of 10 tests are left today" in shown
    assert "[Test]" in said()[-1]["body"]
    assert client.post(page, {"action": "forget"}).status_code == 302
    assert "Which number is yours?" in client.get(page).content.decode()
    assert f"/tests/{version.code}/" in client.get(page.replace("/tests/", "/templates/")).content.decode()


def test_the_composer_leads_to_the_test(sender: Sender, member: User, version: Version) -> None:
    broadcast = make_broadcast(
        business=sender.business, version=version, sender=sender, variables={"discount": "35"}, now=timezone.now()
    )
    client, business = make_client(member), sender.business
    review = client.get(f"/b/{business.code}/broadcasts/{broadcast.code}/review/").content.decode()
    page = f"/b/{business.code}/tests/{version.code}/?broadcast={broadcast.code}"
    assert page in review
    assert "35 percent" in client.get(page).content.decode()


def test_analysts_send_no_tests(sender: Sender, version: Version) -> None:
    analyst = make_client(make_member(business=sender.business, role=Member.Role.ANALYST))
    assert analyst.get(f"/b/{sender.business.code}/tests/{version.code}/").status_code == 403


def test_by_machine(sender: Sender, member: User, version: Version) -> None:
    program = Program(sender.business, secret=make_key(business=sender.business, by=member)[1])
    path = f"senders/{sender.code}/own-number"
    wanted = {"version": version.code, "sender": sender.code}
    assert program.get(path).json() == {"state": "none", "number": ""}
    refused = program.post("tests", wanted)
    assert (refused.status_code, refused.json()["code"]) == (422, "cannot_test")
    assert program.post(path, {"number": NUMBER}).json()["state"] == "asked"
    courier.carry(now=timezone.now())
    assert program.post(f"{path}/enter", {"digits": "1"}).status_code == 422
    assert program.post(f"{path}/enter", {"digits": code_on()}).json() == {"state": "verified", "number": NUMBER}
    made = program.post("tests", wanted, **{"Idempotency-Key": "one"})
    again = program.post("tests", wanted, **{"Idempotency-Key": "one"})
    assert made.status_code == 201
    assert made.json() == again.json()
    courier.carry(now=timezone.now())
    assert program.get(f"tests/{made.json()['code']}").json()["state"] == "sent"
    assert len(program.get("tests").json()["data"]) == 1
    assert program.ask("DELETE", path).status_code == 204
    assert program.get(path).json()["state"] == "none"


def test_test_mode_has_phones_and_tests_of_its_own(business: Business, member: User) -> None:
    twin = business.twin
    sandbox = make_sandbox_sender(business=twin)
    Member.objects.create(business=twin, user=member, role=Member.Role.MARKETER)
    own(sandbox, member)
    assert Address.objects.get(value=NUMBER).kind == Address.Kind.SANDBOX
    send(sandbox, member, make_draft(business=twin))
    courier.carry(now=NOW)
    assert said()[-1]["body"].startswith("[Test]")
    assert trial.left_today(business=business, now=NOW) == MOST_TESTS_A_DAY


def test_a_webhook_carries_the_whole_message(business: Business, member: User, version: Version) -> None:
    """The body that leaves is in ``docs/webhook-receiver.md``."""
    from broadcasts.channels import webhook
    from broadcasts.channels.base import NoticeMessage

    hook, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=NOW)
    content = trial.content_of(version=version, sender=hook, broadcast=None)
    body = webhook._notice_body(NoticeMessage("ntc_1", "test", NUMBER, "en", "", content), NOW).decode()
    assert '"kind":"test"' in body
    assert "[Test] Hello Ana" in body
    assert notices.LIFE[Notice.Kind.TEST] <= timedelta(minutes=10)
