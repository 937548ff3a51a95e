"""The operator's desk for evidence: one case, all that is needed to decide it, and one decision with words."""

import pytest
from django.test import Client

from businesses.models import AuditEvent, Business, User
from consent import suspicion
from consent.models import EvidenceCase, ImportBatch
from feedback import reports
from tests.make import NOW, make_batch, make_business, make_client, make_people

pytestmark = pytest.mark.django_db
DESK = "/admin/consent/evidencecase/"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def operator() -> Client:
    return make_client(User.objects.create_superuser("operator@example.org", "not a secret"))


@pytest.fixture
def case(business: Business) -> EvidenceCase:
    batch = make_batch(business=business, n_rows=20, n_new=20)
    ids = make_people(business=business, n=20, batch=batch)
    for pk in ids[:3]:
        reports.block_and_report(
            recipient_id=pk, business=business, broadcast_id=None, reason="no_sign_up", words="Who are <you>?",
            via="page", now=NOW,
        )  # fmt: skip
    return EvidenceCase.objects.get()


def change(case: EvidenceCase) -> str:
    return f"{DESK}{case.pk}/change/"


def test_the_case_shows_who_brought_it_a_sample_the_reports_and_the_answer(
    operator: Client, case: EvidenceCase, business: Business
) -> None:
    by = business.members.get().user
    suspicion.answer(batch=case.batch, by=by, words="Our stand at the fair.", now=NOW)
    assert case.batch.code in operator.get(DESK).content.decode()
    page = operator.get(change(case)).content.decode()
    for told in (
        business.name, "clients.csv", "20 rows, 20 new contacts", "20 people in the probe", "form 1",
        "3 people who say that they did not sign up, of 3 ", "Who are &lt;you&gt;?", "Our stand at the fair.",
    ):  # fmt: skip
        assert told in page, told
    assert "+3363998" not in page


@pytest.mark.parametrize(("decision", "trust"), [("vouched", "vouched"), ("kept", "quarantined")])
def test_one_decision_with_words(operator: Client, case: EvidenceCase, decision: str, trust: str) -> None:
    without = operator.post(change(case), {"decision": decision, "decision_words": " "})
    assert "Write down why" in without.content.decode()
    decided = operator.post(change(case), {"decision": decision, "decision_words": "Saw it."})
    assert decided.status_code == 302
    case.refresh_from_db()
    assert (case.decision, case.decision_words, case.decided_by.email) == (decision, "Saw it.", "operator@example.org")
    assert ImportBatch.objects.get().trust == trust
    assert AuditEvent.objects.filter(actor=case.decided_by, after__words="Saw it.").count() == 1

    assert list(operator.get(DESK).context["cl"].result_list) == []
    assert list(operator.get(f"{DESK}?decision=all").context["cl"].result_list) == [case]
    operator.post(change(case), {"decision": "vouched", "decision_words": "Again."})
    assert ImportBatch.objects.get().trust == trust


def test_a_member_of_the_business_does_not_decide(case: EvidenceCase, business: Business) -> None:
    owner = business.members.get().user
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    refused = make_client(owner).post(change(case), {"decision": "vouched", "decision_words": "We are honest."})
    assert "somebody else has to decide" in refused.content.decode()
    assert ImportBatch.objects.get().trust == "quarantined"


def test_cases_are_neither_made_nor_removed_by_hand(operator: Client, case: EvidenceCase) -> None:
    assert operator.get(f"{DESK}add/").status_code == 403
    assert operator.post(f"{DESK}{case.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_policy_is_one_row_that_is_changed_on_the_record(operator: Client) -> None:
    table = "/admin/consent/evidencepolicy/"
    assert operator.get(f"{table}add/").status_code == 403
    policy = {
        "probe_people": 100, "unproven_people": 1000, "clean_percent": 40, "clean_days": 3, "quarantine_people": 3,
        "quarantine_permille": 10,
    }  # fmt: skip
    assert operator.post(f"{table}1/change/", policy).status_code == 302
    noted = AuditEvent.objects.get(action="policy.evidence")
    assert (noted.before, noted.after) == ({"probe_people": 250}, {"probe_people": 100})
    assert operator.post(f"{table}1/change/", policy | {"clean_percent": 101}).status_code == 200
