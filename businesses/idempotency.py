"""Idempotency keys: a program that repeats a request gets the first answer again, and the effect happens once."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from businesses.models import Business, IdempotentRequest

FORGET = (Path(__file__).parent / "sql" / "forget_answers.sql").read_text()
KEY_MAX = 255
KEPT = timedelta(hours=24)


class KeyReused(ValidationError):
    """The key came with another body before (HTTP 422)."""


class StillRunning(ValidationError):
    """A request with this key is being worked on at this moment (HTTP 409)."""


@dataclass(frozen=True)
class Once:
    """One repeatable request, between asking for the earlier answer and storing the first one."""

    business: Business
    route: str
    key: str
    body_hash: str
    earlier: IdempotentRequest | None

    def store(self, *, status: int, body: Any, now: datetime) -> None:
        """Keep the answer; it commits together with the effect."""
        IdempotentRequest.objects.create(
            business=self.business,
            route=self.route,
            key=self.key,
            body_hash=self.body_hash,
            status=status,
            body=body,
            created_at=now,
        )


@contextmanager
def once(*, business: Business, route: str, key: str, body: bytes, now: datetime) -> Iterator[Once]:
    """Open the one transaction in which a request has its effect and its answer is stored.

    Raises StillRunning when somebody else is inside with the same key, and KeyReused when ``body`` is not the one
    that came with it the first time. ``earlier`` is the stored answer, kept for 24 hours.
    """
    body_hash = hashlib.sha256(body).hexdigest()
    with transaction.atomic():
        if not _enter(f"{business.pk} {route} {key}"):
            raise StillRunning(
                _("A request with this key is still running. Try again in a moment."), code="still_running"
            )
        # Asked after the lock, in a statement of its own: an answer that committed meanwhile is seen.
        earlier = _earlier(business=business, route=route, key=key, now=now)
        if earlier is not None and earlier.body_hash != body_hash:
            raise KeyReused(
                _("This key came with another body before. Use a new key for a new request."),
                code="idempotency_key_reused",
            )
        yield Once(business=business, route=route, key=key, body_hash=body_hash, earlier=earlier)


def _enter(name: str) -> bool:
    """Take a lock that ends with the transaction, without waiting. Two names meet by chance once in 2⁶⁴."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone()[0])


def _earlier(*, business: Business, route: str, key: str, now: datetime) -> IdempotentRequest | None:
    stored = IdempotentRequest.objects.filter(business=business, route=route, key=key)
    stored.filter(created_at__lt=now - KEPT).delete()
    return stored.first()


def forget_old(*, before: datetime, is_dry: bool = False) -> int:
    """Delete the answers that were given before ``before`` and return how many; dry, only count them."""
    old = IdempotentRequest.objects.filter(created_at__lt=before)
    if is_dry:
        return old.count()
    n_deleted, _by_model = old.delete()
    return n_deleted


def forget_marked(*, marks: list[str], business_id: int | None = None) -> int:
    """Empty the stored answers in which one of ``marks`` (addresses, codes of contacts) stands; return how many.

    The answer to a repeat is then empty too: better than doing again what was undone on a person's wish.
    """
    if not marks:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"marks": marks, "business_id": business_id, "erased": json.dumps({"erased": True})})
        return int(cursor.rowcount)
