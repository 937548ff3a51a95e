"""The chain of proof: it links, it says nothing to whoever lacks the key, and any tampering shows."""

from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from consent import contacts, dossier, ledger, links, refusals, sealing, wordings
from consent.models import ConsentEvent, Interaction, PersonKey
from tests.at_once import at_once
from tests.make import NOW, make_business


def make_recipient(business, number="+33639980001"):
    return contacts.remember(
        business=business, address_kind="e164", value=number, country="FR", timezone="Europe/Paris", now=NOW
    ).recipient


def append(recipient, business=None, kind="stopped", now=NOW, **payload):
    return ledger.append(recipient=recipient, business=business, kind=kind, payload={"via": "page"} | payload, now=now)


def lay_out(rows):
    """Fill the table that the bulk path reads."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE new_link (recipient_id bigint, business_id bigint, kind text, payload jsonb)"
            " ON COMMIT DROP"
        )
        cursor.executemany("INSERT INTO new_link VALUES (%s, %s, %s, %s)", rows)


@pytest.mark.django_db
def test_links_follow_one_another():
    business = make_business()
    recipient, other = make_recipient(business), make_recipient(business, "+33639980002")
    first = append(recipient, business)
    append(other, business)
    second = append(recipient, None, kind="paused_all", now=NOW + timedelta(microseconds=1))
    assert (first.position, second.position) == (1, 2)
    assert first.previous_hash == sealing.genesis(recipient.pk)
    assert second.previous_hash == first.hash
    assert ledger.verify() == []
    assert ledger.verify(recipient_id=recipient.pk) == []


@pytest.mark.django_db
def test_a_link_says_who_in_which_words_and_language():
    business, recipient = (business := make_business()), make_recipient(business)
    wording = wordings.archived(code="join_page", locale="fr", text="Oui, je veux", business=business, now=NOW)
    ledger.append(
        recipient=recipient,
        business=business,
        kind="resumed",
        payload=links.Choice(via="page", evidence="form 7"),
        actor="person",
        wording=wording,
        now=NOW,
    )
    (told,) = dossier.history(recipient_id=recipient.pk)
    assert (told.position, told.kind, told.business_id, told.created_at) == (1, "resumed", business.pk, NOW)
    assert told.payload == {
        "via": "page",
        "evidence": "form 7",
        "actor": "person",
        "locale": "fr",
        "wording": {"code": "join_page", "version": 1, "locale": "fr", "hash": wording.hash},
    }


@pytest.mark.parametrize(
    ("payload", "actor"),
    [({"via": "keyword"}, "person"), ({"via": "operator"}, "operator"), ({"via": "api"}, "business")],
)
def test_the_door_tells_who_acted(payload, actor):
    assert links.actor_of(payload) == actor


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("unheard_of", {"via": "page"}, "no link of the kind"),
        ("stopped", {}, "lacks"),
        ("stopped", {"via": "page", "phone": "+33639980001"}, "too many"),
    ],
)
def test_a_link_says_only_what_is_written_down(kind, payload, words):
    with pytest.raises(links.UnknownLink, match=words):
        links.check(kind, payload)


@pytest.mark.django_db
def test_many_links_at_once_are_what_one_after_the_other_is(monkeypatch):
    monkeypatch.setattr(ledger, "SLICE_LINKS", 2)
    monkeypatch.setattr(ledger, "PART_LINKS", 1)
    business = make_business()
    people = [make_recipient(business, f"+3363998{n:04d}") for n in range(5)]
    append(people[0], business)
    append(people[1], None, kind="paused_all")
    said = '{"evidence": "é\\n\\t\\\\", "via": "page"}'
    lay_out([(p.pk, None if p == people[4] else business.pk, "stopped", said) for p in people])
    assert ledger.append_many(now=NOW) == 5
    positions = ConsentEvent.objects.order_by("recipient", "position").values_list("recipient", "position")
    expected = [(p.pk, n) for p in people for n in ((1, 2) if p in people[:2] else (1,))]
    assert list(positions) == sorted(expected)
    assert ledger.verify() == []
    for person in people:
        told = dossier.history(recipient_id=person.pk)[-1]
        assert told.payload == {"evidence": "é\n\t\\", "via": "page"}
        assert told.business_id == (None if person == people[4] else business.pk)
    # The key that was there is used again; a person has one for each business, and one for what is nobody's.
    assert PersonKey.objects.count() == 6


@pytest.mark.django_db
def test_whatever_a_payload_holds_is_read_again_and_nothing_of_it_is_stored_in_the_clear():
    business = make_business()
    recipient = make_recipient(business)
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcé", max_size=3), inner, max_size=3),
        max_leaves=8,
    )

    @given(evidence=values)
    def agree(evidence):
        event = append(recipient, business, evidence=evidence)
        assert dossier.read(ConsentEvent.objects.get(pk=event.pk))["evidence"] == evidence
        assert b"evidence" not in event.sealed

    agree()
    assert ConsentEvent.objects.count() >= 10
    assert ledger.verify() == []


@pytest.mark.django_db
def test_the_database_refuses_to_change_proof_words_and_keys():
    business = make_business()
    append(recipient := make_recipient(business), business)
    wordings.archived(code="join_page", locale="en", text="Yes", now=NOW)
    forbidden = [
        "UPDATE consent_consentevent SET kind = 'resumed'",
        "DELETE FROM consent_consentevent",
        "TRUNCATE consent_consentevent",
        "UPDATE consent_wording SET text = 'No'",
        "DELETE FROM consent_wording",
        "TRUNCATE consent_wording",
        "UPDATE consent_personkey SET wrapped = ''",
        "TRUNCATE consent_personkey",
        f"DELETE FROM consent_recipient WHERE id = {recipient.pk}",
    ]
    for statement in forbidden:
        with pytest.raises(DatabaseError, match=r"only grows|denied|never"), transaction.atomic():
            connection.cursor().execute(statement)


@pytest.mark.django_db
def test_nobody_is_removed_whom_something_still_names():
    business = make_business()
    recipient = make_recipient(business)
    Interaction.objects.create(
        business=business, recipient=recipient, kind=4, provenance=1, occurred_at=NOW, created_at=NOW, evidence="click"
    )
    # Whoever removes a person together with what names them may do so; here one of the three is always left.
    named_in = ["consent_address", "consent_contact", "consent_interaction"]
    for table in named_in:
        gone = ", ".join(f"{t}_ AS (DELETE FROM {t})" for t in named_in if t != table)
        with pytest.raises(IntegrityError, match="still names this person"), transaction.atomic():
            connection.cursor().execute(f"WITH {gone} DELETE FROM consent_recipient")
    with connection.cursor() as cursor:
        gone = ", ".join(f"{t}_ AS (DELETE FROM {t})" for t in named_in)
        cursor.execute(f"WITH {gone} DELETE FROM consent_recipient")
        assert cursor.rowcount == 1


def test_even_the_owner_is_refused(own_database):
    business = make_business()
    append(make_recipient(business), business)
    with psycopg.connect(own_database.owner_url, autocommit=True) as owner:
        for table in ("consent_consentevent", "consent_personkey", "consent_wording"):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=r"only grows|never changed"):
                owner.execute(f"TRUNCATE {table} CASCADE")
        for statement in ("UPDATE consent_consentevent SET kind = ''", "UPDATE consent_personkey SET wrapped = ''"):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=r"only grows|never changed"):
                owner.execute(statement)
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="only grows"):
            owner.execute("DELETE FROM consent_consentevent")


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        ("UPDATE consent_consentevent SET sealed = 'x' WHERE position = 2", "content was changed"),
        ("UPDATE consent_consentevent SET sealed = sealed || 'x' WHERE position = 2", "content was changed"),
        ("UPDATE consent_consentevent SET kind = 'resumed' WHERE position = 2", "content was changed"),
        (
            "UPDATE consent_consentevent SET created_at = created_at + interval '1 microsecond' WHERE position = 2",
            "content was changed",
        ),
        ("UPDATE consent_consentevent SET business_id = NULL WHERE position = 2", "content was changed"),
        ("UPDATE consent_consentevent SET position = 7 WHERE position = 3", "link before it is missing"),
        ("DELETE FROM consent_consentevent WHERE position = 2", "link before it is missing"),
        ("DELETE FROM consent_consentevent WHERE position = 1", "link before it is missing"),
        ("UPDATE consent_consentevent SET hash = sha256(hash) WHERE position = 2", "not chained"),
        ("UPDATE consent_consentevent SET previous_hash = hash WHERE position = 1", "not chained"),
        ("UPDATE consent_consentevent SET recipient_id = recipient_id + 1", "not chained"),
    ],
)
def test_tampering_by_the_mightiest_shows(own_database, tampering, finding):
    business = make_business()
    recipient = make_recipient(business)
    for via in ("page", "keyword", "phone"):
        append(recipient, business, via=via)
    call_command("verify_ledger", stdout=(out := StringIO()))
    assert "3 links" in out.getvalue()
    with psycopg.connect(own_database.superuser_url, autocommit=True) as mighty:
        mighty.execute("SET session_replication_role = replica")
        mighty.execute(tampering)
    findings = ledger.verify()
    assert finding in " ".join(findings)
    if "recipient_id" not in tampering:
        assert ledger.verify(recipient_id=recipient.pk) == findings
        assert ledger.verify(recipient_id=recipient.pk + 1) == []
    with pytest.raises(CommandError, match="broken"):
        call_command("verify_ledger", stdout=StringIO(), stderr=StringIO())


@pytest.mark.django_db
def test_verifying_goes_slice_by_slice(monkeypatch):
    monkeypatch.setattr(ledger, "SLICE_LINKS", 2)
    business = make_business()
    for n in range(3):
        recipient = make_recipient(business, f"+3363998{n:04d}")
        for _ in range(3):
            append(recipient, business)
    seen: list[int] = []
    assert list(ledger.findings(progress=seen.append)) == []
    assert seen == [2, 4, 6, 8, 9]


# --- Erasing --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_destroyed_key_leaves_a_chain_that_nobody_can_read():
    business, stranger = make_business(), make_business()
    recipient, other = make_recipient(business), make_recipient(business, "+33639980002")
    for whose in (business, stranger, None):
        append(recipient, whose, evidence="order 48211")
    append(other, business, evidence="order 48212")
    assert ledger.destroy_key(recipient_id=recipient.pk, now=NOW)
    told = dossier.history(recipient_id=recipient.pk)
    assert [(one.kind, one.payload) for one in told] == [("stopped", None)] * 3 + [("erased", None)]
    assert dossier.history(recipient_id=other.pk)[0].payload["evidence"] == "order 48212"
    assert not PersonKey.objects.filter(recipient=recipient).exists()
    assert ledger.verify() == []
    # Doing it twice is doing it once.
    assert not ledger.destroy_key(recipient_id=recipient.pk, now=NOW)
    assert ConsentEvent.objects.filter(recipient=recipient).count() == 4


@pytest.mark.django_db
def test_one_business_can_be_forgotten_alone():
    business, stranger = make_business(), make_business()
    recipient = make_recipient(business)
    for whose in (business, stranger, None):
        append(recipient, whose)
    assert ledger.destroy_key(recipient_id=recipient.pk, business=business, now=NOW)
    assert [one.payload is not None for one in dossier.history(recipient_id=recipient.pk)] == [False, True, True, False]
    assert [one.kind for one in dossier.history(recipient_id=recipient.pk, business=business)] == ["stopped", "erased"]
    assert not ledger.destroy_key(recipient_id=recipient.pk, business=business, now=NOW)
    assert ledger.verify() == []


@pytest.mark.django_db
def test_who_comes_back_gets_a_new_key():
    business = make_business()
    recipient = make_recipient(business)
    append(recipient, business)
    ledger.destroy_key(recipient_id=recipient.pk, now=NOW)
    append(recipient, business, kind="resumed")
    assert [one.payload is not None for one in dossier.history(recipient_id=recipient.pk)] == [False, False, True]
    assert ledger.destroy_key(recipient_id=recipient.pk, now=NOW)
    assert not any(one.payload for one in dossier.history(recipient_id=recipient.pk))
    assert ledger.verify() == []


@pytest.mark.django_db
def test_a_key_opens_nothing_under_another_name_or_another_secret():
    business = make_business()
    key = PersonKey.objects.get(recipient=append(make_recipient(business), business).recipient_id)
    with pytest.raises(sealing.WrongSecret, match="SECRET_KEY"):
        sealing.unwrap(wrapped=bytes(key.wrapped), recipient_id=key.recipient_id + 1, business_id=business.pk)


def test_links_of_one_person_at_once_wait_for_each_other(own_database):
    business = make_business()
    recipient = make_recipient(business)

    def act(n: int) -> object:
        with transaction.atomic():
            locked = refusals.locked(recipient.pk)
            return append(locked, business, evidence=str(n)).position

    assert sorted(at_once(act, 4)) == [1, 2, 3, 4]
    assert ledger.verify() == []
    assert {told.payload["evidence"] for told in dossier.history(recipient_id=recipient.pk)} == set("0123")
    assert PersonKey.objects.count() == 1


# --- Words ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_words_get_a_version_when_they_change():
    business = make_business()
    first = wordings.archived(code="join_page", locale="en", text="Yes", now=NOW)
    assert wordings.archived(code="join_page", locale="en", text="Yes", now=NOW) == first
    second = wordings.archived(code="join_page", locale="en", text="Yes, please", now=NOW)
    assert (first.version, second.version) == (1, 2)
    assert wordings.current(code="join_page", locale="en") == second
    assert wordings.current(code="join_page", locale="fr") is None
    assert wordings.archived(code="join_page", locale="en", text="Yes", business=business, now=NOW).version == 1


def test_words_shown_at_once_are_archived_once(own_database):
    versions = at_once(lambda n: wordings.archived(code="c", locale="en", text=f"w{n % 2}", now=NOW).hash, 4)
    assert len(set(versions)) == 2
