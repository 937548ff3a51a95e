"""The recipient's page: it shows on GET, acts on POST, tells nobody anything, and says what changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from broadcasts import codes
from broadcasts.channels.base import Message
from broadcasts.models import Delivery
from businesses.models import Business
from consent.models import CapEntry, ConsentEvent, Contact, Recipient, Refusal
from feedback import targeting
from feedback.models import Passcode, Reaction, Report
from launch import ROOT
from tests.feedback.visitor import FORM, press, seals, with_code
from tests.make import EURO, make_business, make_people, make_sent, open_policy

pytestmark = pytest.mark.django_db

CHANGING = re.compile(r"^\s*(INSERT|UPDATE|DELETE|MERGE|SELECT .* FOR (NO KEY )?UPDATE)", re.IGNORECASE | re.DOTALL)


@pytest.fixture
def business() -> Business:
    open_policy()
    return make_business(name="Maison Tournesol", money=100 * EURO)


@pytest.fixture
def message(business: Business) -> Message:
    now = datetime.now(UTC)
    make_people(business=business, n=2, now=now)
    return make_sent(business=business, now=now)[1][0]


@pytest.fixture
def path(message: Message) -> str:
    return urlsplit(message.preference_url).path


def refusal(message: Message, kind: int) -> Refusal | None:
    return Refusal.objects.filter(recipient_id=message.recipient_id, kind=kind, lifted_at=None).first()


# --- What it shows ------------------------------------------------------------------------------


def test_it_says_who_wrote_why_and_who_approved_it(client: Client, path: str) -> None:
    page = client.get(path, headers={"accept-language": "en"}).content.decode()
    for words in ("Advertising", "A message from Maison Tournesol", "Maison Tournesol SARL",
                  "You asked Maison Tournesol for offers on", "You agreed to get offers",
                  "reviewers approved these words on", "spring_sale", "Advertiser",
                  "Everybody whom Maison Tournesol may write to."):  # fmt: skip
        assert words in page


def test_it_says_how_many_offers_came_and_from_whom(client: Client, path: str, message: Message) -> None:
    now = datetime.now(UTC)
    for i, days in enumerate((1, 6, 8, 29, 31)):
        CapEntry.objects.create(
            recipient_id=message.recipient_id,
            broadcast_id=10_000 + i,
            business_id=10_000,
            reserved_at=now - timedelta(days=days),
            counts_at=now - timedelta(days=days),
        )
    page = " ".join(client.get(path, {"lang": "en"}).content.decode().split())
    assert '<th scope="row">Maison Tournesol</th><td>1</td><td>1</td>' in page
    assert '<th scope="row">All businesses</th><td>3</td><td>5</td>' in page
    assert "Nobody gets more than 6 a week." in page


@pytest.mark.parametrize(
    ("audience", "words"),
    [
        ({}, "Everybody whom Shop may write to."),
        ({"countries": ["FR", "BE"]}, "People whose number is of: France, Belgium."),
        ({"languages": ["fr"]}, "People to whom Shop writes in: français."),
        ({"attributes": {"city": "Lyon"}}, "People about whom Shop has noted “city”: Lyon."),
        ({"contacts": ["ctc_1", "ctc_2"]}, "A list of 2 people whom Shop chose one by one."),
        ({"contacts": ["ctc_1"]}, "You alone: Shop chose one person by hand."),
        ({"bought": {"within_days": 30}}, "People chosen by what they bought, opened or answered before."),
        ({"except_contacts": ["ctc_1"]}, "Everybody whom Shop may write to."),
    ],
)
def test_it_says_to_whom_it_was_sent(audience: dict[str, Any], words: str) -> None:
    with translation.override("en"):
        assert targeting.in_words(audience=audience, business="Shop") == [words]


@pytest.mark.promise("P7")
def test_it_shows_no_name_and_no_number(client: Client, path: str, message: Message) -> None:
    page = client.get(path).content.decode()
    contact = Contact.objects.get(recipient_id=message.recipient_id)
    assert message.address not in page
    assert contact.name not in page
    assert contact.code not in page


def test_it_keeps_the_link_to_its_holder(client: Client, path: str) -> None:
    for answer in (client.get(path), client.get("/p/wrong/"), client.post(path, {"action": "stop"})):
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "no-store"
        assert "noindex" in answer["X-Robots-Tag"]
        assert not answer.cookies
        assert b'content="noindex' in answer.content


def test_it_is_small_and_asks_nobody_else_for_anything(client: Client, path: str) -> None:
    page = client.get(path).content.decode()
    assert len(page.encode()) + (ROOT / "config" / "static" / "public.css").stat().st_size < 30_000
    assert "<script" not in page
    assert "style=" not in page
    loaded = re.findall(r'<(?:link|img)[^>]+(?:href|src)="([^"]+)"', page)
    assert loaded
    assert all(address.startswith("/static/") for address in loaded)


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [("", "fr-CA,fr;q=0.9", "fr"), ("", "en", "en"), ("fr", "en", "fr"), ("en", "fr", "en"), ("xx", "fr", "fr")],
)
def test_it_speaks_the_language_asked_for(client: Client, path: str, asked: str, accepted: str, language: str) -> None:
    Contact.objects.update(language="")
    answer = client.get(path, {"lang": asked}, headers={"accept-language": accepted})
    assert f'<html lang="{language}">' in answer.content.decode()
    assert answer["Content-Language"] == language


def test_the_persons_own_language_wins_over_the_browsers(client: Client, path: str, message: Message) -> None:
    Contact.objects.update(language="fr")
    page = client.get(path, headers={"accept-language": "en"}).content.decode()
    assert '<html lang="fr">' in page
    Recipient.objects.filter(pk=message.recipient_id).update(locale="en")
    page = client.get(path, headers={"accept-language": "fr"}).content.decode()
    assert '<html lang="en">' in page


def test_the_language_stays_when_a_button_is_pressed(client: Client, path: str) -> None:
    Contact.objects.update(language="fr")
    shown = client.get(path, {"lang": "en"}).content.decode()
    action = re.search(r'<form method="post" action="([^"]+)">', shown)
    assert action is not None
    form = {"action": "stop", "seal": {name: seal for name, seal, _ in FORM.findall(shown)}["stop"]}
    followed = client.post(path + action[1], form, follow=True).content.decode()
    assert '<html lang="en">' in followed


def test_it_needs_few_queries(client: Client, path: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(path)
    assert len(queries) <= 12


# --- What it does not do ------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?action=stop", "?lang=fr", "?said=stop.1", "?action=block&reason=spam"])
def test_looking_changes_nothing(client: Client, path: str, query: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path + query).status_code == 200
        assert client.head(path + query).status_code == 200
    assert [q["sql"] for q in queries if CHANGING.match(q["sql"])] == []


@pytest.mark.promise("P9")
def test_every_wrong_link_gets_the_same_calm_page(client: Client, path: str, message: Message) -> None:
    Recipient.objects.exclude(pk=message.recipient_id).update(erased_at=datetime.now(UTC))
    erased = Recipient.objects.exclude(erased_at=None).get().pk
    another_letter = "a" if path[-2] != "a" else "i"
    wrong = [
        "/p/x/",
        "/p/%00/",
        f"{path[:-2]}{another_letter}/",
        path.upper().replace("/P/", "/p/"),
        f"/p/{message.code}/",
        f"/p/{codes.preference_token(message.broadcast_id, 999_999)}/",
        f"/p/{codes.preference_token(999_999, message.recipient_id)}/",
        f"/p/{codes.preference_token(message.broadcast_id, erased)}/",
    ]
    answers = [client.get(address) for address in wrong] + [client.post(wrong[0], {"action": "stop"})]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "STOP" in answers[0].content.decode()


def test_somebody_who_was_not_written_to_has_no_page(client: Client, path: str, message: Message) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE broadcasts_delivery SET state = 5, reason = 50 WHERE recipient_id = %s", [message.recipient_id]
        )
    assert client.get(path).status_code == 404


@pytest.mark.promise("P9")
def test_a_form_without_its_own_seal_changes_nothing(client: Client, path: str, message: Message) -> None:
    known = seals(client, path)
    other = f"/p/{codes.preference_token(message.broadcast_id, message.recipient_id + 1)}/"
    for form in (
        {"action": "stop"},
        {"action": "stop", "seal": "x"},
        {"action": "stop", "seal": known["block"]},
        {"action": "stop", "seal": seals(client, other)["stop"]},
        {"action": "launch", "seal": known["stop"]},
        {"seal": known["stop"]},
    ):
        answer = client.post(path, form)
        assert answer.status_code == 400
        assert "Nothing was changed" in answer.content.decode()
    assert refusal(message, Refusal.Kind.STOPPED) is None


def test_a_made_up_confirmation_is_not_shown(client: Client, path: str) -> None:
    for said in ("stop.1700000000", "stop.1700000000:1abc:xyz", ""):
        assert 'role="status"' not in client.get(path, {"said": said}).content.decode()


# --- What it does -------------------------------------------------------------------------------


def test_a_stop_is_one_press(client: Client, path: str, message: Message) -> None:
    page = press(client, path, "stop").content.decode()
    assert refusal(message, Refusal.Kind.STOPPED) is not None
    assert "Done: Maison Tournesol may send you no more offers." in page
    assert "You stopped them on" in page


def test_a_stop_holds_for_every_account_of_the_company(client: Client, path: str, business: Business) -> None:
    press(client, path, "stop")
    assert Refusal.objects.get().legal_entity_id == business.legal_entity_id


@pytest.mark.parametrize(("action", "kind"), [("interested", 1), ("not-interested", 2)])
def test_a_reaction(client: Client, path: str, message: Message, action: str, kind: int) -> None:
    page = press(client, path, action).content.decode()
    assert Delivery.objects.get(pk=(message.broadcast_id, message.recipient_id)).reaction == kind
    assert Contact.objects.get(recipient_id=message.recipient_id).last_reaction == kind
    assert "Noted:" in page
    assert page.count('aria-pressed="true"') == 1


def test_the_latest_word_counts_and_every_word_is_kept(client: Client, path: str, message: Message) -> None:
    for action in ("interested", "not-interested", "interested"):
        press(client, path, action)
    assert Delivery.objects.get(pk=(message.broadcast_id, message.recipient_id)).reaction == 1
    assert sorted(Reaction.objects.values_list("kind", flat=True)) == [1, 2]


@pytest.mark.parametrize(("chosen", "limit"), [("1", 1), ("5", 5), ("", None), ("0", None), ("-3", None), ("x", None)])
def test_fewer(client: Client, path: str, message: Message, chosen: str, limit: int | None) -> None:
    press(client, path, "fewer", limit=chosen)
    assert Recipient.objects.get(pk=message.recipient_id).own_limit == limit


def test_the_link_makes_a_limit_stricter_and_never_looser(client: Client, path: str, message: Message) -> None:
    press(client, path, "fewer", limit="2")
    page = client.get(path).content.decode()
    assert re.findall(r'name="limit" value="(\d*)"', page) == ["1", "2"]
    for looser in ("3", ""):
        assert "/p/code/" in press(client, path, "fewer", limit=looser).redirect_chain[-1][0]
    assert Recipient.objects.get(pk=message.recipient_id).own_limit == 2
    press(client, path, "fewer", limit="1")
    assert Recipient.objects.get(pk=message.recipient_id).own_limit == 1


def test_pausing_everybody(client: Client, path: str, message: Message) -> None:
    page = press(client, path, "pause-all").content.decode()
    assert Recipient.objects.get(pk=message.recipient_id).paused_all_at is not None
    assert "You paused all of them on" in page


def test_block_first_then_say_why(client: Client, path: str, message: Message) -> None:
    page = press(client, path, "block").content.decode()
    assert refusal(message, Refusal.Kind.BLOCKED) is not None
    assert Report.objects.count() == 0
    assert "is blocked" in page
    report = {action: seal for action, seal, _ in FORM.findall(page)}["report"]
    form = {"action": "report", "seal": report, "reason": "no_sign_up", "words": "I never heard of them.\x00"}
    for _ in range(2):
        answer = client.post(path, form, follow=True).content.decode()
    assert "Thank you" in answer
    filed = Report.objects.get()
    assert (filed.reason, filed.words, filed.via) == ("no_sign_up", "I never heard of them.", "page")
    assert filed.broadcast_id == message.broadcast_id
    assert refusal(message, Refusal.Kind.BLOCKED) is not None


def test_saying_why_blocks_nobody_again(client: Client, path: str, message: Message) -> None:
    page = press(client, path, "block").content.decode()
    report = {action: seal for action, seal, _ in FORM.findall(page)}["report"]
    Refusal.objects.update(lifted_at=datetime.now(UTC))
    client.post(path, {"action": "report", "seal": report, "reason": "spam"})
    assert refusal(message, Refusal.Kind.BLOCKED) is None
    assert Report.objects.count() == 1


def test_too_many_messages_offers_fewer(client: Client, path: str) -> None:
    page = press(client, path, "block").content.decode()
    report = {action: seal for action, seal, _ in FORM.findall(page)}["report"]
    form = {"action": "report", "seal": report, "reason": "too_many"}
    assert "Would fewer be enough?" in client.post(path, form, follow=True).content.decode()
    form["reason"] = "scam"
    assert "Would fewer be enough?" not in client.post(path, form, follow=True).content.decode()


@pytest.mark.parametrize(
    ("fields", "reason"), [({}, None), ({"words": "Rude."}, "other"), ({"reason": "x' OR 1", "words": " "}, None)]
)
def test_a_reason_is_optional(client: Client, path: str, fields: dict[str, str], reason: str | None) -> None:
    press(client, path, "block", **fields)
    assert Refusal.objects.filter(kind=Refusal.Kind.BLOCKED).count() == 1
    assert Report.objects.values_list("reason", flat=True).first() == reason


def test_words_of_any_length_never_keep_a_block_from_holding(client: Client, path: str, message: Message) -> None:
    press(client, path, "block", reason="other", words="é" * 20_000)
    assert refusal(message, Refusal.Kind.BLOCKED) is not None
    assert len(Report.objects.get().words) == 1000


@pytest.mark.parametrize("action", ["interested", "not-interested", "fewer", "stop", "block", "pause-all"])
def test_pressing_twice_is_pressing_once(client: Client, path: str, message: Message, action: str) -> None:
    form = {"action": action, "seal": seals(client, path)[action], "limit": "2", "reason": "spam"}
    first, second = client.post(path, form), client.post(path, form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert Refusal.objects.count() <= 1
    assert Reaction.objects.count() <= 1
    assert Report.objects.count() <= 1


def test_every_press_is_committed_before_it_is_answered(client: Client, path: str, message: Message) -> None:
    """P3: from the moment of the answer on, no gate that begins can miss it."""
    form = {"action": "stop", "seal": seals(client, path)["stop"]}
    with CaptureQueriesContext(connection) as queries:
        assert client.post(path, form).status_code == 303
    assert queries.captured_queries[-1]["sql"].startswith("RELEASE SAVEPOINT"), "in production that is the COMMIT"


# --- What needs a code --------------------------------------------------------------------------

LOOSER = {"stop": "resume", "block": "unblock", "pause-all": "unpause-all"}


def is_off(message: Message) -> bool:
    held = Refusal.objects.filter(recipient_id=message.recipient_id, lifted_at=None).exists()
    return held or Recipient.objects.get(pk=message.recipient_id).paused_all_at is not None


@pytest.mark.promise("P9")
@pytest.mark.parametrize("action", LOOSER)
def test_taking_it_back_needs_the_code(client: Client, path: str, message: Message, action: str) -> None:
    page = press(client, path, action).content.decode()
    undo = FORM.findall(page.split('role="status"')[1].split("</form>")[0])[0]
    assert undo[0] == LOOSER[action], "undo, too, asks for the code"
    asked = client.post(path, {"action": undo[0], "seal": undo[1]}, follow=True)
    assert is_off(message)
    assert "Enter the code" in asked.content.decode()

    done = with_code(client, asked, message.address)
    assert not is_off(message)
    assert done.redirect_chain[-1][0].startswith(path)
    assert 'role="status"' in done.content.decode()


def test_whoever_has_entered_a_code_needs_no_other(client: Client, path: str, message: Message) -> None:
    press(client, path, "stop")
    with_code(client, press(client, path, "resume"), message.address)
    press(client, path, "stop")
    press(client, path, "resume")
    assert not is_off(message)
    assert Passcode.objects.count() == 1


def test_a_session_is_worth_nothing_on_another_persons_page(client: Client, path: str, message: Message) -> None:
    with_code(client, press(client, path, "ask-code"), message.address)
    stranger = Recipient.objects.exclude(pk=message.recipient_id).get()
    theirs = f"/p/{codes.preference_token(message.broadcast_id, stranger.pk)}/"
    press(client, theirs, "stop")
    assert "/p/code/" in press(client, theirs, "resume").redirect_chain[-1][0]
    assert Refusal.objects.filter(recipient=stranger, lifted_at=None).exists()


def test_asking_for_the_page_opens_it(client: Client, path: str, message: Message) -> None:
    done = with_code(client, press(client, path, "ask-code"), message.address)
    assert done.redirect_chain[-1][0].startswith("/p/mine/")
    assert "Maison Tournesol SARL" in done.content.decode()


def test_a_link_ends_and_the_number_still_opens_the_page(client: Client, path: str, message: Message) -> None:
    mine = Delivery.objects.filter(pk=(message.broadcast_id, message.recipient_id))
    mine.update(gated_at=datetime.now(UTC) - timedelta(days=179))
    assert client.get(path).status_code == 200
    mine.update(gated_at=datetime.now(UTC) - timedelta(days=181))
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.content == client.get("/p/x/").content
    assert 'href="/p/?' in answer.content.decode()


def test_a_link_is_worthless_once_its_person_says_so(client: Client, path: str, message: Message) -> None:
    with_code(client, press(client, path, "ask-code"), message.address)
    press(client, "/p/mine/", "void-links")
    assert client.get(path).status_code == 404
    assert ConsentEvent.objects.filter(recipient_id=message.recipient_id, kind="links_void").count() == 1


def test_words_of_a_business_are_words_not_markup(client: Client, path: str, business: Business) -> None:
    business.name = '<script>alert("x")</script>'
    business.save()
    assert b"<script>alert" not in client.get(path).content
