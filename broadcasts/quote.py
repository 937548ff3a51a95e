"""What a launch would promise: which words, at which prices, and the estimate that a member confirmed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from broadcasts import approvals, audience, hours, own_caps, reach, stops, wordings
from broadcasts.channels import line_types_of
from broadcasts.models import Broadcast, Estimate
from businesses import prices
from templates_approval import render
from templates_approval.models import Version

# An estimate older than this says too little about now: people stop, caps move, prices change.
TOKEN_LIFE = timedelta(minutes=30)
SLICE_ROWS = 50_000
CAP = "cap_business"


class CannotQuote(ValidationError):
    """What is missing before a launch can be confirmed; the sentence says how to get on."""


@dataclass(frozen=True)
class Terms:
    """What the token binds besides the audience; the first version serves the languages without one of their own."""

    versions: list[Version]
    # Price of one delivered message by country, '' = elsewhere, in micro-units of the business's currency.
    prices: dict[str, int]


def terms(broadcast: Broadcast, now: datetime) -> Terms:
    """Return today's words and prices of ``broadcast``. Raises ``prices.NoPrice``."""
    return Terms(
        versions=wordings.approved(broadcast.template),
        prices=prices.price_list(
            category=broadcast.template.category,
            channel=broadcast.sender.channel,
            currency=broadcast.business.currency,
            now=now,
        ),
    )


def fingerprint(broadcast: Broadcast, agreed: Terms) -> str:
    """Return a hash over everything that, if it changed, would make a confirmed estimate untrue."""
    line_types = line_types_of(broadcast.sender)
    bound: dict[str, Any] = {
        "versions": [[version.pk, version.content_hash] for version in agreed.versions],
        "prices": sorted(agreed.prices.items()),
        "audience": audience.frozen(business=broadcast.business, definition=broadcast.audience),
        "variables": broadcast.variables,
        "sender": broadcast.sender_id,
        "line_types": None if line_types is None else sorted(line_types),
        "life_hours": broadcast.life_hours,
        "scheduled_at": broadcast.scheduled_at and broadcast.scheduled_at.astimezone(UTC),
        "is_local_time": broadcast.is_local_time,
        "budget_micro": broadcast.budget_micro,
        "holdout_permille": broadcast.holdout_permille,
        "waits_for_cap": broadcast.waits_for_cap,
    }
    return hashlib.sha256(orjson.dumps(bound, option=orjson.OPT_SORT_KEYS)).hexdigest()


def confirmed(*, broadcast: Broadcast, token: str, agreed: Terms, now: datetime) -> Estimate:
    """Return the estimate that ``token`` confirms. Raises ``CannotQuote`` when it no longer tells the truth."""
    estimate = Estimate.objects.filter(broadcast=broadcast, token=token).first()
    if estimate is None:
        raise CannotQuote(_("Look at the estimate first, then confirm exactly that one."), code="token_unknown")
    if estimate.created_at < now - TOKEN_LIFE:
        raise CannotQuote(
            _("The estimate is more than 30 minutes old. Look at a new one and confirm it."), code="token_old"
        )
    if estimate.fingerprint != fingerprint(broadcast, agreed):
        raise CannotQuote(
            _("Something changed since the estimate: the words, the prices or the audience. Look at a new one."),
            code="token_stale",
        )
    if estimate.n_eligible == 0:
        _check_somebody_is_waited_for(broadcast, estimate, now)
    return estimate


def waits_for_cap(broadcast: Broadcast, estimate: Estimate) -> bool:
    """Say whether a launch waits for people's next free slots, if the business wants that.

    Among few people, one who is waited for could be told apart from one whose phone is off.
    """
    n_in_question = estimate.n_eligible + estimate.reasons.get(CAP, 0)
    return broadcast.waits_for_cap and n_in_question >= reach.MIN_AUDIENCE


def _check_somebody_is_waited_for(broadcast: Broadcast, estimate: Estimate, now: datetime) -> None:
    """Raise ``CannotQuote`` unless somebody whom the business wrote to lately is free again within the offer's life."""
    if not broadcast.waits_for_cap or not estimate.reasons.get(CAP):
        raise CannotQuote(_("Nobody would be reached. The estimate says why for each group."), code="nobody")
    if not waits_for_cap(broadcast, estimate):
        raise CannotQuote(
            _("Nobody would be reached now, and among fewer than 100 people nobody is waited for."), code="nobody"
        )
    until = hours.last_start(broadcast, now) + timedelta(hours=broadcast.life_hours)
    if not _is_anybody_freed(broadcast, now, until):
        raise CannotQuote(
            _(
                "Nobody would be reached: nobody can be written to again within the offer's life. "
                "Let it live longer, or send later."
            ),
            code="nobody",
        )


def _is_anybody_freed(broadcast: Broadcast, now: datetime, until: datetime) -> bool:
    recent = own_caps.recent(business=broadcast.business, now=now)
    definition = audience.frozen(business=broadcast.business, definition=broadcast.audience)
    everybody = audience.contacts(business=broadcast.business, definition=definition, now=now).order_by("pk")
    last = 0
    while rows := list(everybody.filter(pk__gt=last).values_list("pk", "recipient_id")[:SLICE_ROWS]):
        last, ids = rows[-1][0], [recipient_id for _pk, recipient_id in rows]
        if own_caps.is_anybody_freed(recent=recent, recipient_ids=ids, now=now, by=until):
            return True
    return False


def check_may_launch(broadcast: Broadcast, agreed: Terms, now: datetime) -> None:
    """Raise ``CannotQuote`` unless the business, the sender and the words are ready."""
    if not broadcast.business.may_send:
        raise CannotQuote(
            _("Your business is not verified yet, or is suspended: it cannot send."), code="business_suspended"
        )
    if stop := stops.holding(broadcast):
        raise CannotQuote(stops.sentence(stop), code="stopped")
    if not broadcast.sender.is_active:
        raise CannotQuote(_("The sender is switched off."), code="sender_off")
    if not agreed.versions:
        raise CannotQuote(
            _("The template has no approved version yet. Submit it and wait for the review."),
            code="template_unavailable",
        )
    if words := approvals.restriction(sender=broadcast.sender, now=now):
        raise CannotQuote(words, code="sender_restricted")
    if words := approvals.obstacle(sender=broadcast.sender, versions=agreed.versions, now=now):
        raise CannotQuote(words, code="template_unavailable")
    _must_fit(broadcast, agreed)


def _must_fit(broadcast: Broadcast, agreed: Terms) -> None:
    """Values that are the same for everybody may make a text too long for everybody (rule V12)."""
    values = wordings.given(broadcast)
    for version in agreed.versions:
        if found := render.too_long_for(version.components, values, fallbacks=version.fallbacks):
            length, limit = found
            raise CannotQuote(
                _("With these values the message in “%(language)s” has %(length)s characters; %(limit)s are allowed.")
                % {"language": version.language, "length": length, "limit": limit},
                code="too_long",
            )
