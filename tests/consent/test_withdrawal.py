"""Undoing an import takes back what it brought, at once and by events; what people said themselves stays."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from businesses.models import AuditEvent, Business, Event, User
from consent import contacts, imports, interactions, ledger, refusals, suspicion, verdicts, withdrawal
from consent.models import CapEntry, ConsentEvent, Contact, ImportBatch, Interaction, Recipient, Refusal
from consent.reasons import Reason
from consent.verdicts import Question
from tests.at_once import at_once
from tests.make import NOW, make_batch, make_business, make_people, make_user

HEADER = "phone,name,interaction,interaction_date,evidence"
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _kept_for_films(settings, tmp_path):
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


def bring(business: Business, *lines: str, header: str = HEADER) -> ImportBatch:
    content = "\n".join([header, *lines]).encode()
    batch = imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=NOW)
    batch = imports.run(batch=batch, now=NOW)
    assert (batch.state, batch.n_rows, batch.n_faulty) == ("done", len(lines), 0), list(batch.faults.values())
    return batch


def line(n: int, evidence: str = "order") -> str:
    return f"+3363998{n:04d},Nom {n},opt_in,2026-03-14,{evidence} {n}" if evidence else f"+3363998{n:04d},Nom {n},,,"


def person(n: int) -> Recipient:
    found = contacts.find_by_address(kind="e164", value=f"+3363998{n:04d}")
    assert found is not None
    return found


def reason(business: Business, recipient: Recipient) -> int:
    question = Question(
        business_id=business.pk, legal_entity_id=business.legal_entity_id, address_kinds=["e164"], salt="s"
    )
    with connection.cursor() as cursor:
        decided = verdicts.decide(
            cursor, question=question, recipient_ids=[recipient.pk], lacks_variable=[False], now=LATER
        )
    return decided[0].reason


def undone(batch: ImportBatch, by: User | None = None) -> ImportBatch:
    assert withdrawal.undo(batch=batch, by=by, now=LATER)
    withdrawal.carry_on(now=LATER)
    batch.refresh_from_db()
    return batch


def test_undoing_holds_before_its_proof_is_written(business: Business) -> None:
    batch = bring(business, line(1), line(2))
    assert reason(business, person(1)) == 0
    by = make_user()
    assert withdrawal.undo(batch=batch, by=by, now=LATER)
    assert reason(business, person(1)) == Reason.NO_INTERACTION
    assert not Interaction.objects.filter(withdrawn_at__isnull=False).exists()

    assert withdrawal.carry_on(now=LATER) > 0
    batch.refresh_from_db()
    assert (batch.trust, batch.withdrawal, batch.n_withdrawn, batch.withdrawn_by) == ("withdrawn", 3, 2, by)
    assert set(Interaction.objects.values_list("withdrawn_at", flat=True)) == {LATER}
    chain = ConsentEvent.objects.filter(recipient=person(1)).order_by("position")
    assert [link.kind for link in chain] == ["interaction", "withdrawn"]
    assert ledger.verify() == []
    assert Event.objects.filter(business=business, kind="import.undone").count() == 1
    assert AuditEvent.objects.get(action="import.undone").actor == by


def test_undoing_twice_is_undoing_once(business: Business) -> None:
    batch = bring(business, line(1))
    undone(batch)
    assert not withdrawal.undo(batch=batch, by=None, now=LATER + timedelta(days=1))
    assert withdrawal.carry_on(now=LATER) == 0
    assert ConsentEvent.objects.filter(kind="withdrawn").count() == 1


def test_what_cannot_be_undone_says_why(business: Business) -> None:
    waiting = make_batch(business=business, state="uploaded")
    failed = make_batch(business=business, state="failed")
    stops = make_batch(business=business, kind="stops")
    with pytest.raises(withdrawal.CannotUndo, match="people’s own"):
        withdrawal.undo(batch=stops, by=None, now=NOW)
    with pytest.raises(withdrawal.CannotUndo, match="still being read"):
        withdrawal.undo(batch=waiting, by=None, now=NOW)
    with pytest.raises(withdrawal.CannotUndo, match="nothing to undo"):
        withdrawal.undo(batch=failed, by=None, now=NOW)


def test_contacts_with_anything_else_are_kept(business: Business) -> None:
    first = bring(business, line(1, ""))
    batch = bring(business, *(line(n) for n in range(1, 8)), line(8, ""))
    interactions.observe(business=business, recipient=person(3), kind=3, occurred_at=NOW, evidence="message 1", now=NOW)
    refusals.stop(recipient_id=person(4).pk, business=business, via="keyword", now=NOW)
    moments = {"reserved_at": NOW, "counts_at": NOW}
    CapEntry.objects.create(recipient_id=person(5).pk, broadcast_id=1, business_id=business.pk, **moments)
    bring(business, line(6, "another form"))
    Contact.objects.filter(recipient=person(7)).update(name="Mended by hand", updated_at=LATER)

    assert undone(batch).n_removed == 2  # 2 and 8
    left = Contact.objects.of(business).values_list("recipient__addresses__value", flat=True)
    assert sorted(value[-1] for value in left) == ["1", "3", "4", "5", "6", "7"]
    assert [reason(business, person(n)) for n in (1, 2, 3, 4, 5, 6, 7)] == [20, 20, 30, 20, 20, 0, 20]
    assert first.interactions.count() == 0


def test_a_stop_survives_undo_and_the_next_import(business: Business) -> None:
    batch = bring(business, line(1))
    refusals.stop(recipient_id=person(1).pk, business=business, via="keyword", now=NOW)
    refusals.block(recipient_id=person(1).pk, business=business, via="page", now=NOW)
    undone(batch)
    assert Refusal.objects.filter(lifted_at=None).count() == 2
    bring(business, line(1))
    assert reason(business, person(1)) == Reason.BLOCKED


def test_the_same_file_may_be_brought_again(business: Business) -> None:
    undone(bring(business, line(1), line(2)))
    again = bring(business, line(1), line(2))
    assert (again.n_new, again.n_probe, reason(business, person(1))) == (2, 2, 0)
    kinds = ConsentEvent.objects.filter(recipient=person(1)).order_by("position").values_list("kind", flat=True)
    assert list(kinds) == ["interaction", "withdrawn", "interaction"]
    assert ledger.verify() == []


def test_what_is_brought_again_during_the_undo_stays(business: Business) -> None:
    """The mark is set, the proof not written yet: the same evidence now stands on the new file's word."""
    batch = bring(business, line(1))
    withdrawal.undo(batch=batch, by=None, now=LATER)
    again = bring(business, line(1))
    withdrawal.carry_on(now=LATER)
    interaction = Interaction.objects.get()
    assert (interaction.batch, interaction.withdrawn_at, interaction.is_probe) == (again, None, True)
    assert reason(business, person(1)) == 0
    assert Contact.objects.of(business).count() == 1


