"""A broadcast: what is said, to whom, when, at what price, and how far it is."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from broadcasts.models.guard import LEAST_N
from broadcasts.models.sender import Sender
from businesses.codes import broadcast_code
from businesses.models import Business, Hold
from templates_approval.models import Template, Version


def new_salt() -> str:
    return secrets.token_hex(8)


class BroadcastQuerySet(models.QuerySet["Broadcast"]):
    def of(self, business: Business) -> BroadcastQuerySet:
        return self.filter(business=business)

    def running(self) -> BroadcastQuerySet:
        return self.filter(state__in=[Broadcast.State.PREPARING, Broadcast.State.SENDING])


class Broadcast(models.Model):
    """Every change of ``state`` is a conditional UPDATE in ``broadcasts.lifecycle``; nothing else writes it."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SCHEDULED = "scheduled", _("scheduled")
        PREPARING = "preparing", _("preparing")
        SENDING = "sending", _("sending")
        PAUSED = "paused", _("paused")
        COMPLETED = "completed", _("completed")
        CANCELLED = "cancelled", _("cancelled")
        HALTED = "halted", _("halted")

    class Follows(models.TextChoices):
        RETRY = "retry", _("another try")
        CORRECTION = "correction", _("a correction")

    ENDED = (State.COMPLETED, State.CANCELLED, State.HALTED)

    code = models.CharField(max_length=24, unique=True, default=broadcast_code, editable=False)
    business = models.ForeignKey(Business, models.PROTECT, related_name="broadcasts")
    name = models.CharField(_("name"), max_length=120)
    template = models.ForeignKey(Template, models.PROTECT, related_name="+", verbose_name=_("template"))
    sender = models.ForeignKey(Sender, models.PROTECT, related_name="+", verbose_name=_("sender"))
    # Read by broadcasts.audience: {"segment": "seg_…", "countries": ["FR"], "attributes": {"city": "Lyon"}, …}
    audience = models.JSONField(_("audience"), default=dict, blank=True)
    # What that meant when it was confirmed: {"definition": …, "as_of": …}; no later change of a segment reaches it.
    frozen_audience = models.JSONField(null=True, editable=False)
    # The same for everybody: {"discount": "20"}; a contact's own attribute of that name goes first.
    variables = models.JSONField(_("variables"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    state_reason = models.CharField(_("reason"), max_length=300, blank=True)
    # The emergency stop that paused it, and whose end lets it go on.
    stop = models.ForeignKey("EmergencyStop", models.SET_NULL, null=True, editable=False, related_name="+")
    scheduled_at = models.DateTimeField(_("send at"), null=True, blank=True)
    # The hour that the business's clock shows at ``scheduled_at`` is meant on each person's own clock (``hours``).
    is_local_time = models.BooleanField(_("in each person’s own time"), default=False)
    # When it begins for those who are first; set at launch.
    begins_at = models.DateTimeField(null=True, editable=False)
    life_hours = models.PositiveSmallIntegerField(_("the offer's life (hours)"), default=24)
    ends_at = models.DateTimeField(null=True, blank=True)
    waits_for_cap = models.BooleanField(_("wait for the next free slot"), default=False)
    holdout_permille = models.PositiveSmallIntegerField(_("control group (‰)"), default=0)
    messages_per_second = models.PositiveIntegerField(_("at most, per second"), null=True, blank=True)
    # Its own limits at which it pauses by itself; empty: its business's (``Guard``). 0 is off.
    pause_at_failed_percent = models.PositiveSmallIntegerField(
        _("pause when so many per 100 fail"), null=True, blank=True
    )
    pause_at_refused_permille = models.PositiveSmallIntegerField(
        _("pause when so many per 1,000 stop or block you"), null=True, blank=True
    )
    pause_after_n = models.PositiveIntegerField(_("not before so many were handed over"), null=True, blank=True)
    # [handed over, failed, refused] when it last paused by itself: counted from there on after a resume.
    guarded_from = models.JSONField(null=True, editable=False)
    budget_micro = models.BigIntegerField(_("budget"), null=True, blank=True)
    # Decides waves, variants and holdout together with the recipient's id, so that no one is favoured by age of id.
    salt = models.CharField(max_length=16, default=new_salt, editable=False)
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, related_name="+")
    n_confirmed = models.PositiveIntegerField(default=0)
    n_audience = models.PositiveIntegerField(default=0)
    freeze_cursor = models.BigIntegerField(default=0)
    n_chunks = models.PositiveIntegerField(default=0)
    n_done = models.PositiveIntegerField(default=0)
    open_wave = models.PositiveSmallIntegerField(default=2)
    served_at = models.DateTimeField(null=True, help_text=_("When a lane last took one of its chunks: fairness."))
    # Whether deliveries still hold the values that were filled in; retention empties them.
    has_values = models.BooleanField(default=True)
    # What it came from, and as what; nothing depends on it once the draft is made, but that there is one retry only.
    follows = models.ForeignKey("self", models.SET_NULL, null=True, editable=False, related_name="followed_by")
    follows_as = models.CharField(max_length=10, choices=Follows, blank=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    launched_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    objects = BroadcastQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="broadcast_chunks_in_step", condition=Q(n_done__lte=F("n_chunks"))),
            models.CheckConstraint(
                name="broadcast_life",
                condition=Q(life_hours__gte=1, life_hours__lte=720),
            ),
            models.CheckConstraint(
                name="broadcast_guard",
                condition=(Q(pause_at_failed_percent__isnull=True) | Q(pause_at_failed_percent__lte=100))
                & (Q(pause_at_refused_permille__isnull=True) | Q(pause_at_refused_permille__lte=1000))
                & (Q(pause_after_n__isnull=True) | Q(pause_after_n__gte=LEAST_N)),
            ),
            models.UniqueConstraint(
                fields=["follows"],
                condition=Q(follows_as="retry") & (Q(launched_at__isnull=False) | ~Q(state="cancelled")),
                name="broadcast_one_retry",
            ),
            models.CheckConstraint(
                name="broadcast_local_hour", condition=Q(is_local_time=False) | Q(scheduled_at__isnull=False)
            ),
            models.CheckConstraint(name="broadcast_holdout", condition=Q(holdout_permille__lte=500)),
            models.CheckConstraint(
                name="broadcast_launched_is_complete",
                condition=Q(state__in=["draft", "scheduled", "cancelled"])
                | Q(hold__isnull=False, ends_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["business", "-created_at", "-id"], name="broadcast_newest"),
            models.Index(
                fields=["state"],
                condition=Q(settled_at__isnull=True),
                name="broadcast_unsettled",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_ended(self) -> bool:
        return self.state in self.ENDED


class BroadcastVersion(models.Model):
    """Variant × language → the approved version, frozen at launch with its hash."""

    broadcast = models.ForeignKey(Broadcast, models.CASCADE, related_name="versions")
    variant = models.PositiveSmallIntegerField(default=0)
    language = models.CharField(max_length=8)
    version = models.ForeignKey(Version, models.PROTECT, related_name="+")
    content_hash = models.CharField(max_length=64)
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["broadcast", "variant", "language"],
                name="broadcast_version_once",
            ),
            models.UniqueConstraint(
                fields=["broadcast", "variant"],
                condition=Q(is_default=True),
                name="broadcast_version_default",
            ),
        ]


class PriceLine(models.Model):
    """What one delivered message of this broadcast costs in a country, frozen at launch ('' = elsewhere)."""

    broadcast = models.ForeignKey(Broadcast, models.CASCADE, related_name="price_lines")
    country = models.CharField(max_length=2, blank=True)
    price_micro = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["broadcast", "country"], name="price_line_once")]


