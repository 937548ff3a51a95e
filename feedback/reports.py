"""Reports: somebody blocks a business and says why; the operator's desk decides what follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from businesses import audit
from businesses.models import Business, Member, User
from consent import refusals
from consent.erasure import Traces
from feedback import denials
from feedback.models import Report

MAX_WORDS = 1000
HISTORY = timedelta(days=30)


def block_and_report(
    *, recipient_id: int, business: Business, broadcast_id: int | None, reason: str, words: str, via: str, now: datetime
) -> Report | None:
    """Block ``business`` for this person, then put the report on the operator's desk.

    The block is committed first and stands whatever becomes of the report. ``reason`` '' blocks without a report; an
    unknown one counts as "something else". The same report twice is one; later words are added to it while it is open.
    """
    refusals.block(recipient_id=recipient_id, business=business, via=via, now=now)
    if not reason:
        return None
    return report(
        recipient_id=recipient_id,
        business=business,
        broadcast_id=broadcast_id,
        reason=reason,
        words=words,
        via=via,
        now=now,
    )


def report(
    *, recipient_id: int, business: Business, broadcast_id: int | None, reason: str, words: str, via: str, now: datetime
) -> Report:
    """Put a reason on the operator's desk, once the block holds. It blocks nothing itself."""
    filed = _file(recipient_id, business, broadcast_id, reason, words, via, now)
    # In a transaction of its own: the report stands whatever becomes of the evidence, which the clock weighs again.
    denials.weigh(report=filed, now=now)
    return filed


@transaction.atomic
def _file(
    recipient_id: int, business: Business, broadcast_id: int | None, reason: str, words: str, via: str, now: datetime
) -> Report:
    said = words.replace("\x00", "").strip()[:MAX_WORDS]
    report, is_new = Report.objects.get_or_create(
        business=business,
        recipient_id=recipient_id,
        broadcast_id=broadcast_id,
        reason=reason if reason in Report.Reason else Report.Reason.OTHER,
        defaults={"words": said, "via": via, "created_at": now},
    )
    if not is_new and said:
        Report.objects.filter(pk=report.pk, state=Report.State.OPEN).update(words=said)
    return report


class CannotDecide(ValidationError):
    """The report cannot be decided like that; the sentence says what is missing or who may."""


def check_decision(*, report: Report, by: User, state: str, words: str) -> None:
    """Raise ``CannotDecide`` when ``by`` may not close the report like that.

    Words are mandatory, and whoever belongs to the business (or to another account of its company) may not decide.
    """
    if state not in (Report.State.DISMISSED, Report.State.UPHELD):
        raise CannotDecide(_("Choose whether the report is upheld or whether no fault was found."))
    if not words.strip():
        raise CannotDecide(_("Write down why: whoever looks at this later needs to understand it."))
    if Member.objects.filter(user=by, business__legal_entity=report.business.legal_entity_id).exists():
        raise CannotDecide(_("You are a member of this business: somebody else has to decide."))


@transaction.atomic
def decide(*, report: Report, by: User, state: str, words: str, now: datetime) -> None:
    """Close an open report as dismissed or upheld, for good. Raises ``CannotDecide``."""
    check_decision(report=report, by=by, state=state, words=words)
    decision = {"state": state, "decision_words": words.strip()[:MAX_WORDS]}
    waiting = Report.objects.filter(pk=report.pk, state=Report.State.OPEN)
    if not waiting.update(**decision, decided_by=by, decided_at=now):
        raise CannotDecide(_("Somebody has decided this report already. Load the page again to see the decision."))
    audit.note(
        action="report.decided",
        object_kind="report",
        object_code=report.code,
        actor=by,
        business=report.business,
        before={"state": Report.State.OPEN},
        # The words may speak of a person: they stay with the report, where they can be forgotten.
        after={"state": state},
        now=now,
    )


def history(*, business: Business, now: datetime) -> dict[str, int]:
    """Return how many reports of the last 30 days concern ``business``, by state: the desk weighs a new one by them."""
    recent = Report.objects.filter(business=business, created_at__gt=now - HISTORY)
    return dict(recent.values_list("state").annotate(n=Count("id")).order_by("state"))


def forget_copies(*, traces: Traces) -> int:
    """Blank the words of the person's reports, and those of whoever decided; that it was said, and what, stays."""
    theirs = Report.objects.filter(recipient_id__in=traces.recipient_ids).exclude(words="", decision_words="")
    if traces.business_id is not None:
        theirs = theirs.filter(business_id=traces.business_id)
    return theirs.update(words="", decision_words="")


def export(*, recipient_ids: list[int]) -> list[dict[str, Any]]:
    """Return what the person reported, in their words, the newest first."""
    said = Report.objects.filter(recipient_id__in=recipient_ids).select_related("business").order_by("-id")
    return [
        {
            "business": report.business.name,
            "code": report.code,
            "reason": report.reason,
            "words": report.words,
            "state": report.state,
            "at": report.created_at.isoformat(),
        }
        for report in said
    ]
