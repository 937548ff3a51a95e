"""How long things are kept: the operator's rules (``RetentionRule``), obeyed once a night, floor by floor.

A turn does so many slices of each kind and leaves the rest to the next; whatever it is killed in has not happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from django.db.models import Model, QuerySet

from broadcasts import retention as of_broadcasts
from broadcasts.models import Notice
from businesses import idempotency
from consent import retention as of_consent
from consent.models import ErasureRequest, RetentionRule
from feedback import journal
from feedback.models import Answer, Callback, InboundMessage, Reply, Report

SLICE = 5_000
# Backups older than this are nobody's any more; the journal need not know about them.
JOURNAL_KEPT = timedelta(days=730)
Kind = RetentionRule.Kind

log = structlog.get_logger(__name__)


class Forget(Protocol):
    """Forget one slice of what is older than ``before`` and return how many; dry, count all of it."""

    def __call__(self, *, before: datetime, now: datetime, is_dry: bool = False) -> int: ...


@dataclass(frozen=True)
class Line:
    """What one rule did, or would do. ``is_finished`` is False when the turn was over before the rule was."""

    rule: RetentionRule
    before: datetime
    n: int
    is_finished: bool


def obey(*, now: datetime, is_dry: bool = False, seconds: float = 3600) -> list[Line]:
    """Forget what every rule says, within ``seconds``, and report a line for each. Dry, nothing is changed."""
    end = time.monotonic() + seconds
    lines = [_obey(rule, now, is_dry, end) for rule in RetentionRule.objects.order_by("pk")]
    if not is_dry:
        journal.forget(before=now - JOURNAL_KEPT)
    return lines


def _obey(rule: RetentionRule, now: datetime, is_dry: bool, end: float) -> Line:
    before = now - timedelta(days=rule.days)
    forget = FORGET[Kind(rule.kind)]
    if is_dry:
        return Line(rule, before, forget(before=before, now=now, is_dry=True), True)
    n = 0
    while time.monotonic() < end:
        n_slice = forget(before=before, now=now)
        n += n_slice
        if n_slice == 0:
            log.info("retention.obeyed", kind=rule.kind, days=rule.days, n=n)
            return Line(rule, before, n, True)
    return Line(rule, before, n, False)


def _delete(old: Callable[[datetime], QuerySet[Model]]) -> Forget:
    """Delete rows, the oldest of them first."""

    def forget(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
        rows = old(before)
        if is_dry:
            return rows.count()
        keys = list(rows.values_list("pk", flat=True)[:SLICE])
        return rows.model._default_manager.filter(pk__in=keys).delete()[0] if keys else 0

    return forget


def _both(first: Forget, second: Forget) -> Forget:
    """One rule for two kinds of rows."""

    def forget(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
        return sum(each(before=before, now=now, is_dry=is_dry) for each in (first, second))

    return forget


def _set_aside(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Empty the bodies that were kept for somebody to look at."""
    kept = (
        Callback.objects.filter(received_at__lt=before, folded_at__isnull=False).exclude(failure="").exclude(body=b"")
    )
    if is_dry:
        return kept.count()
    keys = list(kept.values_list("pk", flat=True)[:SLICE])
    return Callback.objects.filter(pk__in=keys).update(body=b"")


def _reports(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    """Blank the words; what was reported, and how it was decided, stays."""
    old = Report.objects.filter(created_at__lt=before).exclude(words="", decision_words="")
    if is_dry:
        return old.count()
    keys = list(old.values_list("pk", flat=True)[:SLICE])
    return Report.objects.filter(pk__in=keys).update(words="", decision_words="")


def _answers(*, before: datetime, now: datetime, is_dry: bool = False) -> int:
    return idempotency.forget_old(before=before, is_dry=is_dry)


FORGET: dict[RetentionRule.Kind, Forget] = {
    Kind.CONTACT: of_consent.silent_contacts,
    Kind.PERSON: of_consent.unknown_people,
    Kind.MESSAGE: _both(
        _delete(lambda before: Reply.objects.filter(created_at__lt=before).order_by("created_at")),
        _delete(lambda before: Answer.objects.filter(created_at__lt=before).order_by("created_at")),
    ),
    Kind.REPORT: _reports,
    Kind.NOTICE: _delete(
        lambda before: Notice.objects.filter(created_at__lt=before).exclude(state=Notice.State.WAITING).order_by("pk")
    ),
    Kind.PHONE: of_broadcasts.phone_messages,
    Kind.VARIABLES: of_broadcasts.variables,
    Kind.CALLBACK: _delete(lambda before: Callback.objects.filter(folded_at__lt=before).order_by("pk")),
    Kind.SET_ASIDE: _set_aside,
    Kind.INBOUND_ID: _delete(lambda before: InboundMessage.objects.filter(heard_at__lt=before)),
    Kind.PROVIDER_ID: of_broadcasts.provider_ids,
    Kind.IMPORT_FILE: of_consent.import_files,
    Kind.IMPORT_FAULT: of_consent.import_faults,
    Kind.ANSWER: _answers,
    Kind.REQUEST: _delete(lambda before: ErasureRequest.objects.filter(done_at__lt=before).order_by("done_at")),
}
