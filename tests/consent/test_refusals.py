"""What people refuse holds at once, for the whole company, and is proved; taking it back is as easy."""

from datetime import timedelta

import pytest
from django.db import connection

from businesses.models import Business, Event
from consent import contacts, dossier, ledger, refusals
from consent.models import ConsentEvent, Contact, Interaction, Refusal
from tests.make import NOW, make_business

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def business(db):
    return make_business()


@pytest.fixture
def recipient(business):
    return contacts.remember(
        business=business,
        address_kind="e164",
        value="+33639980001",
        country="FR",
        timezone="Europe/Paris",
        name="Camille",
        now=NOW,
    ).recipient


def kinds(recipient):
    return list(ConsentEvent.objects.filter(recipient=recipient).order_by("position").values_list("kind", flat=True))


def test_a_stop_is_recorded_proved_and_told(business, recipient):
    assert refusals.stop(recipient_id=recipient.pk, business=business, via="keyword", now=NOW)
    refusal = Refusal.objects.get()
    assert (refusal.legal_entity, refusal.kind, refusal.via) == (business.legal_entity, Refusal.Kind.STOPPED, "keyword")
    assert (refusal.refused_at, refusal.lifted_at) == (NOW, None)
    link = ConsentEvent.objects.get()
    assert (link.kind, link.business) == ("stopped", business)
    assert dossier.read(link) == {"via": "keyword", "actor": "person"}
    told = Event.objects.get(business=business, kind="contact.stopped")
    assert told.payload == {"contact": Contact.objects.get().code, "via": "keyword"}
    assert ledger.verify() == []


def test_stopping_twice_changes_nothing_the_second_time(business, recipient):
    refusals.stop(recipient_id=recipient.pk, business=business, via="keyword", now=NOW)
    assert not refusals.stop(recipient_id=recipient.pk, business=business, via="page", now=LATER)
    assert Refusal.objects.get().refused_at == NOW
    assert kinds(recipient) == ["stopped"]


def test_resume_lifts_the_stop_and_a_new_stop_stands_again(business, recipient):
    assert not refusals.resume(recipient_id=recipient.pk, business=business, via="page", now=NOW)
    refusals.stop(recipient_id=recipient.pk, business=business, via="keyword", now=NOW)
    assert refusals.resume(recipient_id=recipient.pk, business=business, via="page", now=LATER)
    assert Refusal.objects.get().lifted_at == LATER
    assert refusals.stop(recipient_id=recipient.pk, business=business, via="page", now=LATER)
    assert Refusal.objects.get().lifted_at is None
    assert kinds(recipient) == ["stopped", "resumed", "stopped"]


def test_resume_does_not_lift_a_block_nor_unblock_a_stop(business, recipient):
    refusals.stop(recipient_id=recipient.pk, business=business, via="page", now=NOW)
    refusals.block(recipient_id=recipient.pk, business=business, via="page", now=NOW)
    refusals.resume(recipient_id=recipient.pk, business=business, via="page", now=LATER)
    standing = Refusal.objects.filter(lifted_at=None)
    assert [refusal.kind for refusal in standing] == [Refusal.Kind.BLOCKED]
    refusals.stop(recipient_id=recipient.pk, business=business, via="page", now=LATER)
    assert refusals.unblock(recipient_id=recipient.pk, business=business, via="page", now=LATER)
    assert [refusal.kind for refusal in standing.all()] == [Refusal.Kind.STOPPED]


def test_a_stop_holds_for_every_account_of_the_company_and_for_no_other(business, recipient):
    second_account = Business.objects.create(
        name="Boulangerie Martin Lyon", legal_entity=business.legal_entity, country="FR"
    )
    stranger = make_business(name="Fleurs Petit")
    refusals.stop(recipient_id=recipient.pk, business=second_account, via="page", now=NOW)
    assert Refusal.objects.filter(legal_entity=business.legal_entity).exists()
    assert not Refusal.objects.filter(legal_entity=stranger.legal_entity).exists()
    # The person is no contact of that account: nobody's program has anything to hear.
    assert not Event.objects.filter(kind="contact.stopped").exists()


