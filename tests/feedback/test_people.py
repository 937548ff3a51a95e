"""One contact: whether they may be reached and what happened, in the bounds of what a business may know."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from broadcasts import settle
from broadcasts.channels.base import ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast
from businesses.models import Business, Member
from consent import refusals, standing
from consent.models import CapEntry, Contact, Refusal
from feedback import reports
from tests import make
from tests.broadcasts.test_api import Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    make.open_policy()
    business = make.make_business(money=1_000 * make.EURO)
    make.make_people(business=business, n=3, now=timezone.now())
    return business


@pytest.fixture
def marketer(client: Client, business: Business) -> Client:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    return client


def _contacts(business: Business) -> list[Contact]:
    return list(Contact.objects.of(business).select_related("recipient", "business").order_by("pk"))


def _hide_all(recipient_id: int) -> None:
    now = timezone.now()
    refusals.pause_all(recipient_id=recipient_id, via="page", now=now)
    refusals.set_own_limit(recipient_id=recipient_id, limit=0, via="page", now=now)
    CapEntry.objects.bulk_create(
        CapEntry(recipient_id=recipient_id, broadcast_id=10**9 + n, business_id=10**9, reserved_at=now, counts_at=now)
        for n in range(6)
    )


def test_what_a_person_chose_for_all_changes_nothing_on_their_page(business: Business, marketer: Client) -> None:
    contact, program = _contacts(business)[0], Program(business)

    def everything() -> tuple[str, Any]:
        page = marketer.get(f"/b/{business.code}/contacts/{contact.code}/").content.decode()
        told = program.get(f"contacts/{contact.code}/timeline").json()
        return page.partition("<main")[2].replace(
            page.partition('name="csrfmiddlewaretoken" value="')[2][:64], ""
        ), told

    before = everything()
    _hide_all(contact.recipient_id)
    after = everything()
    assert after[1] == before[1]
    assert [len(after[0]), "May be reached" in after[0]] == [len(before[0]), True]
    assert before[1]["reachable"] == {
        "may_be_reached": True,
        "reason": "",
        "sentence": "May be reached. Other limits may apply: the person’s own, and those of all offers.",
    }


def test_ones_own_relation_is_told_with_its_reason(business: Business) -> None:
    contact, now = _contacts(business)[0], timezone.now()
    refusals.stop(recipient_id=contact.recipient_id, business=business, via="page", now=now)
    assert standing.of(contact=contact, now=now)[:2] == (False, "opted_out")
    refusals.block(recipient_id=contact.recipient_id, business=business, via="page", now=now)
    assert standing.of(contact=contact, now=now)[:2] == (False, "blocked")


def test_the_timeline_tells_what_was_and_never_why_somebody_blocked(business: Business, marketer: Client) -> None:
    off, hidden, on = _contacts(business)
    _hide_all(hidden.recipient_id)
    broadcast, sent = make.make_sent(business=business, now=timezone.now(), variables={"discount": "20"})
    (arrived,) = (m for m in sent if m.recipient_id == on.recipient_id)
    update = ReceiptUpdate(ReceiptStatus.DELIVERED, timezone.now(), broadcast.sender_id, message_code=arrived.code)
    settle.fold_receipts(updates=[update], now=timezone.now())
    reports.block_and_report(
        recipient_id=on.recipient_id,
        business=business,
        broadcast_id=broadcast.pk,
        reason="scam",
        words="they lie",
        via="page",
        now=timezone.now(),
    )
    program = Program(business)
    told = [program.get(f"contacts/{each.code}/timeline").json()["timeline"] for each in (off, hidden, on)]

    offers = [[moment["sentence"] for moment in one if moment["kind"] == "offer"] for one in told]
    assert offers[0] == offers[1] == ["Offer “Spring”: no sign that it arrived"]
    assert offers[2] == ["Offer “Spring”: delivered"]
    assert [moment["kind"] for moment in told[2]][:1] == ["blocked"]
    page = marketer.get(f"/b/{business.code}/contacts/{on.code}/").content.decode()
    assert "Blocked you" in page
    assert "scam" not in page.lower() + str(told).lower()
    assert "they lie" not in page + str(told)


def test_facts_are_corrected_and_a_bad_line_is_named(business: Business, marketer: Client) -> None:
    contact = _contacts(business)[0]
    where = f"/b/{business.code}/contacts/{contact.code}/edit/"
    answer = marketer.post(where, {"name": "Zoé", "language": "fr", "attributes": "city: Lyon\nsize: 38"})
    assert answer.status_code == 302
    contact.refresh_from_db()
    assert (contact.name, contact.language, contact.attributes) == ("Zoé", "fr", {"city": "Lyon", "size": "38"})
    answer = marketer.post(where, {"name": "X", "language": "fr", "attributes": "no colon"})
    assert answer.status_code == 422
    assert "no colon" in answer.content.decode()
    contact.refresh_from_db()
    assert contact.name == "Zoé"


def test_a_member_passes_a_stop_on_and_cannot_take_it_back(business: Business, marketer: Client) -> None:
    contact = _contacts(business)[0]
    marketer.post(f"/b/{business.code}/contacts/{contact.code}/stop/")
    assert Refusal.objects.get(recipient=contact.recipient).lifted_at is None
    page = marketer.get(f"/b/{business.code}/contacts/{contact.code}/").content.decode()
    assert "Pass on their stop" not in page
    assert "stopped your offers" in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["Ana 3", "Ana 2", "Ana 1"]),
        ({"phone": "ana"}, ["Ana 1", "Ana 2", "Ana 3"]),
        ({"phone": "ANA 2"}, ["Ana 2"]),
        ({"phone": "nobody"}, []),
        ({"phone": "%"}, []),
        ({"said": "stopped"}, ["Ana 1"]),
        ({"said": "writable"}, ["Ana 3", "Ana 2"]),
        ({"said": "reachable"}, ["Ana 3", "Ana 2"]),
        ({"said": "no-evidence"}, []),
        ({"said": "made up"}, ["Ana 3", "Ana 2", "Ana 1"]),
        ({"said": "stopped", "phone": "ana"}, ["Ana 1"]),
    ],
)
def test_contacts_are_found_by_name_and_by_what_they_said(
    business: Business, marketer: Client, query: dict[str, str], names: list[str]
) -> None:
    first = _contacts(business)[0]
    refusals.stop(recipient_id=first.recipient_id, business=business, via="page", now=timezone.now())
    page = marketer.get(f"/b/{business.code}/contacts/", query)
    assert [contact.name for contact in page.context["contacts"]] == names


def test_the_list_goes_on_in_the_order_of_names(
    business: Business, marketer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consent.views.contacts.CONTACTS_PER_PAGE", 2)
    first = marketer.get(f"/b/{business.code}/contacts/", {"phone": "ana"})
    last = first.context["contacts"][-1].code
    second = marketer.get(f"/b/{business.code}/contacts/", {"phone": "ana", "after": last})
    assert [contact.name for contact in second.context["contacts"]] == ["Ana 3"]


def test_a_page_of_one_contact_costs_the_same_whatever_was_sent(
    business: Business, marketer: Client, django_assert_max_num_queries: Any
) -> None:
    contact = _contacts(business)[0]
    make.make_sent(business=business, now=timezone.now(), variables={"discount": "20"})
    assert Broadcast.objects.of(business).count() == 1
    with django_assert_max_num_queries(17):
        assert marketer.get(f"/b/{business.code}/contacts/{contact.code}/").status_code == 200
