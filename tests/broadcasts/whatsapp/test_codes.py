"""Codes over WhatsApp: an answer to whoever wrote lately, else in an authentication template, else not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from broadcasts import courier, own_numbers, senders
from broadcasts.models import Notice
from businesses.models import Member
from consent.models import Address
from feedback import passcodes, receipts
from tests.broadcasts.test_api import Program
from tests.broadcasts.whatsapp.emulator import Emulator
from tests.broadcasts.whatsapp.shop import Shop
from tests.make import make_client, make_member, make_people

NUMBER = "+33612345678"


def now() -> datetime:
    return datetime.now(UTC)


def make_template(meta: Emulator, **changes: Any) -> None:
    for i, language in enumerate(("fr", "en_US")):
        template = {"name": "our_code", "language": language, "category": "AUTHENTICATION", "status": "APPROVED"}
        meta.templates[f"77{i}"] = {"id": f"77{i}", **template, **changes}


def ask(shop: Shop) -> None:
    make_people(business=shop.business, n=1, now=now())
    Address.objects.update(value=NUMBER)
    passcodes.ask(number=NUMBER, visitor="", language="en", now=now())
    passcodes.send_waiting(now=now())
    courier.carry(now=now())


def test_whoever_did_not_write_gets_none_without_a_template(shop: Shop, meta: Emulator) -> None:
    ask(shop)
    assert not meta.taken
    assert not Notice.objects.exists()


def test_whoever_wrote_lately_gets_it_as_an_answer(shop: Shop, meta: Emulator) -> None:
    meta.says(NUMBER, "Hello")
    while receipts.fold(now=now(), limit=100):
        pass
    passcodes.ask(number=NUMBER, visitor="", language="en", now=now())
    passcodes.send_waiting(now=now())
    courier.carry(now=now())
    assert meta.taken[-1]["type"] == "text"
    assert "is the code for your page" in meta.taken[-1]["text"]["body"]


def test_with_a_template_it_reaches_everybody_in_their_language(shop: Shop, meta: Emulator) -> None:
    make_template(meta)
    senders.set_code_template(sender=shop.sender, name=" our_code ", by=None, now=now())
    ask(shop)
    sent = meta.taken[-1]
    assert sent["type"] == "template"
    assert (sent["template"]["name"], sent["template"]["language"]) == ("our_code", {"code": "en_US"})
    body, button = sent["template"]["components"]
    assert body["parameters"] == button["parameters"]
    assert (button["sub_type"], button["index"]) == ("url", "0")
    code = body["parameters"][0]["text"]
    request = passcodes.Passcode.objects.get()
    assert passcodes.enter(code=request.code, digits=code, now=now())[1]


def test_a_members_own_number_too(shop: Shop, meta: Emulator) -> None:
    make_template(meta)
    senders.set_code_template(sender=shop.sender, name="our_code", by=None, now=now())
    member = make_member(business=shop.business, role=Member.Role.MARKETER)
    own_numbers.ask(sender=shop.sender, user=member, number=NUMBER, language="fr", now=now())
    courier.carry(now=now())
    template = meta.taken[-1]["template"]
    assert template["language"] == {"code": "fr"}
    digits = template["components"][0]["parameters"][0]["text"]
    own_numbers.enter(sender=shop.sender, user=member, digits=digits, now=now())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "other"}, "no template of this name"),
        ({"category": "MARKETING"}, "not in the category"),
        ({"status": "PENDING"}, "not approved"),
    ],
)
def test_meta_is_asked_whether_it_can_carry_codes(
    shop: Shop, meta: Emulator, changes: dict[str, str], says: str
) -> None:
    make_template(meta, **changes)
    with pytest.raises(senders.CannotConnect) as refusal:
        senders.set_code_template(sender=shop.sender, name="our_code", by=None, now=now())
    assert says in str(refusal.value)
    shop.sender.refresh_from_db()
    assert "code_template" not in shop.sender.settings


def test_owners_name_it_on_the_page_and_by_machine(shop: Shop, meta: Emulator) -> None:
    make_template(meta)
    page = f"/b/{shop.business.code}/senders/{shop.sender.code}/"
    owner = make_client(make_member(business=shop.business, role=Member.Role.OWNER))
    assert owner.post(f"{page}code-template/", {"name": "nothing"}).status_code == 422
    assert owner.post(f"{page}code-template/", {"name": "our_code"}).status_code == 302
    assert "Approved in: en_US, fr." in owner.get(page).content.decode()
    marketer = make_client(make_member(business=shop.business, role=Member.Role.MARKETER))
    assert marketer.post(f"{page}code-template/", {"name": ""}).status_code == 403
    program, path = Program(shop.business), f"senders/{shop.sender.code}/code-template"
    assert program.ask("PUT", path, {"name": ""}).json()["code_template"] == ""
    assert program.ask("PUT", path, {"name": "our_code"}).json()["code_template"] == "our_code"
