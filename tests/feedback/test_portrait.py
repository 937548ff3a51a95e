"""Everything that is kept of a person, to be read: nothing of their copy is missing, and nothing is shown to others."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from broadcasts.channels.base import Message
from broadcasts.models import Notice, Sender
from businesses.models import Business
from consent import refusals
from consent.models import Address, Contact, Interaction, Recipient
from consent.reasons import Reason
from feedback import portrait, privacy, reactions, reports
from feedback.models import Answer, Reply
from launch import ROOT
from tests.feedback.visitor import carry, read_code
from tests.make import EURO, make_business, make_people, make_sent, open_policy

pytestmark = pytest.mark.django_db
NUMBER, PAGE = "+33639980001", "/p/mine/data/"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business() -> Business:
    open_policy()
    return make_business(name="Maison <Tournesol>", money=100 * EURO)


@pytest.fixture
def message(business: Business, now: datetime) -> Message:
    for i, person in enumerate(make_people(business=business, n=2, now=now), 1):
        Address.objects.filter(recipient=person).update(value=f"+3363998000{i}")
    return make_sent(business=business, now=now)[1][0]


@pytest.fixture
def person(message: Message) -> Recipient:
    return Recipient.objects.get(addresses__value=NUMBER)


@pytest.fixture
def full(person: Recipient, business: Business, message: Message, now: datetime) -> Recipient:
    """Somebody of whom every kind of thing is kept."""
    sender = Sender.objects.get(business=business)
    Contact.objects.filter(recipient=person).update(name="Ana", language="fr", attributes={"quartier": "Vaise"})
    whom: dict[str, Any] = {"recipient_id": person.pk, "via": "page", "now": now}
    refusals.set_own_limit(limit=3, **whom)
    reactions.react(broadcast_id=message.broadcast_id, interested=True, **whom)
    told = {"reason": "other", "words": "trop <b>tôt</b>", "broadcast_id": message.broadcast_id}
    reports.block_and_report(business=business, **told, **whom)
    refusals.pause_all(**whom)
    Reply.objects.create(
        business=business, sender=sender, recipient=person, text="Du pain ?", said_at=now, created_at=now
    )
    Answer.objects.create(
        business=business, sender=sender, recipient=person, text="Oui !", words_hash=b"x", created_at=now
    )
    Notice.objects.create(
        sender=sender, recipient=person, address=person.addresses.get(), kind=Notice.Kind.STOP, state="sent",
        language="fr", created_at=now, due_at=now,
        expires_at=now,
    )  # fmt: skip
    return person


@pytest.fixture
def holder(client: Client, person: Recipient) -> Client:
    """Somebody who has typed their number and the code that arrived."""
    path = client.post("/p/?lang=en", {"number": NUMBER})["Location"]
    carry()
    assert client.post(path, {"digits": read_code(NUMBER)}).status_code == 303
    return client


def text_of(page: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.decode()).split())


def test_every_part_of_the_copy_has_its_section(full: Recipient, now: datetime) -> None:
    copy = privacy.export(recipient_id=full.pk, now=now)
    parts = copy.keys() - {"format", "made_at", "person", "addresses"}
    assert all(copy[part] for part in parts), "an empty part would prove nothing"
    with translation.override("en"):
        assert len(portrait.of(copy)) == 1 + len(parts)
    for part in parts:
        without = portrait.of(copy | {part: []})
        assert len(without) == len(parts), part


def test_it_says_it_in_words_and_in_both_languages(holder: Client, full: Recipient) -> None:
    answer = holder.get(PAGE, {"lang": "en"})
    english = text_of(answer.content)
    for words in (NUMBER, "France", "Offers a week at most: 3", "All offers paused since:", "Name: Ana",
                  "quartier: Vaise", "Language: français", "Maison &lt;Tournesol&gt; · written opt-in",
                  "What proves it: form 1",
                  "Maison &lt;Tournesol&gt; · sent; it is not known whether it arrived", "Why they might: consent",
                  "SARL · you blocked them", "Through: the person's own page",
                  "Maison &lt;Tournesol&gt; · stop confirmed",
                  "Your words: Du pain ?", "Maison &lt;Tournesol&gt; · Interested",
                  "Your words: trop &lt;b&gt;tôt&lt;/b&gt;",
                  "Chose an own limit"):  # fmt: skip
        assert words.replace("'", "&#x27;") in english, words
    french = text_of(holder.get(PAGE, {"lang": "fr"}).content)
    for words in (
        "Mes données",
        "Ce que vous avez écrit",
        "Nom : Ana",
        "vous l’avez bloquée",
        "Offres par semaine au plus",
        "consentement",
    ):
        assert words in french
    assert "<script" not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"


def test_it_is_small_for_an_ordinary_person_and_long_lists_end(holder: Client, full: Recipient, now: datetime) -> None:
    css = (ROOT / "config" / "static" / "public.css").stat().st_size
    assert len(holder.get(PAGE, {"lang": "fr"}).content) + css < 30_000
    business, sender = Business.objects.get(name="Maison <Tournesol>", mode="live"), Sender.objects.first()
    Reply.objects.bulk_create(
        Reply(business=business, sender=sender, recipient=full, text=f"n° {i}", said_at=now, created_at=now)
        for i in range(40)
    )
    page = text_of(holder.get(PAGE, {"lang": "en"}).content)
    assert "11 older ones are in the file." in page
    assert "n° 39" in page
    assert "n° 3 " not in page


def test_every_reason_why_not_is_told_to_its_person(full: Recipient, now: datetime) -> None:
    copy = privacy.export(recipient_id=full.pk, now=now)
    (offer,) = copy["messages"]
    for reason in Reason:
        skipped = offer | {"state": "skipped", "reason": reason.name.lower()}
        with translation.override("en"):
            offers = next(s for s in portrait.of(copy | {"messages": [skipped]}) if s.title == "Offers meant for you")
            (entry,) = offers.entries
            why = str(dict(entry.details)["Why not"])
        assert str(entry.title).endswith(" · not sent")
        assert "person" not in why, "that is how businesses are told"


@pytest.mark.promise("P7")
def test_it_is_opened_by_the_code_alone(client: Client, holder: Client, person: Recipient) -> None:
    stranger = Client()
    answer = stranger.get(PAGE)
    assert (answer.status_code, answer["Location"].split("?")[0]) == (303, "/p/")
    long_ago = datetime.now(UTC) - timedelta(days=200)
    Contact.objects.filter(recipient=person).update(created_at=long_ago)
    Interaction.objects.filter(recipient=person).update(occurred_at=long_ago)
    doubtful = holder.get(PAGE)
    assert (doubtful.status_code, doubtful["Location"].split("?")[0]) == (303, "/p/mine/")
