"""One person as one business may see them: what they did, what they refused, what they were sent, in order of time.

Of an offer only what the business's own relation explains is told: delivered, read, refused by the provider, or left
out for a reason of its own. Everything else is one answer, so that nobody learns what a person chose for others
(``broadcasts.disclosure``). Reasons of blocks and reports never stand here.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _

from broadcasts.models import Broadcast, Delivery
from consent import basis, dossier
from consent.models import Contact
from consent.reasons import TOLD_APART, Reason

MOST = 200
State = Delivery.State


class Moment(NamedTuple):
    """One line of the timeline. ``kind`` is stable: evidence, stopped, resumed, blocked, unblocked, offer …"""

    at: datetime
    kind: str
    sentence: str
    # Whether it speaks for writing to them: True, False, or None when it does neither.
    is_good: bool | None
    broadcast: str


def timeline(*, contact: Contact, now: datetime) -> list[Moment]:
    """Return the newest ``MOST`` moments of this relation, the newest first."""
    moments = [*_evidence(contact, now), *_choices(contact), *_offers(contact)]
    return sorted(moments, key=lambda moment: moment.at, reverse=True)[:MOST]


def _evidence(contact: Contact, now: datetime) -> list[Moment]:
    grounds = basis.grounds(recipient=contact.recipient, business=contact.business, now=now)[:MOST]
    return [Moment(g.interaction.occurred_at, "evidence", g.sentence, g.is_valid, "") for g in grounds]


def _choices(contact: Contact) -> list[Moment]:
    sentences = {
        "stopped": (_("Stopped your offers"), False),
        "resumed": (_("Allowed your offers again"), True),
        "blocked": (_("Blocked you"), False),
        "unblocked": (_("Lifted the block"), True),
        "not_interested": (_("Was not interested"), None),
    }
    told = dossier.history(recipient_id=contact.recipient_id, business=contact.business)
    return [Moment(one.created_at, one.kind, *sentences[one.kind], "") for one in told if one.kind in sentences]


def _offers(contact: Contact) -> list[Moment]:
    frozen = Broadcast.objects.of(contact.business).filter(n_audience__gt=0).order_by("-created_at", "-id")[:MOST]
    broadcasts = {broadcast.pk: broadcast for broadcast in frozen}
    deliveries = Delivery.objects.filter(broadcast_id__in=list(broadcasts), recipient_id=contact.recipient_id)
    return [_offer(delivery, broadcasts[delivery.broadcast_id]) for delivery in deliveries]


def _offer(delivery: Delivery, broadcast: Broadcast) -> Moment:
    at = delivery.delivered_at or delivery.failed_at or broadcast.launched_at or broadcast.created_at
    sentence = _("Offer “%(name)s”: %(outcome)s") % {"name": broadcast.name, "outcome": outcome(delivery)}
    return Moment(at, "offer", sentence, None, broadcast.code)


def outcome(delivery: Delivery) -> str:
    """Say what became of an offer, as far as the business may know of one person."""
    if delivery.state in (State.DELIVERED, State.READ, State.FAILED):
        return str(State(delivery.state).label)
    reason = delivery.reason
    is_own = reason in TOLD_APART or ((reason or 0) >= Reason.TEMPLATE_UNAVAILABLE and reason != Reason.EXPIRED)
    if delivery.state == State.SKIPPED and is_own:
        return str(Reason(reason or 0).label)
    return _("no sign that it arrived")
