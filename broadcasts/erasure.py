"""Erasure of what this floor holds of a person: the values frozen for them, their notices and their sandbox phone."""

from __future__ import annotations

from django.db import connection, transaction

from broadcasts import notices, own_numbers
from broadcasts.models import Broadcast, PhoneMessage
from broadcasts.statements import statement
from consent.erasure import Traces

# Deliveries are found by their whole key: one look-up for each broadcast that could have meant the person.
BROADCASTS_AT_ONCE = 1_000
NOBODY = "erased"


def forget_copies(*, traces: Traces) -> int:
    """Remove the values and messages of the person, in short transactions; return how many rows held some."""
    n = _forget_phones(traces) + sum(notices.forget(recipient_id=recipient_id) for recipient_id in traces.recipient_ids)
    n += sum(own_numbers.forget_of(recipient_id=recipient_id) for recipient_id in traces.recipient_ids)
    after = 0
    while broadcast_ids := frozen_slice(traces.business_id, after):
        n += _forget_variables(broadcast_ids, traces.recipient_ids)
        after = broadcast_ids[-1]
    return n


def frozen_slice(business_id: int | None, after: int) -> list[int]:
    """Return the next broadcasts that ever had an audience, in order."""
    frozen = Broadcast.objects.filter(pk__gt=after, n_audience__gt=0)
    if business_id is not None:
        frozen = frozen.filter(business_id=business_id)
    return list(frozen.order_by("pk").values_list("pk", flat=True)[:BROADCASTS_AT_ONCE])


@transaction.atomic
def _forget_variables(broadcast_ids: list[int], recipient_ids: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement("forget_variables"), {"broadcast_ids": broadcast_ids, "recipient_ids": recipient_ids})
        return int(cursor.rowcount)


def _forget_phones(traces: Traces) -> int:
    """The sandbox is the provider: it still owes receipts for what it took, but no longer knows for whom."""
    messages = PhoneMessage.objects.filter(address__in=traces.values)
    if traces.business_id is not None:
        messages = messages.filter(sender__business_id=traces.business_id)
    n_blank = messages.filter(is_delivery_reported=False).update(address=NOBODY, content={})
    n_gone, _ = messages.filter(is_delivery_reported=True).delete()
    return n_blank + n_gone
