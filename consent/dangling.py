"""Rows that name a person who is not there: these tables have no foreign keys that would forbid it."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from consent.models import Address, CapEntry, Contact, Interaction, Recipient


def of_nobody() -> dict[str, QuerySet[Any]]:
    """Return table → its rows of nobody. Whoever counts them reads whole tables."""
    person = Recipient.objects.filter(pk=OuterRef("recipient_id"))
    tables: list[Any] = [Address, Contact, Interaction, CapEntry]
    return {model._meta.db_table: model._default_manager.filter(~Exists(person)) for model in tables}
