"""The gate: the one place an offer may leave through.

One short READ COMMITTED transaction holds the chunk, locks the batch's deliveries and then its people, decides in a
fresh snapshot, reserves each slot and the money, and stamps the passports. Lock order everywhere: chunk → delivery →
recipient → contact → budget → wallet.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Sum

from broadcasts import codes, transitions
from broadcasts.channels.base import Message
from broadcasts.models import Broadcast, Budget, Delivery, TierUse
from broadcasts.plan import Plan
from broadcasts.statements import statement
from broadcasts.transitions import Transition
from businesses.models import Business
from consent import verdicts
from consent.reasons import GO, Reason
from consent.verdicts import Verdict, array
from templates_approval import placeholders

log = logging.getLogger(__name__)
State = Delivery.State
CAPS = frozenset({Reason.CAP_RECIPIENT, Reason.CAP_BUSINESS, Reason.CAP_PLATFORM})
TIER_WINDOW = timedelta(hours=24)
TIER_RETRY = timedelta(minutes=10)


class LeaseLost(Exception):
    """Another lane owns the chunk by now, or it is done: drop it, touch nothing."""


class Overtaken(Exception):
    """Since this batch was looked at, others reserved the money, or it was paused or stopped: decide again."""


# No row's fault: the whole batch is tried again.
TROUBLES = (LeaseLost, Overtaken, OperationalError, InterfaceError)
# More bad rows in one batch are not their own fault.
MOST_SET_ASIDE = 5


@dataclass
class Passed:
    """What came of one batch. Waiting rows stay queued; the lane makes a later chunk of them."""

    messages: list[Message] = field(default_factory=list)
    waiting: list[tuple[datetime, int]] = field(default_factory=list)
    # Set when the broadcast cannot go on: nothing passed, nothing was marked.
    stopped_by: Reason | None = None
    is_paused: bool = False
    is_over_budget: bool = False
    # How many of the batch, from its front, need no further look: all of them, unless nothing was decided.
    n_decided: int = 0
    n_set_aside: int = 0
    is_interrupted: bool = False

    @property
    def is_cut_short(self) -> bool:
        """Whether what stands behind ``n_decided`` was not looked at."""
        return self.stopped_by is not None or self.is_paused or self.is_over_budget or self.is_interrupted

    def add(self, part: Passed) -> None:
        self.messages += part.messages
        self.waiting += part.waiting
        self.n_decided += part.n_decided
        self.stopped_by, self.is_paused, self.is_over_budget = part.stopped_by, part.is_paused, part.is_over_budget


class Batch(NamedTuple):
    """What is the same for all rows of one batch."""

    chunk_id: int
    owner: UUID
    plan: Plan
    now: datetime | None


class Standing(NamedTuple):
    """A locked row that still waits."""

    recipient_id: int
    lacks_variable: bool
    price_micro: int


def pass_batch(
    *, chunk_id: int, owner: UUID, plan: Plan, recipient_ids: Sequence[int], now: datetime | None = None
) -> Passed:
    """Decide about a batch of one chunk, and let through those who may be told now.

    ``now`` is the database's clock unless a test gives one. Raises ``LeaseLost``. Afterwards every row of the batch is
    in ``messages`` (sending), skipped with its one reason, or still queued and in ``waiting``. A row that nobody can
    decide or write is set aside with its fault; many of them are no rows' fault, and stop the broadcast.
    """
    batch = Batch(chunk_id, owner, plan, now)
    try:
        return _pass_or_lock_budget(batch, recipient_ids)
    except TROUBLES:
        raise
    except Exception as fault:
        return _by_halves(batch, recipient_ids, fault, Passed())


def _pass_or_lock_budget(batch: Batch, recipient_ids: Sequence[int]) -> Passed:
    for is_budget_locked in (False, True):
        try:
            return _pass_batch(*batch, recipient_ids, is_budget_locked=is_budget_locked)
        except Overtaken:
            continue
    # Nobody takes money that is locked: it was paused or stopped in between, and that is seen at once this time.
    return _pass_batch(*batch, recipient_ids, is_budget_locked=True)


def _by_halves(batch: Batch, recipient_ids: Sequence[int], fault: Exception, passed: Passed) -> Passed:
    """Find the rows that make the gate fail, front to back, each part in its own transaction; let the rest through."""
    if len(recipient_ids) == 1:
        if passed.n_set_aside >= MOST_SET_ASIDE:
            passed.stopped_by = Reason.NOT_SENDABLE
            return passed
        _set_aside(batch, recipient_ids[0], fault)
        passed.n_set_aside += 1
        passed.n_decided += 1
        return passed
    middle = len(recipient_ids) // 2
    for half in (recipient_ids[:middle], recipient_ids[middle:]):
        if passed.is_cut_short:
            break
        try:
            passed.add(_pass_or_lock_budget(batch, half))
        except TROUBLES:
            if not passed.n_decided:
                raise
            # What has passed must be handed over; whoever goes on behind it meets the same trouble again.
            passed.is_interrupted = True
        except Exception as again:
            _by_halves(batch, half, again, passed)
    return passed


@transaction.atomic
def _set_aside(batch: Batch, recipient_id: int, fault: Exception) -> None:
    """One reason for the row, and the name of its fault beside it; nothing of it in the log that names a person."""
    log.error("gate: a row of broadcast %s is set aside (%s)", batch.plan.code, type(fault).__name__)
    with connection.cursor() as cursor:
        hold(cursor, chunk_id=batch.chunk_id, owner=batch.owner, now=batch.now)
        rows = Delivery.objects.filter(broadcast_id=batch.plan.broadcast_id, recipient_id=recipient_id)
        n = rows.filter(state=State.QUEUED).update(
            state=State.SKIPPED, reason=Reason.NOT_SENDABLE, error_code=type(fault).__name__[:32]
        )
        if n:
            move = Transition(State.QUEUED, State.SKIPPED, Reason.NOT_SENDABLE, n, 0, [])
            transitions.count(batch.plan.broadcast_id, [move])


@transaction.atomic
def _pass_batch(
    chunk_id: int,
    owner: UUID,
    plan: Plan,
    now: datetime | None,
    recipient_ids: Sequence[int],
    *,
    is_budget_locked: bool,
) -> Passed:
    with connection.cursor() as cursor:
        state, ends_at, now = hold(cursor, chunk_id=chunk_id, owner=owner, now=now)
        if stop := _stop(plan, state, ends_at, now):
            return stop
        standing = _lock(cursor, plan, recipient_ids)
        if not standing:
            return Passed(n_decided=len(recipient_ids))
        decided = verdicts.decide(
            cursor,
            question=plan.question,
            recipient_ids=[row.recipient_id for row in standing],
            lacks_variable=[row.lacks_variable for row in standing],
            now=now,
        )
        passed = Passed(n_decided=len(recipient_ids))
        go, skip = _sort(decided, plan, ends_at, passed)
        go = _within_tier(go, plan, now, passed)
        prices = {row.recipient_id: row.price_micro for row in standing}
        go = _within_budget(go, prices, plan, now, passed, is_budget_locked)
        _mark(cursor, plan, go, skip, now, passed)
        if go:
            _reserve_money(plan, chunk_id, sum(message.price_micro for message in passed.messages))
    return passed


def hold(
    cursor: verdicts.Cursor, *, chunk_id: int, owner: UUID, now: datetime | None
) -> tuple[str, datetime, datetime]:
    """Lock the chunk; return the broadcast's state, the end of the offer's life, and the moment of the decision."""
    cursor.execute(statement("hold_chunk"), {"chunk_id": chunk_id, "owner": owner, "now": now})
    rows = cursor.fetchall()
    if not rows:
        raise LeaseLost
    state, ends_at, moment, _synchronous = rows[0]
    return state, ends_at, moment


def _stop(plan: Plan, state: str, ends_at: datetime, now: datetime) -> Passed | None:
    if ends_at <= now:
        return Passed(stopped_by=Reason.EXPIRED)
    if state in (Broadcast.State.CANCELLED, Broadcast.State.HALTED):
        return Passed(stopped_by=Reason.CANCELLED)
    if state != Broadcast.State.SENDING:
        return Passed(is_paused=True)
    return Passed(stopped_by=plan.obstacle) if plan.obstacle else None


def _lock(cursor: verdicts.Cursor, plan: Plan, recipient_ids: Sequence[int]) -> list[Standing]:
    """Lock deliveries, then people; the verdict comes in a later statement, so that its snapshot is fresh."""
    cursor.execute(statement("lock_deliveries"), {"broadcast_id": plan.broadcast_id, "ids": array(recipient_ids)})
    standing = [Standing(*row) for row in cursor.fetchall()]
    verdicts.lock(cursor, recipient_ids=[row.recipient_id for row in standing])
    return standing


def _sort(decided: list[Verdict], plan: Plan, ends_at: datetime, passed: Passed) -> tuple[list[Verdict], list[Verdict]]:
    go, skip = [], []
    for verdict in decided:
        if verdict.reason == GO:
            go.append(verdict)
        elif plan.waits_for_cap and verdict.reason in CAPS and verdict.free_at and verdict.free_at < ends_at:
            passed.waiting.append((verdict.free_at, verdict.recipient_id))
        else:
            skip.append(verdict)
    return go, skip


def _within_tier(go: list[Verdict], plan: Plan, now: datetime, passed: Passed) -> list[Verdict]:
    """Keep the business within its people per rolling 24 hours; those over it wait."""
    limit = plan.business.daily_people_limit
    if limit is None or not go:
        return go
    # The business's row serialises its own lanes; foreign keys do not wait for this kind of lock.
    Business.objects.select_for_update(no_key=True).get(pk=plan.business.pk)
    recent = TierUse.objects.filter(business_id=plan.business.pk, minute__gt=now - TIER_WINDOW)
    room = max(0, limit - (recent.aggregate(n=Sum("n"))["n"] or 0))
    passed.waiting += [(now + TIER_RETRY, verdict.recipient_id) for verdict in go[room:]]
    return go[:room]


def _within_budget(
    go: list[Verdict], prices: dict[int, int], plan: Plan, now: datetime, passed: Passed, is_budget_locked: bool
) -> list[Verdict]:
    """Grant fewer when less is left. Without the lock this is a guess that ``_reserve_money`` checks at the end."""
    rows = Budget.objects.select_for_update(no_key=True) if is_budget_locked else Budget.objects
    budget = rows.get(broadcast_id=plan.broadcast_id)
    left = budget.ceiling_micro - budget.reserved_micro
    for n, verdict in enumerate(go):
        left -= prices[verdict.recipient_id]
        if left < 0:
            passed.is_over_budget = True
            passed.waiting += [(now, late.recipient_id) for late in go[n:]]
            return go[:n]
    return go


def _mark(
    cursor: verdicts.Cursor, plan: Plan, go: list[Verdict], skip: list[Verdict], now: datetime, passed: Passed
) -> None:
    moves = _mark_skipped(cursor, plan, skip)
    if go:
        ids = [verdict.recipient_id for verdict in go]
        verdicts.reserve(
            cursor,
            recipient_ids=ids,
            broadcast_id=plan.broadcast_id,
            business_id=plan.business.pk,
            may_arrive_until=plan.may_arrive_until,
            now=now,
        )
        cursor.execute(
            statement("mark_go"),
            {
                "broadcast_id": plan.broadcast_id,
                "now": now,
                "ids": array(ids),
                "interaction_ids": array(verdict.interaction_id for verdict in go),
                "bases": array(verdict.basis for verdict in go),
                "cap_counts": array(f'"{verdict.cap_counts or "{}"}"' for verdict in go),
            },
        )
        # As the planner pleases; what people get leaves in one order, whatever it was.
        rows = sorted(cursor.fetchall(), key=itemgetter(0))
        addresses = verdicts.addresses(cursor, question=plan.question, recipient_ids=ids)
        passed.messages = write_messages(plan, rows, addresses)
        if len(passed.messages) < len(rows):
            moves.append(_take_back_unfit(cursor, plan, rows, passed.messages))
        n, total = len(passed.messages), sum(message.price_micro for message in passed.messages)
        moves.append(Transition(State.QUEUED, State.SENDING, 0, n, total, []))
        _spend_tier(plan, n, now)
        transitions.count(plan.broadcast_id, moves)
    elif moves:
        transitions.count(plan.broadcast_id, moves)


def _take_back_unfit(
    cursor: verdicts.Cursor, plan: Plan, rows: Sequence[tuple[object, ...]], fit: Sequence[Message]
) -> Transition:
    """Nobody reads “{{name}}”: whoever's values do not fill the words is skipped, and keeps their slot free."""
    fit_ids = {message.recipient_id for message in fit}
    ids = [row[0] for row in rows if row[0] not in fit_ids]
    verdicts.give_back(cursor, recipient_ids=ids, broadcast_id=plan.broadcast_id)  # type: ignore[arg-type]
    cursor.execute(statement("mark_unfit"), {"broadcast_id": plan.broadcast_id, "ids": ids})
    return Transition(State.QUEUED, State.SKIPPED, Reason.MISSING_VARIABLE, len(ids), 0, [])


