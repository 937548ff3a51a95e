"""A person's own page: opened by a code, about them alone, and over for whoever does not hold the phone any more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from broadcasts.channels.base import Message
from businesses.models import Business
from consent.models import Address, Contact, Interaction, Recipient, Refusal
from feedback import privacy
from feedback.models import Passcode
from feedback.public import manners
from launch import ROOT
from tests.feedback.visitor import FORM, carry, press, read_code, seals
from tests.make import EURO, make_business, make_client, make_people, make_sent, open_policy

pytestmark = pytest.mark.django_db
MINE = "/p/mine/"
NUMBER = "+33639980001"


@pytest.fixture
def business() -> Business:
    open_policy()
    return make_business(name="Maison Tournesol", money=100 * EURO)


@pytest.fixture
def message(business: Business) -> Message:
    now = datetime.now(UTC)
    for i, person in enumerate(make_people(business=business, n=2, now=now), 1):
        Address.objects.filter(recipient=person).update(value=f"+3363998000{i}")
    return make_sent(business=business, now=now)[1][0]


@pytest.fixture
def person(message: Message) -> Recipient:
    return Recipient.objects.get(addresses__value=NUMBER)


@pytest.fixture
def holder(client: Client, person: Recipient) -> Client:
    """Somebody who has typed their number and the code that arrived."""
    path = client.post("/p/?lang=en", {"number": NUMBER})["Location"]
    carry()
    assert client.post(path, {"digits": read_code(NUMBER)}).status_code == 303
    return client


def test_nobody_comes_in_without_a_code(client: Client, person: Recipient) -> None:
    for path in (MINE, "/p/mine/history/", "/p/mine/not-me/"):
        for answer in (client.get(path), client.post(path, {"action": "stop"})):
            assert (answer.status_code, answer["Location"].split("?")[0]) == (303, "/p/")
    client.cookies[manners.SESSION_COOKIE] = "psc_0000000000000000:1abc:forged"
    assert client.get(MINE).status_code == 303


def test_the_cookie_is_strict(holder: Client) -> None:
    cookie = holder.cookies[manners.SESSION_COOKIE]
    assert (cookie["samesite"], cookie["httponly"], cookie["path"]) == ("Strict", True, "/p/")
    assert cookie["max-age"] == 15 * 60


def test_it_shows_every_business_and_nobody_elses(holder: Client, person: Recipient) -> None:
    other, strangers = make_business(name="Librairie Sirius"), make_business(name="Garage Nord")
    now = datetime.now(UTC)
    make_people(business=other, n=1, now=now)
    make_people(business=strangers, n=1, first=2, now=now)
    page = holder.get(MINE, {"lang": "en"}).content.decode()
    assert page.count("<h2 id=") == 4
    assert "Librairie Sirius" in page
    assert "Maison Tournesol" in page
    assert "Garage Nord" not in page
    assert NUMBER not in page


@pytest.mark.parametrize(("on", "off", "kind"), [("stop", "resume", 1), ("block", "unblock", 2)])
def test_each_business_is_stopped_and_resumed(
    holder: Client, person: Recipient, business: Business, on: str, off: str, kind: int
) -> None:
    held = Refusal.objects.filter(recipient=person, kind=kind, lifted_at=None)
    for action, n in ((on, 1), (on, 1), (off, 0), (off, 0)):
        form = {"action": action, "seal": _seal(holder, action, on, off), "business": business.code}
        answer = holder.post(f"{MINE}?lang=en", form, follow=True)
        assert "Done: Maison Tournesol" in answer.content.decode()
        assert held.count() == n


def _seal(holder: Client, action: str, on: str, off: str) -> str:
    """Of whichever of two buttons is shown; the other one's stays good for a while."""
    request = Passcode.objects.get()
    return manners.seals(request.code, [on, off])[action]


