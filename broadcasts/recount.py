"""Once a night: everybody who was told something since yesterday is looked at again, by other means than the gate's.

What the gate promises (caps, consent, a passport) is worked out anew from the rows (``consent.recount``), and so is
what foreign keys would forbid elsewhere. The operator finds the result in the trail; faults are in the log, too.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from broadcasts.models import Broadcast, Delivery
from businesses import audit
from businesses.models import AuditEvent
from consent import recount as people
from consent.recount import Finding, Told

SLICE = 2_000
A_DAY = timedelta(days=1)
MOST_NAMED = 100
ACTION = "sending.recounted"
State = Delivery.State
HOLDS_A_SLOT = frozenset(
    {
        State.SENDING, State.UNKNOWN, State.UNCONFIRMED, State.ACCEPTED, State.HELD, State.SENT, State.NO_RECEIPT,
        State.DELIVERED, State.READ,
    }
)  # fmt: skip

log = structlog.get_logger(__name__)


@dataclass
class Report:
    """How many were looked at, what was found of each kind, and the first findings by name."""

    since: datetime
    n_told: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    named: list[Finding] = field(default_factory=list)
    # Whether the time was enough for everybody.
    is_whole: bool = True

    @property
    def n_findings(self) -> int:
        return self.kinds.total()

    def add(self, findings: list[Finding]) -> None:
        self.kinds.update(finding.kind for finding in findings)
        self.named += findings[: MOST_NAMED - len(self.named)]


def nightly(*, now: datetime, seconds: float) -> Report | None:
    """Recount the last day, and note it in the trail; None when that was done today already."""
    done = AuditEvent.objects.filter(action=ACTION, created_at__gt=now - A_DAY / 2)
    if done.exists():
        return None
    # Yesterday's run began at about this hour: an hour more, so that nobody falls between the two.
    return recount(since=now - A_DAY - timedelta(hours=1), now=now, seconds=seconds)


def recount(*, since: datetime, now: datetime, seconds: float = float("inf")) -> Report:
    """Look again at everybody who passed the gate in [``since``, ``now``]; the trail gets a line, whatever is found."""
    report, ends_at = Report(since), time.monotonic() + seconds
    for table, n in people.orphans().items():
        report.kinds[f"orphans in {table}"] = n
    alive = Broadcast.objects.filter(Q(completed_at=None) | Q(completed_at__gte=since), launched_at__isnull=False)
    for broadcast in alive.select_related("business").order_by("pk").iterator():
        for told in _told(broadcast, since, now):
            report.n_told += len(told)
            report.add(people.against(told))
            if time.monotonic() > ends_at:
                report.is_whole = False
                return _note(report, now)
    return _note(report, now)


def _told(broadcast: Broadcast, since: datetime, until: datetime) -> Iterator[list[Told]]:
    """Yield those who passed the gate, some at a time; whoever was put back into the queue did not."""
    rows = Delivery.objects.filter(
        broadcast_id=broadcast.pk, state__gte=State.SENDING, gated_at__gte=since, gated_at__lte=until
    ).order_by("recipient_id")
    last = 0
    while found := list(
        rows.filter(recipient_id__gt=last).values_list("recipient_id", "interaction_id", "basis", "gated_at", "state")[
            :SLICE
        ]
    ):
        last = found[-1][0]
        yield [
            Told(
                recipient_id, broadcast.pk, broadcast.business_id, broadcast.business.legal_entity_id, interaction_id,
                basis, gated_at, state in HOLDS_A_SLOT,
            )
            for recipient_id, interaction_id, basis, gated_at, state in found
            if gated_at is not None
        ]  # fmt: skip


def _note(report: Report, now: datetime) -> Report:
    after = {
        "since": report.since.isoformat(),
        "told": report.n_told,
        "findings": dict(sorted(report.kinds.items())),
        "whole": report.is_whole,
    }
    audit.note(action=ACTION, object_kind="installation", object_code="", after=after, now=now)
    if report.n_findings or not report.is_whole:
        log.error("sending.recounted", **after)
    return report
