"""What happened: the outbox that tells programs, and the audit trail that tells the operator. Both only grow."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from businesses.models.account import Business


class EventSequence(models.Model):
    """The last number given to a business's events; its row lock makes the numbers gapless and ordered."""

    business = models.OneToOneField(Business, models.CASCADE, primary_key=True, related_name="+")
    last = models.BigIntegerField(default=0)


class Event(models.Model):
    """One thing that happened to a business, in the order in which it was committed."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=64)
    schema_version = models.PositiveSmallIntegerField(default=1)
    payload = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business", "sequence"], name="event_in_order")]


class AuditEvent(models.Model):
    """Who did what to which object, and what it was before and after."""

    business = models.ForeignKey(Business, models.PROTECT, null=True, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=64)
    object_kind = models.CharField(max_length=32)
    object_code = models.CharField(max_length=64)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["object_kind", "object_code", "-created_at"],
                name="audit_event_of_object",
            )
        ]
