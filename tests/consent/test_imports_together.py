"""Imports beside other imports, beside stops, and killed in the middle: on real connections and real processes."""

import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.db import connections
from django.db.models.functions import Now

from consent import contacts, imports, ledger, refusals
from consent.models import Address, ConsentEvent, Contact, ImportBatch, Interaction, Recipient, Refusal
from launch import ROOT
from tests.make import NOW, make_business

HEADER = "phone,name,interaction,interaction_date,evidence"


@pytest.fixture(autouse=True)
def _kept_for_films(settings, tmp_path):
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT = tmp_path


def receive(business, numbers, evidence="order"):
    lines = [f"+3363998{n:04d},Nom {n},purchase,2026-03-14,{evidence} {n}" for n in numbers]
    content = "\n".join([HEADER, *lines]).encode()
    return imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=NOW)


def together(*acts):
    """Do everything at the same moment, each on a connection of its own; failures come out."""
    start, failures = threading.Barrier(len(acts)), []

    def run(act):
        try:
            start.wait(timeout=10)
            act()
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []


def run(batch):
    return lambda: imports.run(batch=batch, now=NOW)


@pytest.mark.parametrize("order", [1, -1])
def test_overlapping_files_of_several_businesses_make_every_person_once(own_database, order):
    shops = [make_business(name=f"Shop {n}") for n in range(3)]
    contacts.remember(
        business=shops[0],
        address_kind="e164",
        value="+33639980500",
        country="FR",
        timezone="Europe/Paris",
        now=NOW,
    )
    batches = [
        receive(shops[0], range(1_000)),
        receive(shops[1], range(500, 1_500)[::order]),
        receive(shops[2], range(250, 1_250)),
        receive(shops[0], range(1_000)[::order], evidence="receipt"),
    ]
    together(*map(run, batches))
    assert {batch.state for batch in ImportBatch.objects.all()} == {"done"}
    assert Address.objects.count() == Recipient.objects.count() == 1_500
    assert [Contact.objects.of(shop).count() for shop in shops] == [1_000, 1_000, 1_000]
    assert Interaction.objects.count() == 4_000
    assert ConsentEvent.objects.count() == 4_000
    assert ledger.verify() == []


def test_the_same_batch_run_by_two_workers_is_taken_in_once(own_database):
    batch = receive(make_business(), range(500))
    together(run(batch), run(batch), run(batch))
    batch.refresh_from_db()
    assert (batch.state, batch.n_new, batch.n_attempts) == ("done", 500, 1)
    assert ConsentEvent.objects.count() == 500


def test_a_reader_that_lost_its_lease_adds_nothing(own_database, monkeypatch):
    """A worker sleeps through its lease, another one takes over and finishes, the first one wakes up."""
    batch = receive(make_business(), range(100))
    take_in = imports._take_in

    def sleep_through_the_lease(*arguments):
        monkeypatch.setattr(imports, "_take_in", take_in)
        ImportBatch.objects.filter(pk=batch.pk).update(touched_at=Now() - timedelta(hours=1))
        assert imports.run_waiting(now=NOW) == 1
        take_in(*arguments)

    monkeypatch.setattr(imports, "_take_in", sleep_through_the_lease)
    finished = imports.run(batch=batch, now=NOW)
    assert (finished.state, finished.n_attempts, finished.n_new) == ("done", 2, 100)
    assert ConsentEvent.objects.count() == 100


def test_a_stop_during_an_import_waits_for_it_and_stands(own_database, monkeypatch):
    """The import gives new evidence about somebody who stops meanwhile; both are in the chain, and the stop holds."""
    business = make_business()
    imports.run(batch=receive(business, [1, 2]), now=NOW)
    known = contacts.find_by_address(kind="e164", value="+33639980001")
    bystander = contacts.find_by_address(kind="e164", value="+33639980002")
    batch = receive(business, [1, *range(100, 200)], evidence="receipt")
    holds, go_on, stopped = threading.Event(), threading.Event(), threading.Event()
    finish = imports.staging.finish

    def hold(**arguments):
        finish(**arguments)
        holds.set()
        assert go_on.wait(timeout=30)

    def stop_meanwhile():
        assert holds.wait(timeout=30)
        # Somebody whom the file gives no evidence of is not kept waiting.
        assert refusals.stop(recipient_id=bystander.pk, business=business, via="keyword", now=NOW)
        threading.Timer(0.5, lambda: (seen.append(stopped.is_set()), go_on.set())).start()
        assert refusals.stop(recipient_id=known.pk, business=business, via="keyword", now=NOW)
        stopped.set()

    seen: list[bool] = []
    monkeypatch.setattr(imports.staging, "finish", hold)
    together(run(batch), stop_meanwhile)
    assert seen == [False]
    assert stopped.is_set()
    assert Refusal.objects.filter(lifted_at=None).count() == 2
    chain = ConsentEvent.objects.filter(recipient=known).order_by("position")
    assert [link.kind for link in chain] == ["interaction", "interaction", "stopped"]
    assert ledger.verify() == []


