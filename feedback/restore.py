"""After a restore: the database has come back as it was, and must not bring back whoever was erased meanwhile.

``manage.py migrate`` runs this last, before any worker starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from businesses.models import Business, LegalEntity
from consent import erasure, suppressions
from consent.models import ErasureRequest, Recipient
from feedback import journal, privacy


def reapply(*, now: datetime) -> int:
    """Repeat every erasure of the journal that this database does not know; return how many. Twice does no harm."""
    entries = [entry for entry in journal.entries() if "erasure" in entry]
    codes = [entry["erasure"] for entry in entries]
    known = set(ErasureRequest.objects.filter(code__in=codes).values_list("code", flat=True))
    lost = {entry["erasure"]: entry for entry in entries if entry["erasure"] not in known}
    if not lost:
        return 0
    owners = erasure.owners_of(hashes=_hashes(lost.values()))
    for entry in lost.values():
        for request in _again(entry, owners):
            privacy.run(request=request, now=now, is_written=True)
    return len(lost)


def _hashes(entries: Iterable[dict[str, Any]]) -> set[bytes]:
    return {bytes.fromhex(one[0]) for entry in entries for one in entry["suppressed"] if one[2] == suppressions.ERASED}


@transaction.atomic
def _again(entry: dict[str, Any], owners: dict[bytes, list[int]]) -> list[ErasureRequest]:
    """Take the person away again, whoever they were at that time: by their code, or by an address they had."""
    at = datetime.fromisoformat(entry["at"])
    _suppress(entry["suppressed"], at)
    business = Business.objects.filter(code=entry["business"]).first() if entry["business"] else None
    if entry["business"] and business is None:
        return []
    people = {owner for hashed in _hashes([entry]) for owner in owners.get(hashed, [])}
    found = Recipient.objects.filter(pk__in=people) | Recipient.objects.filter(code=entry["person"])
    requests: list[ErasureRequest] = []
    for recipient in found.filter(created_at__lte=at, erased_at=None).order_by("pk"):
        request = erasure.begin(
            recipient_id=recipient.pk,
            business=business,
            cause=ErasureRequest.Cause(entry["cause"]),
            via=entry["via"],
            now=at,
            code=None if requests else entry["erasure"],
        )
        requests += [request] if request else []
    return requests


def _suppress(suppressed: list[list[Any]], at: datetime) -> None:
    companies = set(
        LegalEntity.objects.filter(pk__in=[one[1] for one in suppressed if one[1]]).values_list("pk", flat=True)
    )
    for hashed, legal_entity_id, kind in suppressed:
        if legal_entity_id is None or legal_entity_id in companies:
            suppressions.add(hashes=[bytes.fromhex(hashed)], kind=kind, legal_entity_id=legal_entity_id, now=at)
