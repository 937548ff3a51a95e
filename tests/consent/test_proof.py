"""The signed proof for one person: whole, checkable by a stranger's program, and silent about everybody else."""

import copy
import json
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from consent import contacts, interactions, ledger, links, proof, refusals, signatures, wordings
from consent.models import Contact, Interaction
from launch import ROOT
from tests.make import NOW, make_business, make_client, make_key, make_user

pytestmark = pytest.mark.django_db


def make_contact(business):
    return contacts.remember(
        business=business, address_kind="e164", value="+33639980001", country="FR", timezone="Europe/Paris", now=NOW
    )


@pytest.fixture
def owner():
    return make_user()


@pytest.fixture
def business(owner):
    return make_business(owner=owner, name="Maison Lune")


@pytest.fixture
def contact(business):
    """Somebody who joined, then dealt with a stranger of ours and paused everybody, then stopped and resumed here."""
    contact, stranger = make_contact(business), make_contact(make_business(name="Garage Secret"))
    words = wordings.archived(code="join_page", locale="fr", text="Oui, écrivez-moi.", business=business, now=NOW)
    interactions.observe(
        business=business,
        recipient=contact.recipient,
        kind=Interaction.Kind.OPT_IN,
        occurred_at=NOW,
        evidence="form 7",
        circumstances=links.Circumstances(via="page", locale="fr", wording=wordings.shown(words)),
        now=NOW,
    )
    person = contact.recipient_id
    refusals.stop(recipient_id=person, business=stranger.business, via="keyword", now=NOW)
    refusals.pause_all(recipient_id=person, via="page", now=NOW)
    refusals.stop(recipient_id=person, business=business, via="keyword", now=NOW + timedelta(days=1))
    refusals.resume(recipient_id=person, business=business, via="page", now=NOW + timedelta(days=2))
    refusals.block(recipient_id=person, business=stranger.business, via="page", now=NOW + timedelta(days=3))
    return contact


def test_a_business_proves_its_own_and_tells_nothing_of_others(business, contact):
    document = proof.of_contact(contact=contact, now=NOW)
    assert proof.check(document) == []
    (chain,) = document["chains"]
    assert [link["position"] for link in chain["links"]] == [1, 2, 3, 4, 5]
    assert [link.get("kind") for link in chain["links"]] == ["interaction", None, None, "stopped", "resumed"]
    assert chain["links"][0]["says"]["interactions"][0]["evidence"] == "form 7"
    assert document["about"]["business"] == {"code": business.code, "name": "Maison Lune"}
    assert [wording["text"] for wording in document["wordings"]] == ["Oui, écrivez-moi."]
    stranger = Contact.objects.exclude(business=business).get()
    written = proof.written(document).decode()
    for secret in ("Garage", stranger.code, stranger.business.code, "paused", "blocked", contact.recipient.code):
        assert secret not in written
    # Of a stranger's link there is its place, its seal and its digest, and nothing that a key would open.
    assert [set(link) for link in chain["links"][1:3]] == [{"position", "hash", "content"}] * 2


def test_a_person_proves_everything_and_a_business_without_links_nothing(contact):
    document = proof.of_person(recipient=contact.recipient, now=NOW)
    assert proof.check(document) == []
    kinds = [link["kind"] for link in document["chains"][0]["links"]]
    assert kinds == ["interaction", "stopped", "paused_all", "stopped", "resumed", "blocked"]
    nothing = proof.of_contact(contact=make_contact(make_business()), now=NOW)
    assert (nothing["chains"], proof.check(nothing)) == ([], [])


def test_whoever_was_merged_keeps_the_chain_they_had(business, contact):
    other = contacts.remember(
        business=business, address_kind="e164", value="+33639980002", country="FR", timezone="Europe/Paris", now=NOW
    )
    refusals.stop(recipient_id=other.recipient_id, business=business, via="page", now=NOW)
    other.recipient.merged_into = contact.recipient
    other.recipient.save()
    document = proof.of_contact(contact=contact, now=NOW)
    assert [len(chain["links"]) for chain in document["chains"]] == [5, 1]
    assert proof.check(document) == []


def test_an_erased_person_leaves_a_proof_that_says_nothing(contact):
    ledger.destroy_key(recipient_id=contact.recipient_id, now=NOW)
    document = proof.of_contact(contact=contact, now=NOW)
    assert proof.check(document) == []
    assert not any(link.get("says") or "key" in link for link in document["chains"][0]["links"])


