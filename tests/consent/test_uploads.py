"""What lies on disk of contact files: nothing that nobody waits for, and nothing about whoever was erased."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from businesses.models import Business, Event
from consent import imports, uploads
from consent.models import ImportBatch
from launch import ROOT
from tests.conftest import OwnDatabase
from tests.make import make_business
from tests.workbooks import workbook

NUMBER = "+33639980042"
HEADER = "phone,name"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT = tmp_path


def bring(business: Business, content: bytes, **more: Any) -> ImportBatch:
    """A file that waits for its columns."""
    more = {"asks_for_columns": True, "now": timezone.now(), **more}
    batch = imports.receive(business=business, file=ContentFile(content), filename="till.csv", by=None, **more)
    return imports.run(batch=batch, now=more["now"])


def on_disk() -> set[str]:
    return set(default_storage.listdir("imports")[1])


def forget(number: str = NUMBER, **more: Any) -> bool:
    told = {"numbers": [number], "test_numbers": [], "business_id": None, "now": timezone.now(), **more}
    return uploads.forget_person(**told)


# --- Who was erased -------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spelled",
    [
        "+33639980042", "0639980042", "33639980042", "0033639980042", "639980042", "06 39 98 00 42", "06.39.98.00.42",
        "+33 (0)6 39 98 00 42", "06-39-98-00-42", "+33\u00a06\u202f39 98 00 42", "(06) 39 98 00 42",
        "０６３９９８００４２", "tel:+33-6-39-98-00-42", "'0639980042", "06 39 98 00 42 00",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_waiting_file_that_holds_the_number_goes_whole_and_its_business_is_told(spelled: str, encoding: str) -> None:
    business = make_business()
    batch = bring(business, f"{HEADER}\n+33639980001,Ana\n{spelled},Zebulon\n".encode(encoding))
    assert batch.state == "mapping"
    assert forget()
    batch.refresh_from_db()
    assert (batch.state, batch.preview, batch.file.name, batch.table.name) == ("failed", None, "", "")
    assert "le fichier entier a été supprimé" in batch.failure  # in the language of the business
    assert on_disk() == set()
    told = Event.objects.get(business=business, kind="import.failed").payload
    assert told["code"] == batch.code
    assert not imports.take_in(batch=batch, by=None, now=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "line",
    ["+33639980043,a", "+3363998,0042", "+33639980,042", "+1639980042,b", "4863998004299,c", "1463998,004200,d",
     "order 88639980042,f"],
)  # fmt: skip
def test_other_files_stay(line: str) -> None:
    batch = bring(make_business(), f"{HEADER}\n{line}\n".encode())
    assert forget()
    batch.refresh_from_db()
    assert batch.state == "mapping"
    assert on_disk() == {f"{batch.code}.csv"}


@pytest.mark.django_db
def test_every_sheet_of_a_workbook_is_searched_and_a_checked_file_forgets_its_wrong_rows() -> None:
    business = make_business()
    first = [["phone", "name"], ["+33639980001", "Ana"]]
    batch = bring(business, workbook({"Ours": first, "Old": [["n"], [33639980042]]}))
    checked = bring(
        business, f"{HEADER}\n{NUMBER},Zebulon\n12,Nobody\n".encode(), asks_for_columns=False, is_dry_run=True
    )
    assert (batch.state, checked.state, checked.faults.count()) == ("mapping", "checked", 1)
    assert forget()
    assert set(ImportBatch.objects.values_list("state", flat=True)) == {"failed"}
    assert checked.faults.count() == 0
    assert on_disk() == set()


@pytest.mark.django_db
def test_a_number_over_the_edge_of_what_is_read_at_once_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LETTERS_AT_ONCE", 256)
    business = make_business()
    for place in range(200, 260, 7):
        bring(business, f"{HEADER}\n{'x' * place},a\n+33 6 39 98 00 42,Zebulon\n".encode())
    assert forget()
    assert set(ImportBatch.objects.values_list("state", flat=True)) == {"failed"}


@pytest.mark.django_db
def test_only_files_of_the_business_that_was_asked_and_no_real_ones_for_a_pretended_phone() -> None:
    business, neighbour = make_business(), make_business(name="Fleurs Petit")
    line = f"{HEADER}\n{NUMBER},Zebulon\n".encode()
    ours, theirs, tried = bring(business, line), bring(neighbour, line), bring(business.twin, line)

    def states() -> list[str]:
        return [ImportBatch.objects.get(pk=batch.pk).state for batch in (ours, theirs, tried)]

    assert forget(numbers=[], test_numbers=[NUMBER])
    assert states() == ["mapping", "mapping", "failed"]
    assert forget(business_id=business.pk)
    assert states() == ["failed", "mapping", "failed"]


@pytest.mark.django_db
def test_a_file_that_somebody_began_to_read_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = bring(make_business(), f"{HEADER}\n{NUMBER},Zebulon\n".encode())
    holds = uploads._holds

    def and_meanwhile(*told: Any) -> bool:
        found = holds(*told)
        ImportBatch.objects.filter(pk=batch.pk).update(state="reading")
        return found

    monkeypatch.setattr(uploads, "_holds", and_meanwhile)
    assert not forget()
    later = timezone.now() + timedelta(seconds=1)
    assert uploads.are_being_read(since_before=later, business_id=None)
    assert not uploads.are_being_read(since_before=batch.created_at, business_id=None)
    assert not uploads.are_being_read(since_before=later, business_id=0)


# --- What nobody waits for ------------------------------------------------------------------------

KILLED = """
import os, signal, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django
django.setup()
from django.core.files.base import ContentFile
from django.utils import timezone
from businesses.models import Business
from consent import imports, uploads
from consent.models import ImportBatch

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

business, content = Business.objects.get(code=sys.argv[1]), b"phone,name\\n+33639980042,Ana\\n"
told = {"business": business, "filename": "till.csv", "by": None, "now": timezone.now()}
if sys.argv[2] == "between file and row":
    ImportBatch.save = killed
    imports.receive(file=ContentFile(content), **told)
batch = imports.receive(file=ContentFile(content), **told)
uploads.forget_file = killed
if sys.argv[2] == "after it was discarded":
    imports.discard(batch=batch, by=None, now=timezone.now())
imports.run(batch=batch, now=timezone.now())
"""


@pytest.mark.parametrize("where", ["between file and row", "after it was discarded", "after it was taken in"])
def test_a_file_whose_uploader_was_killed_is_swept(own_database: OwnDatabase, tmp_path: Path, where: str) -> None:
    business = make_business()
    environment = {**own_database.environment, "MEDIA_ROOT": str(tmp_path), "FICTION_NUMBERS_ALLOWED": "true"}
    died = subprocess.run([sys.executable, "-c", KILLED, business.code, where], env=environment, cwd=ROOT)
    assert died.returncode == -signal.SIGKILL
    assert len(on_disk()) == 1
    waiting = bring(business, f"{HEADER}\n+33639980001,Ana\n".encode())
    now = timezone.now()
    assert uploads.sweep(now=now) == 0  # it may be on its way to its row
    assert uploads.sweep(now=now + 2 * uploads.SWEPT_AFTER) == 1
    assert on_disk() == {f"{waiting.code}.csv"}
    assert list(ImportBatch.objects.exclude(file="").values_list("code", flat=True)) == [waiting.code]
    assert uploads.sweep(now=now + 2 * uploads.SWEPT_AFTER) == 0


@pytest.mark.django_db
def test_a_house_without_any_upload_has_nothing_to_sweep() -> None:
    assert uploads.sweep(now=timezone.now()) == 0