def _mark_skipped(cursor: verdicts.Cursor, plan: Plan, skip: list[Verdict]) -> list[Transition]:
    if not skip:
        return []
    cursor.execute(
        statement("mark_skip"),
        {
            "broadcast_id": plan.broadcast_id,
            "ids": array(verdict.recipient_id for verdict in skip),
            "reasons": array(verdict.reason for verdict in skip),
        },
    )
    reasons = [verdict.reason for verdict in skip]
    return [Transition(State.QUEUED, State.SKIPPED, reason, reasons.count(reason), 0, []) for reason in set(reasons)]


def _spend_tier(plan: Plan, n: int, now: datetime) -> None:
    if plan.business.daily_people_limit is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            statement("spend_tier"),
            {"business_id": plan.business.pk, "minute": now.replace(second=0, microsecond=0), "n": n},
        )


def _reserve_money(plan: Plan, chunk_id: int, total_micro: int) -> None:
    """The last lock of the gate, so that lanes of one broadcast meet here only for the length of a commit.

    It is the last look, too: what was paused or stopped while this batch waited for a lock does not pass.
    """
    asked = {"broadcast_id": plan.broadcast_id, "chunk_id": chunk_id, "micro": total_micro}
    with connection.cursor() as cursor:
        cursor.execute(statement("reserve_money"), asked)
        if cursor.rowcount == 0:
            raise Overtaken


