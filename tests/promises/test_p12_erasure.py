"""P12: erasing a person leaves no address behind. A canary goes through every door; then everything is searched."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connections
from django.test import Client
from psycopg import sql

from broadcasts import courier, senders
from broadcasts.channels.base import Message
from broadcasts.models import Sender
from businesses.models import Business, Event
from consent import contacts, imports, joining, ledger, refusals
from consent.models import Address, CapRule, Contact, ErasureRequest, ImportBatch, JoinRequest, Recipient, Suppression
from feedback import journal, passcodes, privacy, receipts, restore
from feedback.models import Report
from tests.conftest import OwnDatabase, _clone, _drop
from tests.feedback.provider import body_of, button, call, receipt, text
from tests.feedback.visitor import FORM, press
from tests.make import (
    EURO,
    make_business,
    make_client,
    make_key,
    make_sandbox_sender,
    make_sent,
    make_user,
    open_policy,
)
from tests.workbooks import workbook

pytestmark = [pytest.mark.promise("P12")]
NUMBER, OTHER = "+33639980042", "+33639980043"
SPELLINGS = [NUMBER, "0639980042", "33639980042", "639980042", "06 39 98 00 42", "+33 6 39 98 00 42", "6 39 98 00 42"]
NAME, ATTRIBUTE = "Zebulon Canari", "Quetzalquartier"
REPLY, WORDS = "Avez-vous du pain xylophone", "jamais dit oui kiwi"
SECRETS = [NAME, ATTRIBUTE, REPLY, WORDS]


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def folders(settings: Any, tmp_path: Path) -> Path:
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT, settings.JOURNAL_ROOT = tmp_path / "media", tmp_path / "journal"
    return tmp_path


@pytest.fixture
def business(own_database: OwnDatabase, folders: Path) -> Business:
    open_policy()
    CapRule.objects.all().delete()
    return make_business(owner=make_user(email="owner@example.org"), money=100 * EURO)


# --- Through every door ---------------------------------------------------------------------------


def by_file(business: Business, now: datetime) -> None:
    lines = [
        "phone,name,quartier,interaction,interaction_date,evidence",
        f'"+33 6 39 98 00 42",{NAME},{ATTRIBUTE},opt_in,{now - timedelta(days=1):%Y-%m-%d},form {NAME}',
        f"{NUMBER},{NAME},{ATTRIBUTE},guess,2026-03-14,form",
        f"06 39 98 00 42 00 00,{NAME},{ATTRIBUTE},opt_in,2026-03-14,form",
        f"{OTHER},Somebody Else,Lyon,opt_in,{now - timedelta(days=1):%Y-%m-%d},form 2",
    ]
    content = "\n".join(lines).encode()
    batch = imports.receive(business=business, file=ContentFile(content), filename="till.csv", by=None, now=now)
    imports.run(batch=batch, now=now)
    batch.refresh_from_db()
    assert (batch.state, batch.n_faulty) == (ImportBatch.State.DONE, 2)


def by_program(business: Business, now: datetime) -> str:
    """Contact and evidence over REST, with keys whose answers are kept; returns the contact's code."""
    _, secret = make_key(business=business, now=now)
    client, headers = Client(), {"Authorization": f"Bearer {secret}"}
    person = {"phone": NUMBER, "name": NAME, "attributes": {"quartier": ATTRIBUTE}}
    made = client.post(
        "/api/v1/contacts", person, "application/json", headers=headers | {"Idempotency-Key": "canary-1"}
    )
    assert made.status_code == 200, made.content
    code = str(made.json()["code"])
    evidence = {"kind": "opt_in", "occurred_at": (now - timedelta(hours=2)).isoformat(), "evidence": f"form {NAME}"}
    client.post(
        f"/api/v1/contacts/{code}/interactions", evidence, "application/json",
        headers=headers | {"Idempotency-Key": "canary-2"},
    )  # fmt: skip
    return code


def by_page(business: Business, code: str) -> None:
    client = make_client(business.members.get().user)
    for path in (f"contacts/?phone={NUMBER[1:]}", "contacts/", f"contacts/{code}/"):
        assert client.get(f"/b/{business.code}/{path}").status_code == 200


