"""A contact file comes in: all that is good, nothing twice, and every bad line by name."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models.functions import Now

from businesses.models import AuditEvent, Event
from consent import beginnings, dossier, imports, ledger, refusals, sealing, sieve, staging, suppressions
from consent.models import (
    Address,
    ConsentEvent,
    Contact,
    ImportBatch,
    ImportFault,
    Interaction,
    Recipient,
    Refusal,
    Suppression,
)
from tests.make import NOW, make_business

HEADER = "phone,name,language,city,interaction,interaction_date,evidence,opt_out_offered"
CAMILLE = "+33639980001,Camille Durand,fr,Lyon,purchase,2026-03-14,order 1,yes"
JOSE = "+447700900123,José Núñez,en,London,opt_in,2026-01-02T10:30:00Z,form 7,"
ALONE = "+4915123456789,Jörg Weiß,de,Köln,,,,"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kept_for_films(settings, tmp_path):
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def business(db):
    return make_business()


def bring(business, *lines, header=HEADER, now=NOW, encoding="utf-8", end="\n"):
    """Import a file of these lines and return its batch."""
    content = end.join([header, *lines]).encode(encoding)
    return bring_bytes(business, content, now=now)


def bring_bytes(business, content, *, now=NOW):
    batch = imports.receive(business=business, file=ContentFile(content), filename="kunden.csv", by=None, now=now)
    return imports.run(batch=batch, now=now)


def faults_of(batch):
    return [(fault.line, fault.reason) for fault in batch.faults.order_by("line", "id")]


def test_a_file_becomes_people_contacts_evidence_and_proof(business):
    batch = bring(business, CAMILLE, JOSE, ALONE)
    assert (batch.state, batch.n_rows, batch.n_new, batch.n_faulty, batch.n_without_evidence) == ("done", 3, 3, 0, 1)
    contact = Contact.objects.of(business).get(recipient__addresses__value="+33639980001")
    assert (contact.name, contact.language, contact.attributes) == ("Camille Durand", "fr", {"city": "Lyon"})
    assert (contact.recipient.country, contact.recipient.timezone) == ("FR", "Europe/Paris")
    assert contact.code.startswith("ctc_")
    assert len(contact.code) == 20
    proof = Interaction.objects.get(recipient=contact.recipient)
    assert (proof.kind, proof.provenance, proof.evidence) == (Interaction.Kind.PURCHASE, 2, "order 1")
    assert (proof.opt_out_offered, proof.batch) == (True, batch)
    assert proof.occurred_at == datetime(2026, 3, 13, 23, tzinfo=UTC)  # midnight in Paris
    link = ConsentEvent.objects.get(recipient=contact.recipient)
    assert (link.position, link.kind, link.business) == (1, "interaction", business)
    assert dossier.read(link) == {
        "actor": "business",
        "via": "import",
        "batch": batch.code,
        "provenance": "attested",
        "interactions": [
            {
                "kind": "purchase",
                "occurred_at": "2026-03-13T23:00:00+00:00",
                "evidence": "order 1",
                "opt_out_offered": True,
            }
        ],
    }
    assert ConsentEvent.objects.count() == 2
    assert ledger.verify() == []


def test_the_proof_of_new_people_says_what_that_of_known_ones_does(business, monkeypatch):
    """Two ways lead into the ledger: the first links are sealed beside the database, later ones after a look-up."""
    monkeypatch.setattr(beginnings, "SLICE_LINKS", 1)
    monkeypatch.setattr(beginnings, "COPY_BYTES", 7)
    dealings = [f'"purchase","{day}","N° 1 ""é"" \\N, {day}\tx","yes"' for day in ("2026-03-14 10:30", "2026-02-01")]
    known, new = "+33639980001", "+33639980002"
    bring(business, f"{known},Ana,,,,,,")
    bring(business, *[f"{number},Ana,,,{dealing}" for number in (known, new) for dealing in dealings], JOSE)
    of_known, of_new = [
        dossier.history(recipient_id=Address.objects.get(value=value).recipient_id) for value in (known, new)
    ]
    assert of_known == of_new
    assert [one["evidence"] for one in of_new[0].payload["interactions"]] == [
        'N° 1 "é" \\N, 2026-02-01\tx',
        'N° 1 "é" \\N, 2026-03-14 10:30\tx',
    ]
    assert ledger.verify() == []


def test_a_link_that_cannot_be_sealed_stops_the_file(business, monkeypatch):
    def no_secret(*_, **__):
        raise sealing.WrongSecret("no key")

    content = f"{HEADER}\n{CAMILLE}".encode()
    batch = imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=NOW)
    monkeypatch.setattr(sealing, "wrap", no_secret)
    with pytest.raises(sealing.WrongSecret):
        imports.run(batch=batch, now=NOW)
    assert not Recipient.objects.exists()
    assert not ConsentEvent.objects.exists()
    batch.refresh_from_db()
    assert batch.state == "reading"


def test_the_business_and_the_operator_are_told(business):
    batch = bring(business, CAMILLE, "nonsense,,,,,,,")
    told = Event.objects.filter(business=business, kind="import.done").get()
    assert told.payload["code"] == batch.code
    assert (told.payload["n_new"], told.payload["n_faulty"]) == (1, 1)
    assert AuditEvent.objects.filter(business=business, action="import.received", object_code=batch.code).exists()


def test_the_same_file_twice_adds_nothing(business):
    bring(business, CAMILLE, JOSE, ALONE)
    before = (Recipient.objects.count(), Interaction.objects.count(), ConsentEvent.objects.count())
    again = bring(business, CAMILLE, JOSE, ALONE, now=NOW + timedelta(days=1))
    assert (again.state, again.n_new, again.n_updated, again.n_faulty) == ("done", 0, 0, 0)
    assert (Recipient.objects.count(), Interaction.objects.count(), ConsentEvent.objects.count()) == before
    assert Contact.objects.of(business).filter(updated_at__gt=NOW).count() == 0


def test_a_later_file_adds_what_is_new_and_empty_cells_erase_nothing(business):
    bring(business, CAMILLE)
    later = NOW + timedelta(days=1)
    again = bring(business, "+33639980001,,,Paris,purchase,2026-05-01,order 2,no", now=later)
    assert (again.n_new, again.n_updated) == (0, 1)
    contact = Contact.objects.of(business).get()
    assert (contact.name, contact.language, contact.attributes) == ("Camille Durand", "fr", {"city": "Paris"})
    assert contact.created_at == NOW
    assert Interaction.objects.count() == 2
    assert [link.position for link in ConsentEvent.objects.order_by("position")] == [1, 2]
    assert ledger.verify() == []


def test_two_businesses_share_the_person_and_nothing_else(business):
    neighbour = make_business(name="Fleurs Petit")
    bring(business, CAMILLE)
    bring(neighbour, "+33639980001,C. Durand,en,Nice,,,,")
    assert Recipient.objects.count() == 1
    assert [c.name for c in Contact.objects.order_by("id")] == ["Camille Durand", "C. Durand"]
    assert not Interaction.objects.filter(business=neighbour).exists()


def test_a_test_accounts_people_have_sandbox_addresses_only(business):
    bring(business, CAMILLE)
    bring(business.twin, CAMILLE)
    assert sorted(Address.objects.values_list("kind", "value")) == [
        ("e164", "+33639980001"),
        ("sandbox", "+33639980001"),
    ]
    assert Recipient.objects.count() == 2


def test_fiction_stays_out_of_a_live_account_unless_the_operator_allows_it(business, settings):
    settings.FICTION_NUMBERS_ALLOWED = False
    assert faults_of(bring(business, CAMILLE)) == [(2, "phone_fictional")]
    assert faults_of(bring(business.twin, CAMILLE)) == []


@pytest.mark.parametrize(
    ("line", "reason", "column"),
    [
        ("06 39 98 00 0O,Zoé,,,,,,", "phone_not_digits", "phone"),
        ("3.36E+10,Zoé,,,,,,", "phone_scientific", "phone"),
        (",Zoé,,,,,,", "phone_missing", "phone"),
        ("+336,Zoé,,,,,,", "phone_too_short", "phone"),
        ("+33639980001,Zoé,klingon,,,,,", "unknown_language", "language"),
        ("+33639980001,Zoé,,,party,2026-01-01,x,", "unknown_interaction", "interaction"),
        ("+33639980001,Zoé,,,,2026-01-01,,", "missing_interaction", "interaction"),
        ("+33639980001,Zoé,,,,,order 1,", "missing_interaction", "interaction"),
        ("+33639980001,Zoé,,,purchase,,order 1,", "missing_date", "interaction_date"),
        ("+33639980001,Zoé,,,purchase,2026-01-01,,", "missing_evidence", "evidence"),
        ("+33639980001,Zoé,,,purchase,2026-06-02,order 1,", "date_in_future", "interaction_date"),
        ("+33639980001,Zoé,,,purchase,31/02/2026,order 1,", "impossible_date", "interaction_date"),
        ("+33639980001,Zoé,,,purchase,2026-13-01,order 1,", "impossible_date", "interaction_date"),
        ("+33639980001,Zoé,,,purchase,1812-06-24,order 1,", "impossible_date", "interaction_date"),
        ("+33639980001,Zoé,,,purchase,last week,order 1,", "unreadable_date", "interaction_date"),
        ("+33639980001,Zoé,,,purchase,45321,order 1,", "unreadable_date", "interaction_date"),
        ("+33639980001,Zoé,,,purchase,2026-01-01,order 1,perhaps", "not_yes_or_no", "opt_out_offered"),
        ("+33639980001,Zoé,,Lyon,,,,,surplus", "extra_columns", ""),
        ('+33639980001,"Zoé" x,,,,,,', "stray_quote", ""),
        ("+33639980001,Zo\x00é,,,,,,", "nul_byte", ""),
        ("+33639980001,Zo\ufffd,,,,,,", "unreadable_letters", ""),
        (f"+33639980001,{'Z' * 121},,,,,,", "too_long", "name"),
        (f"+33639980001,Zoé,,{'L' * 501},,,,", "too_long", "city"),
        (f"+33639980001,Zoé,,,purchase,2026-01-01,{'o' * 201},", "too_long", "evidence"),
    ],
)
def test_a_wrong_row_is_reported_and_the_others_are_in(business, line, reason, column):
    batch = bring(business, JOSE, line, ALONE)
    assert faults_of(batch) == [(3, reason)]
    assert batch.faults.get().column == column
    assert (batch.state, batch.n_rows, batch.n_new, batch.n_faulty) == ("done", 3, 2, 1)
    assert set(Address.objects.values_list("value", flat=True)) == {"+447700900123", "+4915123456789"}


def test_a_repeated_row_is_a_duplicate_and_further_evidence_is_not(business):
    batch = bring(
        business,
        CAMILLE,
        CAMILLE,
        "06 39 98 00 01,Camille Durand,,,,,,",
        "+33 6 39 98 00 01,Somebody Else,,,purchase,2026-04-01,order 2,no",
        header=HEADER,
    )
    assert faults_of(batch) == [(3, "duplicate"), (4, "duplicate")]
    assert "639980001" not in batch.faults.first().value
    assert Contact.objects.of(business).get().name == "Camille Durand"
    assert Interaction.objects.count() == 2
    link = ConsentEvent.objects.get()
    assert [what["evidence"] for what in dossier.read(link)["interactions"]] == ["order 1", "order 2"]


@pytest.mark.parametrize(
    ("encoding", "end", "separator"),
    [
        ("utf-8", "\n", ","),
        ("utf-8-sig", "\r\n", ";"),
        ("utf-16", "\r\n", "\t"),
        ("utf-16-le", "\n", ";"),
        ("utf-16-be", "\n", ","),
        ("cp1252", "\r\n", ";"),
        ("utf-8", "\r", "|"),
        ("utf-32", "\n", ","),
    ],
)
def test_any_spreadsheets_idea_of_csv_is_read(business, encoding, end, separator):
    lines = ["Téléphone,Prénom,Nom,Langue,Ville", "06 39 98 00 01,Zoé,Lefèvre,français,Nîmes", "", ",,,,", "bad,,,,"]
    batch = bring_bytes(business, end.join(lines).replace(",", separator).encode(encoding))
    assert (batch.state, faults_of(batch)) == ("done", [(5, "phone_not_digits")])
    contact = Contact.objects.of(business).get()
    assert (contact.name, contact.language) == ("Zoé Lefèvre", "fr")
    assert contact.attributes == {"first_name": "Zoé", "last_name": "Lefèvre", "city": "Nîmes"}


def test_one_line_of_two_megabytes_costs_itself(business):
    batch = bring(business, CAMILLE, "+33639980002," + "x" * 2_000_000, JOSE)
    assert faults_of(batch) == [(3, "line_too_long")]
    assert batch.n_new == 2


def test_a_few_broken_bytes_cost_their_lines_only(business):
    content = "\n".join([HEADER, CAMILLE.replace("Camille", "Zoé"), "+33639980002,Ma?ca,,,,,,", JOSE]).encode()
    batch = bring_bytes(business, content.replace(b"Ma?ca", b"Ma\xe7ca"))
    assert faults_of(batch) == [(3, "unreadable_letters")]
    assert batch.n_new == 2


def test_a_quotation_mark_that_is_never_closed_costs_its_line_only(business):
    lines = [f"+3363998{n:04d},Nom {n},fr,,,,," for n in range(100)]
    lines[3] = '+33639980003,"Nom 3,fr,,,,,'
    lines[7] = '+33639980007,Nom 7",fr,,,,,'
    batch = bring(business, *lines)
    assert faults_of(batch) == [(5, "unclosed_quote")]
    assert batch.n_new == 99
    assert Contact.objects.filter(name='Nom 7"').exists()


def test_lines_may_break_inside_quotation_marks(business):
    batch = bring(business, '+33639980001,"Camille\nDurand",fr,,,,,', "bad,,,,,,,")
    assert faults_of(batch) == [(4, "phone_not_digits")]
    assert Contact.objects.of(business).get().name == "Camille\nDurand"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"name,city\nZo,Lyon\n", "No column holds the phone numbers"),
        (b"\n\n\n", "No column holds the phone numbers"),
        (b"\x00" * 100, "No column holds the phone numbers"),
        (b"phone," + b",".join(b"c%d" % n for n in range(100)), "more than 60 columns"),
    ],
)
def test_a_file_that_holds_no_contacts_says_so(business, content, sentence):
    business.locale = "en"
    business.save()
    batch = bring_bytes(business, content)
    assert batch.state == "failed"
    assert sentence in batch.failure
    assert Event.objects.filter(business=business, kind="import.failed").exists()


def test_an_empty_file_is_not_even_received(business):
    with pytest.raises(imports.CannotImport, match="empty"):
        imports.receive(business=business, file=ContentFile(b""), filename="x.csv", by=None, now=NOW)
    assert not ImportBatch.objects.exists()


def test_a_header_alone_is_an_import_of_nobody(business):
    assert (bring(business).state, Contact.objects.count()) == ("done", 0)


def test_who_refused_stays_refused(business):
    bring(business, CAMILLE)
    recipient = Recipient.objects.get()
    refusals.stop(recipient_id=recipient.pk, business=business, via="keyword", now=NOW)
    bring(business, "+33639980001,Camille,fr,,opt_in,2026-05-30,new form,yes")
    assert Refusal.objects.get().lifted_at is None
    assert [link.kind for link in ConsentEvent.objects.order_by("position")] == [
        "interaction",
        "stopped",
        "interaction",
    ]
    assert ledger.verify() == []


def test_who_was_erased_does_not_come_back(business):
    neighbour = make_business(name="Fleurs Petit")
    Suppression.objects.create(
        address_hash=suppressions.hash_address("+33639980001"), kind="erased", legal_entity=None, created_at=NOW
    )
    Suppression.objects.create(
        address_hash=suppressions.hash_address("+447700900123"),
        kind="erased",
        legal_entity=neighbour.legal_entity,
        created_at=NOW,
    )
    batch = bring(business, CAMILLE, JOSE)
    assert faults_of(batch) == [(2, "not_accepted")]
    assert set(Address.objects.values_list("value", flat=True)) == {"+447700900123"}
    assert faults_of(bring(neighbour, CAMILLE, JOSE)) == [(2, "not_accepted"), (3, "not_accepted")]


def test_the_file_is_kept_only_until_it_is_read(business, tmp_path):
    batch = imports.receive(
        business=business,
        file=ContentFile(f"{HEADER}\n{CAMILLE}".encode()),
        filename="../../etc/x.csv",
        by=None,
        now=NOW,
    )
    assert [path.name for path in tmp_path.rglob("*.csv")] == [f"{batch.code}.csv"]
    imports.run(batch=batch, now=NOW)
    assert list(tmp_path.rglob("*.csv")) == []


def test_waiting_files_are_read_oldest_first_and_once(business):
    for number in (1, 2):
        content = f"{HEADER}\n+3363998000{number},N{number},,,,,,".encode()
        now = NOW - timedelta(minutes=number)
        imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=now)
    assert imports.run_waiting(now=NOW) == 2
    assert [c.name for c in Contact.objects.order_by("id")] == ["N2", "N1"]
    assert imports.run_waiting(now=NOW) == 0


def test_a_file_whose_reader_was_killed_is_read_again_but_not_for_ever(business):
    content = f"{HEADER}\n{CAMILLE}".encode()
    batch = imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=NOW)
    reading = ImportBatch.objects.filter(pk=batch.pk)
    reading.update(state="reading", touched_at=Now(), n_attempts=1)
    assert imports.run_waiting(now=NOW) == 0  # it may still be alive
    assert imports.run(batch=batch, now=NOW).state == "reading"
    reading.update(touched_at=Now() - timedelta(seconds=imports.LEASE_SECONDS + 1))
    assert imports.run_waiting(now=NOW) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.n_new, batch.n_attempts) == ("done", 1, 2)

    second = imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=NOW)
    long_ago = Now() - timedelta(hours=1)
    ImportBatch.objects.filter(pk=second.pk).update(state="reading", touched_at=long_ago, n_attempts=3)
    imports.run_waiting(now=NOW)
    second.refresh_from_db()
    assert second.state == "failed"
    assert second.failure


def test_a_failure_in_the_middle_leaves_nothing_behind(business, monkeypatch):
    def power_cut(**_):
        raise RuntimeError("power cut")

    content = f"{HEADER}\n{CAMILLE}\nbad,,,,,,,".encode()
    batch = imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=NOW)
    monkeypatch.setattr(imports.staging, "finish", power_cut)
    with pytest.raises(RuntimeError, match="power cut"), transaction.atomic():
        imports.run(batch=batch, now=NOW)
    assert not Recipient.objects.exists()
    assert not ImportFault.objects.exists()


def test_more_faults_than_anybody_reads_are_counted_but_not_kept(business, monkeypatch):
    monkeypatch.setattr(sieve, "MAX_FAULTS", 5)
    monkeypatch.setattr(staging, "MAX_FAULTS", 5)
    batch = bring(business, *["bad,,,,,,,"] * 12, CAMILLE)
    assert (batch.n_faulty, batch.faults.count(), batch.n_new) == (12, 5, 1)


def test_a_database_is_asked_as_often_for_many_rows_as_for_few(business, django_assert_max_num_queries):
    lines = [f"+3363998{n:04d},Nom {n},fr,Lyon,purchase,2026-03-14,order {n},yes" for n in range(1_000)]
    few = imports.receive(
        business=business, file=ContentFile("\n".join([HEADER, *lines[:5]]).encode()), filename="x", by=None, now=NOW
    )
    many = imports.receive(
        business=business, file=ContentFile("\n".join([HEADER, *lines]).encode()), filename="x", by=None, now=NOW
    )
    with django_assert_max_num_queries(50):
        imports.run(batch=few, now=NOW)
    with django_assert_max_num_queries(50):
        assert imports.run(batch=many, now=NOW).n_new == 995


def test_a_file_without_a_column_for_countries_reads_numbers_as_the_business_would(business):
    batch = bring_bytes(business, b"phone,country\n06 39 98 00 01,\n07700 900123,Royaume-Uni\n")
    assert faults_of(batch) == []
    assert set(Address.objects.values_list("value", flat=True)) == {"+33639980001", "+447700900123"}
