"""Guards: a broadcast of which too much fails, or after which too many stop or block, pauses by itself.

The limits are the business's, or the broadcast's own. What was handed over and failed is read from the count deltas;
stops and blocks from the few refusals since the launch, whichever door they came through. The clock looks every second.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import override

from broadcasts import lifecycle
from broadcasts.models import Broadcast, Count, CountDelta, Delivery, Guard
from broadcasts.models.guard import LEAST_N
from businesses import audit
from businesses.models import Business, User
from consent.models import Refusal

log = logging.getLogger(__name__)
State = Delivery.State
# One or two angry people, or broken numbers, are no rate.
LEAST_BAD = 3
KNOWN_OUTCOMES = (
    *(State.ACCEPTED, State.HELD, State.SENT, State.NO_RECEIPT, State.FAILED),
    *(State.DELIVERED, State.READ),
)
# Files of stops are no reaction to what is being sent.
NOT_A_REACTION = ("import",)


class CannotGuard(ValidationError):
    """The limits make no sense; keyed by field."""


class Limits(NamedTuple):
    """0 is off. ``after_n``: hand-overs whose outcome is known, since the launch or the last resume."""

    failed_percent: int
    refused_permille: int
    after_n: int


class Tally(NamedTuple):
    """What became of a broadcast so far: handed over with a known outcome, failed of these, stopped or blocked."""

    n: int
    failed: int
    refused: int


def limits_of(broadcast: Broadcast, guard: Guard | None) -> Limits:
    """Return what holds for ``broadcast``: its own limit where it has one, else its business's, else the defaults."""
    general = guard or Guard()
    own = (broadcast.pause_at_failed_percent, broadcast.pause_at_refused_permille, broadcast.pause_after_n)
    fallback = (general.failed_percent, general.refused_permille, general.after_n)
    return Limits(*(mine if mine is not None else theirs for mine, theirs in zip(own, fallback, strict=True)))


def of_business(business: Business) -> Guard:
    """Return the business's limits; the defaults while it has none of its own."""
    return Guard.objects.filter(business=business).first() or Guard(business=business)


@transaction.atomic
def set_limits(*, business: Business, by: User | None, now: datetime, **limits: int) -> Guard:
    """Change the business's limits; they hold at once, for what is being sent, too. Raises ``CannotGuard``."""
    checks = {
        "failed_percent": (0, 100, _("Choose between 0 (never) and 100 percent.")),
        "refused_permille": (0, 1000, _("Choose between 0 (never) and 1,000 per thousand.")),
        "after_n": (LEAST_N, 1_000_000, _("Choose between 20 and 1,000,000 people.")),
    }
    faults = {
        name: sentence
        for name, (least, most, sentence) in checks.items()
        if name in limits and not least <= limits[name] <= most
    }
    if faults:
        raise CannotGuard(faults)
    guard, _created = Guard.objects.select_for_update().get_or_create(business=business)
    before = {name: getattr(guard, name) for name in limits}
    for name, value in limits.items():
        setattr(guard, name, value)
    guard.save()
    audit.note(
        action="guard.changed", object_kind="guard", object_code=business.code, actor=by, business=business,
        before=before, after=limits, now=now,
    )  # fmt: skip
    return guard


def watch(*, now: datetime) -> int:
    """Pause every broadcast that is over its limits; return how many were."""
    sending = list(Broadcast.objects.filter(state=Broadcast.State.SENDING).select_related("business"))
    if not sending:
        return 0
    guards = Guard.objects.in_bulk({broadcast.business_id for broadcast in sending})
    handed_over = _handed_over([broadcast.pk for broadcast in sending])
    # Only what has enough behind it is looked at more closely: most of the time nothing is.
    ripe = [
        (broadcast, limits_of(broadcast, guards.get(broadcast.business_id)))
        for broadcast in sending
        if broadcast.pk in handed_over
    ]
    ripe = [(b, limits) for b, limits in ripe if handed_over[b.pk].n - _before(b).n >= limits.after_n]
    refused = _refused([broadcast for broadcast, limits in ripe if limits.refused_permille])
    return sum(
        _judge(broadcast, limits, handed_over[broadcast.pk]._replace(refused=refused[broadcast.pk]), now)
        for broadcast, limits in ripe
    )