def test_limits_and_pauses_of_all(holder: Client, person: Recipient) -> None:
    for limit, now_holds in (("1", 1), ("5", 5), ("", None)):
        press(holder, MINE, "fewer", limit=limit)
        person.refresh_from_db()
        assert person.own_limit == now_holds, "with a code, looser too"
    press(holder, MINE, "pause-all")
    person.refresh_from_db()
    assert person.paused_all_at is not None
    press(holder, MINE, "unpause-all")
    person.refresh_from_db()
    assert person.paused_all_at is None


@pytest.mark.promise("P9")
def test_a_form_without_its_seal_or_of_a_stranger_changes_nothing(holder: Client, person: Recipient) -> None:
    strangers = make_business(name="Garage Nord")
    make_people(business=strangers, n=1, first=2)
    mine = Business.objects.get(name="Maison Tournesol", mode=Business.Mode.LIVE)
    known = seals(holder, MINE)
    for form in (
        {"action": "stop", "business": mine.code},
        {"action": "stop", "business": mine.code, "seal": known["block"]},
        {"action": "stop", "business": strangers.code, "seal": known["stop"]},
        {"action": "stop", "seal": known["stop"]},
        {"action": "launch", "seal": known["stop"]},
    ):
        answer = holder.post(MINE, form)
        assert answer.status_code == 400
    assert not Refusal.objects.exists()


def test_looking_changes_nothing(holder: Client) -> None:
    for path in (MINE, "/p/mine/history/", "/p/mine/not-me/", "/p/", "/p/code/psc_1/"):
        with CaptureQueriesContext(connection) as queries:
            holder.get(path)
            holder.head(path)
        assert not [q for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


def test_the_history_is_a_page_at_a_time(holder: Client, business: Business, person: Recipient) -> None:
    assert "Maison Tournesol" in holder.get("/p/mine/history/").content.decode()
    for page in ("2", "0", "-1", "x", "9" * 30, "²"):
        assert holder.get("/p/mine/history/", {"page": page}).status_code == 200


def test_leaving_closes_it_everywhere(holder: Client) -> None:
    elsewhere = make_client()
    elsewhere.cookies[manners.SESSION_COOKIE] = holder.cookies[manners.SESSION_COOKIE].value
    assert elsewhere.get(MINE).status_code == 200
    press(holder, MINE, "leave")
    assert elsewhere.get(MINE).status_code == 303


# --- Their data ---------------------------------------------------------------------------------


def test_a_copy_of_everything_is_a_file(holder: Client, person: Recipient) -> None:
    assert holder.get("/p/mine/export/").status_code == 303, "looking fetches nothing"
    assert holder.post("/p/mine/export/", {"seal": "x"}).status_code == 303
    form = {"action": "export", "seal": seals(holder, MINE)["export"]}
    answer = holder.post("/p/mine/export/", form)
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Cache-Control"] == "no-store"
    copy = json.loads(answer.content)
    assert copy["format"] == "tambour.person.1"
    assert NUMBER in answer.content.decode()
    assert len(copy["messages"]) == 1


def test_the_proof_is_a_signed_file(holder: Client, person: Recipient) -> None:
    press(holder, MINE, "pause-all")
    assert holder.get("/p/mine/proof/").status_code == 303
    answer = holder.post("/p/mine/proof/", {"action": "proof", "seal": seals(holder, MINE)["proof"]})
    proof = json.loads(answer.content)
    assert "signature" in answer.content.decode()
    assert [link["kind"] for chain in proof["chains"] for link in chain["links"]][-1] == "paused_all"


def test_one_business_forgets_the_person(holder: Client, person: Recipient, business: Business) -> None:
    other = make_business(name="Librairie Sirius")
    make_people(business=other, n=1, now=datetime.now(UTC))
    form = {"seal": seals(holder, "/p/mine/erase/")["erase"], "business": business.code}
    page = holder.post("/p/mine/erase/?lang=en", form, follow=True).content.decode()
    assert "Maison Tournesol has to forget you" in page
    assert Contact.objects.filter(recipient=person).get().business == other
    assert holder.post("/p/mine/erase/", form).status_code == 400, "it does not know them any more"


def test_all_forget_the_person(holder: Client, person: Recipient, message: Message) -> None:
    form = {"seal": seals(holder, "/p/mine/erase/")["erase"], "business": "all"}
    page = holder.post("/p/mine/erase/?lang=en", form, follow=True).content.decode()
    assert "what was kept about you is erased" in page
    assert not Contact.objects.filter(recipient=person).exists()
    assert holder.get(MINE).status_code == 303
    assert holder.get(message.preference_url).status_code == 404
    privacy.run_waiting(now=datetime.now(UTC))
    assert not Passcode.objects.filter(recipient=person).exists()


@pytest.mark.parametrize("fields", [{}, {"business": "all"}, {"business": "all", "seal": "x"}, {"business": "biz_0"}])
def test_nothing_is_erased_by_accident(holder: Client, person: Recipient, fields: dict[str, str]) -> None:
    if fields.get("business") == "biz_0":
        fields = fields | {"seal": seals(holder, "/p/mine/erase/")["erase"]}
    assert holder.post("/p/mine/erase/", fields).status_code == 400
    assert Contact.objects.filter(recipient=person).exists()


# --- A number with a new owner ------------------------------------------------------------------


def make_old(person: Recipient) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=200)
    Contact.objects.filter(recipient=person).update(created_at=long_ago)
    Interaction.objects.filter(recipient=person).update(occurred_at=long_ago)


