"""The chain of proof: it links, it is recomputed by another program, and any tampering shows."""

from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from consent import contacts, ledger
from consent.models import ConsentEvent
from tests.make import NOW, make_business


def make_recipient(business, number="+33639980001"):
    return contacts.remember(
        business=business, address_kind="e164", value=number, country="FR", timezone="Europe/Paris", now=NOW
    ).recipient


def append(recipient, business=None, kind="stopped", now=NOW, **payload):
    return ledger.append(recipient=recipient, business=business, kind=kind, payload=payload, now=now)


@pytest.mark.django_db
def test_links_follow_one_another():
    business = make_business()
    recipient, other = make_recipient(business), make_recipient(business, "+33639980002")
    first = append(recipient, business, via="page")
    append(other, business, via="page")
    second = append(recipient, None, kind="paused_all", now=NOW + timedelta(microseconds=1))
    assert (first.position, second.position) == (1, 2)
    assert bytes(first.previous_hash) == bytes(32)
    assert bytes(second.previous_hash) == bytes(first.hash)
    assert ledger.verify() == []
    assert ledger.verify(recipient_id=recipient.pk) == []


@pytest.mark.django_db
def test_many_links_at_once_join_the_chains_that_are_there():
    business = make_business()
    people = [make_recipient(business, f"+3363998{n:04d}") for n in range(5)]
    append(people[0], business)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE new_link (recipient_id bigint, business_id bigint, kind text, payload jsonb)"
            " ON COMMIT DROP"
        )
        cursor.execute(
            'INSERT INTO new_link SELECT id, %s, \'interaction\', \'{"b": 1.50, "a": "é\\n"}\' FROM consent_recipient',
            [business.pk],
        )
    assert ledger.append_many(now=NOW) == 5
    positions = ConsentEvent.objects.order_by("recipient", "position").values_list("recipient", "position")
    assert list(positions) == [(people[0].pk, 1), *sorted((p.pk, 2 if p == people[0] else 1) for p in people)]
    assert ledger.verify() == []


@pytest.mark.django_db
def test_whatever_a_payload_holds_both_programs_agree():
    business = make_business()
    recipient = make_recipient(business)
    values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**60), 2**60)
        | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcé", max_size=3), inner, max_size=3),
        max_leaves=8,
    )

    @given(payload=st.dictionaries(st.text("abcé", max_size=4), values, max_size=4))
    def agree(payload):
        append(recipient, business, what=payload)

    agree()
    assert ConsentEvent.objects.count() >= 10
    assert ledger.verify() == []


@pytest.mark.django_db
def test_the_database_refuses_to_change_a_link():
    business = make_business()
    append(make_recipient(business), business)
    for statement in ("UPDATE consent_consentevent SET kind = 'resumed'", "DELETE FROM consent_consentevent"):
        with pytest.raises(DatabaseError, match=r"only grows|denied"), transaction.atomic():
            connection.cursor().execute(statement)


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        ("UPDATE consent_consentevent SET payload = '{}' WHERE position = 2", "content was changed"),
        ("UPDATE consent_consentevent SET kind = 'resumed' WHERE position = 2", "content was changed"),
        (
            "UPDATE consent_consentevent SET created_at = created_at + interval '1 microsecond' WHERE position = 2",
            "content was changed",
        ),
        ("UPDATE consent_consentevent SET business_id = NULL WHERE position = 2", "content was changed"),
        ("DELETE FROM consent_consentevent WHERE position = 2", "link before it is missing"),
        ("DELETE FROM consent_consentevent WHERE position = 1", "link before it is missing"),
        ("UPDATE consent_consentevent SET hash = sha256(hash) WHERE position = 2", "not chained"),
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
    assert ledger.verify(recipient_id=recipient.pk) == findings
    assert ledger.verify(recipient_id=recipient.pk + 1) == []
    with pytest.raises(CommandError, match="broken"):
        call_command("verify_ledger", stderr=StringIO())


@pytest.mark.django_db
def test_verifying_goes_slice_by_slice(monkeypatch):
    monkeypatch.setattr(ledger, "SLICE_LINKS", 2)
    business = make_business()
    for n in range(3):
        recipient = make_recipient(business, f"+3363998{n:04d}")
        for _ in range(3):
            append(recipient, business)
    assert ledger.verify() == []
    assert len(list(ledger._links(None))) == 9