def write_messages(plan: Plan, rows: Sequence[tuple[object, ...]], addresses: dict[int, str]) -> list[Message]:
    """Render what passed: (recipient, attempt, version, variables as JSON, price) becomes the message that leaves.

    Rows whose values do not fill every variable of the words become none.
    """
    keys = [(plan.broadcast_id, row[0], row[1]) for row in rows]
    delivery_codes = codes.delivery_codes(keys)  # type: ignore[arg-type]
    tokens = codes.preference_tokens([key[:2] for key in keys])  # type: ignore[misc]
    page = settings.PUBLIC_URL + "/p/"
    gated_at = time.monotonic()
    messages = []
    for (recipient_id, attempt, version_id, variables, price_micro), code, token in zip(
        rows, delivery_codes, tokens, strict=True
    ):
        wording = plan.wordings[version_id]  # type: ignore[index]
        values = orjson.loads(variables)  # type: ignore[arg-type]
        if not wording.needs <= values.keys():
            continue
        values[placeholders.OWN_PAGE] = token
        messages.append(
            Message(
                broadcast_id=plan.broadcast_id,
                recipient_id=recipient_id,  # type: ignore[arg-type]
                attempt=attempt,  # type: ignore[arg-type]
                code=code,
                address=addresses[recipient_id],  # type: ignore[index]
                language=wording.language,
                content=wording.message.content(values),
                preference_url=page + token + "/",
                price_micro=price_micro,  # type: ignore[arg-type]
                gated_at=gated_at,
            )
        )
    return messages
