"""How far evidence is believed that a business only attests: a probe first, then all of it; or none, under suspicion.

A batch (a file, or what programs attested in one month) begins *on probation*: its first people may be told, the rest
waits. It passes when enough of them got an offer and did not deny that they ever signed up; the operator may vouch for
it instead (``consent/suspicion.py``). The gate looks at the batch in its every decision.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from django.db import connection, transaction
from django.db.models import Sum

from businesses import audit, events
from businesses.models import Business, User
from consent.models import EvidencePolicy, ImportBatch, Interaction

Trust = ImportBatch.Trust
MAX_WORDS = 1000
WINDOW = timedelta(days=30)
# What counts against how many unproven people a business may write to: an undo does not make room for the next list.
UNPROVEN = (Trust.PROBE, Trust.QUARANTINED, Trust.WITHDRAWN)


@cache
def statement(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text()


def policy() -> EvidencePolicy:
    """Return the operator's policy about evidence."""
    return EvidencePolicy.objects.first() or EvidencePolicy()


def batch_of_month(*, business: Business, now: datetime) -> ImportBatch:
    """Return the batch of what this business's programs attest this month, locked until the transaction ends.

    Lock it before any person. A month is long enough that single posts make one probe, and short enough that trust
    once earned does not last for ever.
    """
    of_month = ImportBatch.objects.filter(business=business, source=ImportBatch.Source.API, period=f"{now:%Y-%m}")
    while True:
        ImportBatch.objects.bulk_create(
            [
                ImportBatch(
                    business=business,
                    source=ImportBatch.Source.API,
                    period=f"{now:%Y-%m}",
                    state=ImportBatch.State.DONE,
                    created_at=now,
                    finished_at=now,
                )
            ]
            if not of_month.exclude(trust=Trust.WITHDRAWN).exists()
            else [],
            ignore_conflicts=True,
        )
        # It may have been undone since: then there is room for another one.
        if batch := of_month.exclude(trust=Trust.WITHDRAWN).select_for_update(no_key=True).first():
            return batch


def put_on_probation(*, batch: ImportBatch, now: datetime) -> int:
    """Choose who of the batch may be told before the others; returns how many were added.

    Call it after the evidence is written, in the transaction that holds the batch's lock, and after the people's locks.
    The choice is by a hash salted with the batch's code; it is stored (``is_probe``) and never taken back.
    """
    if batch.trust != Trust.PROBE:
        return 0
    room = _room(batch, now)
    if room <= 0:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(statement("put_on_probation"), {"batch_id": batch.pk, "salt": batch.code, "room": room})
        n: int = cursor.fetchone()[0]
    batch.n_probe += n
    ImportBatch.objects.filter(pk=batch.pk).update(n_probe=batch.n_probe)
    return n


def _room(batch: ImportBatch, now: datetime) -> int:
    """How many more people of the batch may be told before anybody has been heard."""
    allowed = policy()
    left = allowed.probe_people - batch.n_probe
    if left <= 0:
        return 0
    with connection.cursor() as cursor:
        # Two batches of one business ask one after the other; the second sees what the first one took.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('consent.trust', %s))", [batch.business_id])
    unproven = ImportBatch.objects.filter(
        business_id=batch.business_id, trust__in=UNPROVEN, created_at__gt=now - WINDOW
    )
    taken = unproven.aggregate(n=Sum("n_probe"))["n"] or 0
    return min(left, allowed.unproven_people - taken)


def fill_probes(*, now: datetime) -> int:
    """Let people wait no longer than they must: where room has come about, probes grow to their size."""
    n = 0
    short = ImportBatch.objects.filter(
        trust=Trust.PROBE, state=ImportBatch.State.DONE, n_probe__lt=policy().probe_people, created_at__gt=now - WINDOW
    )
    for pk in list(short.order_by("id").values_list("pk", flat=True)):
        with transaction.atomic():
            batch = ImportBatch.objects.select_for_update(no_key=True).get(pk=pk)
            n += put_on_probation(batch=batch, now=now)
    return n


def probe_of(*, batch: ImportBatch) -> list[int]:
    """Return who belongs to the batch's probe, by id."""
    people = Interaction.objects.filter(batch=batch, is_probe=True, withdrawn_at__isnull=True)
    return list(people.order_by("recipient_id").values_list("recipient_id", flat=True).distinct())


@transaction.atomic
def pass_probe(*, batch: ImportBatch, now: datetime) -> bool:
    """The probe came back clean: everybody else of the batch may be told, too. Returns whether that is news."""
    if not ImportBatch.objects.filter(pk=batch.pk, trust=Trust.PROBE).update(trust=Trust.CLEAN):
        return False
    note(batch, "import.clean", None, Trust.PROBE, Trust.CLEAN, "", now)
    return True


def note(batch: ImportBatch, action: str, by: User | None, before: str, after: str, words: str, now: datetime) -> None:
    """Put it into the audit trail, and tell the business, who is not told by whom it was denied."""
    audit.note(
        action=action,
        object_kind="import",
        object_code=batch.code,
        actor=by,
        business=batch.business,
        before={"trust": str(before)},
        after={"trust": str(after), **({"words": words.strip()[:MAX_WORDS]} if words.strip() else {})},
        now=now,
    )
    payload = {"code": batch.code, "trust": str(after)}
    events.record(business_id=batch.business_id, kind=action, payload=payload, now=now)
