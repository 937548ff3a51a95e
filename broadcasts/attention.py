"""What needs a person's decision: messages of which nobody knows whether they were taken.

A late receipt settles them by itself, and at the end of the channel's receipt horizon they end unpaid. Until then the
business may say what it knows; only *send it again* can give somebody the same offer twice, and it says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from broadcasts import codes, lifecycle, transitions
from broadcasts.channels import KINDS
from broadcasts.models import Broadcast, Chunk, Delivery
from broadcasts.transitions import Transition
from businesses import audit, events
from businesses.models import User
from consent.models import Contact, Recipient

State = Delivery.State
CHUNK_SIZE = 500
PAGE = 200
# So many are decided in one go: each in the same transaction.
MOST = 10_000


class Decision(models.TextChoices):
    """What a person says of messages whose outcome nobody knows."""

    SENT = "sent", gettext_lazy("They were sent")
    SEND_AGAIN = "send_again", gettext_lazy("They were not sent: send them again")
    LEAVE = "leave", gettext_lazy("I do not know: wait for receipts")


class CannotDecide(ValidationError):
    """Nothing to decide, not now, or not without accepting what may come of it."""


def waiting(broadcast: Broadcast) -> QuerySet[Delivery]:
    """Return the deliveries that a decision may be taken about, in the order of their people."""
    return Delivery.objects.filter(broadcast_id=broadcast.pk, state=State.UNKNOWN).order_by("recipient_id")


def is_still_asking(broadcast: Broadcast) -> bool:
    """Say whether lanes still resolve them by themselves: by handing them over again under the same key."""
    return broadcast.completed_at is None and KINDS[broadcast.sender.channel].traits.idempotency_window is not None


def may_send_again(broadcast: Broadcast, now: datetime) -> bool:
    """Say whether the offer is still alive."""
    alive = broadcast.state in (Broadcast.State.SENDING, Broadcast.State.PAUSED, Broadcast.State.COMPLETED)
    return alive and broadcast.settled_at is None and broadcast.ends_at is not None and broadcast.ends_at > now


class Line(NamedTuple):
    """One open outcome, as programs see it."""

    delivery: str
    contact: str | None
    handed_over_at: datetime | None
    error_code: str | None


def page(*, broadcast: Broadcast, after: str = "") -> list[Line]:
    """Return the next open outcomes behind the one with the code ``after``. Raises ``CannotDecide``."""
    rows = waiting(broadcast)
    if after:
        rows = rows.filter(recipient_id__gt=people(broadcast=broadcast, delivery_codes=[after])[0])
    found = list(rows[:PAGE])
    contacts = Contact.objects.filter(business_id=broadcast.business_id).in_bulk([row.contact_id for row in found])
    keys = codes.delivery_codes([(broadcast.pk, row.recipient_id, row.attempt) for row in found])
    return [
        Line(code, contacts[row.contact_id].code if row.contact_id in contacts else None, row.gated_at, row.error_code)
        for row, code in zip(found, keys, strict=True)
    ]


def people(*, broadcast: Broadcast, delivery_codes: Collection[str]) -> list[int]:
    """Return whom these codes are about. Raises ``CannotDecide`` when one is not of this broadcast."""
    keys = [codes.read_delivery_code(code) for code in delivery_codes]
    found = [key[1] for key in keys if key is not None and key[0] == broadcast.pk]
    if len(found) != len(keys):
        raise CannotDecide(_("One of these codes is of no message of this broadcast."))
    return found


@transaction.atomic
def decide(
    *,
    broadcast: Broadcast,
    decision: Decision,
    recipient_ids: Collection[int] | None,
    by: User | None,
    now: datetime,
    accepts_duplicates: bool = False,
) -> int:
    """Decide about the messages to these people (None: about all that are open); return about how many.

    *Sent* waits for a receipt like anything that was sent; *send again* passes the gate once more, as a new attempt.
    Whoever a receipt has settled in the meantime is left alone. Raises ``CannotDecide``; then nothing has changed.
    """
    if is_still_asking(broadcast):
        raise CannotDecide(
            _("Tambour still resolves these by itself. Decide about what is left when the broadcast is complete.")
        )
    rows = _locked(broadcast, recipient_ids)
    if decision == Decision.SENT:
        _mark_sent(broadcast, rows)
    elif decision == Decision.SEND_AGAIN:
        if not accepts_duplicates:
            raise CannotDecide(_("Sent again, some may get the same offer twice: say that you accept this."))
        _queue_again(broadcast, rows, now)
    facts = {"decision": str(decision), "n": len(rows)}
    payload = {"code": broadcast.code, **facts}
    events.record(business_id=broadcast.business_id, kind="broadcast.outcomes_decided", payload=payload, now=now)
    audit.note(
        action="broadcast.outcomes_decided", object_kind="broadcast", object_code=broadcast.code, actor=by,
        business=broadcast.business, after=facts, now=now,
    )  # fmt: skip
    return len(rows)


def _locked(broadcast: Broadcast, recipient_ids: Collection[int] | None) -> list[Delivery]:
    rows = waiting(broadcast).select_for_update(no_key=True)
    if recipient_ids is not None:
        rows = rows.filter(recipient_id__in=recipient_ids)
    found = list(rows.only("broadcast_id", "recipient_id", "country", "price_micro")[:MOST])
    if not found:
        raise CannotDecide(_("Nothing is open any more: every outcome is known."))
    return found


def _mark_sent(broadcast: Broadcast, rows: list[Delivery]) -> None:
    ids = [row.recipient_id for row in rows]
    waiting(broadcast).filter(recipient_id__in=ids).update(state=State.ACCEPTED, error_code=None)
    transitions.count(broadcast.pk, [Transition(State.UNKNOWN, State.ACCEPTED, 0, len(ids), 0, [])])


def _queue_again(broadcast: Broadcast, rows: list[Delivery], now: datetime) -> None:
    """Back to the queue, without slot and money; a receipt that comes before their turn still settles them."""
    if not may_send_again(broadcast, now):
        raise CannotDecide(_("The offer's life is over: nothing of this broadcast is sent any more."))
    ids = [row.recipient_id for row in rows]
    waiting(broadcast).filter(recipient_id__in=ids).update(state=State.QUEUED, error_code=None)
    price_micro = sum(row.price_micro for row in rows)
    move = Transition(State.UNKNOWN, State.QUEUED, 0, len(ids), price_micro, ids)
    with connection.cursor() as cursor:
        transitions.give_back_slots(cursor, broadcast.pk, [move])
    transitions.count(broadcast.pk, [move])
    transitions.move_money(broadcast.pk, [move])
    later = Chunk.objects.bulk_create(_chunks(broadcast, rows, now))
    alive = Broadcast.objects.filter(pk=broadcast.pk, settled_at__isnull=True, ends_at__gt=now)
    if not alive.update(n_chunks=F("n_chunks") + len(later)):
        raise CannotDecide(_("The offer's life is over: nothing of this broadcast is sent any more."))
    lifecycle.go_on(broadcast_id=broadcast.pk)


def _chunks(broadcast: Broadcast, rows: list[Delivery], now: datetime) -> list[Chunk]:
    """As the audience was cut: people of one country and time zone together."""
    zone_of = dict(Recipient.objects.filter(pk__in=[row.recipient_id for row in rows]).values_list("pk", "timezone"))
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        groups[row.country, zone_of.get(row.recipient_id, "")].append(row.recipient_id)
    return [
        Chunk(
            broadcast_id=broadcast.pk, country=country, timezone=zone, due_at=now,
            recipient_ids=ids[start : start + CHUNK_SIZE],
        )
        for (country, zone), ids in groups.items()
        for start in range(0, len(ids), CHUNK_SIZE)
    ]  # fmt: skip