def by_provider(sender: Sender, message: Message, secret: str = "") -> None:
    """Everything that a person can say, in bodies that are understood, half understood and not at all."""
    name = NAME.encode()
    said = [text(message, REPLY, key="in_1"), button(message, "interested", key="in_2"), receipt(message, "delivered")]
    assert call(sender, body_of(said), secret=secret).status_code == 200
    odd = [text(message, REPLY, key="in_3"), {"type": "voice", "from": NUMBER}, {"type": "receipt", "status": NUMBER}]
    assert call(sender, body_of(odd), secret=secret).status_code == 200
    assert call(sender, b"<from>06 39 98 00 42</from>" + name, secret=secret).status_code == 200
    assert call(sender, body_of([text(message, "STOP", key="in_4")]), secret=secret).status_code == 200


def by_phone(business: Business, sender: Sender) -> None:
    client = make_client(business.members.get().user)
    assert client.get(f"/phone/{sender.code}/{NUMBER}/").status_code == 200
    client.post(f"/phone/{sender.code}/{NUMBER}/", {"text": REPLY})


def by_join_page(sender: Sender, now: datetime) -> None:
    """The number is entered on the page, and once more its person writes the word that stands on the poster."""
    page = joining.edit(page=joining.page_of(business=sender.business, now=now), by=None, now=now, keyword="Canari")
    client, path = Client(), f"/join/{page.code}/?lang=fr"
    seal = re.search(r'name="seal" value="([^"]+)"', client.get(path).content.decode())
    assert seal
    assert client.post(path, {"number": "06 39 98 00 42", "seal": seal[1]}).status_code == 303
    assert JoinRequest.objects.filter(page=page).exists()
    courier.carry(now=now)
    written = {"type": "text", "from": NUMBER, "text": "Rejoindre Canari", "id": "in_join", "at": now.isoformat()}
    assert call(sender, body_of([written])).status_code == 200
    assert Event.objects.filter(business=sender.business, kind="contact.joined").exists()


def by_preference_page(message: Message) -> None:
    """Blocks, and says why in words of their own."""
    client, path = Client(), urlsplit(message.preference_url).path
    asked = press(client, path, "block").content.decode()
    seal = next(seal for action, seal, _ in FORM.findall(asked) if action == "report")
    told = {"action": "report", "seal": seal, "reason": "other", "words": WORDS}
    assert client.post(path, told).status_code == 303
    assert Report.objects.filter(words=WORDS).exists()


def by_waiting_file(business: Business, now: datetime) -> list[ImportBatch]:
    """Files that nobody has said yet what to do with: two wait for their columns, one was read for trial."""
    known = f"{NUMBER},{NAME},{ATTRIBUTE}"
    table = f"Rufnr.,Wer,Wo\n06 39 98 00 42,{NAME},{ATTRIBUTE}\n".encode()
    hidden = workbook({"Ours": [["phone", "name"], [OTHER, "Somebody Else"]], "Old": [["n", "w"], [NUMBER, NAME]]})
    trial = f"phone,name,quartier\n{known}\n06 39 98 00 42 00 00,{NAME},{ATTRIBUTE}\n".encode()
    ways: list[tuple[bytes, dict[str, Any]]] = [
        (table, {"asks_for_columns": True}), (hidden, {"asks_for_columns": True}), (trial, {"is_dry_run": True}),
    ]  # fmt: skip
    batches = [
        imports.receive(business=business, file=ContentFile(content), filename="old.csv", by=None, now=now, **how)
        for content, how in ways
    ]
    states = [imports.run(batch=batch, now=now).state for batch in batches]
    assert states == ["mapping", "mapping", "checked"]
    return batches


