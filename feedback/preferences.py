"""Preferences: what a person may know about one message, and what they may change, by the link that came with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from broadcasts import codes
from broadcasts.models import Broadcast, Delivery
from businesses.models import Business
from consent.models import BasisRule, CapEntry, CapRule, Contact, Interaction, Recipient, Refusal
from feedback import choices, reactions, reports, targeting
from feedback.choices import Action
from feedback.models import Report
from templates_approval.models import Review, Version

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Got:
    """How many offers somebody was sent: by everybody, and by one business."""

    this_week: int
    this_month: int
    this_week_here: int
    this_month_here: int


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
    got: Got
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

    @property
    def targeting(self) -> list[str]:
        """To whom the broadcast was addressed, in sentences."""
        return targeting.in_words(audience=self.broadcast.audience, business=self.business.name)

    @property
    def stricter_limits(self) -> list[int]:
        """The limits that the link alone may set: none looser than the one that holds."""
        own = self.recipient.own_limit
        return [n for n in choices.LIMITS if own is None or n <= own]


def read(*, token: str, now: datetime) -> Preferences | None:
    """Return what the holder of ``token`` may see; None, whatever the cause, when that is nothing.

    A link holds for ``LINK_DAYS`` after its message, and only as long as nobody has made the person's links void.
    """
    key = codes.read_preference_token(token)
    delivery = Delivery.objects.filter(pk=key, state__gte=Delivery.State.SENDING).first() if key else None
    if delivery is None or delivery.gated_at is None:
        return None
    broadcast = Broadcast.objects.select_related("business__legal_entity").filter(pk=delivery.broadcast_id).first()
    recipient = _person(delivery.recipient_id)
    if broadcast is None or recipient is None or _is_void(delivery.gated_at, recipient, now):
        return None
    business = broadcast.business
    refused = refused_at(recipient=recipient, business=business)
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
        got=count_offers(recipient=recipient, business=business, now=now),
        most_a_week=most_a_week(country=recipient.country),
    )


def _person(recipient_id: int) -> Recipient | None:
    """Whoever the person turned out to be: two records that were one are read, and changed, as the one that stayed."""
    known = Recipient.objects.select_related("merged_into").filter(pk=recipient_id, erased_at=None).first()
    person = known.merged_into if known and known.merged_into else known
    return person if person and person.erased_at is None else None


def _is_void(sent_at: datetime, recipient: Recipient, now: datetime) -> bool:
    if sent_at < now - timedelta(days=settings.LINK_DAYS):
        return True
    return recipient.links_valid_from is not None and sent_at < recipient.links_valid_from


def refused_at(*, recipient: Recipient, business: Business) -> dict[int, datetime]:
    """Return when the person stopped and blocked the business, as far as that holds."""
    held = Refusal.objects.filter(recipient=recipient, legal_entity_id=business.legal_entity_id, lifted_at=None)
    return dict(held.values_list("kind", "refused_at"))


def count_offers(*, recipient: Recipient, business: Business, now: datetime) -> Got:
    """Count what was sent to the person in the last 7 and 30 days."""
    sent = CapEntry.objects.filter(recipient_id=recipient.pk, reserved_at__gt=now - MONTH)
    entries = list(sent.values_list("business_id", "reserved_at"))
    here = [at for business_id, at in entries if business_id == business.pk]
    return Got(
        this_week=sum(at > now - WEEK for _, at in entries),
        this_month=len(entries),
        this_week_here=sum(at > now - WEEK for at in here),
        this_month_here=len(here),
    )


def _approved_at(version: Version | None) -> datetime | None:
    approvals = Review.objects.filter(version=version, decision=Review.Decision.APPROVED)
    return approvals.order_by("-created_at").values_list("created_at", flat=True).first() if version else None


def most_a_week(*, country: str) -> int | None:
    """Return the limit of the house over all businesses: the country's own, else everybody's."""
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
    """Do what the person asks, through the same functions as every other door. Doing it twice is doing it once.

    What was chosen holds, committed, when this returns; a report comes after its block and never in its way.
    """
    business, recipient_id = preferences.business, preferences.recipient.pk
    choices.carry_out(action=action, recipient_id=recipient_id, business=business, limit=limit, now=now)
    match action:
        case Action.INTERESTED | Action.NOT_INTERESTED:
            reactions.react(
                broadcast_id=preferences.broadcast.pk,
                recipient_id=preferences.delivery.recipient_id,
                interested=action == Action.INTERESTED,
                via=choices.VIA,
                now=now,
            )
        case Action.BLOCK | Action.REPORT if _reason(reason, words):
            reports.report(
                recipient_id=recipient_id,
                business=business,
                broadcast_id=preferences.broadcast.pk,
                reason=_reason(reason, words),
                words=words,
                via=choices.VIA,
                now=now,
            )


def _reason(reason: str, words: str) -> str:
    """Whoever writes words without choosing a reason means something else than the list offers."""
    if reason in Report.Reason:
        return reason
    return Report.Reason.OTHER if words.strip() else ""
