"""The sandbox phone: the business's members alone see it, and it answers through the providers' door."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from broadcasts import courier, senders
from broadcasts.channels.base import Message
from broadcasts.channels.sandbox import network
from broadcasts.models import Broadcast, Delivery, PhoneMessage
from businesses.models import Member
from feedback import receipts
from feedback.models import Callback
from tests.feedback.provider import has_stopped
from tests.make import EURO, make_business, make_member, make_people, make_sent, make_user, open_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent() -> tuple[Broadcast, list[Message]]:
    open_policy()
    now, business = datetime.now(UTC), make_business(money=100 * EURO)
    make_people(business=business, n=3, now=now)
    return make_sent(business=business, now=now)


@pytest.fixture
def message(sent: tuple[Broadcast, list[Message]]) -> Message:
    return sent[1][0]


@pytest.fixture
def member(client: Client, sent: tuple[Broadcast, list[Message]]) -> Client:
    client.force_login(make_member(business=sent[0].business, role=Member.Role.ANALYST))
    return client


def address_of(sent: tuple[Broadcast, list[Message]]) -> str:
    return f"/phone/{sent[0].sender.code}/{sent[1][0].address}/"


def test_it_shows_the_message_with_its_buttons(member: Client, sent: Any, message: Message) -> None:
    page = member.get(address_of(sent)).content.decode()
    assert "Hello Ana, this week 20 percent off" in page
    assert page.count('<button name="place"') == 2
    assert message.preference_url in page


def test_the_list_shows_phones_newest_first_and_what_is_unread(member: Client, sent: Any, message: Message) -> None:
    page = member.get(f"/phone/{sent[0].sender.code}/").content.decode()
    assert page.count("1 new") == 3
    assert page.index(sent[1][2].address) < page.index(sent[1][0].address)
    found = member.get(f"/phone/{sent[0].sender.code}/", {"q": message.address[-7:]}).content.decode()
    assert message.address in found
    assert sent[1][1].address not in found


@pytest.mark.promise("P7")
def test_to_a_stranger_there_is_no_phone(client: Client, sent: Any) -> None:
    client.force_login(make_user())
    for method in (client.get, client.post):
        assert method(address_of(sent)).status_code == 404
    assert client.get(f"/phone/{sent[0].sender.code}/").status_code == 404
    assert not Callback.objects.exists()
    assert not PhoneMessage.objects.filter(is_inbound=True).exists()


def test_whoever_is_not_logged_in_is_asked_to(client: Client, sent: Any) -> None:
    answer = client.get(address_of(sent))
    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"]


def test_a_phone_that_was_never_written_to_does_not_exist(member: Client, sent: Any) -> None:
    assert member.get(f"/phone/{sent[0].sender.code}/+33600000000/").status_code == 404
    assert member.get("/phone/snd_nothing/+33600000000/").status_code == 404


def test_another_channels_sender_has_no_phones(member: Client, sent: Any) -> None:
    business = sent[0].business
    hook, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=datetime.now(UTC))
    assert member.get(f"/phone/{hook.code}/").status_code == 404


def test_opening_the_chat_reports_it_read_once(member: Client, sent: Any, message: Message) -> None:
    for _ in range(3):
        member.get(address_of(sent))
    assert Callback.objects.count() == 1
    receipts.fold(now=datetime.now(UTC), limit=10)
    assert Delivery.objects.get(pk=(message.broadcast_id, message.recipient_id)).state == Delivery.State.READ


@pytest.mark.parametrize(("place", "reaction"), [("0", 1), ("1", 2)])
def test_pressing_a_button(member: Client, sent: Any, message: Message, place: str, reaction: int) -> None:
    shown = PhoneMessage.objects.get(delivery_code=message.code)
    page = member.post(address_of(sent), {"message": shown.provider_id, "place": place}, follow=True).content.decode()
    assert Delivery.objects.get(pk=(message.broadcast_id, message.recipient_id)).reaction == reaction
    assert "bubble mine" in page


@pytest.mark.promise("P3")
def test_writing_stop_stops_and_is_confirmed(member: Client, sent: Any, message: Message) -> None:
    member.post(address_of(sent), {"text": " stop "})
    assert has_stopped(message, sent[0].business)
    courier.carry(now=datetime.now(UTC))
    page = member.get(address_of(sent)).content.decode()
    assert "You will get no more offers from Boulangerie Martin" in page


@pytest.mark.parametrize(
    "form", [{}, {"text": ""}, {"place": "7"}, {"message": "sbx_nothing", "place": "0"}, {"place": "-1", "text": "x"}]
)
def test_a_broken_form_is_only_a_text(member: Client, sent: Any, message: Message, form: dict[str, str]) -> None:
    shown = PhoneMessage.objects.get(delivery_code=message.code)
    assert member.post(address_of(sent), {"message": shown.provider_id, **form}).status_code == 302
    assert Delivery.objects.get(pk=(message.broadcast_id, message.recipient_id)).reaction is None


def test_what_somebody_writes_is_words_not_markup(member: Client, sent: Any) -> None:
    page = member.post(address_of(sent), {"text": "<script>alert(1)</script>"}, follow=True).content
    assert b"<script>alert" not in page


def test_pages_need_few_queries(member: Client, sent: Any) -> None:
    member.get(address_of(sent))
    for address in (address_of(sent), f"/phone/{sent[0].sender.code}/"):
        with CaptureQueriesContext(connection) as queries:
            member.get(address)
        assert len(queries) <= 12


def test_a_longer_chat_shows_its_end(member: Client, sent: Any, message: Message) -> None:
    for i in range(70):
        network.write(sender=sent[0].sender, address=message.address, text=f"word {i}", now=datetime.now(UTC))
    page = member.get(address_of(sent)).content.decode()
    assert "word 69" in page
    assert "word 9<" not in page
