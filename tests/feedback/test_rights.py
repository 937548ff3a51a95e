"""A person's rights through the doors of a business and of the operator: delete, export, merge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from businesses.models import AuditEvent, Business, Member
from consent import contacts, interactions, refusals
from consent.models import Contact, ErasureRequest, Interaction, Recipient, Refusal
from feedback import privacy
from feedback.models import Reply
from tests.make import (
    EURO,
    make_business,
    make_client,
    make_key,
    make_member,
    make_sandbox_sender,
    make_sent,
    make_user,
    open_policy,
)

pytestmark = pytest.mark.django_db
NUMBER = "+33639980001"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business(settings: Any, tmp_path: Any) -> Business:
    settings.FICTION_NUMBERS_ALLOWED, settings.JOURNAL_ROOT = True, tmp_path
    open_policy()
    return make_business(owner=make_user(), money=100 * EURO)


@pytest.fixture
def contact(business: Business, now: datetime) -> Contact:
    place = {"address_kind": "e164", "value": NUMBER, "country": "FR", "timezone": "Europe/Paris"}
    contact = contacts.remember(business=business, name="Camille Durand", now=now, **place)
    opted_in = {"kind": Interaction.Kind.OPT_IN, "occurred_at": now - timedelta(days=1), "evidence": "form 7"}
    interactions.observe(business=business, recipient=contact.recipient, now=now, **opted_in)
    return contact


def ask(business: Business, method: str, path: str) -> Any:
    _, secret = make_key(business=business)
    headers = {"Authorization": f"Bearer {secret}"}
    return getattr(Client(), method)(f"/api/v1/{path}", headers=headers)


def test_a_program_deletes_a_contact_and_the_stop_stays(business: Business, contact: Contact, now: datetime) -> None:
    refusals.stop(recipient_id=contact.recipient_id, business=business, via="page", now=now)
    assert ask(business, "delete", f"contacts/{contact.code}").status_code == 204
    assert ask(business, "delete", f"contacts/{contact.code}").status_code == 404
    assert not Contact.objects.exists()
    assert ErasureRequest.objects.get().cause == "business"
    assert AuditEvent.objects.get(action="contact.erased").after == {"cause": "business", "via": "api"}
    assert Refusal.objects.get(lifted_at=None).recipient_id == contact.recipient_id


def test_an_erased_number_is_refused_to_programs_in_words(business: Business, contact: Contact, now: datetime) -> None:
    privacy.erase(recipient_id=contact.recipient_id, via="page", now=now)
    _, secret = make_key(business=business)
    headers = {"Authorization": f"Bearer {secret}"}
    answer = Client().post("/api/v1/contacts", {"phone": NUMBER}, "application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_accepted")


def test_an_export_holds_what_the_business_knows_and_nothing_else(
    business: Business, contact: Contact, now: datetime, django_assert_max_num_queries: Any
) -> None:
    neighbour = make_business(name="Fleurs Petit")
    facts = {"address_kind": "e164", "value": NUMBER, "country": "FR", "timezone": "Europe/Paris", "now": now}
    contacts.remember(business=neighbour, name="Secret", **facts)
    refusals.stop(recipient_id=contact.recipient_id, business=neighbour, via="page", now=now)
    refusals.set_own_limit(recipient_id=contact.recipient_id, limit=3, via="page", now=now)
    make_sent(business=business, now=now)
    sender = make_sandbox_sender(business=business)
    Reply.objects.create(
        business=business, sender=sender, recipient=contact.recipient, text="Hello?", said_at=now, created_at=now
    )
    with django_assert_max_num_queries(21):
        answer = ask(business, "get", f"contacts/{contact.code}/export")
    told = answer.json()
    assert answer.status_code == 200
    assert told["format"] == "tambour.contact.1"
    assert [line["evidence"] for line in told["interactions"]] == ["form 7"]
    assert [line["state"] for line in told["messages"]] == ["accepted"]
    assert [line["text"] for line in told["written"]] == ["Hello?"]
    assert told["refusals"] == []
    assert not any(word in answer.content.decode() for word in ("Secret", "Fleurs", "paused", "at_most", "counted"))
    reply = Reply.objects.get()
    assert ask(business, "get", f"messages/{reply.code}").json()["text"] == "Hello?"
    assert ask(neighbour, "get", f"messages/{reply.code}").status_code == 404
    assert ask(neighbour, "get", f"contacts/{contact.code}/export").status_code == 404


def test_a_person_takes_all_of_it_along(business: Business, contact: Contact, now: datetime) -> None:
    refusals.set_own_limit(recipient_id=contact.recipient_id, limit=3, via="page", now=now)
    make_sent(business=business, now=now)
    told = privacy.export(recipient_id=contact.recipient_id, now=now)
    assert told["addresses"] == [{"kind": "e164", "value": NUMBER}]
    assert told["person"]["offers_a_week_at_most"] == 3
    assert told["contacts"][0]["name"] == "Camille Durand"
    assert [link["what"] for link in told["proof"]] == ["interaction", "own_limit"]
    assert told["messages"][0]["offers_counted_before"] is not None


def test_a_member_deletes_a_contact_after_being_told_what_it_means(business: Business, contact: Contact) -> None:
    owner = make_client(Member.objects.get(business=business).user)
    page = f"/b/{business.code}/contacts/{contact.code}/delete/"
    assert b"A stop or a block stays in force" in owner.get(page).content
    assert Contact.objects.exists()
    analyst = make_client(make_member(business=business, role=Member.Role.ANALYST))
    assert analyst.post(page).status_code == 403
    assert owner.post(page).status_code == 302
    assert not Contact.objects.exists()
    assert owner.get(page).status_code == 404


def test_the_operator_erases_and_merges(business: Business, contact: Contact, now: datetime) -> None:
    admin = make_user(is_staff=True)
    admin.is_superuser = True
    admin.save()
    client = make_client(admin)
    facts = {"address_kind": "e164", "country": "FR", "timezone": "Europe/Paris", "now": now}
    other = contacts.remember(business=business, value="+33639980002", **facts)
    both = [contact.recipient_id, other.recipient_id]
    desk = "/admin/consent/recipient/"
    assert contact.recipient.code in client.get(f"{desk}?q=%2B33639980001").content.decode()
    client.post(desk, {"action": "merge", "_selected_action": both[:1]})
    assert Recipient.objects.filter(merged_into=None).count() == 2
    client.post(desk, {"action": "merge", "_selected_action": both})
    assert Recipient.objects.get(merged_into__isnull=False).pk == both[1]
    client.post(desk, {"action": "erase", "_selected_action": both[:1]})
    assert Recipient.objects.filter(erased_at=None).count() == 0
    assert ErasureRequest.objects.get().cause == "operator"
    assert set(AuditEvent.objects.filter(actor=admin).values_list("action", flat=True)) == {
        "person.merged",
        "person.erased",
    }
