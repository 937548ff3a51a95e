"""Evidence is dated, proved once, and never from the future."""

from datetime import timedelta

import pytest

from consent import contacts, dossier, interactions, ledger
from consent.models import ConsentEvent, Interaction
from tests.make import NOW, make_business

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db):
    return make_business()


@pytest.fixture
def recipient(business):
    return contacts.remember(
        business=business, address_kind="e164", value="+33639980001", country="FR", timezone="Europe/Paris", now=NOW
    ).recipient


def test_what_a_business_attests_needs_proof(business, recipient):
    facts = {"business": business, "recipient": recipient, "kind": Interaction.Kind.PURCHASE, "now": NOW}
    with pytest.raises(interactions.CannotNote, match="proves"):
        interactions.attest(**facts, occurred_at=NOW, evidence=" ")
    with pytest.raises(interactions.CannotNote, match="not come yet"):
        interactions.attest(**facts, occurred_at=NOW + timedelta(minutes=6), evidence="order 1")
    assert not Interaction.objects.exists()
    attested = interactions.attest(**facts, occurred_at=NOW, evidence="order 1", opt_out_offered=True)
    assert (attested.provenance, attested.opt_out_offered) == (Interaction.Provenance.ATTESTED, True)


def test_the_same_evidence_counts_once(business, recipient):
    facts = {"business": business, "recipient": recipient, "kind": Interaction.Kind.CLICK, "now": NOW}
    assert interactions.observe(**facts, occurred_at=NOW, evidence="link 1") is not None
    assert interactions.observe(**facts, occurred_at=NOW, evidence="link 1") is None
    assert interactions.observe(**facts, occurred_at=NOW, evidence="link 2") is not None
    assert [link.position for link in ConsentEvent.objects.order_by("position")] == [1, 2]
    assert dossier.read(ConsentEvent.objects.get(position=1))["interactions"][0]["kind"] == "click"
    assert ledger.verify() == []