def test_an_undone_list_makes_no_room_for_the_next(business: Business) -> None:
    for n in range(5):
        batch = make_batch(business=business)
        make_people(business=business, n=250, first=1 + n * 250, batch=batch)
        batch.refresh_from_db()
        assert batch.n_probe == (250 if n < 4 else 0)
        undone(batch)


def test_undone_evidence_is_not_vouched_for(business: Business) -> None:
    batch = undone(bring(business, line(1)))
    assert not suspicion.vouch(batch=batch, by=make_user(is_staff=True), words="Looks good.", now=LATER)
    assert not suspicion.quarantine(batch=batch, by=make_user(is_staff=True), words="Looks bad.", now=LATER)


def test_an_undo_that_was_killed_goes_on_where_it_stopped(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdrawal, "SLICE_PEOPLE", 4)
    batch = make_batch(business=business)
    make_people(business=business, n=10, batch=batch)
    Contact.objects.of(business).update(brought_by_id=batch.pk)
    withdrawal.undo(batch=batch, by=None, now=LATER)
    n_links = []
    append = ledger.append_many

    def die_in_the_second_slice(**arguments: object) -> int:
        n_links.append(append(now=LATER))
        if len(n_links) == 2:
            raise KeyboardInterrupt
        return n_links[-1]

    monkeypatch.setattr(ledger, "append_many", die_in_the_second_slice)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        withdrawal.carry_on(now=LATER)
    # The transaction of this test took the first slice with it; outside of a test it would stand.
    withdrawal.carry_on(now=LATER)
    batch.refresh_from_db()
    assert (batch.withdrawal, batch.n_withdrawn, batch.n_removed) == (3, 10, 10)
    assert ConsentEvent.objects.filter(kind="withdrawn").count() == 10
    assert ledger.verify() == []


def test_undo_imports_and_stops_at_once(own_database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers carry on, a file brings the same evidence again, people stop: nobody waits for ever, all adds up."""
    monkeypatch.setattr(withdrawal, "SLICE_PEOPLE", 20)
    business = make_business()
    batch = bring(business, *(line(n) for n in range(100)))
    people = list(Recipient.objects.order_by("-id"))
    withdrawal.undo(batch=batch, by=None, now=LATER)

    def act(number: int) -> object:
        if number < 2:
            return withdrawal.carry_on(now=LATER)
        if number == 2:
            return bring(business, *(line(n) for n in range(50)))
        return [refusals.stop(recipient_id=one.pk, business=business, via="keyword", now=NOW) for one in people]

    done = at_once(act, 4)
    assert not [fault for fault in done if isinstance(fault, BaseException)], done
    withdrawal.carry_on(now=LATER)
    assert Refusal.objects.filter(lifted_at=None).count() == 100
    assert ImportBatch.objects.get(pk=batch.pk).withdrawal == 3
    # Whatever was first, each of the 50 has their evidence from the second file, once, and the others have none.
    standing = Interaction.objects.filter(withdrawn_at=None).values_list("batch__code", "recipient_id")
    assert len(standing) == len(set(standing)) == 50
    assert {code for code, _ in standing} == {ImportBatch.objects.exclude(pk=batch.pk).get().code}
    assert not Interaction.objects.filter(batch=batch, withdrawn_at=None).exists()
    assert ledger.verify() == []


def test_a_slice_costs_the_same_number_of_queries_however_many_people(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = make_batch(business=business)
    make_people(business=business, n=400, batch=batch)
    withdrawal.undo(batch=batch, by=None, now=LATER)
    asked: list[str] = []
    execute = CursorWrapper.execute

    def count(self: CursorWrapper, query: str, *more: object) -> object:
        asked.append(query)
        return execute(self, query, *more)

    monkeypatch.setattr(CursorWrapper, "execute", count)
    withdrawal.carry_on(now=LATER)
    assert len(asked) < 40
