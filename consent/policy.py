"""Changes of the operator's rules: what one would do to the people on record, and who made which."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

from django.db import connection, models, transaction

from businesses import audit
from businesses.models import User
from consent import verdicts


def effect_on_bases(*, change: Callable[[], object], now: datetime) -> tuple[int, int]:
    """Return for how many contacts ``change`` takes the last basis away, and for how many it makes one.

    The change is tried and taken back: rules are few, and counted are the contacts of all businesses, by country.
    """
    with transaction.atomic():
        before = _with_basis(now)
        change()
        after = _with_basis(now)
        transaction.set_rollback(True)
    changes = [after.get(country, 0) - before.get(country, 0) for country in before.keys() | after.keys()]
    return -sum(n for n in changes if n < 0), sum(n for n in changes if n > 0)


def _with_basis(now: datetime) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(verdicts.statement("count_with_basis"), {"now": now})
        return dict(cursor.fetchall())


def facts_of(rule: models.Model) -> dict[str, Any]:
    """Return a rule's fields as they go into the audit trail."""
    facts = {field.name: field.value_from_object(rule) for field in rule._meta.concrete_fields if not field.primary_key}
    return {name: value.isoformat() if isinstance(value, time) else value for name, value in facts.items()}


def note_change(*, rule: models.Model, before: dict[str, Any], after: dict[str, Any], by: User, now: datetime) -> None:
    """Note who changed a rule from what to what; both empty ends mean made and removed. Same values are no change."""
    if before == after:
        return
    kind = rule._meta.model_name or ""
    deed = "changed" if before and after else "made" if after else "removed"
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    audit.note(
        action=f"{kind}.{deed}",
        object_kind=kind,
        object_code=str(rule.pk),
        actor=by,
        before=before if deed != "changed" else {name: before[name] for name in changed},
        after=after if deed != "changed" else {name: after[name] for name in changed},
        now=now,
    )