TAMPERINGS = {
    "what it says": lambda d: d["chains"][0]["links"][0]["says"]["interactions"][0].update(evidence="form 8"),
    "when": lambda d: d["chains"][0]["links"][3].update(at="2026-01-01T00:00:00.000000"),
    "its kind": lambda d: d["chains"][0]["links"][3].update(kind="resumed"),
    "its place": lambda d: d["chains"][0]["links"][3].update(position=9),
    "the seal": lambda d: d["chains"][0]["links"][3].update(sealed=d["chains"][0]["links"][0]["sealed"]),
    "the key": lambda d: d["chains"][0]["links"][3].update(key=d["chains"][0]["links"][0]["key"]),
    "no key": lambda d: d["chains"][0]["links"][3].pop("key"),
    "a digest": lambda d: d["chains"][0]["links"][1].update(content="00" * 32),
    "a hash": lambda d: d["chains"][0]["links"][1].update(hash="00" * 32),
    "a link less": lambda d: d["chains"][0]["links"].pop(1),
    "the words": lambda d: d["wordings"][0].update(text="Non."),
    "the beginning": lambda d: d["chains"][0].update(follows="00" * 32),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found_even_under_a_new_signature(contact, name):
    """Whoever has the signing key may sign what they like, and yet cannot make it say what was never sealed."""
    forged = copy.deepcopy(proof.of_contact(contact=contact, now=NOW))
    TAMPERINGS[name](forged)
    assert "signature" in proof.check(forged)[0]
    findings = proof.check(signatures.signed(forged))
    assert findings
    assert "signature" not in " ".join(findings)


def test_another_address_or_another_key_breaks_the_signature(contact):
    document = proof.of_contact(contact=contact, now=NOW)
    forged = {**document, "about": {**document["about"], "addresses": ["+33639980009"]}}
    assert "signature" in proof.check(forged)[0]
    assert "signature" in proof.check(document, trusted={bytes(32)})[0]


@pytest.mark.parametrize(
    "nonsense",
    [None, [], {}, {"format": proof.FORMAT}, {"format": proof.FORMAT, "chains": 7, "wordings": []},
     {"format": proof.FORMAT, "chains": [{"follows": "zz", "links": []}], "wordings": []},
     {"format": proof.FORMAT, "chains": [{"follows": "", "links": [{}]}], "wordings": [], "signature": 5}],
)  # fmt: skip
def test_nonsense_is_no_proof(nonsense):
    assert proof.check(nonsense)


def test_a_strangers_program_agrees(contact, tmp_path):
    """`examples/verify_proof.py` imports nothing of ours."""
    path = tmp_path / "proof.json"
    document = proof.of_contact(contact=contact, now=NOW)
    path.write_bytes(proof.written(document))
    program = [sys.executable, str(ROOT / "examples" / "verify_proof.py"), str(path)]
    done = subprocess.run([*program, document["key_id"]], capture_output=True, text=True)
    assert (done.returncode, done.stdout[:16]) == (0, "This proof holds")
    call_command("verify_proof", str(path), stdout=(out := StringIO()))
    assert "5 links" in out.getvalue()

    assert "another key" in subprocess.run([*program, "0" * 16], capture_output=True, text=True).stderr
    TAMPERINGS["what it says"](document)
    for forged in (document, signatures.signed(document)):
        path.write_text(json.dumps(forged))
        assert subprocess.run(program, capture_output=True).returncode == 1
        with pytest.raises(CommandError, match="does not hold"):
            call_command("verify_proof", str(path), stderr=StringIO())
    path.write_text("no JSON")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_proof", str(path))


def test_the_page_and_the_file(owner, business, contact, django_assert_max_num_queries):
    client = make_client(owner)
    with django_assert_max_num_queries(14):
        page = client.get(reverse("contact-proof", args=[business.code, contact.code]))
    words = page.content.decode()
    assert page.status_code == 200
    for told in ("form 7", "Oui, écrivez-moi.", "join_page, version 1 (fr)", "2 links that are not", "+33639980001"):
        assert told in words
    assert "Garage" not in words
    assert page["Cache-Control"] == "no-store"
    file = client.get(reverse("contact-proof-file", args=[business.code, contact.code]))
    assert proof.check(file.json()) == []
    assert f"proof-{contact.code}.json" in file["Content-Disposition"]


def test_a_page_about_nothing_and_one_about_somebody_erased(owner, business):
    contact, client = make_contact(business), make_client(owner)
    address = reverse("contact-proof", args=[business.code, contact.code])
    assert "Nothing is recorded" in client.get(address).content.decode()
    refusals.stop(recipient_id=contact.recipient_id, business=business, via="page", now=NOW)
    ledger.destroy_key(recipient_id=contact.recipient_id, business=business, now=NOW)
    words = client.get(address, headers={"Accept-Language": "fr"}).content.decode()
    assert "effacé" in words


def test_a_program_gets_the_same(business, contact):
    _, secret = make_key(business=business)
    answer = make_client().get(f"/api/v1/contacts/{contact.code}/proof", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    assert proof.check(answer.json()) == []
