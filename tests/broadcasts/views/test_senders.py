"""Senders in the browser: the sandbox is one button, a service shows its secret once."""

import re

import pytest
from django.test import Client

from broadcasts import secrets
from broadcasts.models import Sender
from businesses.models import Business, Member
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
