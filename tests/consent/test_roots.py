"""Signed roots: what a chain cannot tell by itself, a line kept outside the database tells."""

import json
import threading
import time
from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from consent import contacts, ledger, refusals, roots, signatures, tasks
from consent.models import ConsentEvent
from tests.make import NOW, make_business

DAY = timedelta(days=1)
OF_THE_FIRST = "recipient_id = (SELECT min(id) FROM consent_recipient)"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.LEDGER_ROOTS = tmp_path / "roots"
    return settings.LEDGER_ROOTS


@pytest.fixture
def people(own_database):
    """Three people with two links each, under one root, and one more link each under a second."""
    business = make_business()
    people = [make_recipient(business, f"+3363998{n:04d}") for n in range(3)]
    for via in ("page", "keyword"):
        stop_all(people, business, via)
    roots.sign(now=NOW)
    stop_all(people, business, "phone")
    roots.sign(now=NOW + DAY)
    return people


def make_recipient(business, number):
    return contacts.remember(
        business=business, address_kind="e164", value=number, country="FR", timezone="Europe/Paris", now=NOW
    ).recipient


def stop_all(people, business, via):
    for person in people:
        ledger.append(recipient=person, business=business, kind="stopped", payload={"via": via}, now=NOW)


def mightily(own_database, statement):
    with psycopg.connect(own_database.superuser_url, autocommit=True) as mighty:
        mighty.execute("SET session_replication_role = replica")
        mighty.execute(statement)


def lines(folder):
    return (folder / "roots.jsonl").read_text().splitlines()


def test_what_was_signed_is_there(people, folder):
    checked = roots.check()
    assert (checked.findings, checked.notes, checked.n_roots, checked.n_links) == ([], [], 2, 9)
    first, second = map(json.loads, lines(folder))
    assert (first["n_links"], second["n_links"], second["from_id"]) == (6, 3, first["to_id"])
    assert signatures.is_genuine(first)
    call_command("verify_ledger", "--roots", stdout=(out := StringIO()))
    assert "9 links under 2 roots" in out.getvalue()


@pytest.mark.parametrize(
    ("tampering", "numbers", "chain_tells"),
    [
        (f"DELETE FROM consent_consentevent WHERE position = 3 AND {OF_THE_FIRST}", [2], False),
        (f"DELETE FROM consent_consentevent WHERE {OF_THE_FIRST}", [1, 2], False),
        ("UPDATE consent_consentevent SET hash = sha256(hash) WHERE position = 3", [2], True),
        ("UPDATE consent_consentevent SET id = id + 100 WHERE position = 3", [2], False),
        ("DELETE FROM consent_consentevent", [1, 2], False),
    ],
    ids=["cut at its end", "a person gone", "changed", "moved", "all gone"],
)
def test_a_root_tells_what_a_chain_does_not(own_database, people, tampering, numbers, chain_tells):
    mightily(own_database, tampering)
    assert bool(ledger.verify()) == chain_tells
    findings = roots.check().findings
    assert [finding.split(",")[0] for finding in findings] == [f"Root {n}" for n in numbers]
    with pytest.raises(CommandError, match="broken"):
        call_command("verify_ledger", "--roots", stdout=StringIO(), stderr=StringIO())


def test_the_file_itself_is_proven(people, folder):
    first, second = lines(folder)
    path = folder / "roots.jsonl"
    forged = json.dumps(json.loads(second) | {"n_links": 2})
    for text, finding in [
        (f"{first}\n{forged}\n", "Root 2: its signature"),
        (f"{second}\n", "Root 1: a line before it is missing"),
        (f"{first}\nnonsense\n", "Root 2: this line cannot be read"),
        (f"{first}\n[]\n", "Root 2: this line cannot be read"),
        ("", "There are no roots"),
    ]:
        path.write_text(text)
        assert finding in " ".join(roots.check().findings)
    path.write_text(f"{first}\n{forged}\n")
    with pytest.raises(roots.CannotSign, match="Look into it"):
        roots.sign(now=NOW)


def test_a_copy_kept_elsewhere_tells_what_was_done_to_the_file_here(people, folder, tmp_path):
    copy = tmp_path / "copy.jsonl"
    copy.write_text((folder / "roots.jsonl").read_text())
    (folder / "roots.jsonl").unlink()
    with pytest.raises(CommandError, match="broken"):
        call_command("verify_ledger", "--roots", stdout=StringIO(), stderr=StringIO())
    call_command("verify_ledger", "--roots", str(copy), stdout=(out := StringIO()))
    assert "under 2 roots" in out.getvalue()


def test_a_key_of_ours_is_trusted_and_a_strangers_is_not(people, settings):
    old = signatures.public_key()
    signatures._private_key.cache_clear()
    settings.LEDGER_SIGNING_KEY = "A" * 43 + "="
    try:
        assert "its signature is not" in roots.check().findings[0]
        settings.LEDGER_PUBLIC_KEYS = [signatures._letters(old)]
        assert roots.check().findings == []
        roots.sign(now=NOW)
        assert roots.check().n_roots == 3
    finally:
        signatures._private_key.cache_clear()


def test_a_root_a_night(people, folder):
    # The two of the fixture are of tonight and tomorrow.
    assert roots.sign_due(now=NOW + DAY) is None
    assert roots.sign_due(now=NOW + 2 * DAY).number == 3
    assert len(lines(folder)) == 3
    tasks.sign_root()


def test_after_a_restore_links_may_be_gone_if_it_is_said(own_database, people, folder):
    mightily(own_database, "DELETE FROM consent_consentevent WHERE position = 3")
    with pytest.raises(CommandError, match="After a restore"):
        call_command("sign_root")
    call_command("sign_root", "--restored", "backup of Monday", stdout=StringIO())
    checked = roots.check()
    assert (checked.findings, checked.n_links) == ([], 6)
    assert "backup of Monday" in checked.notes[0]
    stop_all(people, None, "page")
    roots.sign(now=NOW + 3 * DAY)
    assert (roots.check().findings, roots.check().n_links) == ([], 9)


def test_a_root_waits_for_whoever_is_writing(people, settings):
    """A link gets its id before others and is committed after them: no root may pass it by."""
    business, may_end, has_written = people[0].contacts.get().business, threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                ledger.append(
                    recipient=refusals.locked(people[0].pk),
                    business=business,
                    kind="resumed",
                    payload={"via": "page"},
                    now=NOW,
                )
                has_written.set()
                may_end.wait(20)
        finally:
            connection.close()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    assert has_written.wait(20)
    stop_all(people[1:2], business, "page")
    threading.Timer(0.3, may_end.set).start()
    began = time.monotonic()
    root = roots.sign(now=NOW + 2 * DAY)
    assert time.monotonic() - began >= 0.2
    slow.join()
    assert (root.n_links, roots.check().n_links) == (2, ConsentEvent.objects.count())
    assert roots.check().findings == []


def test_a_transaction_that_never_ends_leaves_the_root_for_later(own_database, monkeypatch):
    monkeypatch.setattr(roots, "SETTLE_SECONDS", 0.0)
    with psycopg.connect(own_database.url) as somebody:
        somebody.execute("SELECT pg_current_xact_id()")
        with pytest.raises(roots.CannotSign, match="open for minutes"):
            roots.sign(now=NOW)
