"""An emergency stop: from its commit on no offer in its scope passes the gate, until somebody lifts it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from broadcasts.models.broadcast import Broadcast
from broadcasts.models.sender import Sender
from businesses import names
from businesses.codes import stop_code
from businesses.models import Business
from templates_approval.models import Template

REASON_MAX = 250


class EmergencyStopQuerySet(models.QuerySet["EmergencyStop"]):
    def of(self, business: Business) -> EmergencyStopQuerySet:
        """Return those that the business placed itself."""
        return self.filter(business=business, is_operators=False)

    def holding(self) -> EmergencyStopQuerySet:
        return self.filter(lifted_at__isnull=True)


def _says(scope: str, *named: str) -> Q:
    """Return that a stop of ``scope`` names exactly what it is about."""
    objects = ("business", "sender", "template", "broadcast")
    return Q(
        scope=scope,
        **{f"{name}__isnull": name not in named for name in objects},
        country__regex="^[A-Z]{2}$" if "country" in named else "^$",
    )


class EmergencyStop(models.Model):
    """Read by the gate itself, in the transaction that decides (``emergency_stop_of`` in the database)."""

    class Scope(models.TextChoices):
        PLATFORM = "platform", _("everything")
        COUNTRY = "country", _("a country")
        BUSINESS = "business", _("a business")
        SENDER = "sender", _("a sender")
        TEMPLATE = "template", _("a template")
        BROADCAST = "broadcast", _("a broadcast")

    code = models.CharField(max_length=24, unique=True, default=stop_code, editable=False)
    scope = models.CharField(_("what it stops"), max_length=10, choices=Scope)
    # Whose broadcasts; nobody's for everything and for a country.
    business = models.ForeignKey(Business, models.CASCADE, null=True, related_name="+", verbose_name=_("business"))
    sender = models.ForeignKey(Sender, models.CASCADE, null=True, related_name="+")
    template = models.ForeignKey(Template, models.CASCADE, null=True, related_name="+")
    broadcast = models.ForeignKey(Broadcast, models.CASCADE, null=True, related_name="+")
    country = models.CharField(_("country"), max_length=2, blank=True)
    reason = models.CharField(_("reason"), max_length=REASON_MAX)
    # What the operator placed, only the operator lifts.
    is_operators = models.BooleanField(_("by the operator"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("placed by")
    )
    created_at = models.DateTimeField(_("since"))
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("lifted by")
    )
    lifted_at = models.DateTimeField(_("lifted"), null=True)

    objects = EmergencyStopQuerySet.as_manager()

    class Meta:
        verbose_name = _("emergency stop")
        verbose_name_plural = _("emergency stops")
        constraints = [
            models.CheckConstraint(
                name="stop_names_its_scope",
                condition=_says("platform")
                | _says("country", "country")
                | _says("business", "business")
                | _says("sender", "business", "sender")
                | _says("template", "business", "template")
                | _says("broadcast", "business", "broadcast"),
            ),
            models.CheckConstraint(name="stop_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="stop_of_nobody_is_the_operators", condition=Q(business__isnull=False) | Q(is_operators=True)
            ),
            # Pressing twice is pressing once; and all that hold lie in this small index.
            models.UniqueConstraint(
                fields=["scope", "country", "business", "sender", "template", "broadcast", "is_operators"],
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="stop_holds_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()}: {self.subject}" if self.subject else str(self.get_scope_display())

    @property
    def subject(self) -> str:
        """What it is about, by name."""
        about = self.broadcast or self.template or self.sender or self.business
        return names.country(self.country) if self.country else about.name if about else ""

    @property
    def reference(self) -> str:
        """What it is about, by code; '' for everything."""
        about = self.broadcast or self.template or self.sender or self.business
        return self.country or (about.code if about else "")
