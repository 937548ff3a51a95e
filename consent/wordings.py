"""The exact words that people were shown before they agreed, archived with a version: what was agreed stays known."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from businesses.models import Business
from consent.links import Shown
from consent.models import Wording


def current(*, code: str, locale: str, business: Business | None = None) -> Wording | None:
    """Return the latest words shown at this place in this language; None when none were."""
    return Wording.objects.of(business).filter(code=code, locale=locale).order_by("-version").first()


def shown(wording: Wording) -> Shown:
    """Return what a link of proof says of words that a person saw."""
    return Shown(code=wording.code, version=wording.version, locale=wording.locale, hash=wording.hash)


def archived(*, code: str, locale: str, text: str, now: datetime, business: Business | None = None) -> Wording:
    """Return the archived form of ``text``, as it is shown at this place: the current version, or the next one.

    Call it whenever words are shown; it writes only when they differ from those before. Safe beside others.
    """
    digest = sha256(text.encode()).hexdigest()
    while True:
        latest = current(code=code, locale=locale, business=business)
        if latest is not None and latest.hash == digest:
            return latest
        following = Wording(
            business=business,
            code=code,
            locale=locale,
            version=latest.version + 1 if latest else 1,
            text=text,
            hash=digest,
            created_at=now,
        )
        # Whoever comes second with the same number finds the other's words when it looks again.
        Wording.objects.bulk_create([following], ignore_conflicts=True)
