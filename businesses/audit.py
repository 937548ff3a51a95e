"""The audit trail: who did what to which object, and what it was before and after. It only grows."""

from datetime import datetime
from typing import Any

import structlog

from businesses.models import AuditEvent, Business, User


def note(
    *,
    action: str,
    object_kind: str,
    object_code: str,
    now: datetime,
    actor: User | None = None,
    business: Business | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write one line in the caller's transaction. Never put a secret or a person's address into it."""
    return AuditEvent.objects.create(
        business=business,
        actor=actor,
        action=action,
        object_kind=object_kind,
        object_code=object_code,
        before=before or {},
        after=after or {},
        # Bound by the request's middleware; a worker has none.
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
        created_at=now,
    )
