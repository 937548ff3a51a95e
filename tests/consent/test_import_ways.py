"""A file is looked into, rehearsed and taken in; workbooks are files like others; stops come first, and stay."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection

from businesses.models import Member
from consent import contacts, imports, ledger, refusals, verdicts
from consent.choosing import BadChoice, Choice, checked
from consent.columns import Layout
from consent.models import (
    Address,
    ConsentEvent,
    Contact,
    ImportBatch,
    ImportFault,
    Interaction,
    Recipient,
    Refusal,
    RememberedLayout,
    Suppression,
)
from consent.reasons import Reason
from consent.suppressions import hash_address
from tests.make import NOW, make_business, make_client, make_key, make_member, make_user
from tests.workbooks import (
    Formula,
    bomb,
    far_corners,
    old_with_password,
    open_document_with_password,
    workbook,
    written,
)

HEADER = "phone,name,interaction,interaction_date,evidence"
ANA = "+33639980001,Ana,purchase,2026-03-14,order 1"
BEA = "+33639980002,Béa,opt_in,2026-03-15,form 2"
CLO = "+33639980003,Clo,,,"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kept_for_films(settings, tmp_path):
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def business(db):
    return make_business()


def bring(business, *lines, header=HEADER, now=NOW, **more):
    content = "\n".join([header, *lines]).encode() if header else "\n".join(lines).encode()
    return bring_bytes(business, content, now=now, **more)


def bring_bytes(business, content, *, now=NOW, **more):
    batch = imports.receive(business=business, file=ContentFile(content), filename="x", by=None, now=now, **more)
    return imports.run(batch=batch, now=now)


def counts(batch):
    return (batch.n_new, batch.n_updated, batch.n_faulty, batch.n_without_evidence, batch.n_stopped)


def faults_of(batch):
    return [(fault.line, fault.column, fault.reason) for fault in batch.faults.order_by("line", "id")]


def numbers():
    return set(Address.objects.values_list("value", flat=True))


# --- The dry run ----------------------------------------------------------------------------------


def test_a_dry_run_says_what_the_import_then_does_and_changes_nothing(business):
    bring(business, ANA, BEA)
    stopped = contacts.find_by_address(kind="e164", value="+33639980002")
    refusals.stop(recipient_id=stopped.pk, business=business, via="keyword", now=NOW)
    before = (
        Recipient.objects.count(),
        Contact.objects.count(),
        Interaction.objects.count(),
        ConsentEvent.objects.count(),
    )
    lines = [
        "+33639980001,Anna,purchase,2026-04-01,order 9",
        BEA,
        CLO,
        CLO,
        "12,Nobody,,,",
        "+33639980004,Zoé,purchase,2026-04-01,order 4",
    ]
    batch = bring(business, *lines, is_dry_run=True)
    assert (batch.state, batch.n_rows, batch.n_already_stopped) == ("checked", 6, 1)
    assert counts(batch) == (2, 1, 2, 1, 0)
    assert faults_of(batch) == [(5, "phone", "duplicate"), (6, "phone", "phone_too_short")]
    assert batch.faults.get(line=6).cells == ["12", "Nobody", "", "", ""]
    after = (
        Recipient.objects.count(),
        Contact.objects.count(),
        Interaction.objects.count(),
        ConsentEvent.objects.count(),
    )
    assert after == before
    rehearsed = counts(batch)
    assert imports.take_in(batch=batch, by=None, now=NOW)
    batch = imports.run(batch=batch, now=NOW)
    assert (batch.state, batch.n_already_stopped, counts(batch)) == ("done", 1, rehearsed)
    assert faults_of(batch) == [(5, "phone", "duplicate"), (6, "phone", "phone_too_short")]
    assert Contact.objects.of(business).count() == 4
    assert ledger.verify() == []


def test_a_checked_file_is_taken_in_once_or_discarded_and_forgotten(business, tmp_path):
    batch = bring(business, ANA, "12,,,,", is_dry_run=True)
    assert imports.discard(batch=batch, by=None, now=NOW)
    batch.refresh_from_db()
    assert (batch.state, batch.file.name, ImportFault.objects.count()) == ("dropped", batch.file.name, 0)
    assert not imports.take_in(batch=batch, by=None, now=NOW)
    again = bring(business, ANA, is_dry_run=True)
    assert imports.take_in(batch=again, by=None, now=NOW)
    assert not imports.take_in(batch=again, by=None, now=NOW)
    assert not Contact.objects.exists()


def test_what_nobody_takes_in_is_forgotten(business):
    batch = bring(business, ANA, is_dry_run=True)
    assert imports.forget_old(now=NOW + timedelta(days=6)) == 0
    assert imports.forget_old(now=NOW + timedelta(days=8)) == 1
    batch.refresh_from_db()
    assert batch.state == "dropped"


# --- Columns --------------------------------------------------------------------------------------


def test_the_business_says_what_the_columns_hold_and_is_remembered(business):
    header, row = "Rufnr.,Wer,Wann war das,Kauf-Nr.", "0639980001,Ana,14.03.2026,77"
    batch = bring(business, row, header=header, asks_for_columns=True)
    assert batch.state == "mapping"
    assert batch.preview["rows"] == [["0639980001", "Ana", "14.03.2026", "77"]]
    assert batch.preview["roles"] == ["phone", "attribute", "attribute", "attribute"]
    layout = Layout(("phone", "name", "interaction_date", "evidence"), {"interaction": "purchase"})
    assert imports.arrange(batch=batch, layout=layout, by=None, now=NOW)
    batch = imports.run(batch=batch, now=NOW)
    assert (batch.state, batch.n_new, batch.n_without_evidence) == ("checked", 1, 0)
    imports.take_in(batch=batch, by=None, now=NOW)
    batch = imports.run(batch=batch, now=NOW)
    assert (batch.state, batch.preview) == ("done", None)
    assert Interaction.objects.get().evidence == "77"

    later = bring(business, "0639980002,Béa,15.03.2026,78", header=header, asks_for_columns=True)
    assert later.preview["roles"] == ["phone", "name", "interaction_date", "evidence"]
    assert later.preview["is_remembered"]
    # Evidence is attested for every file anew.
    assert later.layout is None
    stranger = bring(make_business(name="Other"), row, header=header, asks_for_columns=True)
    assert not stranger.preview["is_remembered"]
    assert RememberedLayout.objects.count() == 1


def test_what_a_file_has_no_column_for_may_be_said_for_all_rows(business):
    for_all = {
        "interaction": "opt_in", "interaction_date": "2026-02-01", "evidence": "register of the shop",
        "opt_out_offered": "yes", "country": "United Kingdom", "language": "English",
    }  # fmt: skip
    choice = checked(roles={}, for_all=for_all, kind="contacts", timezone="Europe/Paris", now=NOW)
    batch = bring(business, "07700 900123,José", header="Mobile,Name", choice=choice)
    assert (batch.n_new, batch.n_without_evidence) == (1, 0)
    assert numbers() == {"+447700900123"}
    happened = Interaction.objects.get()
    assert (happened.kind, happened.evidence, happened.opt_out_offered) == (1, "register of the shop", True)
    assert Contact.objects.get().language == "en"


@pytest.mark.parametrize(
    ("roles", "for_all", "wrong"),
    [
        ({"A": "nonsense"}, {}, "columns"),
        ({"A": "phone", "B": "phone"}, {}, "columns"),
        ({}, {"interaction": "party"}, "interaction"),
        ({}, {"interaction_date": "2027-01-01"}, "interaction_date"),
        ({}, {"interaction_date": "31/02/2026"}, "interaction_date"),
        ({}, {"country": "Atlantis"}, "country"),
        ({}, {"favourite": "cheese"}, "favourite"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused_by_name(roles, for_all, wrong):
    with pytest.raises(BadChoice) as refused:
        checked(roles=roles, for_all=for_all, kind="contacts", timezone="Europe/Paris", now=NOW)
    assert list(refused.value.message_dict) == [wrong]


def test_a_title_that_the_file_does_not_have_fails_it_with_a_sentence(business):
    batch = bring(business, ANA, choice=Choice(roles={"Portable": "phone"}))
    assert batch.state == "failed"
    assert "Portable" in batch.failure


def test_a_plain_list_of_numbers_needs_no_header(business):
    batch = bring(business, "0639980001", "+33 6 39 98 00 02", "33639980003.0", header="")
    assert (batch.state, batch.n_rows, batch.n_new, faults_of(batch)) == ("done", 3, 3, [])


def test_a_title_above_the_header_is_no_header(business):
    batch = bring(business, "Export du 12 mars,,,,", "", HEADER, ANA, header="")
    assert (batch.n_new, batch.n_rows) == (1, 1)


# --- Stops ----------------------------------------------------------------------------------------


def test_every_number_of_a_list_of_stops_is_stopped_known_or_not(business):
    bring(business, ANA, BEA)
    batch = bring(business, "+33639980001", "0639980003", "+33639980001", header="", kind="stops")
    assert (batch.state, batch.n_stopped, batch.n_already_stopped, batch.n_new) == ("done", 2, 0, 0)
    assert Contact.objects.of(business).count() == 2
    unknown = contacts.find_by_address(kind="e164", value="+33639980003")
    assert not unknown.contacts.exists()
    for number in ("+33639980001", "+33639980003"):
        refusal = Refusal.objects.get(recipient__addresses__value=number)
        assert (refusal.kind, refusal.via, refusal.lifted_at) == (Refusal.Kind.STOPPED, "import", None)
        assert refusal.legal_entity_id == business.legal_entity_id
    assert [link.kind for link in ConsentEvent.objects.filter(recipient=unknown)] == ["stopped"]
    assert ledger.verify() == []
    again = bring(business, "+33639980001", header="", kind="stops")
    assert (again.n_stopped, again.n_already_stopped) == (0, 1)


def test_who_stopped_before_they_were_known_is_stopped_when_a_later_file_brings_them(business):
    bring(business, "+33639980003", header="", kind="stops")
    batch = bring(business, "+33639980003,Clo,opt_in,2026-03-15,form 3")
    assert (batch.n_new, batch.n_already_stopped) == (1, 1)
    person = contacts.find_by_address(kind="e164", value="+33639980003")
    question = verdicts.Question(
        business_id=business.pk, legal_entity_id=business.legal_entity_id, address_kinds=["e164"], salt=""
    )
    with connection.cursor() as cursor:
        (verdict,) = verdicts.decide(
            cursor, question=question, recipient_ids=[person.pk], lacks_variable=[False], now=NOW
        )
    assert verdict.reason == Reason.OPTED_OUT
    assert Refusal.objects.get(recipient=person).lifted_at is None
    # They alone can take it back.
    assert refusals.resume(recipient_id=person.pk, business=business, via="keyword", now=NOW)


def test_a_stop_follows_the_company_and_nobody_else(business):
    bring(business, "+33639980003", header="", kind="stops")
    other = make_business(name="Other")
    assert bring(other, "+33639980003,Clo,opt_in,2026-03-15,form 3").n_already_stopped == 0
    twin = bring(business.twin, "+33639980003,Clo,opt_in,2026-03-15,form 3")
    assert twin.n_already_stopped == 0


def test_stops_in_a_file_of_contacts_come_first_and_prove_nothing(business):
    bring(business, ANA)
    header = HEADER + ",status"
    lines = [
        ANA.replace("order 1", "order 5") + ",unsubscribed",
        BEA + ",subscribed",
        "+33639980003,Clo,opt_in,2026-03-15,form 3,enabled",
        "+33639980003,Clo,opt_in,2026-03-16,form 4,blocklisted",
        "+33639980004,Zoé,opt_in,2026-03-16,form 4,who knows",
    ]
    batch = bring(business, *lines, header=header, choice=Choice(roles={"status": "stopped"}), is_dry_run=True)
    assert (batch.n_new, batch.n_stopped) == (1, 2)
    imports.take_in(batch=batch, by=None, now=NOW)
    batch = imports.run(batch=batch, now=NOW)
    assert (batch.n_new, batch.n_stopped) == (1, 2)
    assert faults_of(batch) == [(4, "phone", "stopped_here"), (6, "status", "stopped_or_not")]
    assert Refusal.objects.filter(lifted_at=None).count() == 2
    assert set(Interaction.objects.values_list("evidence", flat=True)) == {"order 1", "form 2"}
    assert set(Contact.objects.values_list("name", flat=True)) == {"Ana", "Béa"}
    assert ledger.verify() == []


def test_listmonks_subscribers_are_understood_as_they_are(business):
    content = io.StringIO()
    write = csv.writer(content).writerow
    write(["uuid", "email", "name", "attributes", "status", "created_at", "updated_at"])
    for n, status in enumerate(("enabled", "blocklisted"), 1):
        attributes = json.dumps({"phone": f"+3363998000{n}", "city": "Lyon", "age": 40 + n})
        write([f"5f{n}", f"p{n}@example.org", f"P{n}", attributes, status, "2024-01-01", "2024-01-01"])
    batch = bring_bytes(business, content.getvalue().encode())
    assert (batch.n_new, batch.n_stopped, faults_of(batch)) == (1, 1, [])
    assert Contact.objects.get().attributes["city"] == "Lyon"


def test_a_list_of_stops_obeys_a_column_about_states_only_when_told(business):
    lines = ["+33639980001,enabled", "+33639980002,blocklisted", "+33639980003,"]
    told = bring(business, *lines, header="phone,status", kind="stops", choice=Choice(roles={"status": "stopped"}))
    assert (told.n_stopped, faults_of(told)) == (2, [(2, "status", "not_stopped")])
    assert bring(business, *lines, header="phone,status", kind="stops").n_stopped == 1


def test_of_somebody_who_was_erased_only_the_hash_of_the_stop_is_kept(business):
    Suppression.objects.create(
        address_hash=hash_address("+33639980001"), kind="erased", legal_entity=None, created_at=NOW
    )
    batch = bring(business, "+33639980001", "+33639980002", header="", kind="stops")
    assert (batch.n_stopped, batch.n_already_stopped, faults_of(batch)) == (2, 0, [])
    assert numbers() == {"+33639980002"}
    assert Suppression.objects.filter(kind="stopped", legal_entity=business.legal_entity).count() == 1
    again = bring(business, "+33639980001", "+33639980002", header="", kind="stops")
    assert (again.n_stopped, again.n_already_stopped) == (0, 2)


# --- Workbooks ------------------------------------------------------------------------------------


def test_a_workbook_is_a_table_like_others(business):
    rows = [
        ["Liste des clients", None, None, None, None],
        ["Téléphone", "Nom", "Interaction", "Date", "Preuve"],
        [33639980001.0, "Ana", "achat", date(2026, 3, 14), "commande 1"],
        ["06 39 98 00 02", "Béa", "achat", 46095, "commande 2"],
        ["+33639980003", "Clo", Formula("A1"), None, None],
        [3.36e10, "Dan", "achat", date(2027, 1, 1), "commande 4"],
    ]
    batch = bring_bytes(business, workbook({"Notes": [["rien"]], "Clients": rows}, merged="A1:E1"))
    assert (batch.state, batch.n_rows, batch.n_new) == ("done", 4, 3)
    assert numbers() == {"+33639980001", "+33639980002", "+33639980003"}
    days = dict(Interaction.objects.values_list("evidence", "occurred_at"))
    assert days["commande 1"].isoformat() == "2026-03-13T23:00:00+00:00"
    assert days["commande 2"].isoformat() == "2026-03-13T23:00:00+00:00"
    # Line n is row n of the sheet.
    assert [(line, reason) for line, _, reason in faults_of(batch)] == [(6, "date_in_future")]


@pytest.mark.parametrize("name", ["people.xls", "people.ods"])
def test_old_and_open_workbooks_of_other_programs_are_read(business, name):
    batch = bring_bytes(business, written(name))
    assert (batch.state, batch.n_new, batch.n_faulty) == ("done", 2, 0)
    assert numbers() == {"+33639980001", "+33639980002"}
    assert set(Contact.objects.values_list("name", flat=True)) == {"Ana", "Béa"}
    days = {happened.isoformat() for happened in Interaction.objects.values_list("occurred_at", flat=True)}
    assert days == {"2026-03-13T23:00:00+00:00"}


@pytest.mark.parametrize(
    "content",
    [
        lambda: written("password.xlsx"),
        old_with_password,
        lambda: open_document_with_password(part="content.xml"),
        lambda: open_document_with_password(part="encrypted-package"),
    ],
    ids=["XLSX", "XLS", "ODS", "ODS, whole"],
)
def test_a_workbook_with_a_password_says_how_to_bring_it(business, content):
    business.locale = "en"
    business.save()
    batch = bring_bytes(business, content())
    assert (batch.state, bool(batch.file)) == ("failed", False)
    assert batch.failure == "This workbook has a password: save it without one, and bring it again."


def test_another_sheet_can_be_taken(business):
    sheets = {"Paris": [["phone"], ["+33639980001"]], "Lyon": [["phone"], ["+33639980002"]]}
    batch = bring_bytes(business, workbook(sheets), asks_for_columns=True)
    assert (batch.preview["sheet"], batch.preview["sheets"]) == ("Paris", ["Paris", "Lyon"])
    assert imports.take_sheet(batch=batch, sheet="Lyon")
    batch = imports.run(batch=batch, now=NOW)
    assert batch.preview["rows"] == [["+33639980002"]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: workbook({"Clients": []}), "empty"),
        (lambda: b"PK\x03\x04 no archive at all", "damaged"),
        (lambda: workbook({"C": [["phone"]]})[:-40], "damaged"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000), "damaged"),
        (far_corners, "too large"),
        (bomb, "too large"),
    ],
    ids=["empty", "no archive", "cut off", "old and broken", "far corners", "bomb"],
)
def test_a_workbook_that_cannot_be_read_says_why(business, content, sentence):
    business.locale = "en"
    business.save()
    batch = bring_bytes(business, content())
    assert batch.state == "failed"
    assert sentence in batch.failure


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"\xef\xbb\xbf\r\n<html><body><table>", "web page"),
        (b'<?xml version="1.0"?><Workbook>', "web page"),
        (b"\xff\xd8\xff\xe0 a picture", "picture"),
        (b"\x1f\x8b\x08 packed", "packed"),
    ],
)
def test_what_is_no_table_is_not_even_received(business, content, sentence):
    with pytest.raises(imports.CannotImport, match=sentence):
        bring_bytes(business, content)
    assert not ImportBatch.objects.exists()


# --- Two processes --------------------------------------------------------------------------------


def test_two_parsers_read_a_file_as_one_does(business, monkeypatch):
    lines = [f"+3363998{n:04d},Nom {n},purchase,2026-03-14,order {n}" for n in range(5_000)]
    lines[10] = '+33639980010,"Nom\n10",purchase,2026-03-14,order 10'
    lines[20] = '+33639980020,"Nom 20,purchase,2026-03-14,order 20'
    lines[4_990] = "bad,,,,"
    alone = bring(business, *lines, is_dry_run=True)
    monkeypatch.setattr(imports.reading, "WORTH_TWO_BYTES", 0)
    shared = bring(business, *lines)
    assert (shared.state, shared.n_rows, counts(shared)) == ("done", alone.n_rows, counts(alone))
    assert faults_of(shared) == faults_of(alone) != []
    assert Contact.objects.filter(name="Nom\n10").exists()


def test_a_parser_that_dies_leaves_the_file_to_the_next_worker(business, monkeypatch):
    monkeypatch.setattr(imports.reading, "WORTH_TWO_BYTES", 0)
    monkeypatch.setattr(imports.reading, "asdict", lambda recipe: {"nonsense": 1})
    batch = bring(business, ANA)
    assert (batch.state, Contact.objects.count()) == ("reading", 0)


# --- Doors ----------------------------------------------------------------------------------------


def test_the_pages_lead_from_the_file_to_its_contacts(business):
    client = make_client(make_member(business=business, role=Member.Role.MARKETER))
    where = f"/b/{business.code}/contacts/"
    file = SimpleUploadedFile("clients.csv", b"Rufnr.,Wer\n0639980001,Ana\n12,Nobody\n")
    answer = client.post(f"{where}import/", {"file": file, "kind": "contacts"}, follow=True)
    batch = ImportBatch.objects.of(business).get()
    assert answer.redirect_chain[-1][0] == f"{where}imports/{batch.code}/columns/"
    assert "Rufnr." in answer.content.decode()
    assert "0639980001" in answer.content.decode()
    form = {"role_0": "phone", "role_1": "name", "interaction": "purchase", "interaction_date": "2026-03-14"}
    page = f"{where}imports/{batch.code}/"
    twice = client.post(f"{page}columns/", {**form, "role_1": "phone"})
    assert (twice.status_code, "Another column" in twice.content.decode()) == (422, True)
    future = client.post(f"{page}columns/", {**form, "interaction_date": "2999-01-01"})
    assert (future.status_code, "has not come yet" in future.content.decode()) == (422, True)
    assert client.post(f"{page}columns/", {**form, "evidence": "register"}).status_code == 302
    imports.run_waiting(now=NOW)
    checked_page = client.get(page).content.decode()
    assert "nothing is taken in yet" in checked_page
    assert not Contact.objects.exists()
    assert client.post(f"{page}take-in/").status_code == 302
    imports.run_waiting(now=NOW)
    assert Contact.objects.get().name == "Ana"
    report = b"".join(client.get(f"{page}faults.csv").streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(report)))
    assert rows[0][:2] == ["Rufnr.", "Wer"]
    assert rows[1][:2] == ["12", "Nobody"]


def test_the_report_can_be_mended_and_brought_again(business):
    client = make_client(make_user())
    batch = bring(business, "=cmd|' /C calc'!A0,+1,purchase,2026-03-14,-7")
    member = make_client(make_member(business=business, role=Member.Role.ANALYST))
    where = f"/b/{business.code}/contacts/imports/{batch.code}/faults.csv"
    assert client.get(where).status_code == 404
    report = b"".join(member.get(where).streaming_content).decode("utf-8-sig")
    (row,) = list(csv.reader(io.StringIO(report)))[1:]
    assert row[:5] == ["'=cmd|' /C calc'!A0", "'+1", "purchase", "2026-03-14", "'-7"]
    mended = bring_bytes(business, report.replace("'=cmd|' /C calc'!A0", "'+33639980001").encode())
    assert (mended.n_new, faults_of(mended)) == (1, [])
    assert (Contact.objects.get().name, Interaction.objects.get().evidence) == ("+1", "-7")
    assert Contact.objects.get().attributes == {}


def test_programs_bring_files_too(business):
    secret = make_key(business=business)[1]
    client = make_client()

    def post(path, body=None, *, key="", **form):
        headers = {"Authorization": f"Bearer {secret}", **({"Idempotency-Key": key} if key else {})}
        if body is None:
            return client.post(f"/api/v1/imports{path}", "{}", content_type="application/json", headers=headers)
        return client.post(
            f"/api/v1/imports{path}", {"file": SimpleUploadedFile("x.csv", body), **form}, headers=headers
        )

    body = b"Rufnr.,Wer\n0639980001,Ana\n12,Nobody\n"
    form = {"dry_run": "true", "columns": '{"Wer": "name"}', "for_all": '{"language": "fr"}'}
    first = post("", body, key="k1", **form)
    assert first.status_code == 201, first.content
    told = first.json()
    assert (told["state"], told["kind"], told["dry_run"]) == ("uploaded", "contacts", True)
    assert post("", body, key="k1", **form).json() == told
    assert post("", body + b"0639980002,B\n", key="k1", **form).status_code == 422
    assert ImportBatch.objects.count() == 1
    imports.run_waiting(now=NOW)
    headers = {"Authorization": f"Bearer {secret}"}
    one = client.get(f"/api/v1/imports/{told['code']}", headers=headers).json()
    assert (one["state"], one["n_new"], one["columns"]) == ("checked", 1, {"Rufnr.": "phone", "Wer": "name"})
    faults = client.get(f"/api/v1/imports/{told['code']}/faults", headers=headers).json()["data"]
    assert [(fault["line"], fault["reason"], fault["cells"]) for fault in faults] == [
        (3, "phone_too_short", ["12", "Nobody"])
    ]
    assert post(f"/{told['code']}/take-in").json()["state"] == "uploaded"
    assert post(f"/{told['code']}/take-in").status_code == 422
    imports.run_waiting(now=NOW)
    assert Contact.objects.get().language == "fr"
    assert post(f"/{told['code']}/discard").status_code == 422
    listed = client.get("/api/v1/imports", headers=headers).json()["data"]
    assert [each["state"] for each in listed] == ["done"]

    for wrong in ({"columns": "[1]"}, {"columns": '{"Wer": "nonsense"}'}, {"kind": "party"}, {"surprise": "x"}):
        assert post("", body, **wrong).status_code in (400, 422)
    assert post("", b"%PDF-1.7").status_code == 422
    reader = make_key(business=business, scopes=("broadcasts:read",))[1]
    refused = client.get("/api/v1/imports", headers={"Authorization": f"Bearer {reader}"})
    assert refused.status_code == 403


def test_the_command_imports_here_and_now(business, tmp_path, capsys):
    path = tmp_path / "people.csv"
    path.write_text("Wer,Rufnr.\nAna,0639980001\nNobody,12\n")
    arguments = [str(path), "--business", business.code, "--map", "phone=Rufnr.", "--map", "name=Wer"]
    call_command("import_contacts", *arguments, "--dry-run")
    out = capsys.readouterr().out
    assert "only read for trial" in out
    assert "line 3, Rufnr.: '12'" in out
    assert not Contact.objects.exists()
    call_command("import_contacts", *arguments)
    assert Contact.objects.get().name == "Ana"
    call_command("import_contacts", str(path), "--business", business.code, "--kind", "stops")
    assert Refusal.objects.count() == 1
    for wrong in (["--map", "phone"], ["--map", "phone=Nothing"], ["--all", "interaction=party"]):
        with pytest.raises(CommandError):
            call_command("import_contacts", str(path), "--business", business.code, *wrong)
    with pytest.raises(CommandError):
        call_command("import_contacts", str(path), "--business", "biz_nobody")