class Budget(models.Model):
    """The money of one broadcast, touched by every gate and fold: a row of its own, so that they rarely meet others.

    ``reserved`` = Σ price of messages handed over and not failed; ``captured`` = Σ price of those delivered in time;
    ``written_off`` = Σ price of those delivered after the money was closed.
    """

    broadcast = models.OneToOneField(Broadcast, models.CASCADE, primary_key=True, related_name="budget")
    ceiling_micro = models.BigIntegerField()
    reserved_micro = models.BigIntegerField(default=0)
    captured_micro = models.BigIntegerField(default=0)
    written_off_micro = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="budget_within_ceiling",
                condition=Q(
                    reserved_micro__gte=0,
                    captured_micro__gte=0,
                    reserved_micro__lte=F("ceiling_micro"),
                    captured_micro__lte=F("reserved_micro"),
                ),
            )
        ]


class Estimate(models.Model):
    """The gate's rules read-only, at one moment. Its token is what a member confirms at launch."""

    broadcast = models.ForeignKey(Broadcast, models.CASCADE, related_name="estimates")
    token = models.CharField(max_length=64, unique=True)
    # Binds versions, variables, price lines, audience definition and maximum cost.
    fingerprint = models.CharField(max_length=64)
    is_exact = models.BooleanField()
    n_audience = models.PositiveIntegerField()
    n_eligible = models.PositiveIntegerField()
    # {"opted_out": 12, …}: reckoned as if this business were the only one; see broadcasts.disclosure.
    reasons = models.JSONField(default=dict)
    # How many in 1,000 of the eligible can be reached, as far as it may be told.
    reach_permille = models.PositiveSmallIntegerField(null=True)
    # [{"country": "FR", "n": 120, "price_micro": 80000}, …]
    price_lines = models.JSONField(default=list)
    min_micro = models.BigIntegerField()
    likely_micro = models.BigIntegerField()
    max_micro = models.BigIntegerField()
    seconds = models.PositiveIntegerField(help_text=_("Expected duration of the sending."))
    created_at = models.DateTimeField()
    # Of a sample, while everybody is still to be counted: when that is due.
    exact_due_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["exact_due_at"], condition=Q(exact_due_at__isnull=False), name="estimate_exact_due")
        ]


class Reach(models.Model):
    """How many in 1,000 of a business's contacts can be reached: the one number about them that comes from others.

    Measured with noise, at most once a day, and remembered, so that nobody can ask twice (``broadcasts.disclosure``).
    """

    business = models.OneToOneField(Business, models.CASCADE, primary_key=True, related_name="+")
    # None: too few people to say a number.
    reachable_permille = models.PositiveSmallIntegerField(null=True)
    measured_at = models.DateTimeField()
