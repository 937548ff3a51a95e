"""The operator edits policy; evidence and refusals are only looked at."""

import pytest
from django.core.files.base import ContentFile

from businesses.models import AuditEvent, User
from consent import contacts, imports, interactions, refusals
from tests.make import NOW, make_business

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("operator@example.org", "not a secret"))
    return client


@pytest.fixture
def batch(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.FICTION_NUMBERS_ALLOWED = True
    business = make_business()
    file = ContentFile(b"phone,name\n+33639980001,Camille\n")
    batch = imports.receive(business=business, file=file, filename="clients.csv", by=None, now=NOW)
    return imports.run(batch=batch, now=NOW)


@pytest.mark.parametrize("table", ["basisrule", "caprule", "quiethours"])
def test_policy_is_edited_in_the_admin(operator, table):
    assert operator.get(f"/admin/consent/{table}/").status_code == 200
    assert operator.get(f"/admin/consent/{table}/add/").status_code == 200


@pytest.mark.parametrize("table", ["importbatch", "refusal", "interaction"])
def test_records_are_read_only(operator, batch, table):
    contact = contacts.find_by_address(kind="e164", value="+33639980001")
    refusals.stop(recipient_id=contact.pk, business=batch.business, via="page", now=NOW)
    interactions.observe(business=batch.business, recipient=contact, kind=3, occurred_at=NOW, evidence="chat", now=NOW)
    page = operator.get(f"/admin/consent/{table}/")
    assert page.status_code == 200
    assert operator.get(f"/admin/consent/{table}/add/").status_code == 403
    (row,) = page.context["cl"].result_list
    assert operator.get(f"/admin/consent/{table}/{row.pk}/change/").status_code == 200
    assert operator.post(f"/admin/consent/{table}/{row.pk}/change/", {}).status_code == 403
    assert operator.post(f"/admin/consent/{table}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    # Nobody reads addresses here.
    assert "639980001" not in page.content.decode()


@pytest.mark.parametrize(("action", "trust"), [("quarantine", "quarantined"), ("vouch", "vouched")])
def test_evidence_is_judged_by_file(operator, batch, action, trust):
    chosen = {"action": action, "_selected_action": [batch.pk]}
    answer = operator.post("/admin/consent/importbatch/", chosen, follow=True)
    assert "Write down why" in answer.content.decode()
    operator.post("/admin/consent/importbatch/", chosen | {"words": "I called them."}, follow=True)
    batch.refresh_from_db()
    assert batch.trust == trust
    noted = AuditEvent.objects.get(action=f"import.{trust}")
    assert (noted.actor.email, noted.before, noted.after) == (
        "operator@example.org",
        {"trust": "probe"},
        {"trust": trust, "words": "I called them."},
    )
