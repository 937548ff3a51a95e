"""Programs attest many interactions at once, and undo imports: each element by itself, nothing twice, nothing half."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from businesses.models import Business
from consent import contacts, ledger, suppressions
from consent.models import (
    Address,
    ConsentEvent,
    Contact,
    EvidencePolicy,
    ImportBatch,
    Interaction,
    Recipient,
    Suppression,
)
from tests.at_once import at_once
from tests.make import make_batch, make_business, make_client, make_key, make_people

URL = "/api/v1/interactions"


@pytest.fixture(autouse=True)
def _kept_for_films(settings):
    settings.FICTION_NUMBERS_ALLOWED = True


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def secret(business: Business) -> str:
    return make_key(business=business)[1]


def post(secret: str, body: Any, *, url: str = URL, key: str = "") -> Any:
    headers = {"Authorization": f"Bearer {secret}", **({"Idempotency-Key": key} if key else {})}
    return make_client().post(url, data=json.dumps(body), content_type="application/json", headers=headers)


def element(n: int, **changes: Any) -> dict[str, Any]:
    told = {
        "phone": f"+3363998{n:04d}",
        "kind": "opt_in",
        "occurred_at": "2026-03-14T09:30:00Z",
        "evidence": f"form {n}",
    } | changes
    return {name: value for name, value in told.items() if value is not None}


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [result["status"] for result in answer.json()["results"]]


def test_people_contacts_evidence_and_proof(business: Business, secret: str) -> None:
    known = contacts.remember(
        business=business, address_kind="e164", value="+33639980001", country="FR", timezone="Europe/Paris",
        name="Camille", attributes={"city": "Lyon"}, now=timezone.now(),
    )  # fmt: skip
    sent = [
        element(1, attributes={"size": "M"}, name=""),
        element(2, name="Zoé", language="fr"),
        element(0, phone=None, contact=known.code, kind="purchase", opt_out_offered=True),
    ]
    answer = post(secret, {"interactions": sent})
    assert statuses(answer) == ["created"] * 3
    body, batch = answer.json(), ImportBatch.objects.get()
    assert (body["batch"], body["trust"]) == (batch.code, "probe")
    assert (body["n_created"], body["n_known"], body["n_refused"]) == (3, 0, 0)
    assert [result["contact"] for result in body["results"]][::2] == [known.code] * 2
    assert (batch.source, batch.n_rows, batch.n_new, batch.n_updated, batch.n_probe) == ("api", 3, 1, 1, 2)

    known.refresh_from_db()
    assert (known.name, known.attributes) == ("Camille", {"city": "Lyon", "size": "M"})
    stranger = Contact.objects.of(business).exclude(pk=known.pk).get()
    assert (stranger.name, stranger.language, stranger.recipient.country) == ("Zoé", "fr", "FR")
    assert set(Interaction.objects.values_list("provenance", "is_probe", "batch")) == {(2, True, batch.pk)}
    assert Interaction.objects.filter(recipient=known.recipient).count() == 2
    assert ConsentEvent.objects.count() == 2
    assert ledger.verify() == []


def test_a_bad_element_keeps_no_other_out_and_is_not_half_in(business: Business, secret: str) -> None:
    theirs = contacts.remember(
        business=make_business(name="Other"), address_kind="e164", value="+33639980900", country="FR",
        timezone="Europe/Paris", now=timezone.now(),
    )  # fmt: skip
    soon, ahead = timezone.now() + timedelta(minutes=10), timezone.now() + timedelta(minutes=2)
    bad = {
        1: ("/interactions/1/phone", "phone_not_digits", element(1, phone="06 39 98 OO 01")),
        2: ("/interactions/2/kind", "invalid_choice", element(2, kind="click")),
        3: ("/interactions/3/occurred_at", "date_in_future", element(3, occurred_at=soon.isoformat())),
        4: ("/interactions/4/evidence", "blank", element(4, evidence=" ")),
        5: ("/interactions/5/contact", "does_not_exist", element(5, phone=None, contact=theirs.code)),
        6: ("/interactions/6", "invalid", element(6, contact=theirs.code)),
        7: ("/interactions/7", "invalid", element(7, phone=None)),
        8: ("/interactions/8", "invalid", "nonsense"),
        9: ("/interactions/9/colour", "unknown_field", element(9, colour="red")),
        10: ("/interactions/10/occurred_at", "impossible_date", element(10, occurred_at="0001-01-01T00:00:00Z")),
    }
    sent = [element(0), *(wrong for _, _, wrong in bad.values()), element(11, occurred_at=ahead.isoformat())]
    answer = post(secret, {"interactions": sent})
    assert statuses(answer) == ["created", *["refused"] * 10, "created"]
    results = answer.json()["results"]
    for index, (pointer, code, _) in bad.items():
        (error,) = results[index]["errors"]
        assert (error["pointer"], error["code"]) == (pointer, code), error
        assert len(error["detail"]) > 10
        assert results[index]["contact"] == ""
    assert (Contact.objects.of(business).count(), Interaction.objects.count()) == (2, 2)
    assert sorted(Address.objects.values_list("value", flat=True)) == ["+33639980000", "+33639980011", "+33639980900"]


@pytest.mark.parametrize("body", [[], {}, {"interactions": []}, {"interactions": {}}, {"interactions": [{}] * 1001}])
def test_what_is_no_list_of_up_to_1000_is_refused_as_a_whole(secret: str, body: Any) -> None:
    answer = post(secret, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not ImportBatch.objects.exists()


def test_all_of_it_refused_is_an_answer_too(business: Business, secret: str) -> None:
    assert statuses(post(secret, {"interactions": ["x", element(1, evidence="")]})) == ["refused"] * 2
    assert not Recipient.objects.exists()


def test_the_same_again_is_known_with_and_without_a_key(business: Business, secret: str) -> None:
    body = {"interactions": [element(1), element(2), element(1)]}
    first = post(secret, body, key="a")
    assert statuses(first) == ["created", "created", "known"]
    assert post(secret, body, key="a").json() == first.json()
    assert statuses(post(secret, body)) == ["known"] * 3
    assert (Interaction.objects.count(), ConsentEvent.objects.count(), Contact.objects.count()) == (2, 2, 2)


def test_who_is_suppressed_is_not_brought_back(business: Business, secret: str) -> None:
    hushed = suppressions.hash_address("+33639980001")
    Suppression.objects.create(address_hash=hushed, kind="erased", created_at=timezone.now())
    answer = post(secret, {"interactions": [element(1), element(2)]})
    assert statuses(answer) == ["refused", "created"]
    assert answer.json()["results"][0]["errors"][0]["code"] == "not_accepted"
    assert Recipient.objects.count() == 1


def test_a_thousand_cost_as_many_queries_as_two(business: Business, secret: str) -> None:
    with CaptureQueriesContext(connection) as few:
        assert statuses(post(secret, {"interactions": [element(n) for n in range(2)]})) == ["created"] * 2
    with CaptureQueriesContext(connection) as many:
        sent = [element(n, name=f"N {n}") for n in range(1000)]
        answer = post(secret, {"interactions": sent})
    assert answer.json()["n_created"] == 998
    assert len(many) <= len(few) + 2
    assert ImportBatch.objects.get().n_probe == 250
    assert Interaction.objects.filter(is_probe=True).count() == 250


def test_posts_at_once_make_everybody_once_and_one_probe(own_database: object) -> None:
    business, neighbour = make_business(), make_business(name="Fleurs Petit")
    EvidencePolicy.objects.update(probe_people=30)
    secrets = [make_key(business=business)[1], make_key(business=neighbour)[1]]

    def act(n: int) -> list[str]:
        sent = [element(k) for k in range(60)][:: 1 if n % 2 else -1]
        return statuses(post(secrets[n % 2], {"interactions": sent}))

    said = at_once(act, 6)
    assert not [fault for fault in said if isinstance(fault, Exception)], said
    assert sum(answer.count("created") for answer in said) == 120
    assert (Recipient.objects.count(), Address.objects.count(), Contact.objects.count()) == (60, 60, 120)
    assert list(ImportBatch.objects.values_list("n_probe", flat=True)) == [30, 30]
    assert Interaction.objects.filter(is_probe=True).count() == 60
    assert ledger.verify() == []


def test_a_test_key_makes_sandbox_people(business: Business) -> None:
    secret = make_key(business=business.twin)[1]
    assert statuses(post(secret, {"interactions": [element(1)]})) == ["created"]
    assert Address.objects.get().kind == Address.Kind.SANDBOX


# --- Undo ----------------------------------------------------------------------------------------


def test_an_import_is_undone_once(business: Business, secret: str) -> None:
    batch = make_batch(business=business)
    make_people(business=business, n=2, batch=batch)
    url = f"/api/v1/imports/{batch.code}/undo"
    first, again = post(secret, {}, url=url), post(secret, {}, url=url)
    assert first.json() == {"code": batch.code, "trust": "withdrawn", "is_new": True}
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    waiting = make_batch(business=business, state="uploaded")
    refused = post(secret, {}, url=f"/api/v1/imports/{waiting.code}/undo")
    assert (refused.status_code, refused.json()["code"]) == (422, "cannot_undo")
    assert post(secret, {}, url="/api/v1/imports/imp_nobodys/undo").status_code == 404


def test_what_programs_attested_this_month_can_be_undone_and_attested_again(business: Business, secret: str) -> None:
    code = post(secret, {"interactions": [element(1)]}).json()["batch"]
    assert post(secret, {}, url=f"/api/v1/imports/{code}/undo").status_code == 200
    again = post(secret, {"interactions": [element(1)]})
    assert statuses(again) == ["created"]
    assert again.json()["batch"] != code
