"""Money in micro-units of the currency (10⁻⁶, bigint): wallets, holds, an append-only ledger, and prices."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from businesses.codes import hold_code
from businesses.models.account import Business


class Wallet(models.Model):
    """A business's money. ``balance = Σ entries`` and ``0 ≤ held ≤ balance``, in the database's own words."""

    business = models.OneToOneField(Business, models.PROTECT, related_name="wallet")
    currency = models.CharField(max_length=3)
    balance_micro = models.BigIntegerField(default=0)
    held_micro = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="wallet_held_within_balance",
                condition=Q(held_micro__gte=0, held_micro__lte=F("balance_micro")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.business} · {self.currency}"

    @property
    def available_micro(self) -> int:
        return self.balance_micro - self.held_micro


class Hold(models.Model):
    """Money set aside for one broadcast. ``amount = captured + released + remaining``; closed when nothing remains."""

    code = models.CharField(max_length=24, unique=True, default=hold_code, editable=False)
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="holds")
    purpose = models.CharField(
        max_length=64,
        unique=True,
        help_text=_("What it pays for, e.g. the broadcast's code."),
    )
    amount_micro = models.BigIntegerField()
    captured_micro = models.BigIntegerField(default=0)
    released_micro = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="hold_adds_up",
                condition=Q(
                    captured_micro__gte=0,
                    released_micro__gte=0,
                    amount_micro__gte=F("captured_micro") + F("released_micro"),
                ),
            ),
            models.CheckConstraint(
                name="hold_closed_is_empty",
                condition=Q(closed_at__isnull=True) | Q(amount_micro=F("captured_micro") + F("released_micro")),
            ),
        ]

    @property
    def remaining_micro(self) -> int:
        return self.amount_micro - self.captured_micro - self.released_micro


class LedgerEntry(models.Model):
    """One movement, never changed. ``balance_micro`` and ``held_micro`` are what it added to the wallet's two sums."""

    class Kind(models.TextChoices):
        TOP_UP = "top_up", _("top-up")
        HOLD = "hold", _("held")
        CAPTURE = "capture", _("paid")
        RELEASE = "release", _("released")
        ADJUSTMENT = "adjustment", _("adjustment")

    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="entries")
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, related_name="entries")
    kind = models.CharField(max_length=12, choices=Kind)
    balance_micro = models.BigIntegerField()
    held_micro = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=120, unique=True)
    memo = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["wallet", "-created_at", "-id"], name="ledger_entry_newest")]


class Price(models.Model):
    """What one delivered message costs, from a date on. ``country = ''`` is every country without a line of its own."""

    country = models.CharField(_("country"), max_length=2, blank=True)
    category = models.CharField(_("category"), max_length=16)
    channel = models.CharField(_("channel"), max_length=16)
    currency = models.CharField(_("currency"), max_length=3)
    price_micro = models.BigIntegerField(_("price (micro-units)"))
    valid_from = models.DateTimeField(_("valid from"))
    source = models.CharField(_("source"), max_length=200)
    is_example = models.BooleanField(_("example"), default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["country", "category", "channel", "currency", "valid_from"],
                name="price_once",
            ),
            models.CheckConstraint(name="price_not_negative", condition=Q(price_micro__gte=0)),
        ]
