"""What is kept for so long and no longer: a dry run says it, a real one does it, and stops outlive everything."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command

from broadcasts.models import Broadcast, Delivery, PhoneMessage, ProviderMessage
from businesses.models import Business, Event, IdempotentRequest
from consent import contacts, imports, interactions, ledger, refusals
from consent.models import Address, Contact, ErasureRequest, ImportFault, Interaction, Recipient, Refusal, RetentionRule
from feedback import retention
from feedback.models import Callback, InboundMessage, Reply, Report
from tests.make import EURO, make_business, make_people, make_sandbox_sender, make_sent, open_policy

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)
YEARS = timedelta(days=365)


@pytest.fixture
def business(db: None, settings: Any, tmp_path: Any) -> Business:
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT, settings.JOURNAL_ROOT = tmp_path / "media", tmp_path / "journal"
    return make_business(money=100 * EURO)


def person(business: Business, n: int, *, came: timedelta, dealt: timedelta | None = None) -> Contact:
    """Somebody who came in so long ago, and did something last so long ago."""
    contact = contacts.remember(
        business=business, address_kind="e164", value=f"+3363998{n:04}", country="FR", timezone="Europe/Paris",
        now=NOW - came,
    )  # fmt: skip
    if dealt is not None:
        at = NOW - dealt
        facts = {"kind": Interaction.Kind.OPT_IN, "occurred_at": at, "evidence": f"order {n}", "now": at}
        interactions.observe(business=business, recipient=contact.recipient, **facts)
    return contact


def numbers(lines: list[retention.Line]) -> dict[str, int]:
    return {line.rule.kind: line.n for line in lines if line.n}


def test_every_kind_has_its_rule_and_source(business: Business) -> None:
    rules = {rule.kind: rule for rule in RetentionRule.objects.all()}
    assert rules.keys() == set(RetentionRule.Kind.values) == {kind.value for kind in retention.FORGET}
    assert all(rule.source for rule in rules.values())


def test_silent_contacts_go_and_stops_stay(business: Business) -> None:
    old = person(business, 1, came=5 * YEARS, dealt=4 * YEARS)
    kept = [
        person(business, 2, came=5 * YEARS, dealt=2 * YEARS),
        person(business, 3, came=timedelta(days=1), dealt=None),
    ]
    person(business, 4, came=5 * YEARS)
    refusals.stop(recipient_id=old.recipient_id, business=business, via="page", now=NOW - 4 * YEARS)
    refusals.pause_all(recipient_id=old.recipient_id, via="page", now=NOW - 4 * YEARS)

    foretold = numbers(retention.obey(now=NOW, is_dry=True))
    assert foretold == {"contact": 2}
    assert Contact.objects.count() == 4

    # Two contacts, and then the people whom nobody knows any more.
    assert numbers(retention.obey(now=NOW)) == {"contact": 2, "person": 2}
    assert set(Contact.objects.values_list("pk", flat=True)) == {contact.pk for contact in kept}
    assert Address.objects.count() == 2
    assert Recipient.objects.filter(erased_at=NOW).count() == 2
    assert Event.objects.get(kind="contacts.erased").payload["cause"] == "retention"
    assert len(Event.objects.get(kind="contacts.erased").payload["contacts"]) == 2
    assert ledger.verify() == []
    assert numbers(retention.obey(now=NOW)) == {}

    # Nobody is barred by it: a new purchase is a new beginning, but for what the person refused.
    back = person(business, 1, came=timedelta(0))
    assert Refusal.objects.get(recipient=back.recipient, lifted_at=None).refused_at == NOW
    assert Recipient.objects.get(pk=back.recipient_id).paused_all_at is not None


def test_slices_are_bounded_and_all_is_done_in_the_end(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.retention.SLICE", 2)
    for n in range(5):
        person(business, n, came=5 * YEARS)
    assert numbers(retention.obey(now=NOW)) == {"contact": 5, "person": 5}
    assert Event.objects.filter(kind="contacts.erased").count() == 3
    # No time at all: nothing is begun, and the report says so.
    person(business, 9, came=5 * YEARS)
    lines = retention.obey(now=NOW, seconds=0)
    assert not any(line.is_finished or line.n for line in lines)


def test_everything_else_has_its_days(business: Business) -> None:
    open_policy()
    sender = make_sandbox_sender(business=business)
    recipient = person(business, 1, came=timedelta(days=1), dealt=timedelta(days=1)).recipient
    then = NOW - 6 * YEARS
    make_sent(business=business, now=NOW, sender=sender)
    Broadcast.objects.update(settled_at=then)
    PhoneMessage.objects.update(created_at=then, is_delivery_reported=True)
    Reply.objects.create(business=business, sender=sender, recipient=recipient, text="?", said_at=then, created_at=then)
    Report.objects.create(
        business=business, recipient=recipient, reason="spam", words="no", via="page", created_at=then
    )
    Callback.objects.create(sender=sender, body=b"", received_at=then, folded_at=then)
    Callback.objects.create(sender=sender, body=b"<", received_at=then, folded_at=NOW, failure="1 set aside: x")
    waiting = Callback.objects.create(sender=sender, body=b"{}", received_at=then)
    InboundMessage.objects.create(sender_id=sender.pk, provider_id="x", heard_at=then)
    IdempotentRequest.objects.create(
        business=business, route="r", key="k", body_hash="h", status=200, body={}, created_at=then
    )
    ErasureRequest.objects.create(
        recipient=recipient, cause="person", via="page", state="done", requested_at=then, done_at=then
    )
    batch = imports.receive(business=business, file=ContentFile(b"phone\n1"), filename="x.csv", by=None, now=then)
    ImportFault.objects.create(batch=batch, line=1, value="1", reason="duplicate")

    foretold = numbers(retention.obey(now=NOW, is_dry=True))
    assert numbers(retention.obey(now=NOW)) == foretold
    assert foretold == {
        "message": 1, "report": 1, "phone": 1, "variables": 1, "callback": 1, "set_aside": 1, "inbound_id": 1,
        "provider_id": 1, "import_file": 1, "import_fault": 1, "answer": 1, "request": 1,
    }  # fmt: skip
    assert Delivery.objects.get().variables is None
    assert not ProviderMessage.objects.exists()
    assert Report.objects.get().words == ""
    assert {bytes(body) for body in Callback.objects.values_list("body", flat=True)} == {b"", b"{}"}
    assert Callback.objects.filter(pk=waiting.pk).exists()
    assert numbers(retention.obey(now=NOW)) == {}


def test_the_command_reports_and_changes_nothing(business: Business) -> None:
    contacts.remember(
        business=business, address_kind="e164", value="+33639980001", country="FR", timezone="Europe/Paris",
        now=datetime.now(UTC) - 5 * YEARS,
    )  # fmt: skip
    said = io.StringIO()
    call_command("retention", "--dry-run", stdout=said)
    assert "contact      older than  1095 days" in said.getvalue()
    assert said.getvalue().rstrip().endswith("Nothing was changed.")
    assert Contact.objects.count() == 1


def test_a_night_over_many_people_costs_few_queries(business: Business, django_assert_max_num_queries: Any) -> None:
    """Silent contacts go in slices of 500; a person costs the two statements that lock their proof, and no more."""
    make_people(business=business, n=200, now=NOW - 5 * YEARS)
    rule = RetentionRule.objects.get(kind="contact")
    with django_assert_max_num_queries(16):
        assert retention._obey(rule, NOW, False, float("inf")).n == 200
