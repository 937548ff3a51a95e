"""Once a night: all who were told something since the last time are looked at again, by other means than the gate's.

What the gate promises (caps, consent, a passport) is worked out anew from the rows (``consent.recount``). The operator
finds the result in the trail; faults are in the log, too.
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
from businesses import audit, nights
from businesses.models import AuditEvent
from consent import recount as people
from consent.recount import Finding, Rules, Told

SLICE = 2_000
A_DAY = timedelta(days=1)
# Whoever was passing the gate when the last run began is not in it.
OVERLAP = timedelta(hours=1)
# Slots are kept for 30 days; of older ones nothing can be said.
LONGEST = timedelta(days=30) - OVERLAP
MOST_NAMED = 100
ACTION = "sending.recounted"
NIGHTLY = "recount"
# UTC.
HOUR = 4
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
    # Up to this moment nobody was left out.
    until: datetime
    n_told: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    named: list[Finding] = field(default_factory=list)
    # Whether the time was enough for everybody.
    is_whole: bool = False

    @property
    def n_findings(self) -> int:
        return self.kinds.total()

    def add(self, findings: list[Finding]) -> None:
        self.kinds.update(finding.kind for finding in findings)
        self.named += findings[: MOST_NAMED - len(self.named)]


def nightly(*, now: datetime, seconds: float) -> Report | None:
    """Recount everybody whom no night has looked at yet; None before the hour, and when tonight's was begun already.

    A run by hand is none of these. Nights that were missed or too short are made up for, 30 days back at most.
    """
    if not nights.begin(what=NIGHTLY, from_hour=HOUR, now=now):
        return None
    since = max(_looked_at_until(now) - OVERLAP, now - LONGEST)
    return _note(_recount(since, now, seconds), now, kind=nights.OBJECT_KIND, code=NIGHTLY)


def recount(*, since: datetime, now: datetime, seconds: float = float("inf")) -> Report:
    """Look again at everybody who passed the gate in [``since``, ``now``]; the trail gets a line, whatever is found."""
    return _note(_recount(since, now, seconds), now, kind="installation", code="")


def _looked_at_until(now: datetime) -> datetime:
    """Return up to which moment the nights have looked at everybody; the first one looks at a day."""
    lines = AuditEvent.objects.filter(object_kind=nights.OBJECT_KIND, object_code=NIGHTLY, action=ACTION)
    last = lines.order_by("-created_at").values_list("after__until", flat=True).first()
    return datetime.fromisoformat(last) if last else now - A_DAY


def _recount(since: datetime, now: datetime, seconds: float) -> Report:
    """Look at a day at a time, the oldest first, so that a backlog gets shorter however little time there is."""
    report, ends_at, rules = Report(since, since), time.monotonic() + seconds, Rules.of_today()
    while report.until < now:
        until = min(report.until + A_DAY + OVERLAP, now)
        for told in _told(report.until, until):
            report.n_told += len(told)
            report.add(people.against(told, rules=rules) if told else [])
            if time.monotonic() > ends_at:
                return report
        report.until = until
    report.is_whole = True
    return report


def _told(since: datetime, until: datetime) -> Iterator[list[Told]]:
    """Yield those who passed the gate, some at a time; whoever was put back into the queue did not.

    Nobody is yielded, too, at the end of each broadcast: looking for them took its time.
    """
    was_alive = Q(completed_at=None) | Q(completed_at__gte=since)
    # Read at once: an open cursor would keep what was forgotten in the tables for as long as this takes.
    for broadcast in list(Broadcast.objects.filter(was_alive, launched_at__lte=until).select_related("business")):
        rows = Delivery.objects.filter(
            broadcast_id=broadcast.pk, state__gte=State.SENDING, gated_at__gte=since, gated_at__lte=until
        ).order_by("recipient_id")
        last = 0
        while found := list(
            rows.filter(recipient_id__gt=last).values_list(
                "recipient_id", "interaction_id", "basis", "gated_at", "state"
            )[:SLICE]
        ):
            last = found[-1][0]
            yield [
                Told(
                    recipient_id, broadcast.pk, broadcast.business_id, broadcast.business.legal_entity_id,
                    interaction_id, basis, gated_at, state in HOLDS_A_SLOT,
                )
                for recipient_id, interaction_id, basis, gated_at, state in found
                if gated_at is not None
            ]  # fmt: skip
        yield []


def _note(report: Report, now: datetime, *, kind: str, code: str) -> Report:
    after = {
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "told": report.n_told,
        "findings": dict(sorted(report.kinds.items())),
        "whole": report.is_whole,
    }
    audit.note(action=ACTION, object_kind=kind, object_code=code, after=after, now=now)
    if report.n_findings or not report.is_whole:
        log.error("sending.recounted", **after)
    return report
