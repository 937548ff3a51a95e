"""What a sender's provider says: how the account stands, what it thinks of our versions, which files it keeps."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from broadcasts.models.sender import Sender
from businesses.models import Business
from templates_approval.models import Version


class Standing(models.Model):
    """How a sender stands with its provider. The gate lets nothing through while it is restricted."""

    class Quality(models.TextChoices):
        UNKNOWN = "unknown", _("not known yet")
        GREEN = "green", _("high")
        YELLOW = "yellow", _("medium")
        RED = "red", _("low")

    sender = models.OneToOneField(Sender, models.CASCADE, primary_key=True, related_name="standing")
    display_number = models.CharField(max_length=32, blank=True)
    verified_name = models.CharField(max_length=120, blank=True)
    quality = models.CharField(max_length=8, choices=Quality, default=Quality.UNKNOWN)
    # How many people the account may write to in 24 hours, as the provider spells it: TIER_2K.
    tier = models.CharField(max_length=32, blank=True)
    # What the number may send in a second; the sender's own rate is lowered below it when the provider says "too fast".
    allowed_per_second = models.PositiveIntegerField(default=80)
    slowed_at = models.DateTimeField(null=True)
    # Why nothing may leave, by the provider's own code; '' while nothing stands against it.
    restriction = models.CharField(max_length=64, blank=True)
    restricted_until = models.DateTimeField(null=True)
    # What the last look at the account found: [{"code": "quality_red", "is_good": false, "params": {}}, …]
    findings = models.JSONField(default=list)
    checked_at = models.DateTimeField(null=True)
    # The moment of the newest thing the provider told: what is older changes nothing.
    heard_at = models.DateTimeField(null=True)

    def is_restricted(self, now: datetime) -> bool:
        return bool(self.restriction) and (self.restricted_until is None or self.restricted_until > now)


class ProviderTemplateQuerySet(models.QuerySet["ProviderTemplate"]):
    def of(self, business: Business) -> ProviderTemplateQuerySet:
        return self.filter(version__template__business=business)


class ProviderTemplate(models.Model):
    """One of our approved versions as the provider's account knows it: their review stands beside ours."""

    class State(models.TextChoices):
        SUBMITTING = "submitting", _("being submitted")
        PENDING = "pending", _("in the provider’s review")
        APPROVED = "approved", _("approved by the provider")
        REJECTED = "rejected", _("rejected by the provider")
        PAUSED = "paused", _("paused by the provider")
        DISABLED = "disabled", _("disabled by the provider")
        GONE = "gone", _("no longer kept by the provider")

    OPEN = (State.SUBMITTING, State.PENDING)

    # Whose number submitted it; all numbers of one account share it.
    sender = models.ForeignKey(Sender, models.CASCADE, related_name="+")
    account = models.CharField(max_length=64)
    version = models.ForeignKey(Version, models.CASCADE, related_name="+")
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=8)
    # Of what was submitted: the provider's yes is about these words and no others.
    content_hash = models.CharField(max_length=64)
    provider_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.SUBMITTING)
    category = models.CharField(max_length=16, blank=True)
    quality = models.CharField(max_length=8, blank=True)
    # The provider's own words about a rejection or pause.
    words = models.CharField(max_length=500, blank=True)
    n_attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    heard_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    objects = ProviderTemplateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "version"], name="provider_template_once"),
            models.UniqueConstraint(fields=["account", "name", "language"], name="provider_template_name_once"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="provider_template_due"),
            models.Index(fields=["account", "provider_id"], condition=~Q(provider_id=""), name="provider_template_id"),
        ]


class SenderMedia(models.Model):
    """A picture, film or document that the provider keeps for one sender: uploaded once, used until it expires."""

    sender = models.ForeignKey(Sender, models.CASCADE, related_name="media")
    # SHA-256 of the address that the template gives.
    source_hash = models.BinaryField(max_length=32)
    # And of the file that lay there first: what was approved is what is sent.
    content_hash = models.BinaryField(max_length=32, null=True)
    media_id = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(null=True)
    # Why there is none to use, as a code of ``approvals.media_fault``.
    fault = models.CharField(max_length=32, blank=True)
    due_at = models.DateTimeField()
    # When a message last came back because the provider could not use what was uploaded.
    lost_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "source_hash"], name="sender_media_once")]
