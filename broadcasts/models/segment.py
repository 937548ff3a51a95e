"""A segment: filters over contacts that a business has given a name, to use them again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from businesses.codes import segment_code
from businesses.models import Business


class SegmentQuerySet(models.QuerySet["Segment"]):
    def of(self, business: Business) -> SegmentQuerySet:
        return self.filter(business=business)

    def in_use(self) -> SegmentQuerySet:
        return self.filter(archived_at__isnull=True)

    def put_away(self) -> SegmentQuerySet:
        return self.filter(archived_at__isnull=False)


class Segment(models.Model):
    """Who is in it is asked anew each time; a launched broadcast keeps what the definition was at its launch."""

    code = models.CharField(max_length=24, unique=True, default=segment_code, editable=False)
    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=80)
    # Read by broadcasts.filters.grammar; ``schema`` is that module's VERSION when it was written.
    definition = models.JSONField(default=dict, blank=True)
    schema = models.PositiveSmallIntegerField(default=1)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "business", Lower("name"), condition=Q(archived_at__isnull=True), name="segment_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name