def test_pausing_everybody_belongs_to_no_business(business, recipient):
    assert refusals.pause_all(recipient_id=recipient.pk, via="page", now=NOW)
    assert not refusals.pause_all(recipient_id=recipient.pk, via="page", now=LATER)
    recipient.refresh_from_db()
    assert recipient.paused_all_at == NOW
    assert ConsentEvent.objects.get().business is None
    assert refusals.unpause_all(recipient_id=recipient.pk, via="page", now=LATER)
    assert not refusals.unpause_all(recipient_id=recipient.pk, via="page", now=LATER)
    recipient.refresh_from_db()
    assert recipient.paused_all_at is None
    assert kinds(recipient) == ["paused_all", "unpaused_all"]
    assert not Event.objects.filter(kind__startswith="contact.").exists()


def test_a_person_chooses_how_often(recipient):
    assert refusals.set_own_limit(recipient_id=recipient.pk, limit=1, via="page", now=NOW)
    assert not refusals.set_own_limit(recipient_id=recipient.pk, limit=1, via="page", now=NOW)
    recipient.refresh_from_db()
    assert recipient.own_limit == 1
    assert dossier.read(ConsentEvent.objects.get()) == {"via": "page", "actor": "person", "before": None, "after": 1}
    assert refusals.set_own_limit(recipient_id=recipient.pk, limit=None, via="page", now=NOW)
    recipient.refresh_from_db()
    assert recipient.own_limit is None


@pytest.mark.parametrize("limit", [-1, 101])
def test_a_limit_is_a_sane_number(recipient, limit):
    with pytest.raises(refusals.BadLimit):
        refusals.set_own_limit(recipient_id=recipient.pk, limit=limit, via="page", now=NOW)


def test_interested_is_evidence_and_not_interested_is_none(business, recipient):
    assert refusals.react(recipient_id=recipient.pk, business=business, interested=False, via="button", now=NOW)
    assert Contact.objects.get().last_reaction == Contact.Reaction.NOT_INTERESTED
    assert not Interaction.objects.exists()
    assert refusals.react(recipient_id=recipient.pk, business=business, interested=True, via="button", now=LATER)
    assert Contact.objects.get().last_reaction == Contact.Reaction.INTERESTED
    proof = Interaction.objects.get()
    assert (proof.kind, proof.provenance) == (Interaction.Kind.INTERESTED, Interaction.Provenance.OBSERVED)
    assert kinds(recipient) == ["not_interested", "interaction"]


def test_the_same_press_told_twice_is_one(business, recipient):
    for expected in (True, False):
        told = refusals.react(recipient_id=recipient.pk, business=business, interested=True, via="button", now=NOW)
        assert told is expected
    assert Interaction.objects.count() == 1
    assert kinds(recipient) == ["interaction"]


def test_interested_lifts_no_stop(business, recipient):
    refusals.stop(recipient_id=recipient.pk, business=business, via="page", now=NOW)
    refusals.react(recipient_id=recipient.pk, business=business, interested=True, via="button", now=LATER)
    assert Refusal.objects.get().lifted_at is None


@pytest.mark.parametrize(
    "act",
    [
        lambda r, b: refusals.stop(recipient_id=r, business=b, via="page", now=NOW),
        lambda r, b: refusals.block(recipient_id=r, business=b, via="page", now=NOW),
        lambda r, b: refusals.resume(recipient_id=r, business=b, via="page", now=NOW),
        lambda r, b: refusals.unblock(recipient_id=r, business=b, via="page", now=NOW),
        lambda r, b: refusals.pause_all(recipient_id=r, via="page", now=NOW),
        lambda r, b: refusals.unpause_all(recipient_id=r, via="page", now=NOW),
        lambda r, b: refusals.set_own_limit(recipient_id=r, limit=3, via="page", now=NOW),
        lambda r, b: refusals.react(recipient_id=r, business=b, interested=True, via="page", now=NOW),
    ],
)
def test_everything_about_a_person_begins_with_their_lock(business, recipient, act, django_assert_max_num_queries):
    with django_assert_max_num_queries(20) as asked:
        act(recipient.pk, business)
    statements = [query["sql"] for query in asked.captured_queries if not query["sql"].startswith("SAVEPOINT")]
    assert "FOR NO KEY UPDATE" in statements[0]
    assert connection.in_atomic_block
