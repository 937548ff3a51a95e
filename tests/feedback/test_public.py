"""The recipient's page: it shows on GET, acts on POST, tells nobody anything, and says what changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from broadcasts import codes
from broadcasts.channels.base import Message
from broadcasts.models import Delivery
from businesses.models import Business
from consent.models import Contact, Recipient, Refusal
from feedback.models import Reaction, Report
from tests.make import EURO, make_business, make_people, make_sent, open_policy

pytestmark = pytest.mark.django_db

CHANGING = re.compile(r"^\s*(INSERT|UPDATE|DELETE|MERGE|SELECT .* FOR (NO KEY )?UPDATE)", re.IGNORECASE | re.DOTALL)
FORM = re.compile(r'name="action" value="([\w-]+)"><input type="hidden" name="seal" value="([^"]+)"')


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


def seals(client: Client, path: str) -> dict[str, str]:
    """The page's forms: action → seal."""
    return dict(FORM.findall(client.get(path).content.decode()))


def press(client: Client, path: str, action: str, **fields: str) -> Any:
    """Press a button as the page shows it, and see the page that follows."""
    form = {"action": action, "seal": seals(client, path)[action], **fields}
    return client.post(path, form, follow=True)


def refusal(message: Message, kind: int) -> Refusal | None:
    return Refusal.objects.filter(recipient_id=message.recipient_id, kind=kind, lifted_at=None).first()


# --- What it shows ------------------------------------------------------------------------------


def test_it_says_who_wrote_why_and_who_approved_it(client: Client, path: str) -> None:
    page = client.get(path, headers={"accept-language": "en"}).content.decode()
    for words in ("Advertising", "A message from Maison Tournesol", "Maison Tournesol SARL",
                  "You asked Maison Tournesol for offers on", "You agreed to get offers",
                  "reviewers approved these words on", "<strong>1 offer</strong>", "spring_sale"):  # fmt: skip
        assert words in page


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
    assert len(page.encode()) < 30_000
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
    form = {"action": "stop", "seal": dict(FORM.findall(shown))["stop"]}
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


def test_stop_and_resume(client: Client, path: str, message: Message) -> None:
    page = press(client, path, "stop").content.decode()
    assert refusal(message, Refusal.Kind.STOPPED) is not None
    assert "Done: Maison Tournesol may send you no more offers." in page
    assert "You stopped them on" in page
    page = press(client, path, "resume").content.decode()
    assert refusal(message, Refusal.Kind.STOPPED) is None
    assert "may send you offers again" in page


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


def test_pausing_everybody(client: Client, path: str, message: Message) -> None:
    page = press(client, path, "pause-all").content.decode()
    assert Recipient.objects.get(pk=message.recipient_id).paused_all_at is not None
    assert "You paused all of them on" in page
    press(client, path, "unpause-all")
    assert Recipient.objects.get(pk=message.recipient_id).paused_all_at is None


def test_block_and_report(client: Client, path: str, message: Message) -> None:
    page = press(client, path, "block", reason="no_sign_up", words="I never heard of them.\x00").content.decode()
    assert refusal(message, Refusal.Kind.BLOCKED) is not None
    report = Report.objects.get()
    assert (report.reason, report.words, report.via) == ("no_sign_up", "I never heard of them.", "page")
    assert report.broadcast_id == message.broadcast_id
    assert "is blocked" in page
    press(client, path, "unblock")
    assert refusal(message, Refusal.Kind.BLOCKED) is None
    assert Report.objects.count() == 1, "taking the block back does not unsay the report"


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


def test_undo_takes_back_what_was_just_done(client: Client, path: str, message: Message) -> None:
    page = press(client, path, "stop").content.decode()
    undo = page.split('role="status"')[1].split("</form>")[0]
    action, seal = FORM.findall(undo)[0]
    client.post(path, {"action": action, "seal": seal})
    assert refusal(message, Refusal.Kind.STOPPED) is None


def test_words_of_a_business_are_words_not_markup(client: Client, path: str, business: Business) -> None:
    business.name = '<script>alert("x")</script>'
    business.save()
    assert b"<script>alert" not in client.get(path).content
