"""The sandbox network's own memory: what arrived on a pretended phone, and what its owner wrote back."""

from __future__ import annotations

from django.db import models

from broadcasts.models.sender import Sender


class PhoneMessage(models.Model):
    """A message on a sandbox phone. The sandbox plays the provider: it knows addresses and codes, not people."""

    sender = models.ForeignKey(Sender, models.CASCADE, related_name="+")
    address = models.CharField(max_length=64)
    is_inbound = models.BooleanField(default=False)
    # Empty for what the phone's owner wrote; the idempotency key (delivery code) of what arrived.
    delivery_code = models.CharField(max_length=40, blank=True)
    provider_id = models.CharField(max_length=64, unique=True)
    # What broadcasts.channels hands over: {"header": …, "body": …, "footer": …, "buttons": […]}, or {"text": …}
    content = models.JSONField()
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    # Receipts that the sandbox still owes to the callback door.
    is_delivery_reported = models.BooleanField(default=False)
    # When it reaches the phone, and when its owner reads it by themselves (``channels.sandbox.habits``); null: at once,
    # and not by themselves.
    due_at = models.DateTimeField(null=True)
    acts_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["delivery_code"],
                condition=~models.Q(delivery_code=""),
                name="phone_message_once",
            )
        ]
        indexes = [
            models.Index(fields=["sender", "address", "id"], name="phone_message_of_phone"),
            models.Index(
                fields=["id"],
                condition=models.Q(is_delivery_reported=False),
                name="phone_message_unreported",
            ),
            models.Index(
                fields=["acts_at"],
                condition=models.Q(acts_at__isnull=False),
                name="phone_message_acts",
            ),
        ]
