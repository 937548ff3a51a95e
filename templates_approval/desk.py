"""The reviewers' desk: what waits, how long it may still wait, and what a reviewer should know before deciding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_timedelta
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from businesses.models import Business, User
from templates_approval import diff
from templates_approval.models import Review, Version

SOON = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Clock:
    """How a waiting version stands against its promise. ``state`` is ``late``, ``soon`` or ``fine``."""

    state: str
    words: str


def clock(version: Version, *, now: datetime) -> Clock:
    """Say in words how long a decision may still take, or how late it is."""
    if version.review_due_at is None:
        return Clock("fine", "")
    left = version.review_due_at - now
    length = format_timedelta(abs(left), threshold=1.2, locale=to_locale(get_language() or "en"))
    if left < timedelta(0):
        return Clock("late", _("late by %(length)s") % {"length": length})
    return Clock("soon" if left < SOON else "fine", _("%(length)s left") % {"length": length})


def with_attempts(versions: QuerySet[Version]) -> QuerySet[Version]:
    """Add ``n_rejected``: how many earlier versions of this template and language were rejected."""
    earlier = Version.objects.filter(
        template=OuterRef("template"), language=OuterRef("language"), state=Version.State.REJECTED
    ).filter(number__lt=OuterRef("number"))
    counted = earlier.order_by().values("template").annotate(n=Count("pk")).values("n")
    return versions.annotate(n_rejected=Subquery(counted))


def next_case(*, after: Version, reviewer: User) -> Version | None:
    """Return the oldest version that waits for somebody like ``reviewer``, beginning behind ``after``."""
    decidable = Version.objects.waiting().exclude(pk=after.pk)
    decidable = decidable.exclude(submitted_by=reviewer).exclude(
        template__business__legal_entity__businesses__members__user=reviewer
    )
    return decidable.filter(_behind(after)).first() or decidable.first()


def previous_case(*, before: Version) -> Version | None:
    """Return the version that was submitted just before ``before`` and still waits."""
    key = Q(submitted_at__lt=before.submitted_at) | Q(submitted_at=before.submitted_at, pk__lt=before.pk)
    return Version.objects.waiting().filter(key).order_by("-submitted_at", "-id").first()


def _behind(version: Version) -> Q:
    return Q(submitted_at__gt=version.submitted_at) | Q(submitted_at=version.submitted_at, pk__gt=version.pk)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A wording beside an earlier one; ``is_approved`` says whether that one was approved or only decided."""

    earlier: Version
    changes: list[diff.Part]

    @property
    def is_approved(self) -> bool:
        return self.earlier.state == Version.State.APPROVED


def comparison(version: Version) -> Comparison | None:
    """Compare with the last approved version of the same template and language, else with the last decided one."""
    chain = Version.objects.filter(
        template=version.template_id, language=version.language, number__lt=version.number
    ).exclude(state=Version.State.DRAFT)
    earlier = (
        chain.filter(state=Version.State.APPROVED).order_by("-number").first() or chain.order_by("-number").first()
    )
    return Comparison(earlier, diff.parts(earlier.components, version.components)) if earlier else None


def record_of(business: Business) -> dict[str, Any]:
    """Return what is known of a business at the desk: how its templates fared so far. One query."""
    decided = Review.objects.filter(version__template__business=business)
    return decided.aggregate(
        n_approved=Count("pk", filter=Q(decision=Review.Decision.APPROVED)),
        n_rejected=Count("pk", filter=Q(decision=Review.Decision.REJECTED)),
    )


def decisions_about(version: Version) -> QuerySet[Review]:
    """Return every decision about this template in this language, newest first."""
    return (
        Review.objects.filter(version__template=version.template_id, version__language=version.language)
        .select_related("reviewer", "version")
        .order_by("-created_at", "-id")
    )
