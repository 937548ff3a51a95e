"""Contacts in the browser: list, one person, a file on its way in, its faults on their way out."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from businesses.models import Business, Member
from consent import contacts, imports, refusals
from consent.models import Contact, ImportBatch
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
GOOD_ROW = "+33 6 39 98 12 34,Camille,fr,purchase,2026-10-14,order 1,yes"
HEADING = "phone,name,language,interaction,interaction_date,evidence,opt_out_offered"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.FICTION_NUMBERS_ALLOWED = True


@pytest.fixture
def business() -> Business:
    return make.make_business()


@pytest.fixture
def marketer(client: Client, business: Business) -> Client:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    return client


def _upload(client: Client, business: Business, *lines: str, name: str = "people.csv") -> Any:
    file = SimpleUploadedFile(name, "\n".join([HEADING, *lines]).encode(), content_type="text/csv")
    return client.post(f"/b/{business.code}/contacts/import/", {"file": file})


def _arrange(client: Client, business: Business) -> ImportBatch:
    """Agree with the guess of the newest file's columns; it then waits to be read for trial."""
    batch = ImportBatch.objects.of(business).latest("id")
    roles = {f"role_{i}": role for i, role in enumerate(batch.preview["roles"])}
    client.post(f"/b/{business.code}/contacts/imports/{batch.code}/columns/", roles)
    batch.refresh_from_db()
    return batch


def test_an_empty_list_names_the_next_step(marketer: Client, business: Business) -> None:
    page = marketer.get(f"/b/{business.code}/contacts/").content.decode()
    assert "No contacts yet" in page
    assert f"/b/{business.code}/contacts/import/" in page


