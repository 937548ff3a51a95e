"""A number with a new owner: consents end, the past stays with whoever it belongs to, files cannot bring it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from businesses.models import Business, Event
from consent import (
    attestations,
    basis,
    contacts,
    dossier,
    imports,
    interactions,
    ledger,
    merging,
    recycling,
    refusals,
    standing,
    verdicts,
)  # fmt: skip
from consent.attestations import Attested
from consent.models import Address, Contact, Interaction, Recipient, Refusal
from consent.reasons import Reason
from consent.verdicts import Question
from tests.make import NOW, make_business, make_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def former(business: Business) -> Recipient:
    return Recipient.objects.get(pk=make_people(business=business, n=1)[0])


def give(former: Recipient) -> Recipient | None:
    address = Address.objects.get()
    return recycling.give_to_new_owner(address_id=address.pk, recipient_id=former.pk, via="page", now=NOW)


def reason(business: Business, recipient: Recipient, now: datetime = NOW) -> int:
    question = Question(
        business_id=business.pk, legal_entity_id=business.legal_entity_id, address_kinds=["e164"], salt="s"
    )
    with connection.cursor() as cursor:
        verdict = verdicts.decide(
            cursor, question=question, recipient_ids=[recipient.pk], lacks_variable=[False], now=now
        )
    return verdict[0].reason


def test_what_was_agreed_over_the_number_ends(business: Business, former: Recipient) -> None:
    assert reason(business, former) == 0
    owner = give(former)
    assert owner is not None
    assert reason(business, former) == Reason.INVALID_ADDRESS
    assert not Interaction.objects.filter(withdrawn_at=None).exists()
    assert reason(business, owner) == Reason.NO_INTERACTION
    former.refresh_from_db()
    assert former.links_valid_from == NOW


def test_nothing_of_the_former_owner_comes_along(business: Business, former: Recipient) -> None:
    refusals.set_own_limit(recipient_id=former.pk, limit=1, via="page", now=NOW)
    owner = give(former)
    assert owner is not None
    assert not Contact.objects.filter(recipient=owner).exists()
    assert (owner.own_limit, owner.locale) == (None, "")
    told = dossier.history(recipient_id=owner.pk)
    assert [(link.kind, link.business_id) for link in told] == [("number_received", None)]
    assert told[0].payload is not None
    assert told[0].payload["n_stopped"] == 1


def test_the_same_file_again_reaches_nobody(business: Business, former: Recipient) -> None:
    value = Address.objects.get().value
    owner = give(former)
    assert owner is not None
    known = contacts.remember(
        business=business, address_kind="e164", value=value, country="FR", timezone="Europe/Paris", now=NOW
    )
    assert known.recipient == owner
    interactions.attest(
        business=business,
        recipient=owner,
        kind=Interaction.Kind.OPT_IN,
        occurred_at=NOW,
        evidence="form 1",
        opt_out_offered=True,
        now=NOW,
    )
    assert reason(business, owner) != 0
    refusals.resume(recipient_id=owner.pk, business=business, via="keyword", now=NOW)
    assert not Refusal.objects.filter(recipient=owner, lifted_at=None).exists(), (
        "who writes START hears from them again"
    )


@pytest.mark.parametrize("way", ["file", "program", "one"])
def test_what_the_former_owner_did_reaches_nobody_through_a_company_that_is_heard_of_only_now(
    former: Recipient, settings: Any, tmp_path: Path, way: str
) -> None:
    """It had the number in a list of its own and nothing was stopped: what counts is when it happened."""
    settings.FICTION_NUMBERS_ALLOWED, settings.MEDIA_ROOT = True, tmp_path
    value, stranger = "+33639981234", make_business(name="Fleurs Petit")
    Address.objects.update(value=value)
    owner = give(former)
    assert owner is not None
    before, after = NOW - timedelta(days=3), NOW + timedelta(days=3)

    bring(stranger, owner, value, happened_at=before, way=way, now=after)
    assert Interaction.objects.filter(business=stranger, recipient=owner).exists()
    assert reason(stranger, owner, now=after) == Reason.NO_INTERACTION
    contact = Contact.objects.of(stranger).get()
    assert standing.of(contact=contact, now=after).reason == "no_interaction"
    assert not standing.reachable(rows=Contact.objects.of(stranger), business=stranger, now=after).exists()
    assert basis.grounds(recipient=owner, business=stranger, now=after) == []

    bring(stranger, owner, value, happened_at=NOW + timedelta(days=1), way=way, now=after)
    assert reason(stranger, owner, now=after) == 0, "what they did themselves since counts"
    assert standing.reachable(rows=Contact.objects.of(stranger), business=stranger, now=after).exists()


def bring(business: Business, owner: Recipient, value: str, *, happened_at: datetime, way: str, now: datetime) -> None:
    evidence = f"form {happened_at:%Y-%m-%d}"
    if way == "file":
        lines = "phone,interaction,interaction_date,evidence\n" + f"{value},opt_in,{happened_at:%Y-%m-%d},{evidence}"
        batch = imports.receive(business=business, file=ContentFile(lines.encode()), filename="x", by=None, now=now)
        assert imports.run(batch=batch, now=now).n_faulty == 0
        return
    where = {"value": value, "country": "FR", "timezone": "Europe/Paris"}
    if way == "program":
        one = Attested(kind=Interaction.Kind.OPT_IN, occurred_at=happened_at, evidence=evidence, **where)
        attestations.take(business=business, attested=[one], now=now)
        return
    contacts.remember(business=business, address_kind="e164", now=now, **where)
    interactions.attest(
        business=business,
        recipient=owner,
        kind=Interaction.Kind.OPT_IN,
        occurred_at=happened_at,
        evidence=evidence,
        now=now,
    )


def test_merging_forgets_no_change_of_owner(business: Business, former: Recipient) -> None:
    owner = give(former)
    assert owner is not None
    other = contacts.meet(kind="e164", value="+33639981111", country="FR", timezone="Europe/Paris", now=NOW)
    keep = merging.merge(keep_id=other.pk, gone_id=owner.pk, now=NOW)
    assert keep.evidence_from == NOW


def test_a_block_of_the_former_owner_is_a_stop_of_the_new_one(business: Business, former: Recipient) -> None:
    other = make_business()
    refusals.block(recipient_id=former.pk, business=other, via="page", now=NOW)
    owner = give(former)
    held = Refusal.objects.filter(recipient=owner)
    assert {(r.legal_entity_id, r.kind, r.via) for r in held} == {
        (business.legal_entity_id, Refusal.Kind.STOPPED, recycling.VIA),
        (other.legal_entity_id, Refusal.Kind.STOPPED, recycling.VIA),
    }
    assert Refusal.objects.filter(recipient=former, kind=Refusal.Kind.BLOCKED, lifted_at=None).count() == 1


def test_it_is_proven_and_each_business_learns_which_contact_lost_its_number(
    business: Business, former: Recipient
) -> None:
    give(former)
    assert [link.kind for link in dossier.history(recipient_id=former.pk)][-1] == "number_lost"
    assert ledger.verify() == []
    event = Event.objects.filter(business=business).latest("pk")
    assert event.kind == "contact.number_lost"
    assert event.payload == {"contact": Contact.objects.get().code}


def test_twice_is_once(former: Recipient) -> None:
    address = Address.objects.get()
    assert give(former) is not None
    assert recycling.give_to_new_owner(address_id=address.pk, recipient_id=former.pk, via="page", now=NOW) is None
    assert Recipient.objects.count() == 2
