"""What is done once a night: asked for every hour, and begun by the first who asks when its hour has come.

A line of the audit trail says that tonight's was begun. Whoever is killed at it is not followed by another the same
night: the next one makes up for what was missed.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from businesses import audit
from businesses.models import AuditEvent

BEGUN = "night.begun"
OBJECT_KIND = "night"


@transaction.atomic
def begin(*, what: str, from_hour: int, now: datetime) -> bool:
    """Take tonight's turn at ``what``; False before its hour (UTC), and when somebody has taken it.

    It is taken when this returns: never call it in a transaction. Two who ask at the same moment ask one after the
    other, and the second sees what the first one wrote.
    """
    if now.hour < from_hour:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('businesses.nights.' || %s, 0))", [what])
    tonight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    lines = AuditEvent.objects.filter(object_kind=OBJECT_KIND, object_code=what, created_at__gte=tonight)
    if lines.filter(action=BEGUN).exists():
        return False
    audit.note(action=BEGUN, object_kind=OBJECT_KIND, object_code=what, now=now)
    return True
