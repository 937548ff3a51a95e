"""How programs come in: API keys (only a hash is kept) and the answers already given to repeated requests."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from businesses.models.account import Business


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def of(self, business: Business) -> ApiKeyQuerySet:
        return self.filter(business=business)


class ApiKey(models.Model):
    """``tmb_live_…`` or ``tmb_test_…``; shown once, stored as SHA-256."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("first letters"), max_length=20)
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=32), default=list)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.prefix}… · {self.name}"


class IdempotentRequest(models.Model):
    """The stored answer to a POST that carried an ``Idempotency-Key``; it commits with the effect."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business", "route", "key"], name="idempotent_request_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_age")]
