"""The courier carries notices: claims what is due, looks once more whether it may be said, hands it over.

At least once on a channel that knows idempotency keys, always under the notice's own code; at most once on any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from django.db import connection

from broadcasts import notices as writing
from broadcasts import trial
from broadcasts.channels import KINDS
from broadcasts.channels.base import NoticeMessage, Outcome, OutcomeKind
from broadcasts.models import EmergencyStop, Notice, Sender
from broadcasts.statements import statement
from consent.models import Address, Refusal

# The courier comes once a second: so many notices a second leave a sender, beside its offers and never among them.
OF_ONE_SENDER, AT_ONCE = 20, 400
# Longer than the hand-over of a whole round takes.
CLAIM = timedelta(seconds=30)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=1)
# Said of things that a later refusal makes untrue.
# A test is an offer in its words: a stop holds for it too.
UNTRUE_WHEN_REFUSED = (Notice.Kind.RESUME, Notice.Kind.JOIN, Notice.Kind.TEST)

log = structlog.get_logger(__name__)


def carry(*, now: datetime) -> int:
    """Hand over what is due and expire what came too late; return how many notices left."""
    _expire(now)
    notices = _claim(now)
    fit = _still_fit(notices)
    _end([n for n in notices if n.pk not in fit], Notice.State.EXPIRED, "not_any_more")
    messages = {n.code: _message(n, fit[n.pk]) for n in notices if n.pk in fit}
    lines = [(sender, list(of_one)) for sender, of_one in groupby((n for n in notices if n.pk in fit), _sender_of)]
    outcomes: dict[str, Outcome] = {}
    if lines:
        async_to_sync(_carry_all)([(s, [messages[n.code] for n in line]) for s, line in lines], outcomes)
    _note([n for n in notices if n.pk in fit], outcomes, now)
    return sum(outcome.kind == OutcomeKind.ACCEPTED for outcome in outcomes.values())


def _expire(now: datetime) -> None:
    late = Notice.objects.filter(state=Notice.State.WAITING, expires_at__lte=now)
    late.update(state=Notice.State.EXPIRED, text_encrypted=None)


def _claim(now: datetime) -> list[Notice]:
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {
            "now": now,
            "claimed_until": now + CLAIM,
            "most_of_sender": OF_ONE_SENDER,
            "most": AT_ONCE,
        }
        cursor.execute(statement("claim_notices"), parameters)
        ids = [pk for (pk,) in cursor.fetchall()]
    claimed = Notice.objects.select_related("sender__business", "recipient", "version").filter(pk__in=ids)
    return list(claimed.order_by("sender_id", "pk")) if ids else []


def _still_fit(notices: Sequence[Notice]) -> dict[int, str]:
    """Return the address of each notice that may still be said: to the same person, who has not refused meanwhile."""
    addresses = Address.objects.in_bulk([n.address_id for n in notices])
    refused = set(
        Refusal.objects.filter(
            recipient__in={n.recipient_id for n in notices if n.kind in UNTRUE_WHEN_REFUSED}, lifted_at=None
        ).values_list("recipient_id", "legal_entity_id")
    )
    silenced = _refused_since(notices) | _stopped_tests(notices)
    fit = {}
    for notice in notices:
        address = addresses.get(notice.address_id)
        has_moved = address is None or address.recipient_id != notice.recipient_id
        is_gone = notice.recipient.erased_at is not None or not notice.sender.is_active
        is_untrue = (
            notice.kind in UNTRUE_WHEN_REFUSED
            and (notice.recipient_id, notice.sender.business.legal_entity_id) in refused
        ) or (notice.kind == Notice.Kind.TEST and notice.recipient.paused_all_at is not None)
        is_untrue = is_untrue or notice.pk in silenced
        # Somebody began to hand it over and never said how it went: without keys that cannot be tried again.
        is_unclear = notice.n_attempts > 1 and not notice.error_code and not _knows_keys(notice)
        if address is not None and not (has_moved or is_gone or is_untrue or is_unclear):
            fit[notice.pk] = address.value
    return fit


def _stopped_tests(notices: Sequence[Notice]) -> set[int]:
    """Return the tests that an emergency stop holds: they are over, not put off."""
    tests = [n for n in notices if n.kind == Notice.Kind.TEST]
    holding = list(EmergencyStop.objects.holding()) if tests else []

    def is_held(notice: Notice) -> bool:
        if notice.version is None:
            return False
        country = notice.recipient.country
        return bool(trial.held_by(stops=holding, sender=notice.sender, version=notice.version, country=country))

    return {notice.pk for notice in tests if is_held(notice)}


def _refused_since(notices: Sequence[Notice]) -> set[int]:
    """Return the answers to people who stopped or blocked after they were written."""
    answers = [n for n in notices if n.kind == Notice.Kind.REPLY]
    if not answers:
        return set()
    refused = Refusal.objects.filter(recipient__in={n.recipient_id for n in answers}, lifted_at=None)
    last: dict[tuple[int, int], datetime] = {}
    for recipient_id, entity_id, at in refused.values_list("recipient_id", "legal_entity_id", "refused_at"):
        last[recipient_id, entity_id] = max(at, last.get((recipient_id, entity_id), at))

    def is_silenced(notice: Notice) -> bool:
        refused_at = last.get((notice.recipient_id, notice.sender.business.legal_entity_id))
        return refused_at is not None and refused_at >= notice.created_at

    return {notice.pk for notice in answers if is_silenced(notice)}


def _message(notice: Notice, address: str) -> NoticeMessage:
    text, content = writing.unsealed(notice)
    return NoticeMessage(notice.code, notice.kind, address, notice.language, text, content)


def _sender_of(notice: Notice) -> Sender:
    return notice.sender


async def _carry_all(lines: Sequence[tuple[Sender, Sequence[NoticeMessage]]], outcomes: dict[str, Outcome]) -> None:
    """Every sender on its own, all at once: a slow service delays nobody else's notices."""
    channels = {kind: KINDS[kind]() for kind in {sender.channel for sender, _ in lines}}

    async def carry_line(sender: Sender, messages: Sequence[NoticeMessage]) -> None:
        try:
            await channels[sender.channel].tell(
                sender, messages, lambda message, outcome: outcomes.__setitem__(message.code, outcome)
            )
        except Exception:
            log.exception("courier.line_failed", sender=sender.code)

    await asyncio.gather(*(carry_line(sender, messages) for sender, messages in lines))
    for channel in channels.values():
        await channel.close()


