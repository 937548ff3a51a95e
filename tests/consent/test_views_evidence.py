"""What a member sees of an import's evidence, and does about it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from businesses.models import Business, Member
from consent import suspicion, trust, withdrawal
from consent.models import EvidenceCase, ImportBatch, Interaction
from tests.make import NOW, make_batch, make_business, make_client, make_member, make_people, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def batch(business: Business) -> ImportBatch:
    batch = make_batch(business=business)
    make_people(business=business, n=300, batch=batch)
    return batch


@pytest.fixture
def marketer(business: Business) -> Client:
    return make_client(make_member(business=business, role=Member.Role.MARKETER))


def address(batch: ImportBatch, more: str = "") -> str:
    return f"/b/{batch.business.code}/contacts/imports/{batch.code}/{more}"


def shown(client: Client, batch: ImportBatch) -> str:
    answer = client.get(address(batch))
    assert answer.status_code == 200
    return str(answer.content.decode())


def quarantined(batch: ImportBatch) -> ImportBatch:
    assert suspicion.quarantine(batch=batch, by=make_user(is_staff=True), words="Looks bought.", now=NOW)
    return batch


def test_an_import_says_how_far_it_is_believed(
    marketer: Client, batch: ImportBatch, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_max_num_queries(12):
        assert "250 people of this import may be written to first" in shown(marketer, batch)
    trust.pass_probe(batch=batch, now=NOW)
    assert "did not complain" in shown(marketer, batch)
    suspicion.vouch(batch=batch, by=make_user(is_staff=True), words="Saw the forms.", now=NOW)
    assert "vouches for it" in shown(marketer, batch)
    quarantined(batch)
    assert "Answer the operator" in shown(marketer, batch)
    withdrawal.undo(batch=batch, by=None, now=NOW)
    page = shown(marketer, batch)
    assert "This import was undone" in page
    assert "being written down" in page
    assert address(batch, "undo/") not in page
    withdrawal.carry_on(now=NOW)
    assert "People whose evidence was withdrawn: 300" in shown(marketer, batch)


def test_undoing_is_asked_for_and_done_once(marketer: Client, batch: ImportBatch) -> None:
    asked = marketer.get(address(batch, "undo/"))
    assert "Stops and blocks stay" in asked.content.decode()
    batch.refresh_from_db()
    assert batch.trust == "probe"
    for _ in range(2):
        done = marketer.post(address(batch, "undo/"))
        assert (done.status_code, done.headers["Location"]) == (302, address(batch))
    batch.refresh_from_db()
    assert (batch.trust, batch.withdrawn_by is not None) == ("withdrawn", True)


def test_a_file_that_is_being_read_is_not_undone(marketer: Client, business: Business) -> None:
    batch = make_batch(business=business, state="reading")
    refused = marketer.post(address(batch, "undo/"))
    assert refused.status_code == 422
    assert "still being read" in refused.content.decode()


def test_the_answer_reaches_the_case_and_the_page(marketer: Client, batch: ImportBatch) -> None:
    refused = marketer.post(address(batch, "answer/"), {"words": "Our stand at the fair."})
    assert (refused.status_code, "not in quarantine" in refused.content.decode()) == (422, True)
    quarantined(batch)
    assert marketer.post(address(batch, "answer/"), {"words": " "}).status_code == 422
    assert marketer.post(address(batch, "answer/"), {"words": "<b>Our stand</b> at the fair."}).status_code == 302
    assert EvidenceCase.objects.get().answer == "<b>Our stand</b> at the fair."
    page = shown(marketer, batch)
    assert "&lt;b&gt;Our stand&lt;/b&gt; at the fair." in page
    suspicion.keep(batch=batch, by=make_user(is_staff=True), words="There was no fair.", now=NOW)
    assert "There was no fair." in shown(marketer, batch)


def test_an_analyst_looks_and_changes_nothing(business: Business, batch: ImportBatch) -> None:
    analyst = make_client(make_member(business=business, role=Member.Role.ANALYST))
    assert "Undo this import" not in shown(analyst, batch)
    for page in ("undo/", "answer/"):
        assert analyst.post(address(batch, page), {"words": "x"}).status_code == 403
    assert not Interaction.objects.filter(withdrawn_at__isnull=False).exists()


def test_what_programs_attest_has_a_page_too(marketer: Client, business: Business) -> None:
    batch = make_batch(business=business, source="api", period="2026-06", filename="")
    assert "API, 2026-06" in shown(marketer, batch)
    assert "API, 2026-06" in marketer.get(f"/b/{business.code}/contacts/").content.decode()
