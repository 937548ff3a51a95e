"""A business's own limits: from which share of failures or refusals on a broadcast pauses by itself."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from businesses.models import Business

# Fewer hand-overs than this say nothing about a rate.
LEAST_N = 20


class Guard(models.Model):
    """What holds for all broadcasts of a business that say nothing else. 0 switches a limit off."""

    business = models.OneToOneField(Business, models.CASCADE, primary_key=True, related_name="+")
    failed_percent = models.PositiveSmallIntegerField(_("failed, per 100"), default=20)
    refused_permille = models.PositiveSmallIntegerField(_("stopped or blocked, per 1,000"), default=30)
    after_n = models.PositiveIntegerField(_("not before so many were handed over"), default=200)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="guard_is_sane",
                condition=Q(failed_percent__lte=100, refused_permille__lte=1000, after_n__gte=LEAST_N),
            )
        ]