def test_pages_follow_each_other_without_gap_or_overlap_and_cost_the_same(
    marketer: Client, business: Business, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    make.make_people(business=business, n=120)
    seen: list[str] = []
    query = ""
    for _ in range(3):
        with django_assert_max_num_queries(12):
            answer = marketer.get(f"/b/{business.code}/contacts/{query}")
        seen += [contact.code for contact in answer.context["contacts"]]
        query = f"?after={seen[-1]}"
    assert len(seen) == len(set(seen)) == 120
    assert not answer.context["has_more"]


def test_a_cursor_of_another_business_leads_nowhere(marketer: Client, business: Business) -> None:
    other = make.make_business(name="Other")
    make.make_people(business=other, n=1)
    code = Contact.objects.of(other).get().code
    assert marketer.get(f"/b/{business.code}/contacts/?after={code}").status_code == 404
    assert marketer.get(f"/b/{business.code}/contacts/{code}/").status_code == 404


@pytest.mark.parametrize("written", ["+33639981234", "+33 6 39 98 12 34", "06 39 98 12 34"])
def test_a_number_is_found_however_it_is_written(marketer: Client, business: Business, written: str) -> None:
    for value, name in (("+33639981234", "Camille"), ("+33639981235", "Noor")):
        contacts.remember(
            business=business,
            address_kind="e164",
            value=value,
            country="FR",
            timezone="Europe/Paris",
            name=name,
            now=NOW,
        )
    answer = marketer.get(f"/b/{business.code}/contacts/", {"phone": written})
    assert [contact.name for contact in answer.context["contacts"]] == ["Camille"]


def test_nobody_with_this_number(marketer: Client, business: Business) -> None:
    make.make_people(business=business, n=1)
    assert "Nobody found" in marketer.get(f"/b/{business.code}/contacts/", {"phone": "hello"}).content.decode()


def test_one_person_is_shown_with_evidence_and_what_was_refused_to_this_company(
    marketer: Client, business: Business
) -> None:
    (recipient_id,) = make.make_people(business=business, n=1)
    refusals.stop(recipient_id=recipient_id, business=business, via="page", now=NOW)
    contact = Contact.objects.of(business).get()
    page = marketer.get(f"/b/{business.code}/contacts/{contact.code}/").content.decode()
    assert "form 1" in page
    assert "stopped your offers" in page


def test_what_a_person_told_another_company_is_not_shown(marketer: Client, business: Business) -> None:
    (recipient_id,) = make.make_people(business=business, n=1)
    other = make.make_business(name="Other")
    refusals.stop(recipient_id=recipient_id, business=other, via="page", now=NOW)
    assert "stopped your offers" not in marketer.get(f"/b/{business.code}/contacts/").content.decode()


def test_a_file_is_taken_then_read_then_shown(marketer: Client, business: Business) -> None:
    answer = _upload(marketer, business, GOOD_ROW, "12,Nobody,fr,purchase,2026-10-14,order 2,yes")
    batch = _arrange(marketer, business)
    where = f"/b/{business.code}/contacts/imports/{batch.code}/"
    assert answer.headers["Location"] == where
    waiting = marketer.get(where).content.decode()
    assert "waits for its turn" in waiting
    assert "every 2s" in waiting

    batch = imports.run(batch=batch, now=NOW)
    marketer.post(f"{where}take-in/")
    imports.run(batch=batch, now=NOW)
    done = marketer.get(where).content.decode()
    assert "Lines to mend" in done
    assert "too few digits" in done
    assert "every 2s" not in done
    assert Contact.objects.of(business).get().name == "Camille"


def test_htmx_gets_the_progress_alone_and_a_reload_at_the_end(marketer: Client, business: Business) -> None:
    _upload(marketer, business, GOOD_ROW)
    batch = _arrange(marketer, business)
    where = f"/b/{business.code}/contacts/imports/{batch.code}/"
    part = marketer.get(where, headers={"hx-request": "true"})
    assert b"<html" not in part.content
    assert b"<progress" in part.content
    imports.run(batch=batch, now=NOW)
    assert marketer.get(where, headers={"hx-request": "true"}).headers["HX-Refresh"] == "true"


def test_the_faults_come_as_a_file_that_no_spreadsheet_runs(marketer: Client, business: Business) -> None:
    _upload(marketer, business, "=HYPERLINK(1),x,fr,purchase,2026-10-14,order 2,yes")
    batch = _arrange(marketer, business)
    imports.run(batch=batch, now=NOW)
    answer = marketer.get(f"/b/{business.code}/contacts/imports/{batch.code}/faults.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.reader(StringIO(text)))
    assert rows[0] == [*HEADING.split(","), "tambour line", "tambour column", "tambour value", "tambour reason"]
    assert rows[1][0] == rows[1][9] == "'=HYPERLINK(1)"
    assert rows[1][7] == "2"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This file is empty"),
        (b"%PDF-1.7", "This is a PDF"),
        (b"<html><table>", "This is a web page"),
    ],
)
def test_what_is_no_contact_file_is_refused_with_a_sentence(
    marketer: Client, business: Business, content: bytes, sentence: str
) -> None:
    answer = marketer.post(f"/b/{business.code}/contacts/import/", {"file": SimpleUploadedFile("x.csv", content)})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not ImportBatch.objects.exists()


def test_no_file_at_all_is_refused(marketer: Client, business: Business) -> None:
    assert marketer.post(f"/b/{business.code}/contacts/import/").status_code == 422


def test_an_analyst_reads_but_does_not_bring(client: Client, business: Business) -> None:
    client.force_login(make.make_member(business=business, role=Member.Role.ANALYST))
    assert client.get(f"/b/{business.code}/contacts/").status_code == 200
    assert client.get(f"/b/{business.code}/contacts/import/").status_code == 403
    assert _upload(client, business, GOOD_ROW).status_code == 403
    assert not ImportBatch.objects.exists()


def test_a_stranger_finds_neither_files_nor_faults(client: Client, marketer: Client, business: Business) -> None:
    _upload(marketer, business, GOOD_ROW)
    batch = ImportBatch.objects.of(business).get()
    client.force_login(make.make_user())
    for path in ("", f"imports/{batch.code}/", f"imports/{batch.code}/faults.csv", "import/"):
        assert client.get(f"/b/{business.code}/contacts/{path}").status_code == 404


def test_the_example_file_can_be_imported_as_it_is(marketer: Client, business: Business) -> None:
    example = Path(__file__).parents[2] / "config" / "static" / "contacts-example.csv"
    marketer.post(f"/b/{business.code}/contacts/import/", {"file": SimpleUploadedFile("x.csv", example.read_bytes())})
    batch = imports.run(batch=_arrange(marketer, business), now=NOW)
    assert (batch.n_new, batch.n_faulty) == (3, 0)
