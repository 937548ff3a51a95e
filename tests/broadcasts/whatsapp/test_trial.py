"""A test over WhatsApp: the approved template to the letter, on the phone of a member who wrote first."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from broadcasts import courier, own_numbers, trial
from broadcasts.models import Notice, ProviderTemplate, Window
from businesses.models import Member, User
from consent.models import Refusal
from feedback import receipts
from feedback.models import Callback, Reaction
from tests.broadcasts.whatsapp.emulator import Emulator, Fate
from tests.broadcasts.whatsapp.shop import Shop
from tests.make import make_draft, make_member

NUMBER = "+33612345678"


@pytest.fixture
def member(shop: Shop) -> User:
    return make_member(business=shop.business, role=Member.Role.MARKETER)


def now() -> datetime:
    return datetime.now(UTC)


def fold() -> None:
    while receipts.fold(now=now(), limit=100):
        pass


def write_and_verify(shop: Shop, meta: Emulator, member: User) -> None:
    meta.says(NUMBER, "Hello")
    fold()
    own_numbers.ask(sender=shop.sender, user=member, number=NUMBER, language="en", now=now())
    courier.carry(now=now())
    digits = re.search(r"\d{6}", meta.taken[-1]["text"]["body"])
    assert digits
    own_numbers.enter(sender=shop.sender, user=member, digits=digits[0], now=now())


def send(shop: Shop, member: User, **more: Any) -> Notice:
    test = trial.send(version=shop.version, sender=shop.sender, by=member, now=now(), **more)
    courier.carry(now=now())
    test.refresh_from_db()
    return test


def test_no_code_leaves_before_the_member_has_written(shop: Shop, meta: Emulator, member: User) -> None:
    with pytest.raises(own_numbers.CannotAsk) as refusal:
        own_numbers.ask(sender=shop.sender, user=member, number=NUMBER, language="en", now=now())
    assert refusal.value.code == "write_first"
    assert not meta.taken


def test_the_template_itself_arrives_and_is_told_apart(shop: Shop, meta: Emulator, member: User) -> None:
    write_and_verify(shop, meta, member)
    test = send(shop, member)
    sent = meta.taken[-1]
    assert sent["type"] == "template"
    assert sent["template"]["name"] == ProviderTemplate.objects.get().name
    assert sent["biz_opaque_callback_data"] == test.code
    body = next(part for part in sent["template"]["components"] if part["type"] == "body")
    assert [value["text"] for value in body["parameters"]] == ["Ana", "20"]
    press = next(part for part in sent["template"]["components"] if part.get("index") == "0")["parameters"][0][
        "payload"
    ]
    meta.tell_statuses()
    assert meta.presses(NUMBER, press, quotes=sent["id"]) == 200
    fold()
    test.refresh_from_db()
    assert test.delivered_at is not None
    assert not Reaction.objects.exists()
    assert set(Callback.objects.values_list("failure", flat=True)) == {""}


def test_what_meta_has_not_approved_is_not_tested(shop: Shop, meta: Emulator, member: User) -> None:
    write_and_verify(shop, meta, member)
    ours_only = make_draft(business=shop.business, name="other")
    assert "approved" in trial.obstacle(version=ours_only, sender=shop.sender, now=now())
    meta.decides(ProviderTemplate.objects.get().name, "PAUSED")
    with pytest.raises(trial.CannotTest) as refusal:
        send(shop, member)
    assert refusal.value.code == "provider"


def test_a_refusal_is_said_in_words(shop: Shop, meta: Emulator, member: User) -> None:
    write_and_verify(shop, meta, member)
    meta.meets[NUMBER] = Fate(refused=131049)
    test = send(shop, member)
    assert test.state == Notice.State.FAILED
    assert "enough offers" in trial.outcome(test)


def test_one_that_may_have_arrived_is_not_sent_again(shop: Shop, meta: Emulator, member: User) -> None:
    write_and_verify(shop, meta, member)
    meta.meets[NUMBER] = Fate(instead="garbage")
    test = send(shop, member)
    assert test.state == Notice.State.FAILED
    assert courier.carry(now=now()) == 0


def test_stop_on_the_phone_ends_tests(shop: Shop, meta: Emulator, member: User) -> None:
    write_and_verify(shop, meta, member)
    meta.says(NUMBER, "STOP")
    assert Refusal.objects.filter(lifted_at=None).exists()
    with pytest.raises(trial.CannotTest):
        send(shop, member)
    assert Window.objects.count() == 1


def test_who_stopped_in_whatsapp_has_stopped_here(shop: Shop, meta: Emulator, member: User) -> None:
    write_and_verify(shop, meta, member)
    meta.meets[NUMBER] = Fate(refused=131050)
    assert send(shop, member).state == Notice.State.FAILED
    assert Refusal.objects.get(lifted_at=None).via == "provider"
    with pytest.raises(trial.CannotTest) as refusal:
        send(shop, member)
    assert refusal.value.code == "stopped"