def _before(broadcast: Broadcast) -> Tally:
    """What had been counted when it last paused by itself: whoever resumed it knew of that."""
    return Tally(*(broadcast.guarded_from or (0, 0, 0)))


def _handed_over(broadcast_ids: Sequence[int]) -> dict[int, Tally]:
    known: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    wanted = {"broadcast_id__in": broadcast_ids, "state__in": KNOWN_OUTCOMES}
    # One statement, so that a squash between two reads cannot count anything twice.
    squashed = Count.objects.filter(**wanted).values_list("broadcast_id", "state").annotate(total=Sum("n"))
    deltas = CountDelta.objects.filter(**wanted).values_list("broadcast_id", "state").annotate(total=Sum("n"))
    for broadcast_id, state, n in squashed.union(deltas, all=True):
        known[broadcast_id] += n
        failed[broadcast_id] += n if state == State.FAILED else 0
    return {broadcast_id: Tally(n, failed[broadcast_id], 0) for broadcast_id, n in known.items()}


def _refused(broadcasts: Sequence[Broadcast]) -> Counter[int]:
    """Count, for each broadcast, the people who stopped or blocked its company after they were handed it."""
    asked = Q(pk__in=[])
    for broadcast in broadcasts:
        asked |= Q(legal_entity=broadcast.business.legal_entity_id, refused_at__gte=broadcast.launched_at)
    said: dict[int, datetime] = {}
    whose: dict[int, set[int]] = defaultdict(set)
    fresh = Refusal.objects.filter(asked, lifted_at__isnull=True).exclude(via__in=NOT_A_REACTION)
    for entity_id, recipient_id, at in fresh.values_list("legal_entity_id", "recipient_id", "refused_at"):
        said[recipient_id] = max(at, said.get(recipient_id, at))
        whose[entity_id].add(recipient_id)
    entity_of = {broadcast.pk: broadcast.business.legal_entity_id for broadcast in broadcasts}
    told = Delivery.objects.filter(
        broadcast_id__in=list(entity_of), recipient_id__in=list(said), state__in=KNOWN_OUTCOMES
    ).exclude(state=State.FAILED)
    return Counter(
        broadcast_id
        for broadcast_id, recipient_id, gated_at in told.values_list("broadcast_id", "recipient_id", "gated_at")
        if recipient_id in whose[entity_of[broadcast_id]] and gated_at is not None and gated_at <= said[recipient_id]
    )


def _judge(broadcast: Broadcast, limits: Limits, total: Tally, now: datetime) -> bool:
    since = Tally(*(new - old for new, old in zip(total, _before(broadcast), strict=True)))
    with override(broadcast.business.locale):
        words = _too_much(limits, since)
    if not words:
        return False
    facts = {"guard": {"n": since.n, "failed": since.failed, "refused": since.refused}}
    try:
        with transaction.atomic():
            lifecycle.pause(broadcast=broadcast, reason=words, by=None, now=now, facts=facts)
            Broadcast.objects.filter(pk=broadcast.pk).update(guarded_from=list(total))
    except lifecycle.CannotPause:
        log.info("guards: broadcast %s had stopped already", broadcast.code)
        return False
    return True


def _too_much(limits: Limits, since: Tally) -> str:
    """Return which limit is passed, in words, or ''. A rate at its limit passes it."""
    if limits.failed_percent and since.failed >= LEAST_BAD and 100 * since.failed >= limits.failed_percent * since.n:
        return _("Paused by itself: %(bad)d of %(n)d messages failed; your limit is %(limit)d %%.") % {
            "bad": since.failed, "n": since.n, "limit": limits.failed_percent,
        }  # fmt: skip
    reached = since.n - since.failed
    if (
        limits.refused_permille
        and since.refused >= LEAST_BAD
        and 1000 * since.refused >= limits.refused_permille * reached
    ):
        return _("Paused by itself: %(bad)d of %(n)d people stopped or blocked you; your limit is %(limit)d ‰.") % {
            "bad": since.refused, "n": reached, "limit": limits.refused_permille,
        }  # fmt: skip
    return ""


def shown(broadcast: Broadcast) -> dict[str, Any]:
    """Return the limits that hold for ``broadcast``, for whoever watches or composes it."""
    return limits_of(broadcast, of_business(broadcast.business))._asdict()
