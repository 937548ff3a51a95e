"""Codes to one's own page: sent through a channel, tried a few times, worth something for minutes, telling nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from broadcasts.channels.base import Message
from broadcasts.models import Notice, PhoneMessage, Sender
from businesses.models import Business
from consent.models import Address, CapEntry, Recipient
from feedback import passcodes
from feedback.models import Passcode
from feedback.passcodes import Wish
from feedback.public import manners
from tests.feedback.visitor import carry, read_code
from tests.make import EURO, NOW, make_business, make_people, make_sandbox_sender, make_sent, open_policy

pytestmark = pytest.mark.django_db
UNKNOWN = "+33639989998"


@pytest.fixture
def business() -> Business:
    open_policy()
    return make_business(name="Maison Tournesol", money=100 * EURO)


@pytest.fixture
def message(business: Business) -> Message:
    now = datetime.now(UTC)
    for i, person in enumerate(make_people(business=business, n=2, now=now), 1):
        # Written as a person would write it; those of make_people are too long for that.
        Address.objects.filter(recipient=person).update(value=f"+3363998000{i}")
    return make_sent(business=business, now=now)[1][0]


def ask(number: str = UNKNOWN, **more: Any) -> Passcode:
    return passcodes.ask(
        **{"number": number, "visitor": "192.0.2.1", "language": "en", "now": datetime.now(UTC)} | more
    )


def post(client: Client, number: str, **more: Any) -> Any:
    return client.post("/p/?lang=en", {"number": number}, **more)


# --- Asking -------------------------------------------------------------------------------------


@pytest.mark.promise("P9")
def test_every_number_costs_the_same_and_gets_the_same_answer(client: Client, message: Message) -> None:
    seen = []
    for number in (message.address, UNKNOWN, message.address.replace("+33", "0033 ")):
        with CaptureQueriesContext(connection) as queries:
            answer = post(client, number)
        code = answer["Location"].split("/")[3]
        page = client.get(answer["Location"]).content.decode().replace(code, "…")
        statements = [q["sql"].split("WHERE")[0].split("VALUES")[0] for q in queries]
        seen.append((answer.status_code, answer["Location"].replace(code, "…"), page, statements))
    assert seen[0] == seen[1]
    assert seen[0][:3] == seen[2][:3]
    carry()
    assert PhoneMessage.objects.filter(delivery_code="").count() == 2


@pytest.mark.promise("P9")
def test_a_wrong_code_says_the_same_of_every_number(client: Client, message: Message) -> None:
    pages = []
    for number in (message.address, UNKNOWN):
        path = post(client, number)["Location"]
        carry()
        answer = client.post(path, {"digits": "abc"})
        pages.append((answer.status_code, answer.content.decode().replace(path.split("/")[3], "…")))
    unheard_of = client.post("/p/code/psc_0000000000000000/?lang=en", {"digits": "123456"})
    assert pages[0] == pages[1] == (400, unheard_of.content.decode())
    assert not client.cookies


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "There is no phone number."),
        ("12", "start the number with +"),
        ("hello", "digits, spaces"),
        ("+33\x00", ""),
    ],
)
def test_what_is_no_number_is_said_at_once(client: Client, typed: str, says: str) -> None:
    answer = post(client, typed, headers={"accept-language": "en"})
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert not Passcode.objects.exists()


@pytest.mark.parametrize(
    ("accepts", "typed"), [("fr-FR,fr", "06 39 98 00 00"), ("fr", "0639980000"), ("en-GB,en", "07700 900123")]
)
def test_a_number_may_be_written_as_at_home(client: Client, accepts: str, typed: str) -> None:
    answer = client.post("/p/", {"number": typed}, headers={"accept-language": accepts})
    assert answer.status_code == 303


def test_it_is_in_the_language_of_the_page(client: Client, message: Message) -> None:
    client.post("/p/?lang=fr", {"number": message.address})
    carry()
    assert "est le code de votre page" in PhoneMessage.objects.filter(delivery_code="").get().content["text"]


def test_one_number_is_not_asked_about_for_ever(client: Client, message: Message) -> None:
    for number in (message.address, UNKNOWN):
        statuses = [post(client, number).status_code for _ in range(5)]
        assert statuses == [303, 303, 303, 429, 429]
    carry()
    assert Notice.objects.count() == 3
    later = datetime.now(UTC) + timedelta(minutes=16)
    assert ask(message.address, now=later)


def test_a_visitor_does_not_ask_for_ever() -> None:
    most, window = passcodes.OF_ONE_VISITOR[0]
    for i in range(most):
        ask(f"+3363998{i:04}")
    with pytest.raises(passcodes.TooOften):
        ask(UNKNOWN)
    assert ask(UNKNOWN, visitor="192.0.2.2")
    assert ask(f"{UNKNOWN[:-1]}7", now=datetime.now(UTC) + window)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [(0, "203.0.113.9", "127.0.0.1"), (1, "203.0.113.9", "203.0.113.9"), (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),
     (2, "203.0.113.9, 10.0.0.1", "203.0.113.9"), (2, "203.0.113.9", "127.0.0.1"), (1, "", "127.0.0.1")],
)  # fmt: skip
def test_a_visitor_is_known_by_the_address_that_can_be_believed(
    rf: Any, settings: Any, proxies: int, forwarded: str, seen: str
) -> None:
    settings.PROXIES_IN_FRONT = proxies
    assert manners.visitor(rf.get("/p/", headers={"x-forwarded-for": forwarded})) == seen
    both = [manners.visitor(rf.get("/p/", REMOTE_ADDR=f"2001:db8:1:2::{i}")) for i in (1, 2)]
    assert both[0] == both[1] != manners.visitor(rf.get("/p/", REMOTE_ADDR="2001:db8:1:3::1"))


# --- Sending ------------------------------------------------------------------------------------


def test_the_business_that_wrote_last_carries_it(business: Business, message: Message) -> None:
    other = make_business(name="Librairie Sirius", money=100 * EURO)
    make_people(business=other, n=2, now=datetime.now(UTC))
    later = make_sent(business=other, now=datetime.now(UTC) + timedelta(days=3))[0]
    ask(message.address)
    carry()
    assert Notice.objects.get().sender_id == later.sender_id
    Sender.objects.filter(pk=later.sender_id).update(is_active=False)
    ask(message.address)
    carry()
    assert Notice.objects.latest("pk").sender.business == business


def test_somebody_never_written_to_is_reached_by_who_knows_them(business: Business) -> None:
    make_people(business=business, n=1)
    ask("+33639980000001")
    carry()
    assert not Notice.objects.exists(), "there is no channel to them"
    make_sandbox_sender(business=business)
    ask("+33639980000001")
    carry()
    assert Notice.objects.count() == 1


def test_nothing_at_rest_opens_anything(message: Message) -> None:
    request = ask(message.address)
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute("SELECT string_agg(p::text, ' ') FROM feedback_passcode p")
            at_rest = cursor.fetchone()[0]
        assert message.address[1:] not in at_rest
        carry()
    assert read_code(message.address) not in at_rest
    request.refresh_from_db()
    assert request.number_encrypted is None
    assert Notice.objects.get().text_encrypted is None


def test_two_clocks_send_one_code(message: Message) -> None:
    ask(message.address)
    assert passcodes.send_waiting(now=datetime.now(UTC)) == 1
    assert passcodes.send_waiting(now=datetime.now(UTC)) == 0
    assert Notice.objects.count() == 1


def test_an_erased_person_is_a_stranger(message: Message) -> None:
    Recipient.objects.update(erased_at=NOW)
    ask(message.address)
    carry()
    assert not Notice.objects.exists()


def test_a_request_that_waited_too_long_is_dropped(message: Message) -> None:
    ask(message.address)
    assert passcodes.send_waiting(now=datetime.now(UTC) + passcodes.LIFE) == 0
    assert Passcode.objects.get().resolved_at is not None


# --- Entering -----------------------------------------------------------------------------------


@pytest.fixture
def sent(message: Message) -> tuple[Passcode, str]:
    request = ask(message.address)
    carry()
    return request, read_code(message.address)


def test_the_code_opens_once_and_for_a_double_press(sent: tuple[Passcode, str]) -> None:
    request, digits = sent
    now = datetime.now(UTC)
    assert passcodes.enter(code=request.code, digits=digits, now=now)[1] is True
    assert passcodes.enter(code=request.code, digits=f" {digits[:3]} {digits[3:]} ", now=now)[1] is False
    with pytest.raises(passcodes.WrongCode):
        passcodes.enter(code=request.code, digits=digits, now=now + passcodes.AGAIN)


def test_five_tries_and_no_more(sent: tuple[Passcode, str]) -> None:
    request, digits = sent
    wrong = f"{(int(digits) + 1) % 10**6:06}"
    for _ in range(passcodes.MOST_ATTEMPTS):
        with pytest.raises(passcodes.WrongCode):
            passcodes.enter(code=request.code, digits=wrong, now=datetime.now(UTC))
    with pytest.raises(passcodes.WrongCode):
        passcodes.enter(code=request.code, digits=digits, now=datetime.now(UTC))


def test_a_code_holds_ten_minutes(sent: tuple[Passcode, str]) -> None:
    request, digits = sent
    with pytest.raises(passcodes.WrongCode):
        passcodes.enter(code=request.code, digits=digits, now=request.expires_at)


def test_another_requests_code_opens_nothing(sent: tuple[Passcode, str], message: Message) -> None:
    other = ask(message.address)
    carry()
    with pytest.raises(passcodes.WrongCode):
        passcodes.enter(code=other.code, digits=sent[1], now=datetime.now(UTC))


@pytest.mark.parametrize("digits", ["", "0", "١٢٣", "1" * 10_000, "\x00", "12345é"])
def test_rubbish_is_a_wrong_code(sent: tuple[Passcode, str], digits: str) -> None:
    with pytest.raises(passcodes.WrongCode):
        passcodes.enter(code=sent[0].code, digits=digits, now=datetime.now(UTC))


def test_digits_of_ones_own_script_count(sent: tuple[Passcode, str]) -> None:
    request, digits = sent
    arabic = digits.translate({ord("0") + i: 0x0660 + i for i in range(10)})
    assert passcodes.enter(code=request.code, digits=arabic, now=datetime.now(UTC))


def test_a_code_before_it_is_sent_is_never_right(message: Message) -> None:
    request = ask(message.address)
    with pytest.raises(passcodes.WrongCode):
        passcodes.enter(code=request.code, digits="000000", now=datetime.now(UTC))


# --- The session --------------------------------------------------------------------------------


def entered(sent: tuple[Passcode, str]) -> tuple[Passcode, str]:
    request, _ = passcodes.enter(code=sent[0].code, digits=sent[1], now=datetime.now(UTC))
    return request, passcodes.session_of(request)


def test_a_session_is_short(sent: tuple[Passcode, str]) -> None:
    request, session = entered(sent)
    now = datetime.now(UTC)
    assert passcodes.read_session(session=session, now=now) == request
    assert passcodes.read_session(session=session, now=now + passcodes.SESSION) is None
    assert passcodes.read_session(session=session[:-1] + "x", now=now) is None
    assert passcodes.read_session(session=request.code, now=now) is None


@pytest.mark.parametrize("what", ["closed", "moved", "gone", "erased", "forgotten"])
def test_a_session_ends_with_what_it_stands_on(sent: tuple[Passcode, str], what: str) -> None:
    request, session = entered(sent)
    assert request.recipient_id is not None
    match what:
        case "closed":
            passcodes.close(request=request, now=NOW)
        case "moved":
            other = Recipient.objects.create(country="FR", timezone="Europe/Paris", created_at=NOW)
            Address.objects.filter(pk=request.address_id).update(recipient=other)
        case "gone":
            Address.objects.all().delete()
        case "erased":
            Recipient.objects.update(erased_at=NOW)
        case "forgotten":
            assert passcodes.forget(recipient_id=request.recipient_id) == 1
    assert passcodes.read_session(session=session, now=datetime.now(UTC)) is None


def test_requests_are_forgotten_after_two_days(sent: tuple[Passcode, str]) -> None:
    assert passcodes.forget_old(now=datetime.now(UTC) + timedelta(days=1)) == 0
    assert passcodes.forget_old(now=datetime.now(UTC) + passcodes.KEPT) == 1


def test_a_wish_is_granted_once(client: Client, message: Message) -> None:
    assert CapEntry.objects.filter(recipient_id=message.recipient_id).exists()
    now = datetime.now(UTC)
    Recipient.objects.filter(pk=message.recipient_id).update(paused_all_at=now)
    asked = passcodes.ask_for(
        recipient_id=message.recipient_id, visitor="", language="en", wish=Wish.UNPAUSE_ALL, now=now
    )
    carry()
    form = {"digits": read_code(message.address)}
    assert client.post(f"/p/code/{asked.code}/", form).status_code == 303
    assert Recipient.objects.get(pk=message.recipient_id).paused_all_at is None
    Recipient.objects.filter(pk=message.recipient_id).update(paused_all_at=now)
    assert client.post(f"/p/code/{asked.code}/", form).status_code == 303
    assert Recipient.objects.get(pk=message.recipient_id).paused_all_at == now
