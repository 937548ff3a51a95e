"""Connecting a number: every failure is one sentence that says how to mend it, and what is secret stays so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from broadcasts import senders
from broadcasts.channels.whatsapp import account
from broadcasts.models import Sender, Standing
from businesses.models import AuditEvent, Business, Member
from tests import make
from tests.broadcasts.whatsapp.emulator import ACCOUNT, APP_SECRET, NUMBER, TOKEN, Emulator
from tests.broadcasts.whatsapp.shop import connect

FORM = {"name": "Martin", "account_id": ACCOUNT, "number_id": NUMBER, "token": TOKEN, "app_secret": APP_SECRET}


@pytest.fixture
def business(door: str) -> Business:
    return make.make_business()


@pytest.fixture
def owner(business: Business) -> Client:
    return make.make_client(make.make_member(business=business, role=Member.Role.OWNER))


def test_a_number_is_connected_and_shows_what_was_found(owner: Client, business: Business, meta: Emulator) -> None:
    answer = owner.post(f"/b/{business.code}/senders/whatsapp/", FORM, follow=True)
    page = answer.content.decode()
    assert answer.status_code == 200, page
    sender = Sender.objects.of(business).get()
    assert sender.is_active
    assert sender.messages_per_second == 1_000, "the throughput that Meta says"
    assert meta.callback == f"{account.callback_address(sender)}"
    assert meta.verify_token == account.keys_of(sender).verify_token
    for words in ("The token opens the number.", "Boulangerie Martin", "+33 6 39 98 00 00", "TIER_2K", "high"):
        assert words in page
    standing = Standing.objects.get()
    assert (standing.quality, standing.tier, standing.allowed_per_second) == ("green", "TIER_2K", 1_000)


def test_secrets_are_encrypted_and_never_shown_nor_noted(
    owner: Client, business: Business, meta: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    wrong = owner.post(f"/b/{business.code}/senders/whatsapp/", FORM | {"account_id": "nine"}).content.decode()
    right = owner.post(f"/b/{business.code}/senders/whatsapp/", FORM, follow=True).content.decode()
    sender = Sender.objects.get()
    kept = json.dumps([sender.settings, *AuditEvent.objects.values_list("after", flat=True)]) + str(
        bytes(sender.secret_encrypted or b"")
    )
    for secret in (TOKEN, APP_SECRET, account.keys_of(sender).verify_token):
        for seen in (wrong, right, kept, caplog.text, repr(account.keys_of(sender)), repr(senders.Graph(secret))):
            assert secret not in seen
    assert account.keys_of(sender).token == TOKEN


FAILURES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "a wrong token": ({"token": "EAAG-old"}, {}, "token", "does not accept the token"),
    "no such number": ({"number_id": "99999999"}, {}, "number_id", "no number with this id"),
    "no such account": ({"account_id": "99999999"}, {}, "account_id", "no account with this id"),
    "another account's number": ({}, {"account_numbers": ["1"]}, "account_id", "belongs to another account"),
    "no permission": ({}, {"broken": {NUMBER: 10}}, "token", "lacks a permission"),
    "asked too often": ({}, {"broken": {NUMBER: 80007}}, "number_id", "Wait an hour"),
    "an answer that is none": ({}, {"broken": {NUMBER: "html"}}, "number_id", "could not be reached"),
    "a refusal nobody knows": ({}, {"broken": {NUMBER: 77777}}, "number_id", "code 77777"),
    "a telephone number": ({"number_id": "+33 6 39 98 00 00"}, {}, "number_id", "not a telephone number"),
    "a token with a gap": ({"token": "EAAG good"}, {}, "token", "Paste the whole token"),
    "no app secret": ({"app_secret": ""}, {}, "app_secret", "app secret"),
    "no name": ({"name": " "}, {}, "name", ""),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_each_failure_says_how_to_mend_it_and_nothing_is_made(
    owner: Client, business: Business, meta: Emulator, failure: str
) -> None:
    changes, world, field, words = FAILURES[failure]
    for name, value in world.items():
        setattr(meta, name, value)
    answer = owner.post(f"/b/{business.code}/senders/whatsapp/", FORM | changes)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert words in page
    assert not Sender.objects.exists()


def test_nobody_there_is_a_sentence_too(business: Business, settings: Any) -> None:
    settings.WHATSAPP_API_URL = "http://127.0.0.1:1"
    with pytest.raises(ValidationError, match="could not be reached"):
        connect(business)


LATER: dict[str, tuple[dict[str, Any], str]] = {
    "a name not approved": ({"number": {"name_status": "DECLINED"}}, "name_not_approved"),
    "a number to register": ({"number": {"status": "PENDING"}}, "number_not_ready"),
    "an address that is not reached": ({"broken": {"subscribed_apps": 2200}}, "not_subscribed"),
}


@pytest.mark.parametrize("what", LATER)
def test_what_can_be_mended_later_leaves_the_sender_off(business: Business, meta: Emulator, what: str) -> None:
    world, code = LATER[what]
    for name, value in world.items():
        setattr(meta, name, value)
    sender = connect(business)
    assert not sender.is_active
    [fault] = [finding for finding in Standing.objects.get().findings if finding["is_good"] is False]
    assert fault["code"] == code

    meta.number, meta.broken = {}, {}
    assert senders.check(sender=sender, by=None, now=datetime.now(UTC)).is_active


def test_meta_away_for_a_while_switches_nobody_off(business: Business, meta: Emulator) -> None:
    sender = connect(business)
    meta.broken = {NUMBER: "html"}
    assert senders.check(sender=sender, by=None, now=datetime.now(UTC)).is_active
    meta.broken = {NUMBER: 190}
    assert not senders.check(sender=sender, by=None, now=datetime.now(UTC)).is_active


def test_low_quality_and_a_small_limit_are_said_and_stop_nothing(business: Business, meta: Emulator) -> None:
    meta.number = {"quality_rating": "RED", "messaging_limit_tier": "TIER_250"}
    sender = connect(business)
    assert sender.is_active
    said = {finding["code"] for finding in Standing.objects.get().findings if finding["is_good"] is None}
    assert said == {"quality_red", "small_limit"}


def test_one_number_is_one_sender(business: Business, meta: Emulator) -> None:
    connect(business)
    with pytest.raises(ValidationError, match="connected already"):
        connect(make.make_business(name="Rival"))
    assert Sender.objects.count() == 1


def test_a_test_account_reaches_sandbox_phones_only(owner: Client, business: Business, meta: Emulator) -> None:
    with pytest.raises(ValidationError, match="test mode"):
        connect(business.twin)
    assert not meta.asked


def test_a_new_token_takes_the_place_of_the_old_one_only_if_it_opens(
    owner: Client, business: Business, meta: Emulator
) -> None:
    sender = connect(business)
    where = f"/b/{business.code}/senders/{sender.code}/"
    assert owner.post(where + "keys/", {"token": "EAAG-wrong"}).status_code == 422
    assert owner.post(where + "keys/", {}).status_code == 422
    sender.refresh_from_db()
    assert account.keys_of(sender).token == TOKEN
    assert owner.post(where + "keys/", {"token": TOKEN, "app_secret": "another"}).status_code == 302
    sender.refresh_from_db()
    assert account.keys_of(sender).app_secret == "another"
    assert owner.post(where + "check/").status_code == 302


def test_others_may_look_and_only_owners_touch(business: Business, meta: Emulator) -> None:
    sender = connect(business)
    marketer = make.make_client(make.make_member(business=business, role=Member.Role.MARKETER))
    where = f"/b/{business.code}/senders/{sender.code}/"
    assert marketer.get(where).status_code == 200
    for path in (where + "check/", where + "keys/", f"/b/{business.code}/senders/whatsapp/"):
        assert marketer.post(path, FORM).status_code == 403
    assert make.make_client(make.make_user()).get(where).status_code == 404


def test_the_same_by_machine(business: Business, meta: Emulator) -> None:
    _key, secret = make.make_key(business=business)
    client, headers = make.make_client(), {"Authorization": f"Bearer {secret}"}

    def ask(path: str, body: object | None = None) -> Any:
        if body is None:
            return client.get(path, headers=headers)
        return client.post(path, json.dumps(body), content_type="application/json", headers=headers)

    wrong = ask("/api/v1/senders/whatsapp", FORM | {"token": "EAAG-old"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/token"
    answer = ask("/api/v1/senders/whatsapp", FORM)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["is_active"]
    assert told["quality"] == "green"
    assert TOKEN not in answer.content.decode()
    assert [finding["is_good"] for finding in told["findings"]] == [True] * 5
    assert ask(f"/api/v1/senders/{told['code']}").json()["tier"] == "TIER_2K"
    assert ask(f"/api/v1/senders/{told['code']}/check", {}).json()["is_active"]
    assert ask("/api/v1/senders").json()["data"][0]["code"] == told["code"]
    assert ask(f"/api/v1/senders/{told['code']}/keys", {}).status_code == 400
    sandbox = make.make_sandbox_sender(business=business)
    assert ask(f"/api/v1/senders/{sandbox.code}/check", {}).status_code == 422
