"""Denials: people who say that they never signed up speak against the evidence that was given of them.

Here is what the floor below cannot see: who reported, and who was really sent an offer. What it means for a batch of
evidence is decided in ``consent`` (``suspicion``, ``trust``).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from broadcasts.models import Broadcast, Delivery
from businesses.models import Business
from consent import suspicion, trust
from consent.models import ImportBatch, Interaction
from feedback.models import Report

# As long as slots are kept, by which the floor below knows who was written to.
WINDOW = timedelta(days=30)
# A probe that nobody has looked at for so long will not come back by itself: the operator may vouch for it.
OLDEST_PROBE = timedelta(days=90)
MAX_DENIALS = 10_000
AT_ONCE = 1_000


def of_business(*, business: Business, now: datetime) -> QuerySet[Report]:
    """Return what people of the last 30 days said; what the operator found no fault in does not count."""
    said = Report.objects.filter(business=business, reason=Report.Reason.NO_SIGN_UP, created_at__gt=now - WINDOW)
    return said.exclude(state=Report.State.DISMISSED)


def about(*, batch: ImportBatch, now: datetime) -> QuerySet[Report]:
    """Return what was said by then by people of this batch, for the operator's desk, the latest first."""
    people = Interaction.objects.filter(batch=batch).values("recipient_id")
    said = of_business(business=batch.business, now=now).filter(created_at__lte=now, recipient_id__in=people)
    return said.order_by("-created_at", "-id")


def weigh(*, report: Report, now: datetime) -> list[ImportBatch]:
    """Let a report speak against the evidence of its person; return the batches that are quarantined by it."""
    if report.reason != Report.Reason.NO_SIGN_UP:
        return []
    said = of_business(business=report.business, now=now).order_by("-created_at")
    denials = list(said.values_list("recipient_id", "created_at")[:MAX_DENIALS])
    return suspicion.suspect(business=report.business, recipient_id=report.recipient_id, denials=denials, now=now)


def weigh_again(*, now: datetime) -> int:
    """Weigh the reports of the last hour once more, should a crash have come between one and its weighing."""
    lately = Report.objects.filter(reason=Report.Reason.NO_SIGN_UP, created_at__gt=now - timedelta(hours=1))
    return sum(
        len(weigh(report=report, now=now)) for report in lately.select_related("business").order_by("id")[:AT_ONCE]
    )


def release_clean(*, now: datetime) -> int:
    """Let the rest of every batch follow whose probe came back clean; return how many batches.

    Clean: such a share of the probe's people got an offer so many days ago (``EvidencePolicy``), and not so many of
    those who got one at all have denied that they signed up as would quarantine the batch.
    """
    on_probation = ImportBatch.objects.filter(
        trust=ImportBatch.Trust.PROBE, n_probe__gt=0, created_at__gt=now - OLDEST_PROBE
    )
    waiting = list(on_probation.select_related("business").order_by("id"))
    return sum(trust.pass_probe(batch=batch, now=now) for batch in waiting if is_clean(batch=batch, now=now))


def is_clean(*, batch: ImportBatch, now: datetime) -> bool:
    """Say whether enough people of the probe had an offer and time to complain, and too few did to quarantine it."""
    allowed = trust.policy()
    probe = trust.probe_of(batch=batch)
    arrived = _arrived(batch, probe)
    n_heard = _people(arrived.filter(delivered_at__lte=now - timedelta(days=allowed.clean_days)))
    if n_heard == 0 or n_heard * 100 < len(probe) * allowed.clean_percent:
        return False
    said = of_business(business=batch.business, now=now).filter(recipient_id__in=probe)
    n_denied = said.values("recipient_id").distinct().count()
    return n_denied < allowed.quarantine_people or n_denied * 1000 < _people(arrived) * allowed.quarantine_permille


def _arrived(batch: ImportBatch, people: list[int]) -> QuerySet[Delivery]:
    """Return what reached these people since the batch came."""
    since = Q(completed_at__isnull=True) | Q(completed_at__gt=batch.created_at)
    broadcasts = Broadcast.objects.of(batch.business).filter(since).exclude(state=Broadcast.State.DRAFT)
    return Delivery.objects.filter(
        broadcast_id__in=list(broadcasts.values_list("pk", flat=True)),
        recipient_id__in=people,
        state__gte=Delivery.State.DELIVERED,
        delivered_at__gte=batch.created_at,
    )


def _people(deliveries: QuerySet[Delivery]) -> int:
    return deliveries.values("recipient_id").distinct().count()