def everywhere(business: Business, now: datetime) -> int:
    """Send the canary through every door; returns whose id it is."""
    by_file(business, now)
    code = by_program(business, now)
    by_page(business, code)
    person = Contact.objects.get(code=code).recipient_id
    neighbour = make_business(name="Fleurs Petit")
    contacts.remember(
        business=neighbour, address_kind="e164", value=NUMBER, country="FR", timezone="Europe/Paris", name=NAME, now=now
    )
    sandbox = make_sandbox_sender(business=business)
    webhook, secret = senders.connect_webhook(business=business, name="Shop", url="http://127.0.0.1:9/x", now=now)
    for sender, key in ((sandbox, ""), (webhook, secret)):
        _, (message,) = make_sent(business=business, now=now, sender=sender, audience={"contacts": [code]})
        assert message.recipient_id == person
        by_provider(sender, message, key)
        refusals.resume(recipient_id=person, business=business, via="page", now=now)
        Contact.objects.filter(code=code).update(last_reaction=0)
    by_phone(business, sandbox)
    by_join_page(sandbox, now)
    by_waiting_file(business, now)
    while receipts.fold(now=now, limit=50):
        pass
    passcodes.ask(number=NUMBER, visitor="192.0.2.7", language="fr", now=now)
    passcodes.send_waiting(now=now)
    by_preference_page(message)
    return person


# --- The search -----------------------------------------------------------------------------------


def needles() -> dict[str, bytes]:
    """Every form in which a canary must not be found: as it is, in base64, and as a hash that anybody could make."""
    found: dict[str, bytes] = {}
    for plain in [*SPELLINGS, *SECRETS]:
        data = plain.encode()
        found[plain] = data
        found[f"{plain} as JSON writes it"] = json.dumps(plain)[1:-1].encode()
        for shift in range(3):
            coded = base64.b64encode(b"\0" * shift + data)
            found[f"{plain} in base64, {shift}"] = coded[4 if shift else 0 : -4]
        for name in ("md5", "sha1", "sha256"):
            digest = hashlib.new(name, data)
            found[f"{name} of {plain}"] = digest.digest()
            found[f"{name} of {plain} in hex"] = digest.hexdigest().encode()
    return found


def dumped(database: OwnDatabase) -> Iterator[tuple[str, bytes]]:
    """Every row of every table, as COPY writes it; bytes both as hex and as they are."""
    with psycopg.connect(database.superuser_url) as connection:
        tables = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > 50
        for (table,) in tables:
            with connection.cursor().copy(sql.SQL(f"COPY {table} TO STDOUT")) as copy:
                rows = b"".join(bytes(part) for part in copy)
            yield table, rows
            yield f"{table}, bytes", b"".join(_bytes_in(rows))


def _bytes_in(rows: bytes) -> Iterator[bytes]:
    for cell in rows.replace(b"\n", b"\t").split(b"\t"):
        if cell.startswith(b"\\\\x"):
            yield bytes.fromhex(cell[3:].decode())


def places(database: OwnDatabase, folder: Path, logged: str) -> Iterator[tuple[str, bytes]]:
    yield from dumped(database)
    with redis.Redis.from_url(database.redis_url) as store:
        for key in store.scan_iter():
            yield f"redis {key!r}", key + (store.dump(key) or b"")
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), path.name.encode() + path.read_bytes()
    yield "the log", logged.encode()


def found(database: OwnDatabase, folder: Path, logged: str) -> set[str]:
    sought = needles()
    return {
        f"{what} in {place}"
        for place, content in places(database, folder, logged)
        for what, needle in sought.items()
        if needle in content
    }


@pytest.mark.timeout(240)
def test_nothing_of_an_erased_person_is_found_anywhere(
    own_database: OwnDatabase, business: Business, folders: Path, now: datetime
) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        person = everywhere(business, now)
        before = found(own_database, folders, log.getvalue())
        # The search can find: each canary, in tables of every floor.
        for plain in [NUMBER, "06 39 98 00 42", *SECRETS]:
            assert any(line.startswith(f"{plain} in ") for line in before), plain
        assert len({line.rpartition(" in ")[2] for line in before}) >= 8, before

        privacy.erase(recipient_id=person, via="page", now=now)
        privacy.run_waiting(now=now)
        # Late, but on its way before: a body that cannot be read, and one that can.
        late = Sender.objects.filter(channel="sandbox").get()
        written = {"type": "text", "from": NUMBER, "text": REPLY, "id": "late", "at": now.isoformat()}
        assert call(late, body_of([written])).status_code == 200
        assert call(late, f"<late>{NUMBER} {NAME}".encode()).status_code == 200
        while receipts.fold(now=now, limit=50):
            pass
        privacy.run_waiting(now=now + privacy.SETTLING)
    finally:
        logging.getLogger().removeHandler(handler)
    assert found(own_database, folders, log.getvalue()) == set()
    assert ledger.verify() == []
    assert ErasureRequest.objects.get().state == "done"
    # Only the canary: everybody else is still there.
    assert Address.objects.get(value=OTHER).recipient.erased_at is None
    assert Contact.objects.filter(name="Somebody Else").exists()
    assert list(ImportBatch.objects.filter(state="failed").values_list("file", "table")) == [("", "")] * 3


