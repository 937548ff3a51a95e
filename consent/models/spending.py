"""What has been spent of each person's patience: one row per offer that holds a slot."""

from django.db import models


class CapEntry(models.Model):
    """A slot held by one delivery. No foreign keys (hot table); kept 30 days, the longest window a rule may have.

    A phone that was off for days shows three offers at once, whatever the hours at which they left. So a slot counts
    when the offer *arrived*; as long as nobody knows, ``counts_at`` is the last moment at which it may still arrive,
    and a moment to come counts as now: inside every window.
    """

    pk = models.CompositePrimaryKey("recipient_id", "broadcast_id")
    recipient_id = models.BigIntegerField()
    broadcast_id = models.BigIntegerField()
    business_id = models.BigIntegerField()
    reserved_at = models.DateTimeField()
    counts_at = models.DateTimeField()
