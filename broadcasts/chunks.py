"""Chunks and leases: who works on what, for how long, and what happens to the rest when they are done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from broadcasts import lifecycle, transitions
from broadcasts.models import Broadcast, Chunk, Delivery, Lane
from broadcasts.statements import statement
from broadcasts.transitions import Transition
from consent.reasons import Reason

# A lane that has not beaten for this long is dead; its chunks go to others. Beats come from a thread that does nothing
# else, so that four in a row are missed only by a process that is dead, or as good as dead. One that comes back finds
# that it owns nothing any more: that costs a few outcomes *unknown*, never a message twice.
LEASE_SECONDS = 4
BEAT_SECONDS = 0.8
# A chunk with rows that are still in the air is looked at again after this long.
LOOK_AGAIN = timedelta(seconds=1)
# Rows that wait for about the same moment travel together.
WAIT_GRAIN = timedelta(minutes=5)


class Claim(NamedTuple):
    """A chunk that a lane owns until its lease ends."""

    chunk_id: int
    broadcast_id: int
    wave: int
    country: str
    timezone: str
    recipient_ids: list[int]
    # 1 for a fresh chunk; more when an earlier owner may have left rows in the air.
    attempts: int


@transaction.atomic
def claim(*, owner: UUID, busy: Sequence[int], now: datetime, busy_businesses: Sequence[int] = ()) -> Claim | None:
    """Take one due chunk, of the broadcast served longest ago that is not ``busy``; None when nothing is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement("claim_chunk"),
            {
                "owner": owner,
                "busy": list(busy),
                "busy_businesses": list(busy_businesses),
                "now": now,
                "lease_seconds": LEASE_SECONDS,
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    found = Claim(*row)
    Broadcast.objects.filter(pk=found.broadcast_id).update(served_at=now)
    return found


def beat(*, owner: UUID, chunk_ids: Collection[int] = ()) -> None:
    """Say that a lane is alive, and renew the leases of what it works on; what it dropped is for others to take."""
    Lane.objects.update_or_create(
        owner=owner, defaults={"beat_at": Now()}, create_defaults={"started_at": Now(), "beat_at": Now()}
    )
    Chunk.objects.filter(pk__in=chunk_ids, owner=owner, done_at__isnull=True).update(
        lease_until=Now() + timedelta(seconds=LEASE_SECONDS)
    )


def leave(*, owner: UUID) -> None:
    """A lane ends in good order: what it did not finish is free at once."""
    Chunk.objects.filter(owner=owner, done_at__isnull=True).update(owner=None, lease_until=None)
    Lane.objects.filter(owner=owner).delete()


def living(*, now: datetime) -> int:
    """Return how many lanes are alive; forget the dead."""
    Lane.objects.filter(beat_at__lt=now - timedelta(seconds=LEASE_SECONDS)).delete()
    return Lane.objects.count()


def put_off(*, claim: Claim, owner: UUID, due_at: datetime) -> None:
    """Nothing of this chunk may leave before ``due_at`` (quiet hours, a pause): give it back for later."""
    Chunk.objects.filter(pk=claim.chunk_id, owner=owner, done_at__isnull=True).update(
        owner=None, lease_until=None, due_at=due_at, attempts=F("attempts") - 1
    )


def still_owned(*, owner: UUID, chunk_ids: Collection[int]) -> set[int]:
    """Lock those of the chunks that ``owner`` still has, and return them: nobody takes them before the commit."""
    owned = Chunk.objects.select_for_update(no_key=True).filter(pk__in=chunk_ids, owner=owner, done_at__isnull=True)
    return set(owned.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def finish(*, claim: Claim, owner: UUID, waiting: Iterable[tuple[datetime, int]], now: datetime) -> bool:
    """Close a chunk; rows that wait become new chunks in the same commit. False when another lane owns it by now.

    False, too, while one of its rows is *being handed over*: PostgreSQL was restarted and forgot an outcome that it had
    taken. The chunk is free again then, and whoever takes it next resolves those rows.
    """
    later = _later_chunks(claim, waiting, now)
    with connection.cursor() as cursor:
        cursor.execute(
            statement("finish_chunk"),
            {"chunk_id": claim.chunk_id, "owner": owner, "now": now, "n_later": len(later)},
        )
        rows = cursor.fetchall()
    if not rows:
        Chunk.objects.filter(pk=claim.chunk_id, owner=owner, done_at__isnull=True).update(
            owner=None, lease_until=None, due_at=now + LOOK_AGAIN
        )
        return False
    if later:
        Chunk.objects.bulk_create(later)
    if rows == [(True,)]:
        lifecycle.complete(broadcast_id=claim.broadcast_id, now=now)
    return True


def _later_chunks(claim: Claim, waiting: Iterable[tuple[datetime, int]], now: datetime) -> list[Chunk]:
    groups: dict[datetime, list[int]] = defaultdict(list)
    for due_at, recipient_id in waiting:
        groups[_round_up(due_at, now)].append(recipient_id)
    return [
        Chunk(
            broadcast_id=claim.broadcast_id,
            wave=claim.wave,
            country=claim.country,
            timezone=claim.timezone,
            recipient_ids=sorted(ids),
            due_at=due_at,
            # Counts on, so that what was in the air is looked for again.
            attempts=claim.attempts,
        )
        for due_at, ids in sorted(groups.items())
    ]


def _round_up(moment: datetime, now: datetime) -> datetime:
    """What is due soon waits no longer than it must; what waits for hours is gathered."""
    if moment <= now:
        return now
    grain = WAIT_GRAIN if moment - now > WAIT_GRAIN else timedelta(seconds=1)
    over = timedelta(seconds=moment.timestamp() % grain.total_seconds())
    return moment + (grain - over) if over else moment


@transaction.atomic
def drain(*, claim: Claim, owner: UUID, reason: Reason, now: datetime) -> int:
    """Give what still waits in the chunk of an ended broadcast its one reason; return how many rows that were."""
    if (
        not Chunk.objects.select_for_update(no_key=True)
        .filter(pk=claim.chunk_id, owner=owner, done_at__isnull=True)
        .exists()
    ):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            statement("drain"), {"broadcast_id": claim.broadcast_id, "ids": claim.recipient_ids, "reason": reason}
        )
        ((n,),) = cursor.fetchall()
    if n:
        transitions.count(
            claim.broadcast_id, [Transition(Delivery.State.QUEUED, Delivery.State.SKIPPED, reason, n, 0, [])]
        )
    return int(n)
