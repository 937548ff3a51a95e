"""Chunks carry sorted recipient ids; lanes own them for the length of a lease."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from broadcasts.models.broadcast import Broadcast


class Chunk(models.Model):
    """Up to 500 recipients of one broadcast, one country and one time zone. A chunk always finishes: what must wait
    becomes a new chunk with a later ``due_at``."""

    broadcast = models.ForeignKey(Broadcast, models.CASCADE, related_name="chunks", db_constraint=False)
    wave = models.PositiveSmallIntegerField(default=2)
    country = models.CharField(max_length=2)
    timezone = models.CharField(max_length=64)
    recipient_ids = ArrayField(models.BigIntegerField())
    due_at = models.DateTimeField()
    owner = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["broadcast", "wave", "due_at"],
                condition=Q(done_at__isnull=True),
                name="chunk_open",
            )
        ]


class Lane(models.Model):
    """A worker's event loop that is alive; the tick wakes a new one when too few beat."""

    owner = models.UUIDField(primary_key=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
