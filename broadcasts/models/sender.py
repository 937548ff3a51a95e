"""A sender is a business's voice on one channel: the account it sends from and how fast it may."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from businesses.codes import sender_code
from businesses.models import Business


class SenderQuerySet(models.QuerySet["Sender"]):
    def of(self, business: Business) -> SenderQuerySet:
        return self.filter(business=business)


class Sender(models.Model):
    class Channel(models.TextChoices):
        SANDBOX = "sandbox", _("sandbox phone")
        WEBHOOK = "webhook", _("HTTP webhook")
        WHATSAPP = "whatsapp", "WhatsApp"

    code = models.CharField(max_length=24, unique=True, default=sender_code, editable=False)
    business = models.ForeignKey(Business, models.CASCADE, related_name="senders")
    channel = models.CharField(_("channel"), max_length=12, choices=Channel)
    name = models.CharField(_("name people see"), max_length=80)
    # What the channel needs to know, e.g. {"url": "https://…"} for the webhook channel. No secrets here.
    settings = models.JSONField(default=dict, blank=True)
    # The channel's secret (signing key, token), encrypted at rest by broadcasts.secrets.
    secret_encrypted = models.BinaryField(null=True)
    messages_per_second = models.PositiveIntegerField(_("messages per second"), default=80)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects = SenderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="sender_rate_positive", condition=Q(messages_per_second__gt=0)),
            # One number, one sender: whoever answers it is answered at one door.
            models.UniqueConstraint(
                F("settings__phone_number_id"), condition=Q(channel="whatsapp"), name="sender_number_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_channel_display()})"