def test_stops_and_imports_at_once_never_deadlock(own_database):
    business, neighbour = make_business(), make_business(name="Fleurs Petit")
    imports.run(batch=receive(business, range(100)), now=NOW)
    people = list(Recipient.objects.order_by("-id"))

    def stop_everybody():
        for person in people:
            refusals.stop(recipient_id=person.pk, business=business, via="keyword", now=NOW)

    together(
        stop_everybody,
        run(receive(business, range(100), evidence="receipt")),
        run(receive(neighbour, range(99, -1, -1))),
    )
    assert Refusal.objects.filter(lifted_at=None).count() == 100
    assert ConsentEvent.objects.count() == 100 * 4
    assert ledger.verify() == []


@pytest.mark.parametrize("moment", ["opening.look", "staging.merge", "staging.finish", "uploads.events.record"])
def test_a_worker_killed_in_the_middle_leaves_a_file_that_can_be_read_again(own_database, tmp_path, moment):
    batch = receive(make_business(), range(200))
    script = f"""
import os, signal
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from django.utils import timezone
from consent import imports
before = imports.{moment}
def die(*arguments, **named):
    told = before(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
imports.{moment} = die
imports.run_waiting(now=timezone.now())
"""
    environment = {**own_database.environment, "MEDIA_ROOT": str(tmp_path), "FICTION_NUMBERS_ALLOWED": "true"}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    batch.refresh_from_db()
    assert batch.state == "reading"
    assert (Recipient.objects.count(), Contact.objects.count(), ConsentEvent.objects.count()) == (0, 0, 0)
    ImportBatch.objects.update(touched_at=Now() - timedelta(hours=1))
    assert imports.run_waiting(now=NOW) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.n_new, batch.n_attempts) == ("done", 200, 2)
    assert ledger.verify() == []


def test_a_reader_killed_beside_its_parsers_takes_them_along_and_leaves_nothing(own_database, tmp_path):
    batch = receive(make_business(), range(9_000))
    script = """
import os, signal
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from django.utils import timezone
from consent import imports, reading
reading.WORTH_TWO_BYTES = reading.RECORDS_A_BATCH = 1_000
parsers, hand_over = [], reading._hand_over
def die_in_the_middle(parser, words):
    parsers.append(parser.pid)
    if len(parsers) == 7:
        # Half a frame: the parser waits for the rest of it.
        parser.stdin.write((1_000).to_bytes(4, "big") + b"[")
        parser.stdin.flush()
        print(*set(parsers), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    hand_over(parser, words)
reading._hand_over = die_in_the_middle
imports.run_waiting(now=timezone.now())
"""
    environment = {**own_database.environment, "MEDIA_ROOT": str(tmp_path), "FICTION_NUMBERS_ALLOWED": "true"}
    killed = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert killed.returncode == -9, killed.stderr
    parsers = [int(pid) for pid in killed.stdout.split()]
    assert len(parsers) == 2
    until = time.monotonic() + 10
    while any(map(is_alive, parsers)):
        assert time.monotonic() < until, "a parser has outlived its reader"
        time.sleep(0.05)
    batch.refresh_from_db()
    assert (batch.state, batch.n_attempts) == ("reading", 1)
    assert (Recipient.objects.count(), Contact.objects.count(), ConsentEvent.objects.count()) == (0, 0, 0)
    ImportBatch.objects.update(touched_at=Now() - timedelta(hours=1))
    assert imports.run_waiting(now=NOW) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.n_new, batch.n_attempts) == ("done", 9_000, 2)
    assert ledger.verify() == []


def is_alive(pid):
    """Say whether the process still runs; one that has ended may lie about until somebody asks how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_progress_is_seen_by_others_while_the_file_is_read(own_database, monkeypatch):
    batch = receive(make_business(), range(2_000))
    seen = []
    monkeypatch.setattr(imports.reading, "PROGRESS_SECONDS", -1)
    monkeypatch.setattr(imports.reading, "PROGRESS_ROWS", 500)
    show = imports._show_progress

    def look(*arguments, **named):
        show(*arguments, **named)
        with psycopg.connect(own_database.url) as somebody_else:
            query = "SELECT state, n_rows, n_bytes_read FROM consent_importbatch"
            seen.append(somebody_else.execute(query).fetchone())

    monkeypatch.setattr(imports, "_show_progress", look)
    imports.run(batch=batch, now=NOW)
    assert [(state, n_rows) for state, n_rows, _ in seen] == [
        ("reading", 500),
        ("reading", 1_000),
        ("reading", 1_500),
        ("reading", 2_000),
        ("reading", 2_000),
    ]
    bytes_read = [n_bytes for _, _, n_bytes in seen]
    assert 0 < bytes_read[0] <= bytes_read[1] <= bytes_read[-1] == batch.n_bytes
