"""What has been spent of each person's patience: one row per offer that holds a slot."""

from django.db import models


class CapEntry(models.Model):
    """A slot held by one delivery. No foreign keys (hot table); kept 30 days, the longest window a rule may have."""

    pk = models.CompositePrimaryKey("recipient_id", "broadcast_id")
    recipient_id = models.BigIntegerField()
    broadcast_id = models.BigIntegerField()
    business_id = models.BigIntegerField()
    reserved_at = models.DateTimeField()
