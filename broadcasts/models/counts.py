"""Counts are deltas committed with the change they count, squashed now and then; pages never COUNT(*)."""

from django.db import models

from broadcasts.models.broadcast import Broadcast
from businesses.models import Business


class CountDelta(models.Model):
    """``n`` deliveries entered (or, negative, left) a state. ``reason = 0`` where the state needs none."""

    broadcast_id = models.BigIntegerField(db_index=True)
    variant = models.SmallIntegerField(default=0)
    state = models.SmallIntegerField()
    reason = models.SmallIntegerField(default=0)
    n = models.IntegerField()


class Count(models.Model):
    """The squashed sum of the deltas."""

    broadcast = models.ForeignKey(Broadcast, models.CASCADE, related_name="counts")
    variant = models.SmallIntegerField(default=0)
    state = models.SmallIntegerField()
    reason = models.SmallIntegerField(default=0)
    n = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["broadcast", "variant", "state", "reason"], name="count_once")]


class TierUse(models.Model):
    """How many people a business was let through to in one minute; summed over 24 hours for its tier."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    minute = models.DateTimeField()
    n = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business", "minute"], name="tier_use_once")]
