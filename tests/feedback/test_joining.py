"""Joining: a number that was entered is worth nothing; a message from that number is. Nobody is told who is known."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from broadcasts import senders
from broadcasts.models import Notice, PhoneMessage, Sender
from businesses.models import Business, Event
from consent import basis, dossier, joiners, joining, ledger, refusals, suppressions
from consent.models import Contact, Interaction, JoinPage, JoinRequest, Recipient, Refusal, Suppression, Wording
from feedback import privacy
from feedback.public import manners
from tests import make
from tests.feedback import provider

pytestmark = pytest.mark.django_db
NUMBER, SPELLED = "+33639981234", "06 39 98 12 34"


@pytest.fixture(autouse=True)
def _fiction_is_allowed(settings: Any, tmp_path: Path) -> None:
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.JOURNAL_ROOT = tmp_path / "journal"


@pytest.fixture
def sender() -> Sender:
    return make.make_sandbox_sender(business=make.make_business(name="Café Soleil"))


@pytest.fixture
def page(sender: Sender) -> JoinPage:
    page = joining.page_of(business=sender.business, now=timezone.now())
    return joining.edit(page=page, by=None, now=timezone.now(), keyword="Soleil")


def _write(sender: Sender, words: str, *, address: str = NUMBER, key: str = "in_1", **facts: Any) -> Any:
    update = {"type": "text", "from": address, "text": words, "id": key, "at": timezone.now().isoformat(), **facts}
    answer = provider.call(sender, provider.body_of([update]))
    assert answer.status_code == 200
    return answer


def _enter(page: JoinPage, number: str, *, lang: str = "fr", seal: str = "", **extra: str) -> Any:
    client = Client()
    where = f"/join/{page.code}/?lang={lang}"
    seal = seal or re.search(r'name="seal" value="([^"]+)"', client.get(where).content.decode())[1]  # type: ignore[index]
    return client.post(where, {"number": number, "seal": seal}, headers=extra)


def _opt_ins(business: Business) -> list[Interaction]:
    return list(Interaction.objects.filter(business=business, kind=Interaction.Kind.OPT_IN))


# --- By keyword --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["JOIN SOLEIL", "join soleil !", "Rejoindre  Soleil", "REJOINDRE SOLEIL 1", "🌞 join soleil"]
)
def test_a_stranger_who_writes_the_keyword_is_a_contact_with_an_observed_opt_in(
    sender: Sender, page: JoinPage, words: str
) -> None:
    _write(sender, words)

    (noted,) = _opt_ins(sender.business)
    locale = "en" if "join" in words.lower().split() else "fr"
    assert noted.provenance == Interaction.Provenance.OBSERVED
    assert "message in_1" in noted.evidence
    assert f"wording join_page {locale} 1" in noted.evidence
    contact = Contact.objects.of(sender.business).get()
    assert contact.language == locale
    assert [
        ground.is_valid
        for ground in basis.grounds(recipient=contact.recipient, business=sender.business, now=timezone.now())
    ] == [True]
    (notice,) = Notice.objects.filter(sender=sender)
    assert (notice.kind, notice.language) == (Notice.Kind.JOIN, locale)
    assert Event.objects.filter(business=sender.business, kind="contact.joined").count() == 1
    page.refresh_from_db()
    assert page.n_joined == 1
    assert ledger.verify(recipient_id=contact.recipient_id) == []


@pytest.mark.parametrize(
    "words", ["JOIN", "SOLEIL", "JOIN SOLEILS", "can I join soleil", "JOIN SOLEIL x", "stop", "JOIN SOLEIL 1 2"]
)
def test_anything_else_is_not_joining(sender: Sender, page: JoinPage, words: str) -> None:
    _write(sender, words)
    assert _opt_ins(sender.business) == []


def test_the_words_that_the_poster_showed_are_the_ones_in_the_proof(sender: Sender, page: JoinPage) -> None:
    now = timezone.now()
    old = joining.promise(page=page, locale="fr", now=now)
    words = joining.words_to_write(page=page, wording=old)
    joining.edit(page=page, by=None, now=now, promises={"fr": "Une offre par semaine sur ce numéro. STOP y met fin."})
    assert joining.promise(page=page, locale="fr", now=now).version == 2

    _write(sender, words)
    _write(sender, "REJOINDRE SOLEIL", address="+33639981235", key="in_2")

    assert sorted(re.findall(r"join_page fr (\d)", " ".join(i.evidence for i in _opt_ins(sender.business)))) == [
        "1",
        "2",
    ]
    first = _opt_ins(sender.business)[0].recipient
    told = str(dossier.history(recipient_id=first.pk, business=sender.business))
    assert old.hash in told


def test_the_same_message_twice_is_one_yes_and_another_is_another(sender: Sender, page: JoinPage) -> None:
    for key in ("in_1", "in_1", "in_2"):
        _write(sender, "JOIN SOLEIL", key=key)
    assert len(_opt_ins(sender.business)) == 2
    assert Contact.objects.of(sender.business).count() == 1


def test_who_stopped_resumes_by_the_keyword_and_a_late_one_does_not_undo_a_stop(sender: Sender, page: JoinPage) -> None:
    business, now = sender.business, timezone.now()
    _write(sender, "JOIN SOLEIL")
    person = Contact.objects.of(business).get().recipient
    refusals.stop(recipient_id=person.pk, business=business, via="page", now=now)
    _write(sender, "JOIN SOLEIL", key="late", at=(now - timedelta(hours=1)).isoformat())
    assert Refusal.objects.filter(recipient=person, lifted_at=None).exists()

    _write(sender, "JOIN SOLEIL", key="again")

    assert not Refusal.objects.filter(recipient=person, lifted_at=None).exists()
    assert Event.objects.filter(business=business, kind="contact.resumed").count() == 1


def test_a_blocked_business_stays_blocked(sender: Sender, page: JoinPage) -> None:
    _write(sender, "JOIN SOLEIL")
    person = Contact.objects.of(sender.business).get().recipient
    refusals.block(recipient_id=person.pk, business=sender.business, via="page", now=timezone.now())
    Notice.objects.all().delete()
    _write(sender, "JOIN SOLEIL", key="again")
    assert Refusal.objects.get(recipient=person, kind=Refusal.Kind.BLOCKED).lifted_at is None
    assert not Notice.objects.exists()


def test_the_keyword_of_one_business_is_nothing_to_another_and_a_closed_page_takes_nobody(
    sender: Sender, page: JoinPage
) -> None:
    other = make.make_sandbox_sender(business=make.make_business(name="Other"))
    joining.edit(
        page=joining.page_of(business=other.business, now=timezone.now()), by=None, now=timezone.now(), keyword="LUNE"
    )
    _write(other, "JOIN SOLEIL")
    assert _opt_ins(other.business) == []
    joining.edit(page=page, by=None, now=timezone.now(), is_open=False)
    _write(sender, "JOIN SOLEIL", key="in_2")
    assert _opt_ins(sender.business) == []
    assert Client().get(f"/join/{page.code}/").status_code == 404


def test_an_erased_person_comes_back_by_the_keyword_alone(sender: Sender, page: JoinPage) -> None:
    now = timezone.now()
    other = make.make_business(name="Other")
    _write(sender, "JOIN SOLEIL")
    person = Recipient.objects.get(addresses__value=NUMBER)
    refusals.stop(recipient_id=person.pk, business=other, via="page", now=now)
    privacy.erase(recipient_id=person.pk, via="page", now=now)
    Notice.objects.all().delete()

    _enter(page, SPELLED)
    assert not Contact.objects.of(sender.business).exists()
    assert not Notice.objects.exists()
    _write(sender, "JOIN SOLEIL", key="again")

    back = Contact.objects.of(sender.business).get().recipient
    assert back.pk != person.pk
    assert [refusal.legal_entity for refusal in back.refusals.filter(lifted_at=None)] == [other.legal_entity]
    assert [i.recipient_id for i in _opt_ins(sender.business) if i.withdrawn_at is None and i.recipient_id == back.pk]


# --- By the form -------------------------------------------------------------------------------------


@pytest.mark.parametrize("yes", ["YES", "oui !", "Oui, merci", "ok"])
def test_the_form_alone_is_no_basis_and_the_answer_is(sender: Sender, page: JoinPage, yes: str) -> None:
    answer = _enter(page, SPELLED)
    assert (answer.status_code, answer["Location"]) == (303, f"/join/{page.code}/?asked=1&lang=fr")
    assert _opt_ins(sender.business) == []
    assert not Contact.objects.of(sender.business).exists()
    (notice,) = Notice.objects.filter(sender=sender)
    assert notice.kind == Notice.Kind.CONFIRM

    _write(sender, yes)

    request = JoinRequest.objects.get()
    assert request.confirmed_at is not None
    (noted,) = _opt_ins(sender.business)
    assert noted.evidence == f"join request {request.code}, message in_1, wording join_page fr 1"
    assert noted.provenance == Interaction.Provenance.OBSERVED


def test_a_yes_that_nobody_asked_for_is_no_joining(sender: Sender, page: JoinPage) -> None:
    _write(sender, "YES")
    assert _opt_ins(sender.business) == []
    _enter(page, SPELLED)
    _write(sender, "YES", address="+33639989999", key="in_2")
    assert _opt_ins(sender.business) == []


def test_nobody_learns_from_the_form_whether_a_number_is_known(sender: Sender, page: JoinPage) -> None:
    business, now = sender.business, timezone.now()
    numbers = [f"+336399800{n:02d}" for n in range(6)]
    for n, number in enumerate(numbers[1:5]):
        _write(sender, "JOIN SOLEIL", address=number, key=f"known_{n}")
    known = [Recipient.objects.get(addresses__value=number) for number in numbers[1:5]]
    refusals.stop(recipient_id=known[1].pk, business=business, via="page", now=now)
    refusals.block(recipient_id=known[2].pk, business=business, via="page", now=now)
    refusals.pause_all(recipient_id=known[3].pk, via="page", now=now)
    Suppression.objects.create(address_hash=suppressions.hash_address(numbers[5]), kind="erased", created_at=now)
    Notice.objects.all().delete()

    answers = [_enter(page, number) for number in numbers]

    assert len({(answer.status_code, answer["Location"], answer.content) for answer in answers}) == 1
    asked = Notice.objects.values_list("recipient__addresses__value", flat=True)
    assert sorted(asked) == numbers[:2]
    assert not Recipient.objects.filter(addresses__value=numbers[5]).exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("", "no phone number"),
        ("abc", "digits"),
        ("06", "too few digits"),
        ("+999 123", "country"),
        ("0899 70 01 23", "premium"),
        ("=cmd|' /C calc'!A0", "digits"),
    ],
)
def test_a_number_that_cannot_be_one_is_said_to_be_wrong_and_how(page: JoinPage, number: str, words: str) -> None:
    answer = _enter(page, number, lang="en")
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not JoinRequest.objects.exists()


LANDLINE, INTERNET, MOBILE = "01 42 68 53 00", "09 72 30 00 01", "06 12 34 56 78"


def _webhook(business: Business, **said: bool) -> Sender:
    gateway, _ = senders.connect_webhook(
        business=business, name="SMS", url="http://127.0.0.1:9/", now=timezone.now(), **said
    )
    return gateway


@pytest.mark.parametrize("said", [{"mobiles_only": True}, {}], ids=["mobiles only", "nothing said"])
def test_a_number_is_refused_where_the_question_is_not_known_to_reach_it(
    sender: Sender, page: JoinPage, said: dict[str, bool]
) -> None:
    _webhook(sender.business, **said)
    refused = [_enter(page, number, lang="en") for number in (LANDLINE, INTERNET)]
    assert [answer.status_code for answer in refused] == [422, 422]
    assert ["This is a landline" in answer.content.decode() for answer in refused] == [True, False]
    assert "no mobile phone" in refused[1].content.decode()
    assert not JoinRequest.objects.exists()
    assert _enter(page, MOBILE, lang="en").status_code == 303


def test_whoever_is_known_to_reach_landlines_asks_there(sender: Sender, page: JoinPage) -> None:
    assert _enter(page, LANDLINE).status_code == 303, "a pretended phone has any line"
    gateway = _webhook(sender.business)
    senders.set_reach(sender=gateway, mobiles_only=False, by=None, now=timezone.now())
    assert _enter(page, LANDLINE).status_code == 303, "its business said so"
    make.make_whatsapp_sender(business=sender.business, number="33612345678")
    assert _enter(page, INTERNET).status_code == 303, "any number can be registered at WhatsApp"


def test_without_a_sender_the_form_takes_no_landline() -> None:
    page = joining.page_of(business=make.make_business(name="Nobody"), now=timezone.now())
    page = joining.edit(page=page, by=None, now=timezone.now(), keyword="NOBODY")
    seal = manners.seals(page.code, ["join"])["join"]
    assert _enter(page, LANDLINE, seal=seal).status_code == 422


def test_a_foreign_number_is_welcome_and_a_fictional_one_only_where_allowed(page: JoinPage) -> None:
    assert _enter(page, "+44 7911 123456").status_code == 303
    with override_settings(FICTION_NUMBERS_ALLOWED=False):
        assert _enter(page, SPELLED).status_code == 422


def test_one_number_is_asked_once_and_one_place_cannot_ask_the_whole_town(sender: Sender, page: JoinPage) -> None:
    for _ in range(5):
        assert _enter(page, SPELLED).status_code == 303
    assert Notice.objects.count() == 1
    codes = [_enter(page, f"+336399810{n:02d}").status_code for n in range(18)]
    assert codes == [303] * 15 + [429] * 3


def test_a_form_needs_its_seal(page: JoinPage) -> None:
    assert _enter(page, SPELLED, seal="made up").status_code == 400
    assert not JoinRequest.objects.exists()


def test_what_nobody_confirmed_is_forgotten_with_its_number(sender: Sender, page: JoinPage) -> None:
    _write(sender, "JOIN SOLEIL", address="+33639985555", key="known")
    for number in (SPELLED, "+33639985555"):
        _enter(page, number)
    later = timezone.now() + timedelta(hours=49)
    assert joiners.forget_unconfirmed(now=later) == 2
    assert not Recipient.objects.filter(addresses__value=NUMBER).exists()
    assert Recipient.objects.filter(addresses__value="+33639985555").exists()


def test_the_page_is_small_speaks_both_languages_and_sets_no_cookie(sender: Sender, page: JoinPage) -> None:
    joining.edit(page=page, by=None, now=timezone.now(), display_number="06 39 98 00 01")
    for lang, words in (("fr", "Mot pour mot"), ("en", "word for word")):
        answer = Client().get(f"/join/{page.code}/?lang={lang}")
        body = answer.content.decode()
        text = joining.promise(page=page, locale=lang, now=timezone.now()).text
        assert answer.status_code == 200
        assert text.replace("'", "&#x27;") in body
        assert "https://wa.me/33639980001?text=" in body
        assert len(answer.content) < 30_000
        assert "<script" not in body
        assert not answer.cookies
        assert words.lower() in body.lower()


def test_a_sandbox_phone_reads_the_question_and_answers_it(sender: Sender, page: JoinPage) -> None:
    from broadcasts import courier

    _enter(page, SPELLED, lang="en")
    courier.carry(now=timezone.now())
    (message,) = PhoneMessage.objects.filter(address=NUMBER)
    assert "reply YES" in message.content["text"]
    assert "offers" in message.content["text"]


def test_wordings_are_archived_before_anybody_reads_them(page: JoinPage) -> None:
    joining.edit(page=page, by=None, now=timezone.now(), promises={"en": "New bread on Fridays. STOP ends it, always."})
    Client().get(f"/join/{page.code}/?lang=en")
    assert list(Wording.objects.filter(locale="en").order_by("version").values_list("version", flat=True)) == [1, 2]
