"""What happened to a wording: every version of a template in one language, and every decision, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from templates_approval.models import Review, Version


@dataclass(frozen=True, slots=True)
class Moment:
    """``kind`` is drafted, submitted, approved or rejected; a decision carries its review."""

    at: datetime
    kind: str
    version: Version
    review: Review | None = None


def of(version: Version) -> list[Moment]:
    """Return what happened to ``version`` and its siblings in the same language, newest first. Two queries."""
    siblings = Version.objects.filter(template=version.template_id, language=version.language)
    chain = siblings.prefetch_related("reviews").order_by("-number")
    return sorted(_moments(chain), key=lambda moment: moment.at, reverse=True)


def _moments(chain: Iterable[Version]) -> Iterator[Moment]:
    for version in chain:
        # In the order that sorting by time keeps when two moments are the same.
        for review in version.reviews.all():
            yield Moment(review.created_at, review.decision, version, review)
        if version.submitted_at is not None:
            yield Moment(version.submitted_at, "submitted", version)
        yield Moment(version.created_at, "drafted", version)
