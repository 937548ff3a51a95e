"""Senders in the browser: the sandbox is one button, a service shows its secret once."""

import re
from typing import Any

import pytest
from django.test import Client

from broadcasts import secrets, senders
from broadcasts.channels import line_types_of, lines_known
from broadcasts.models import Sender
from businesses.models import AuditEvent, Business, Member
from consent.lines import MOBILES
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make.make_business()


@pytest.fixture
def owner(client: Client, business: Business) -> Client:
    client.force_login(make.make_member(business=business, role=Member.Role.OWNER))
    return client


def test_the_sandbox_is_connected_by_one_button(owner: Client, business: Business) -> None:
    assert "No sender yet" in owner.get(f"/b/{business.code}/senders/").content.decode()
    answer = owner.post(f"/b/{business.code}/senders/sandbox/", {"name": "Maison Lumen"}, follow=True)
    sender = Sender.objects.of(business).get()
    assert sender.channel == Sender.Channel.SANDBOX
    assert sender.code in answer.content.decode()


def test_a_service_shows_its_secret_once(owner: Client, business: Business) -> None:
    answer = owner.post(
        f"/b/{business.code}/senders/webhook/", {"name": "Shop", "url": "https://messages.example.com/send"}
    )
    shown = re.search(r"whsec_[\w+/=]+", answer.content.decode())
    sender = Sender.objects.of(business).get()
    assert shown is not None
    assert secrets.decrypt(bytes(sender.secret_encrypted or b"")) == shown[0]
    assert f"/callbacks/{sender.code}/" in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert shown[0] not in owner.get(f"/b/{business.code}/senders/").content.decode()


@pytest.mark.parametrize(
    "url", ["", "not an address", "ftp://files.example.com", "https://user:word@example.com/", "javascript:alert(1)"]
)
def test_a_wrong_address_is_refused_with_a_sentence(owner: Client, business: Business, url: str) -> None:
    answer = owner.post(f"/b/{business.code}/senders/webhook/", {"name": "Shop", "url": url})
    assert answer.status_code == 422
    assert "This needs mending" in answer.content.decode()
    assert not Sender.objects.exists()


def test_a_sender_without_a_name_is_refused(owner: Client, business: Business) -> None:
    assert owner.post(f"/b/{business.code}/senders/sandbox/", {"name": " "}).status_code == 422


def test_only_an_owner_connects(client: Client, business: Business) -> None:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    assert client.get(f"/b/{business.code}/senders/").status_code == 200
    assert client.post(f"/b/{business.code}/senders/sandbox/", {"name": "Shop"}).status_code == 403
    assert client.get(f"/b/{business.code}/senders/webhook/").status_code == 403


def test_a_test_account_is_not_offered_a_real_service(owner: Client, business: Business) -> None:
    Member.objects.create(
        business=business.twin, user=Member.objects.of(business).latest("id").user, role=Member.Role.OWNER
    )
    page = owner.get(f"/b/{business.twin.code}/senders/").content.decode()
    assert "HTTP webhook" not in page


def test_a_service_may_reach_mobile_phones_only(owner: Client, business: Business) -> None:
    answers = {"name": "SMS", "url": "https://sms.example.com/send", "mobiles_only": "on"}
    owner.post(f"/b/{business.code}/senders/webhook/", answers)
    sender = Sender.objects.of(business).get()
    assert line_types_of(sender) == MOBILES
    where = f"/b/{business.code}/senders/{sender.code}/reach/"
    assert "mobile phones only" in owner.get(f"/b/{business.code}/senders/").content.decode()

    said = owner.post(where, {"mobiles_only": "0"}, follow=True).content.decode()

    assert "any telephone number" in said
    sender.refresh_from_db()
    assert line_types_of(sender) is None
    assert AuditEvent.objects.filter(action="sender.reach_set", object_code=sender.code).count() == 1


def test_programs_say_it_and_only_of_a_channel_that_may_be_either(owner: Client, business: Business) -> None:
    _, secret = make.make_key(business=business)
    hook, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=make.NOW)
    phones = make.make_sandbox_sender(business=business)

    def put(sender: Sender) -> Any:
        return make.make_client().put(
            f"/api/v1/senders/{sender.code}/reach",
            '{"mobiles_only": true}',
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )

    assert put(hook).json()["mobiles_only"] is True
    refused = put(phones)
    assert (refused.status_code, refused.json()["code"]) == (422, "cannot_connect")
    assert "cannot be set" in owner.post(
        f"/b/{business.code}/senders/{phones.code}/reach/", {"mobiles_only": "1"}, follow=True
    ).content.decode()  # fmt: skip


def test_the_page_asks_the_channel_whether_it_may_be_limited(owner: Client, business: Business) -> None:
    """What it offers is what the door behind it takes; an address in the settings is no sign of it."""
    phones = make.make_sandbox_sender(business=business)
    Sender.objects.filter(pk=phones.pk).update(settings={"url": "https://old.example.com/", "mobiles_only": True})
    page = owner.get(f"/b/{business.code}/senders/").content.decode()
    assert f"/senders/{phones.code}/reach/" not in page
    assert "mobile phones only" not in page
    hook, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=make.NOW)
    page = owner.get(f"/b/{business.code}/senders/").content.decode()
    assert f"/senders/{hook.code}/reach/" in page
    assert "any telephone number" in page


def test_what_was_not_said_yet_is_asked_and_a_no_is_kept(owner: Client, business: Business) -> None:
    hook, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=make.NOW)
    assert lines_known(hook) == MOBILES
    assert line_types_of(hook) is None, "its own lists are tried"
    assert "It reaches landlines, too" in owner.get(f"/b/{business.code}/senders/").content.decode()

    said = owner.post(f"/b/{business.code}/senders/{hook.code}/reach/", {"mobiles_only": "0"}, follow=True)

    assert "It reaches landlines, too" not in said.content.decode()
    hook.refresh_from_db()
    assert lines_known(hook) is None
    event = AuditEvent.objects.get(action="sender.reach_set")
    assert (event.before, event.after) == ({"mobiles_only": None}, {"mobiles_only": False})
