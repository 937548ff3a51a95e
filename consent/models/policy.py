"""The operator's rules as data: which evidence is a basis where, how many offers, at which hours."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consent.models.evidence import Interaction


class BasisRule(models.Model):
    """In ``country`` ('' = any without rules of its own, so the strictest), ``kind`` gives ``basis`` for so long."""

    class Basis(models.IntegerChoices):
        CONSENT = 1, _("consent")
        SOFT_OPT_IN = 2, _("customer, similar products")
        IMPLIED = 3, _("implied consent")

    class Condition(models.TextChoices):
        """What the law asks besides: shown to whoever relies on the rule. The platform cannot check it for them."""

        SIMILAR = "similar", _("own products, similar to what was bought")
        EVERY_MESSAGE = "every_message", _("a way to refuse in every message")
        BUYING = "buying", _("they asked about buying, not about anything")
        DISCLOSED = "disclosed", _("signed, after being told what for and that it is no condition of a purchase")
        SEPARATE = "separate", _("asked for by itself, not within terms and conditions")
        CONSUMERS = "consumers", _("for private persons; companies may have other rules")

    country = models.CharField(_("country"), max_length=2, blank=True)
    kind = models.PositiveSmallIntegerField(_("interaction"), choices=Interaction.Kind)
    basis = models.PositiveSmallIntegerField(_("basis"), choices=Basis)
    valid_days = models.PositiveIntegerField(_("valid (days)"))
    # Checked for each piece of evidence, unlike the conditions.
    needs_opt_out_offered = models.BooleanField(_("only if an opt-out was offered at collection"), default=False)
    conditions = ArrayField(
        models.CharField(max_length=16, choices=Condition), verbose_name=_("conditions"), default=list, blank=True
    )
    source = models.CharField(_("source"), max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["country", "kind", "basis"], name="basis_rule_once")]

    def __str__(self) -> str:
        return f"{self.country or '*'} · {self.get_kind_display()} · {self.get_basis_display()}"

    def conditions_in_words(self) -> list[str]:
        return [str(self.Condition(condition).label) for condition in self.conditions]


class CapRule(models.Model):
    """At most ``max_offers`` in any sliding window of ``window_hours``."""

    class Scope(models.IntegerChoices):
        PLATFORM = 1, _("all businesses together")
        BUSINESS = 2, _("one business")
        BUSINESS_NOT_INTERESTED = 3, _("one business, after Not interested")

    scope = models.PositiveSmallIntegerField(_("scope"), choices=Scope)
    country = models.CharField(_("country"), max_length=2, blank=True)
    max_offers = models.PositiveSmallIntegerField(_("offers"))
    window_hours = models.PositiveIntegerField(_("in (hours)"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "country", "window_hours"], name="cap_rule_once"),
            # Entries are kept for 30 days: a longer window could not be counted.
            models.CheckConstraint(
                name="cap_rule_window",
                condition=Q(window_hours__gt=0, window_hours__lte=720),
            ),
        ]


class EvidencePolicy(models.Model):
    """How far the operator believes evidence that a business only attests. One row."""

    probe_people = models.PositiveIntegerField(
        _("people of a batch who are told first"),
        default=250,
        help_text=_("The rest of the batch waits until they have been heard."),
    )
    unproven_people = models.PositiveIntegerField(
        _("of one business in 30 days"),
        default=1000,
        help_text=_(
            "So many people at most over all batches whose probation has not been passed: cutting a list helps nobody."
        ),
    )
    clean_percent = models.PositiveSmallIntegerField(_("share of them who must have got an offer (%)"), default=40)
    clean_days = models.PositiveSmallIntegerField(
        _("days that they have to complain"), default=3, help_text=_("Counted from the delivery.")
    )
    quarantine_people = models.PositiveIntegerField(
        _("“I didn't sign up”: people"), default=3, help_text=_("From so many on, a batch may be quarantined.")
    )
    quarantine_permille = models.PositiveIntegerField(
        _("“I didn't sign up”: share (‰)"),
        default=10,
        help_text=_("Of those of the batch who were written to in the last 30 days."),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("policy about evidence")
        constraints = [
            models.CheckConstraint(name="evidence_policy_is_one", condition=Q(id=1)),
            models.CheckConstraint(
                name="evidence_policy_sane",
                condition=Q(clean_percent__lte=100, quarantine_people__gt=0, quarantine_permille__lte=1000),
            ),
        ]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)


class QuietHours(models.Model):
    """When offers may be handed over, in the recipient's own time. ``country = ''`` holds where nothing else does."""

    country = models.CharField(_("country"), max_length=2, blank=True)
    weekday = models.PositiveSmallIntegerField(_("weekday (0 = Monday)"))
    opens_at = models.TimeField(_("from"), null=True, blank=True, help_text=_("Empty: the whole day is quiet."))
    closes_at = models.TimeField(_("to"), null=True, blank=True)
    skips_public_holidays = models.BooleanField(_("quiet on public holidays"), default=False)
    holiday_parts = models.CharField(
        _("and on those of these parts of the country"),
        max_length=120,
        blank=True,
        help_text=_(
            "Codes as in ISO 3166-2, with spaces: “57 6AE” for Moselle and Alsace. Their holidays are then quiet for"
            " the whole country: a number does not say who lives there."
        ),
    )
    source = models.CharField(_("source"), max_length=300)

    class Meta:
        verbose_name_plural = _("quiet hours")
        constraints = [
            models.UniqueConstraint(fields=["country", "weekday"], name="quiet_hours_once"),
            models.CheckConstraint(
                name="quiet_hours_in_order",
                condition=Q(opens_at__isnull=True, closes_at__isnull=True) | Q(opens_at__lt=models.F("closes_at")),
            ),
        ]
