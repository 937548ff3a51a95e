"""What a lane must know of a broadcast besides its people: who speaks, in which words, over which channel."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection
from django.utils import timezone
from django.utils.translation import override

from broadcasts import approvals
from broadcasts.channels import KINDS, line_types_of
from broadcasts.channels.base import Traits
from broadcasts.channels.base import Wording as Filled
from broadcasts.models import Broadcast, BroadcastVersion, Sender
from businesses.models import Business
from consent.reasons import Reason
from consent.verdicts import Question
from templates_approval import placeholders, review
from templates_approval.models import Template, Version

# A file of a provider's is forgotten without anything being written down.
KNOWN_SECONDS = 10.0


@dataclass(frozen=True)
class Wording:
    """One approved version, as frozen for a broadcast."""

    language: str
    message: Filled
    # The variables that must have a value, or nothing leaves.
    needs: frozenset[str]


@dataclass(frozen=True)
class Plan:
    """Everything about a broadcast that is the same for all its people. Looked at anew at least every second."""

    broadcast_id: int
    code: str
    business: Business
    sender: Sender
    traits: Traits
    wordings: Mapping[int, Wording]
    question: Question
    messages_per_second: int | None
    waits_for_cap: bool
    state: str
    ends_at: datetime
    # The last moment at which a message that left in time may still reach a phone: no receipt comes later either.
    may_arrive_until: datetime
    # Why the broadcast may not go on, if so: what was approved is no longer what would be sent, and the like.
    obstacle: Reason | None
    # The same in words, in the business's language, where the provider is to blame; else the reason's own are enough.
    obstacle_words: str = ""
    # What the database said before it was read, and time.monotonic() of that: see ``read_if_changed``.
    mark: str = ""
    read_at: float = 0.0


def read_if_changed(broadcast_id: int, known: Plan | None) -> Plan:
    """Return ``known`` as long as nothing that it was read from has changed, else the plan as it is now.

    One look instead of six: with many small senders, reading plans again and again is a quarter of a lane's work.
    A plan with an obstacle is never kept: a restriction ends by the clock, and who then resumes is not paused again.
    """
    asked_at = time.monotonic()
    mark = _mark(broadcast_id)
    is_kept = known is not None and known.mark == mark and asked_at - known.read_at < KNOWN_SECONDS
    if known is not None and is_kept and known.obstacle is None:
        return known
    return replace(read(broadcast_id), mark=mark, read_at=asked_at)


def _mark(broadcast_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT plan_mark(%s)", [broadcast_id])
        ((mark,),) = cursor.fetchall()
    return str(mark)


def read(broadcast_id: int) -> Plan:
    """Return the plan of a broadcast as the database has it now."""
    broadcast = Broadcast.objects.select_related("business", "sender", "template").get(pk=broadcast_id)
    frozen = list(broadcast.versions.select_related("version__template"))
    channel = KINDS[broadcast.sender.channel]
    traits = channel.traits
    obstacle, words = _obstacle(broadcast, frozen)
    return Plan(
        broadcast_id=broadcast.pk,
        code=broadcast.code,
        business=broadcast.business,
        sender=broadcast.sender,
        traits=traits,
        wordings={
            line.version_id: Wording(
                language=line.language,
                message=channel.wording(broadcast.sender, line.version),
                needs=frozenset(placeholders.variables(line.version.components)),
            )
            for line in frozen
        },
        question=question_about(broadcast),
        messages_per_second=broadcast.messages_per_second,
        waits_for_cap=broadcast.waits_for_cap,
        state=broadcast.state,
        ends_at=_end(broadcast),
        may_arrive_until=_end(broadcast) + traits.receipt_horizon,
        obstacle=obstacle,
        obstacle_words=words,
    )


def _end(broadcast: Broadcast) -> datetime:
    if broadcast.ends_at is None:
        raise ValueError(f"{broadcast.code} was never launched: lanes have nothing to do with it")
    return broadcast.ends_at


def end_of(plan: Plan, now: datetime) -> Reason | None:
    """Return why nothing more of this broadcast may ever leave, or None while it lives."""
    if plan.ends_at <= now:
        return Reason.EXPIRED
    return Reason.CANCELLED if plan.state in (Broadcast.State.CANCELLED, Broadcast.State.HALTED) else None


def question_about(broadcast: Broadcast) -> Question:
    """Return what consent is asked about each person of this broadcast."""
    return Question(
        business_id=broadcast.business_id,
        legal_entity_id=broadcast.business.legal_entity_id,
        address_kinds=KINDS[broadcast.sender.channel].traits.address_kinds,
        line_types=line_types_of(broadcast.sender),
        salt=broadcast.salt,
        holdout_permille=broadcast.holdout_permille,
    )


def _obstacle(broadcast: Broadcast, frozen: list[BroadcastVersion]) -> tuple[Reason | None, str]:
    if not broadcast.business.may_send or not broadcast.sender.is_active:
        return Reason.BUSINESS_SUSPENDED, ""
    if broadcast.template.category != Template.Category.MARKETING:
        return Reason.NOT_AN_OFFER, ""
    if not all(_is_as_approved(line) for line in frozen):
        return Reason.TEMPLATE_UNAVAILABLE, ""
    return _of_provider(broadcast, [line.version for line in frozen])


def _of_provider(broadcast: Broadcast, versions: list[Version]) -> tuple[Reason | None, str]:
    """What the provider itself has against it: a restricted account, or words that it has not approved."""
    now = timezone.now()
    with override(broadcast.business.locale):
        if words := approvals.restriction(sender=broadcast.sender, now=now):
            return Reason.BUSINESS_SUSPENDED, words
        if words := approvals.obstacle(sender=broadcast.sender, versions=versions, now=now):
            return Reason.TEMPLATE_UNAVAILABLE, words
    return None, ""


def _is_as_approved(line: BroadcastVersion) -> bool:
    """What is approved is what is sent: the state, the hash frozen at launch, and the hash of the very content."""
    version = line.version
    return (
        version.state == Version.State.APPROVED
        and version.content_hash == line.content_hash
        and review.is_untouched(version)
    )