def _note(notices: Sequence[Notice], outcomes: Mapping[str, Outcome], now: datetime) -> None:
    sent = []
    for notice in notices:
        outcome = outcomes.get(notice.code, Outcome(OutcomeKind.UNKNOWN, error_code="no_outcome"))
        if outcome.kind in (OutcomeKind.ACCEPTED, OutcomeKind.HELD):
            sent.append(notice)
        elif outcome.kind == OutcomeKind.NOT_STARTED or (outcome.kind == OutcomeKind.UNKNOWN and _knows_keys(notice)):
            _put_off(notice, outcome, now)
        else:
            _end([notice], Notice.State.FAILED, outcome.error_code)
    _end(sent, Notice.State.SENT, "", sent_at=now)


def _knows_keys(notice: Notice) -> bool:
    return KINDS[notice.sender.channel].traits.idempotency_window is not None


def _put_off(notice: Notice, outcome: Outcome, now: datetime) -> None:
    """Again under the same key, later and later, until it expires."""
    wait = min(FIRST_WAIT * 2**notice.n_attempts, LONGEST_WAIT)
    due_at = now + max(wait, timedelta(seconds=outcome.wait_seconds))
    waiting = Notice.objects.filter(pk=notice.pk, state=Notice.State.WAITING)
    waiting.update(due_at=due_at, error_code=outcome.error_code[:32] or "later")


def _end(notices: Sequence[Notice], state: Notice.State, error_code: str, sent_at: datetime | None = None) -> None:
    if notices:
        waiting = Notice.objects.filter(pk__in=[n.pk for n in notices], state=Notice.State.WAITING)
        waiting.update(state=state, text_encrypted=None, error_code=error_code[:32], sent_at=sent_at)
