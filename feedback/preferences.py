"""Preferences: what a person may know about one message and about themselves, and what they may change, by one link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from broadcasts import codes
from broadcasts.models import Broadcast, Delivery
from businesses.models import Business
from consent import refusals
from consent.models import BasisRule, CapEntry, CapRule, Contact, Interaction, Recipient, Refusal
from feedback import reactions, reports
from feedback.models import Report
from templates_approval.models import Review, Version

WEEK = timedelta(days=7)
LIMITS = (1, 2, 3, 5)


class Action(models.TextChoices):
    """What the page's buttons do; the value stands in the forms."""

    INTERESTED = "interested", _("Interested")
    NOT_INTERESTED = "not-interested", _("Not interested")
    FEWER = "fewer", _("Set my limit")
    STOP = "stop", _("Stop their offers")
    RESUME = "resume", _("Resume their offers")
    BLOCK = "block", _("Block and report")
    UNBLOCK = "unblock", _("Unblock")
    PAUSE_ALL = "pause-all", _("Pause all offers")
    UNPAUSE_ALL = "unpause-all", _("Resume all offers")


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """One person's relation to the business that wrote, seen from one of its messages."""

    broadcast: Broadcast
    business: Business
    recipient: Recipient
    delivery: Delivery
    contact: Contact | None
    interaction: Interaction | None
    version: Version | None
    approved_at: datetime | None
    stopped_at: datetime | None
    blocked_at: datetime | None
    n_this_week: int
    n_this_week_here: int
    most_a_week: int | None

    @property
    def basis(self) -> str:
        return "" if self.delivery.basis is None else BasisRule.Basis(self.delivery.basis).name.lower()

    @property
    def interaction_kind(self) -> str:
        return "" if self.interaction is None else Interaction.Kind(self.interaction.kind).name.lower()

    @property
    def is_attested(self) -> bool:
        return self.interaction is not None and self.interaction.provenance == Interaction.Provenance.ATTESTED

    @property
    def reaction(self) -> str:
        """The latest word about this message: ``interested``, ``not-interested`` or ''."""
        words = {1: Action.INTERESTED, 2: Action.NOT_INTERESTED}
        return words[self.delivery.reaction].value if self.delivery.reaction in words else ""


def read(*, token: str, now: datetime) -> Preferences | None:
    """Return what the holder of ``token`` may see; None, whatever the cause, when that is nothing."""
    key = codes.read_preference_token(token)
    delivery = Delivery.objects.filter(pk=key, state__gte=Delivery.State.SENDING).first() if key else None
    if delivery is None:
        return None
    broadcast = Broadcast.objects.select_related("business__legal_entity").filter(pk=delivery.broadcast_id).first()
    recipient = Recipient.objects.filter(pk=delivery.recipient_id, erased_at__isnull=True).first()
    if broadcast is None or recipient is None:
        return None
    business = broadcast.business
    refused = _refused_at(recipient, business)
    sent = CapEntry.objects.filter(recipient_id=recipient.pk, reserved_at__gt=now - WEEK)
    of_business = [entry.business_id for entry in sent]
    version = Version.objects.select_related("template").filter(pk=delivery.version_id or 0).first()
    return Preferences(
        broadcast=broadcast,
        business=business,
        recipient=recipient,
        delivery=delivery,
        contact=Contact.objects.of(business).filter(recipient=recipient).first(),
        interaction=Interaction.objects.filter(pk=delivery.interaction_id or 0).first(),
        version=version,
        approved_at=_approved_at(version),
        stopped_at=refused.get(Refusal.Kind.STOPPED),
        blocked_at=refused.get(Refusal.Kind.BLOCKED),
        n_this_week=len(of_business),
        n_this_week_here=of_business.count(business.pk),
        most_a_week=_most_a_week(recipient.country),
    )


def _refused_at(recipient: Recipient, business: Business) -> dict[int, datetime]:
    held = Refusal.objects.filter(recipient=recipient, legal_entity=business.legal_entity, lifted_at__isnull=True)
    return dict(held.values_list("kind", "refused_at"))


def _approved_at(version: Version | None) -> datetime | None:
    approvals = Review.objects.filter(version=version, decision=Review.Decision.APPROVED)
    return approvals.order_by("-created_at").values_list("created_at", flat=True).first() if version else None


def _most_a_week(country: str) -> int | None:
    """The limit of the house over all businesses: the country's own, else everybody's."""
    rules = CapRule.objects.filter(scope=CapRule.Scope.PLATFORM, country__in=["", country], window_hours=168)
    return rules.order_by("-country").values_list("max_offers", flat=True).first()


def act(
    *,
    preferences: Preferences,
    action: Action,
    now: datetime,
    limit: int | None = None,
    reason: str = "",
    words: str = "",
) -> None:
    """Do what the person asks, through the same functions as every other door. Doing it twice is doing it once."""
    business, recipient_id, via = preferences.business, preferences.recipient.pk, "page"
    match action:
        case Action.INTERESTED | Action.NOT_INTERESTED:
            reactions.react(
                broadcast_id=preferences.broadcast.pk,
                recipient_id=recipient_id,
                interested=action == Action.INTERESTED,
                via=via,
                now=now,
            )
        case Action.FEWER:
            chosen = limit if limit in LIMITS else None
            refusals.set_own_limit(recipient_id=recipient_id, limit=chosen, via=via, now=now)
        case Action.STOP:
            refusals.stop(recipient_id=recipient_id, business=business, via=via, now=now)
        case Action.RESUME:
            refusals.resume(recipient_id=recipient_id, business=business, via=via, now=now)
        case Action.BLOCK:
            reports.block_and_report(
                recipient_id=recipient_id,
                business=business,
                broadcast_id=preferences.broadcast.pk,
                reason=_reason(reason, words),
                words=words,
                via=via,
                now=now,
            )
        case Action.UNBLOCK:
            refusals.unblock(recipient_id=recipient_id, business=business, via=via, now=now)
        case Action.PAUSE_ALL:
            refusals.pause_all(recipient_id=recipient_id, via=via, now=now)
        case Action.UNPAUSE_ALL:
            refusals.unpause_all(recipient_id=recipient_id, via=via, now=now)


def _reason(reason: str, words: str) -> str:
    """Whoever writes words without choosing a reason means something else than the list offers."""
    if reason in Report.Reason:
        return reason
    return Report.Reason.OTHER if words.strip() else ""
