"""The hot statements read what they are about, and no more, whatever the planner believes."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction

from broadcasts import chunks, estimate, gate, plan, settle
from broadcasts.channels.base import Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast
from businesses.models import Business
from consent import imports
from tests.conftest import OwnDatabase
from tests.make import EURO, make_broadcast, make_business, make_launched, make_people

# Small beside the broadcast: for a large part of it, reading all of it would be right.
N_PEOPLE, N_BATCH = 20_000, 64
N_IN_FILE = 8_000
READ = """
SELECT COALESCE(sum(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0)), 0)
FROM pg_stat_xact_user_tables
WHERE relname LIKE %s
"""


@pytest.mark.parametrize("n_known", [0, 300, 3_000] if os.environ.get("PROMISES") else [300])
def test_a_broadcast_that_was_just_frozen_costs_no_more(own_database: OwnDatabase, n_known: int) -> None:
    """A broadcast unknown to the statistics looks like one row to the planner: whoever freezes has to tell it."""
    now = datetime.now(UTC)
    if n_known:
        known = make_business(name="Known", money=10_000 * EURO, now=now)
        _launched(known, first=1, n=n_known, now=now)
        with psycopg.connect(own_database.superuser_url, autocommit=True) as superuser:
            superuser.execute("ANALYZE")
    fresh = _launched(make_business(name="Fresh", money=10_000 * EURO, now=now), first=5_001, n=N_PEOPLE, now=now)
    Broadcast.objects.exclude(pk=fresh.pk).update(state=Broadcast.State.PAUSED)
    owner = uuid4()
    claim = chunks.claim(owner=owner, busy=[], now=now)
    assert claim is not None

    with transaction.atomic():
        n_before = _rows_read()
        passed = gate.pass_batch(
            chunk_id=claim.chunk_id, owner=owner, plan=plan.read(fresh.pk), recipient_ids=claim.recipient_ids[:N_BATCH]
        )
        n_gate = _rows_read() - n_before
        results = [(m, Outcome(OutcomeKind.ACCEPTED, provider_id=m.code)) for m in passed.messages]
        settle.outcomes(broadcast_id=fresh.pk, sender_id=fresh.sender_id, results=results, now=now)
        n_settle = _rows_read() - n_before - n_gate
        updates = [
            ReceiptUpdate(status=ReceiptStatus.READ, at=now, sender_id=fresh.sender_id, message_code=m.code)
            for m in passed.messages
        ]
        settle.fold_receipts(updates=updates, now=now)
        n_fold = _rows_read() - n_before - n_gate - n_settle

    n = len(passed.messages)
    assert n == N_BATCH
    # Each row is looked up to be locked and again to be changed; a lock reads it once more.
    assert (n_gate <= 4 * n, n_settle <= 4 * n, n_fold <= 4 * n) == (True, True, True), (n, n_gate, n_settle, n_fold)


@pytest.mark.parametrize("n_known", [0, 300])
def test_people_who_just_came_in_a_file_are_judged_one_by_one(
    own_database: OwnDatabase, settings: Any, n_known: int
) -> None:
    """A business, or a table, unknown to the statistics looks like a few rows: all were read for each person."""
    settings.FICTION_NUMBERS_ALLOWED = True
    now = datetime.now(UTC)
    if n_known:
        make_people(business=make_business(name="Known", now=now), n=n_known, now=now)
        with psycopg.connect(own_database.superuser_url, autocommit=True) as superuser:
            superuser.execute("ANALYZE")
    fresh = make_business(name="Fresh", now=now)
    day = (now - timedelta(days=2)).date()
    rows = (f"+3363998{n:04},opt_in,{day},form {n}" for n in range(N_IN_FILE))
    content = "\n".join(["phone,interaction,interaction_date,evidence", *rows]).encode()
    batch = imports.receive(business=fresh, file=ContentFile(content), filename="people.csv", by=None, now=now)
    assert imports.run(batch=batch, now=now).n_new == N_IN_FILE

    broadcast = make_broadcast(business=fresh, now=now)
    with transaction.atomic():
        tables = ("consent\\_contact", "consent\\_recipient", "consent\\_address", "consent\\_interaction")
        before = {table: _rows_read(table) for table in tables}
        estimate.estimate(broadcast=broadcast, now=now)
        n_read = {table: _rows_read(table) - n for table, n in before.items()}
    # A few looks at each; unknown to the planner it would be a thousand at each.
    assert all(n <= 10 * N_IN_FILE for n in n_read.values()), n_read
    assert n_read["consent\\_contact"] >= N_IN_FILE


def _launched(business: Business, *, first: int, n: int, now: datetime) -> Broadcast:
    make_people(business=business, n=n, first=first, now=now)
    return make_launched(business=business, now=now)


def _rows_read(tables: str = "broadcasts\\_delivery\\_%") -> int:
    with connection.cursor() as cursor:
        cursor.execute(READ, [tables])
        return int(cursor.fetchone()[0])