# --- Yesterday's backup ---------------------------------------------------------------------------


def test_a_restored_backup_is_told_before_any_worker_starts(
    own_database: OwnDatabase, business: Business, folders: Path, now: datetime
) -> None:
    """`migrate`, with which every start begins, erases again whoever was erased since the backup."""
    yesterday = now - timedelta(days=1)
    neighbour = make_business(name="Fleurs Petit")
    facts = {"address_kind": "e164", "country": "FR", "timezone": "Europe/Paris", "now": yesterday}
    gone, half, kept = (
        contacts.remember(business=business, value=f"+3363998005{n}", name=NAME, **facts).recipient_id for n in range(3)
    )
    contacts.remember(business=neighbour, value="+33639980051", name=NAME, **facts)
    backup = f"{own_database.name}_backup"
    connections.close_all()
    _clone(own_database.name, backup)
    try:
        refusals.stop(recipient_id=gone, business=neighbour, via="page", now=now)
        privacy.erase(recipient_id=gone, via="page", now=now)
        privacy.erase(recipient_id=half, business=business, via="page", now=now)
        contacts.remember(business=business, value="+33639980059", **(facts | {"now": now}))
        privacy.erase(recipient_id=Address.objects.get(value="+33639980059").recipient_id, via="page", now=now)
        privacy.run_waiting(now=now)
        privacy.run_waiting(now=now + privacy.SETTLING)
        written = "".join(path.read_text() for path in (folders / "journal").iterdir())
        assert len(list(journal.entries())) == 3
        assert not any(spelling in written for spelling in [*SPELLINGS, "3998005", NAME])

        connections["default"].close()
        connections["default"].settings_dict["NAME"] = backup
        assert Recipient.objects.get(pk=gone).erased_at is None

        call_command("migrate", verbosity=0)

        assert Recipient.objects.get(pk=gone).erased_at == now
        assert not Contact.objects.filter(recipient_id=gone).exists()
        assert list(Contact.objects.filter(recipient_id=half).values_list("business_id", flat=True)) == [neighbour.pk]
        assert Contact.objects.filter(recipient_id=kept, name=NAME).exists()
        assert set(ErasureRequest.objects.values_list("state", flat=True)) == {"swept"}
        privacy.run_waiting(now=now + privacy.SETTLING)
        assert set(ErasureRequest.objects.values_list("state", flat=True)) == {"done"}
        assert len(list(journal.entries())) == 3
        assert Suppression.objects.filter(kind="stopped", legal_entity=neighbour.legal_entity).exists()
        for value in ("+33639980050", "+33639980059"):
            with pytest.raises(contacts.NotAccepted):
                contacts.remember(business=business, value=value, **facts)
        assert ledger.verify() == []
        assert restore.reapply(now=now) == 1  # known to the journal alone: suppressed again, which changes nothing
    finally:
        connections["default"].close()
        connections["default"].settings_dict["NAME"] = own_database.name
        _drop(backup)


def test_a_journal_that_was_cut_off_by_a_crash_is_read_to_its_last_whole_line(folders: Path, now: datetime) -> None:
    journal.write({"erasure": "era_1"}, now=now)
    (path,) = (folders / "journal").iterdir()
    path.write_text(path.read_text() + '{"erasure": "era_')
    assert [entry["erasure"] for entry in journal.entries()] == ["era_1"]
    assert journal.forget(before=now) == 0
    assert journal.forget(before=now + timedelta(days=70)) == 1
    shutil.rmtree(folders / "journal")
    assert list(journal.entries()) == []