def test_what_is_old_is_shown_to_whoever_says_it_is_theirs(holder: Client, person: Recipient) -> None:
    make_old(person)
    asked = holder.get(MINE, {"lang": "en"}).content.decode()
    assert "Is it about you?" in asked
    assert "Maison Tournesol" not in asked
    assert holder.get("/p/mine/history/").status_code == 302
    shown = press(holder, MINE, "confirm").content.decode()
    assert "Maison Tournesol" in shown


def test_the_new_owner_sees_nothing_and_gets_nothing(holder: Client, person: Recipient, message: Message) -> None:
    make_old(person)
    page = press(holder, MINE, "not-me").content.decode()
    assert "everything that was agreed over this number before has ended" in page
    assert holder.get(MINE).status_code == 303
    assert not Interaction.objects.filter(recipient=person, withdrawn_at=None).exists()

    path = holder.post("/p/?lang=en", {"number": NUMBER})["Location"]
    carry()
    holder.post(path, {"digits": read_code(NUMBER)})
    # No business knows the new owner, so nobody carries a code to them: they have nothing here to see.
    assert holder.get(MINE).status_code == 303
    assert holder.get(message.preference_url).status_code == 404


def test_by_the_link_offers_stop_at_once_and_the_rest_needs_the_code(
    client: Client, person: Recipient, message: Message
) -> None:
    mine = next(m for m in [message] if m.recipient_id == person.pk)
    asked = press(client, mine.preference_url, "not-me")
    person.refresh_from_db()
    assert person.paused_all_at is not None
    assert Address.objects.get(value=NUMBER).recipient == person
    carry()
    done = client.post(asked.redirect_chain[-1][0], {"digits": read_code(NUMBER)}, follow=True)
    assert "has ended" in done.content.decode()
    assert Address.objects.get(value=NUMBER).recipient != person
    assert not client.cookies.get(manners.SESSION_COOKIE) or not client.cookies[manners.SESSION_COOKIE].value


# --- Small and quick ----------------------------------------------------------------------------


def test_with_many_businesses_it_stays_small_and_asks_little(holder: Client, person: Recipient) -> None:
    for i in range(12):
        business = make_business(name=f"Comptoir général des jardins numéro {i}")
        make_people(business=business, n=1, now=datetime.now(UTC))
    with CaptureQueriesContext(connection) as queries:
        page = holder.get(MINE).content
    assert len(queries) <= 12
    css = (ROOT / "config" / "static" / "public.css").stat().st_size
    assert len(page) + css < 30_000
    assert len(FORM.findall(page.decode())) > 20
    assert "page=2" in page.decode()
    second: Any = holder.get(MINE, {"page": "2"})
    assert second.content.decode().count("<section") < page.decode().count("<section")
