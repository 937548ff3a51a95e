"""One delivery per broadcast and recipient. The tables are partitioned and made by hand in the migration."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from consent.reasons import Reason


class Delivery(models.Model):
    """The key (broadcast, recipient) is the duplicate protection. RANGE-partitioned by broadcast; no foreign keys."""

    class State(models.IntegerChoices):
        """Ordered, so that "never backwards" is one comparison."""

        QUEUED = 0, _("queued")
        SKIPPED = 5, _("not sent")
        SENDING = 10, _("being handed over")
        UNKNOWN = 20, _("unknown")
        UNCONFIRMED = 25, _("unconfirmed")
        ACCEPTED = 30, _("accepted")
        HELD = 40, _("held by the provider")
        SENT = 50, _("sent")
        NO_RECEIPT = 55, _("no receipt")
        FAILED = 60, _("failed")
        DELIVERED = 70, _("delivered")
        READ = 80, _("read")

    pk = models.CompositePrimaryKey("broadcast_id", "recipient_id")
    broadcast_id = models.BigIntegerField()
    recipient_id = models.BigIntegerField()
    contact_id = models.BigIntegerField()
    state = models.SmallIntegerField(choices=State, default=State.QUEUED)
    reason = models.SmallIntegerField(choices=Reason, null=True)
    attempt = models.SmallIntegerField(default=0)
    wave = models.SmallIntegerField(default=2)
    variant = models.SmallIntegerField(null=True)
    version_id = models.BigIntegerField(null=True)
    country = models.CharField(max_length=2)
    price_micro = models.BigIntegerField()
    # Values for the template's variables, frozen with the audience; null = one is missing.
    variables = models.JSONField(null=True)
    # The passport: what the gate saw when it said go.
    interaction_id = models.BigIntegerField(null=True)
    basis = models.SmallIntegerField(null=True)
    cap_counts = ArrayField(models.SmallIntegerField(), null=True)
    gated_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=32, null=True)
    reaction = models.SmallIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "broadcasts_delivery"


class ProviderMessage(models.Model):
    """The provider's id of a message → the delivery and attempt it was. Insert only, narrow, no foreign keys."""

    pk = models.CompositePrimaryKey("sender_id", "provider_id")
    sender_id = models.BigIntegerField()
    provider_id = models.CharField(max_length=128)
    broadcast_id = models.BigIntegerField()
    recipient_id = models.BigIntegerField()
    attempt = models.SmallIntegerField()

    class Meta:
        managed = False
        db_table = "broadcasts_providermessage"
