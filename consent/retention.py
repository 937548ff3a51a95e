"""What this floor keeps only for so long: contacts who were silent for years, people whom no business knows, files.

Every function works through one bounded slice in a transaction of its own and returns how many rows went; asked often
enough it returns 0. ``is_dry`` counts what would go, all of it, and changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from businesses import events
from consent import ledger, suppressions, verdicts
from consent.models import Address, Contact, ImportBatch, ImportFault, Interaction, Recipient, Refusal

SQL = Path(__file__).parent / "sql"
SLICE = 500


@cache
def statement(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


def silent_contacts(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Erase contacts who came in, and did something last, before ``before``, from their business; tell it which."""
    if is_dry:
        return _count(statement("silent_contacts"), {"before": before, "limit": None})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement("silent_contacts"), {"before": before, "limit": SLICE})
        found = cursor.fetchall()
        verdicts.lock(cursor, recipient_ids=sorted({recipient_id for _, recipient_id in found}))
        # Asked again behind the locks: somebody may just have come back.
        cursor.execute(statement("forget_contacts"), {"before": before, "ids": [contact_id for contact_id, _ in found]})
        gone: dict[int, list[str]] = defaultdict(list)
        for business_id, code in cursor.fetchall():
            gone[business_id].append(code)
        for business_id in sorted(gone):
            payload = {"contacts": sorted(gone[business_id]), "cause": "retention"}
            events.record(business_id=business_id, kind="contacts.erased", payload=payload, now=now)
    return sum(map(len, gone.values()))


def unknown_people(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Erase people whom no business knows any more and who came in before ``before``. What they refused is kept."""
    if is_dry:
        return _count(statement("unknown_people"), {"before": before, "limit": None})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement("unknown_people"), {"before": before, "limit": SLICE})
        ids = sorted(row[0] for row in cursor.fetchall())
        verdicts.lock(cursor, recipient_ids=ids)
        known = set(Contact.objects.filter(recipient_id__in=ids).values_list("recipient_id", flat=True))
        gone = [recipient_id for recipient_id in ids if recipient_id not in known]
        _forget_people(cursor, gone, now)
    return len(gone)


def _forget_people(cursor: Any, ids: list[int], now: datetime) -> None:
    cursor.execute(statement("keep_refusals"), {"ids": ids, "now": now, **suppressions.pads()})
    Interaction.objects.filter(recipient_id__in=ids).delete()
    Refusal.objects.filter(recipient_id__in=ids).delete()
    Address.objects.filter(recipient_id__in=ids).delete()
    people = Recipient.objects.filter(pk__in=ids)
    people.update(erased_at=now, locale="", own_limit=None, paused_all_at=None)
    for recipient_id in ids:
        ledger.destroy_key(recipient_id=recipient_id, now=now)


def import_files(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Delete contact files that were uploaded before ``before`` and never read."""
    left = ImportBatch.objects.filter(created_at__lt=before).exclude(file="")
    if is_dry:
        return left.count()
    batches = list(left.order_by("pk")[:SLICE])
    for batch in batches:
        for file in filter(None, (batch.file, batch.table)):
            file.delete()
        ImportBatch.objects.filter(pk=batch.pk).update(preview=None)
    return len(batches)


def import_faults(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Delete the wrong rows of files that came before ``before``."""
    old = ImportFault.objects.filter(batch__created_at__lt=before)
    if is_dry:
        return old.count()
    slice_of_rows = old.order_by("batch_id", "line").values("pk")[: 20 * SLICE]
    n, _by_model = ImportFault.objects.filter(pk__in=slice_of_rows).delete()
    return n


def _count(query: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({query}) found", values)  # noqa: S608 — our own statement
        return int(cursor.fetchone()[0])
