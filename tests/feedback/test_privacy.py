"""Erasing a person: gone at once, copies gone after it, and back only by their own words."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.db import connections, transaction

from broadcasts import chunks, gate, plan
from broadcasts.models import Delivery, PhoneMessage
from businesses.models import Business, Event
from consent import contacts, dossier, imports, interactions, ledger, refusals
from consent.models import (
    Address,
    Contact,
    ErasureRequest,
    ImportFault,
    Interaction,
    PersonKey,
    Recipient,
    Refusal,
    Suppression,
)
from consent.reasons import Reason
from feedback import journal, privacy, receipts, reports
from feedback.models import Callback, Reply, Report
from tests.conftest import OwnDatabase
from tests.feedback.provider import body_of, button, call, receipt, text
from tests.make import EURO, make_business, make_launched, make_sandbox_sender, make_sent, open_policy

NUMBER = "+33639980001"


@pytest.fixture(autouse=True)
def _own_folders(settings: Any, tmp_path: Path) -> None:
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.JOURNAL_ROOT = tmp_path / "journal"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business(db: None) -> Business:
    open_policy()
    return make_business(money=100 * EURO)


@pytest.fixture
def person(business: Business, now: datetime) -> int:
    return known_to(business, now)


def known_to(business: Business, now: datetime, value: str = NUMBER) -> int:
    """Somebody who signed up with the business yesterday; returns who that is."""
    contact = remember(business, now, value=value, name="Camille Durand", language="en")
    yesterday = now - timedelta(days=1)
    opted_in = {"kind": Interaction.Kind.OPT_IN, "occurred_at": yesterday, "evidence": "form 7"}
    interactions.observe(business=business, recipient=contact.recipient, now=now, **opted_in)
    return contact.recipient_id


def erase(recipient_id: int, now: datetime, business: Business | None = None) -> ErasureRequest:
    """Erase, and follow up to the end as the clock would."""
    request = privacy.erase(recipient_id=recipient_id, business=business, via="page", now=now)
    assert request is not None
    privacy.run_waiting(now=now)
    privacy.run_waiting(now=now + privacy.SETTLING)
    request.refresh_from_db()
    assert (request.state, request.traces) == ("done", {})
    return request


def remember(business: Business, now: datetime, **facts: Any) -> Contact:
    person = {"address_kind": "e164", "value": NUMBER, "country": "FR", "timezone": "Europe/Paris"}
    return contacts.remember(business=business, now=now, **(person | facts))


def bring(business: Business, now: datetime, *lines: str) -> list[str]:
    """Import a file and return the reasons of its wrong rows."""
    content = "\n".join(["phone,name,interaction,interaction_date,evidence", *lines]).encode()
    batch = imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=now)
    imports.run(batch=batch, now=now)
    return list(batch.faults.order_by("line").values_list("reason", flat=True))


# --- Everywhere -----------------------------------------------------------------------------------


def test_everything_of_a_person_goes_and_the_chain_stays_whole(business: Business, person: int, now: datetime) -> None:
    neighbour = make_business(name="Fleurs Petit")
    known_to(neighbour, now)
    refusals.stop(recipient_id=person, business=business, via="page", now=now)
    codes = set(Contact.objects.values_list("code", flat=True))

    request = erase(person, now)

    gone = Recipient.objects.get(pk=person)
    assert gone.erased_at == now
    assert not Address.objects.exists()
    assert not Contact.objects.exists()
    assert not Interaction.objects.exists()
    assert ledger.verify() == []
    assert not PersonKey.objects.filter(recipient=person).exists()
    assert {told.payload for told in dossier.history(recipient_id=person)} == {None}
    told = Event.objects.filter(kind="contact.erased").values_list("business_id", "payload")
    assert {business_id for business_id, _ in told} == {business.pk, neighbour.pk}
    assert {payload["contact"] for _, payload in told} == codes
    assert all(payload.keys() == {"contact"} for _, payload in told)
    assert request.done_at is not None


def test_asking_twice_is_asking_once(business: Business, person: int, now: datetime) -> None:
    first = privacy.erase(recipient_id=person, via="page", now=now)
    again = privacy.erase(recipient_id=person, via="page", now=now + timedelta(hours=1))
    assert first == again
    for later in (0, 60, 120):
        privacy.run_waiting(now=now + timedelta(seconds=later))
    assert privacy.erase(recipient_id=person, via="page", now=now + timedelta(days=1)) == first
    assert ErasureRequest.objects.count() == 1
    assert Event.objects.filter(kind="contact.erased").count() == 1
    assert len(list(journal.entries())) == 1


def test_what_waits_is_skipped_as_erased_and_what_left_settles(business: Business, now: datetime) -> None:
    first, second = known_to(business, now), known_to(business, now, "+33639980002")
    broadcast = make_launched(business=business, now=now)
    erase(first, now)
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=now)
    passed = gate.pass_batch(
        chunk_id=claim.chunk_id, owner=owner, plan=plan.read(broadcast.pk), recipient_ids=claim.recipient_ids, now=now
    )
    assert [message.recipient_id for message in passed.messages] == [second]
    assert Delivery.objects.get(pk=(broadcast.pk, first)).reason == Reason.ERASED


def test_a_late_receipt_settles_and_brings_nothing_back(business: Business, person: int, now: datetime) -> None:
    broadcast, (message,) = make_sent(business=business, now=now)
    erase(person, now)
    late = body_of([receipt(message, "delivered") | {"from": NUMBER}])
    assert call(broadcast.sender, late).status_code == 200
    receipts.fold(now=now, limit=10)
    delivery = Delivery.objects.get(pk=(broadcast.pk, person))
    assert (delivery.state, delivery.variables) == (Delivery.State.DELIVERED, None)
    assert bytes(Callback.objects.get().body) == b""
    assert not Address.objects.exists()


@pytest.mark.parametrize("words", ["STOP", "interested", "START", "HELP"])
def test_a_late_press_of_an_erased_person_harms_nobody(
    business: Business, person: int, now: datetime, words: str
) -> None:
    broadcast, (message,) = make_sent(business=business, now=now)
    erase(person, now)
    before = ledger.verify(), Recipient.objects.count()
    assert call(broadcast.sender, body_of([button(message, words)])).status_code == 200
    assert (ledger.verify(), Recipient.objects.count()) == before
    assert not Address.objects.exists()
    assert bytes(Callback.objects.get().body) == b""


def test_a_stop_of_somebody_unknown_holds_when_they_are_brought_in(business: Business, now: datetime) -> None:
    sender = make_sandbox_sender(business=business)
    stranger = {"type": "text", "from": NUMBER, "text": "STOP", "id": "x", "at": now.isoformat()}
    assert call(sender, body_of([stranger])).status_code == 200
    assert not Address.objects.exists()
    contact = remember(business, now)
    assert Refusal.objects.get(recipient=contact.recipient, lifted_at=None).kind == Refusal.Kind.STOPPED


# --- Coming back ----------------------------------------------------------------------------------


def test_files_and_programs_cannot_bring_an_erased_person_back(business: Business, person: int, now: datetime) -> None:
    neighbour = make_business(name="Fleurs Petit")
    erase(person, now)
    for somebody in (business, neighbour):
        with pytest.raises(contacts.NotAccepted):
            remember(somebody, now)
        assert bring(somebody, now, f"{NUMBER},Camille,purchase,2026-03-14,order 1") == ["not_accepted"]
    assert not Address.objects.exists()
    assert Recipient.objects.filter(erased_at=None).count() == 0


def test_who_writes_first_comes_back_as_somebody_new_whose_stops_still_hold(
    business: Business, person: int, now: datetime
) -> None:
    refusals.stop(recipient_id=person, business=business, via="page", now=now)
    refusals.pause_all(recipient_id=person, via="page", now=now)
    erase(person, now)
    sender = make_sandbox_sender(business=business)
    old = {"type": "text", "from": NUMBER, "text": "Are you open?", "id": "old", "at": (now - timedelta(1)).isoformat()}
    assert call(sender, body_of([old])).status_code == 200
    receipts.fold(now=now, limit=10)
    assert not Address.objects.exists()  # written before they left, delivered after it

    later = now + timedelta(hours=1)
    new = old | {"id": "new", "text": "Do you have rye bread?", "at": later.isoformat()}
    assert call(sender, body_of([new])).status_code == 200
    receipts.fold(now=later, limit=10)

    back = Address.objects.get(value=NUMBER).recipient
    assert back.pk != person
    assert Contact.objects.of(business).get().recipient == back
    assert Interaction.objects.get(recipient=back).kind == Interaction.Kind.INQUIRY
    assert Refusal.objects.get(recipient=back, lifted_at=None).legal_entity == business.legal_entity
    assert back.paused_all_at is not None
    assert remember(business, later, name="Camille").recipient == back
    assert Reply.objects.get().text == "Do you have rye bread?"
    assert Event.objects.get(kind="message.received").payload.keys() == {"contact", "sender", "message", "at"}

    refusals.resume(recipient_id=back.pk, business=business, via="page", now=later)
    refusals.unpause_all(recipient_id=back.pk, via="page", now=later)
    assert not Suppression.objects.exists()


def test_a_sandbox_phone_cannot_have_a_real_number_erased(business: Business, now: datetime) -> None:
    twin = business.twin
    facts = {"address_kind": "sandbox", "value": NUMBER, "country": "FR", "timezone": "Europe/Paris"}
    tried = contacts.remember(business=twin, now=now, **facts)
    erase(tried.recipient_id, now)
    with pytest.raises(contacts.NotAccepted):
        contacts.remember(business=twin, now=now, **facts)
    assert remember(business, now).recipient.erased_at is None
    assert bring(business, now, f"{NUMBER},Camille,purchase,2026-03-14,order 1") == []
    assert bring(twin, now, f"{NUMBER},Camille,purchase,2026-03-14,order 1") == ["not_accepted"]


# --- One business ---------------------------------------------------------------------------------


def test_erasing_at_one_business_leaves_the_others(business: Business, person: int, now: datetime) -> None:
    neighbour = make_business(name="Fleurs Petit")
    known_to(neighbour, now)
    broadcast, (message,) = make_sent(business=business, now=now)
    reports.block_and_report(
        recipient_id=person, business=business, broadcast_id=broadcast.pk, reason="spam", words="I said no", via="page",
        now=now,
    )  # fmt: skip
    erase(person, now, business)

    assert not Contact.objects.of(business).exists()
    assert not Interaction.objects.filter(business=business).exists()
    assert Delivery.objects.get(pk=(broadcast.pk, person)).variables is None
    assert not PhoneMessage.objects.filter(address=NUMBER).exists()
    assert Report.objects.get().words == ""
    assert Refusal.objects.get(recipient_id=person, lifted_at=None).kind == Refusal.Kind.BLOCKED
    assert Address.objects.get().recipient_id == person
    assert Contact.objects.of(neighbour).exists()
    with pytest.raises(contacts.NotAccepted):
        remember(business, now)
    assert remember(neighbour, now, name="Camille").name == "Camille"
    # Writing to the business is coming back to it.
    later = now + timedelta(seconds=1)
    assert call(broadcast.sender, body_of([text(message, "Hello again", at=later)])).status_code == 200
    receipts.fold(now=later, limit=10)
    assert Contact.objects.of(business).get().recipient_id == person


def test_a_business_that_deletes_a_contact_may_add_it_again_and_the_stop_holds(
    business: Business, person: int, now: datetime
) -> None:
    second = make_business(name="Second account", registration_number="RCS same")
    first = make_business(name="First account", registration_number="RCS same")
    known_to(first, now)
    refusals.stop(recipient_id=person, business=first, via="page", now=now)
    privacy.erase(recipient_id=person, business=first, cause=privacy.Cause.BUSINESS, via="dashboard", now=now)
    privacy.run_waiting(now=now + privacy.SETTLING)
    assert not list(journal.entries())
    for account in (first, second):
        contact = remember(account, now, name="Camille")
        standing = Refusal.objects.filter(recipient=contact.recipient, lifted_at=None)
        assert [refusal.legal_entity_id for refusal in standing] == [account.legal_entity_id]


# --- Crashes and crowds ---------------------------------------------------------------------------


STEPS = ["journal.write", "events.record", "messages.forget_copies", "idempotency.forget_marked"]


@pytest.mark.parametrize("step", STEPS)
def test_a_follow_up_that_is_killed_is_taken_up_again(
    business: Business, person: int, now: datetime, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sent(business=business, now=now)
    request = privacy.erase(recipient_id=person, via="page", now=now)
    assert request is not None
    module, name = step.split(".")

    def killed(**_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(getattr(privacy, module), name, killed)
        assert privacy.run_waiting(now=now) == 0
    request.refresh_from_db()
    assert request.state == "asked"
    privacy.run_waiting(now=now + privacy.SETTLING)
    request.refresh_from_db()
    assert (request.state, request.traces) == ("done", {})
    assert not PhoneMessage.objects.filter(address=NUMBER).exists()
    assert Event.objects.filter(kind="contact.erased").count() == 1


def test_wrong_rows_of_files_forget_the_person_however_they_are_written(
    business: Business, person: int, now: datetime
) -> None:
    Contact.objects.update(name="Camille Durand")
    bring(
        business, now,
        "+33 6 39 98 00 01 99999,a,purchase,2026-03-14,o", "０６３９９８０００１,b,guess,2026-03-14,o",
        "0639980001x,c,purchase,2026-03-14,o", "+33639980002,d,camille durand,2026-03-14,o",
        "+33639980003,d,nonsense,2026-03-14,o",
    )  # fmt: skip
    erase(person, now)
    left = set(ImportFault.objects.exclude(value="").values_list("value", flat=True))
    assert not any("3998" in value.replace(" ", "") or "camille" in value for value in left)
    assert "nonsense" in left


def test_erasing_while_a_file_brings_the_person_ends_without_them(own_database: OwnDatabase, now: datetime) -> None:
    """Whoever is first, the person is gone in the end: both orders are forced with real locks."""
    business = make_business()
    person = known_to(business, now)
    done = threading.Event()

    def import_it() -> None:
        try:
            bring(business, now, f"{NUMBER},Camille Durand,,,", "+33639980002,Other,purchase,2026-03-14,o")
        finally:
            done.set()
            connections.close_all()

    with transaction.atomic():
        privacy.erase(recipient_id=person, via="page", now=now)
        thread = threading.Thread(target=import_it)
        thread.start()
        # It has looked the number up while it was still there, and now waits for the person's lock.
        assert not done.wait(1.0)
    thread.join(timeout=30)
    privacy.run_waiting(now=now + privacy.SETTLING)
    assert set(Address.objects.values_list("value", flat=True)) == {"+33639980002"}
    assert set(Contact.objects.values_list("name", flat=True)) == {"Other"}
    assert Recipient.objects.filter(erased_at=None).count() == 1


def test_remembering_behind_an_erasure_is_refused(own_database: OwnDatabase, now: datetime) -> None:
    business = make_business()
    person = known_to(business, now)
    answer: list[Any] = []

    def remember_it() -> None:
        try:
            remember(business, now, name="Camille Durand")
        except contacts.NotAccepted as refused:
            answer.append(refused)
        finally:
            connections.close_all()

    with transaction.atomic():
        privacy.erase(recipient_id=person, via="page", now=now)
        thread = threading.Thread(target=remember_it)
        thread.start()
        thread.join(timeout=1)
    thread.join(timeout=30)
    assert len(answer) == 1
    assert not Contact.objects.exists()
