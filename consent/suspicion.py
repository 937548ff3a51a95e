"""Evidence that its own people deny: it is quarantined, the operator's desk gets a case, and the business may answer.

To the gate, whose every decision looks at the batch, quarantined evidence is none from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from businesses import audit
from businesses.models import Business, Member, User
from consent import trust
from consent.models import EvidenceCase, ImportBatch

Trust = ImportBatch.Trust
BELIEVED = (Trust.PROBE, Trust.CLEAN, Trust.VOUCHED)
MAX_ANSWER = 2000


@cache
def statement(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text()


def suspect(
    *, business: Business, recipient_id: int, denials: Sequence[tuple[int, datetime]], now: datetime
) -> list[ImportBatch]:
    """Somebody denies that they signed up: quarantine every batch that too many of its people deny; return those.

    ``denials`` are all of the last 30 days, (person, when), this one included. Too many: at least so many people, and
    at least such a share of those people of the batch who were written to in that time (``EvidencePolicy``). What the
    batch itself does not show, all of the business's probes together may.
    """
    allowed = trust.policy()
    values: dict[str, Any] = {
        "business_id": business.pk,
        "recipient_id": recipient_id,
        "deniers": [person for person, _at in denials],
        "denied_ats": [at for _person, at in denials],
        "min_people": allowed.quarantine_people,
        "permille": allowed.quarantine_permille,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("suspicion"), values)
        found = cursor.fetchall()
        if not found:
            cursor.execute(statement("suspicion_together"), values)
            found = cursor.fetchall()
    batches = ImportBatch.objects.select_related("business").in_bulk([pk for pk, _deniers, _told in found])
    return [
        batches[pk]
        for pk, n_deniers, n_told in found
        if _quarantine(batches[pk], None, "", now, n_deniers=n_deniers, n_told=n_told)
    ]


class CannotJudge(ValidationError):
    """The evidence cannot be judged like that; the sentence says what is missing or who may."""


def check_judge(*, batch: ImportBatch, by: User, words: str) -> None:
    """Raise ``CannotJudge`` without words, and for members of the business or of another account of its company."""
    if not words.strip():
        raise CannotJudge(_("Write down why: whoever looks at this later needs to understand it."))
    if Member.objects.filter(user=by, business__legal_entity=batch.business.legal_entity_id).exists():
        raise CannotJudge(_("You are a member of this business: somebody else has to decide."))


@transaction.atomic
def vouch(*, batch: ImportBatch, by: User, words: str, now: datetime) -> bool:
    """Believe the evidence of a batch after having looked at it; returns whether that is news. Raises ``CannotJudge``.

    People who denied it before this moment have been weighed in it: only later ones count against the batch.
    """
    check_judge(batch=batch, by=by, words=words)
    judged = ImportBatch.objects.filter(pk=batch.pk, trust__in=[Trust.PROBE, Trust.CLEAN, Trust.QUARANTINED])
    before = judged.select_for_update(no_key=True).values_list("trust", flat=True).first()
    if before is None:
        return False
    ImportBatch.objects.filter(pk=batch.pk).update(trust=Trust.VOUCHED, judged_at=now)
    _close_case(batch, by, EvidenceCase.Decision.VOUCHED, words, now)
    trust.note(batch, "import.vouched", by, before, Trust.VOUCHED, words, now)
    return True


@transaction.atomic
def quarantine(*, batch: ImportBatch, by: User, words: str, now: datetime) -> bool:
    """Believe nothing of a batch any more; returns whether that is news. Raises ``CannotJudge``."""
    check_judge(batch=batch, by=by, words=words)
    return _quarantine(batch, by, words, now)


@transaction.atomic
def keep(*, batch: ImportBatch, by: User, words: str, now: datetime) -> bool:
    """Close the case and leave the batch in quarantine; the business may answer again. Raises ``CannotJudge``."""
    check_judge(batch=batch, by=by, words=words)
    if not _close_case(batch, by, EvidenceCase.Decision.KEPT, words, now):
        return False
    trust.note(batch, "import.kept_quarantined", by, batch.trust, batch.trust, words, now)
    return True


class CannotAnswer(ValidationError):
    """There is nothing to answer, or nothing in the answer."""


@transaction.atomic
def answer(*, batch: ImportBatch, by: User, words: str, now: datetime) -> EvidenceCase:
    """Let the business say where its evidence comes from; a closed case is opened again by it.

    Raises ``CannotAnswer``.
    """
    said = words.replace("\x00", "").strip()[:MAX_ANSWER]
    if not said:
        raise CannotAnswer(_("Write where these people come from, and how they signed up."))
    locked = ImportBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if locked.trust != Trust.QUARANTINED:
        raise CannotAnswer(_("This import is not in quarantine: there is nothing to answer."))
    case = EvidenceCase.objects.open().filter(batch=batch).first() or EvidenceCase(batch=batch, opened_at=now)
    case.answer, case.answered_by, case.answered_at = said, by, now
    case.save()
    audit.note(
        action="import.answered",
        object_kind="import",
        object_code=batch.code,
        actor=by,
        business=batch.business,
        after={"answer": said},
        now=now,
    )
    return case


@transaction.atomic
def _quarantine(
    batch: ImportBatch, by: User | None, words: str, now: datetime, *, n_deniers: int = 0, n_told: int = 0
) -> bool:
    believed = ImportBatch.objects.filter(pk=batch.pk, trust__in=BELIEVED)
    before = believed.select_for_update(no_key=True).values_list("trust", flat=True).first()
    if before is None:
        return False
    ImportBatch.objects.filter(pk=batch.pk).update(trust=Trust.QUARANTINED)
    batch.trust = Trust.QUARANTINED
    EvidenceCase.objects.create(
        batch=batch,
        opened_at=now,
        opened_by=by,
        opening_words=words.strip()[: trust.MAX_WORDS],
        n_reporters=n_deniers,
        n_told=n_told,
    )
    trust.note(batch, "import.quarantined", by, before, Trust.QUARANTINED, words, now)
    return True


def _close_case(batch: ImportBatch, by: User, decision: EvidenceCase.Decision, words: str, now: datetime) -> int:
    return (
        EvidenceCase.objects.open()
        .filter(batch=batch)
        .update(decision=decision, decision_words=words.strip()[: trust.MAX_WORDS], decided_by=by, decided_at=now)
    )
