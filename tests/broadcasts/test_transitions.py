"""What follows the states: slots move under locks that everybody takes in one order."""

import time
from datetime import UTC, datetime

from django.db import connection, transaction

from broadcasts import transitions
from broadcasts.models import Delivery
from broadcasts.transitions import Transition
from consent import verdicts
from consent.models import CapEntry
from tests.at_once import at_once
from tests.conftest import OwnDatabase, wait_for
from tests.make import make_business, make_people

State = Delivery.State


def test_one_batch_of_receipts_locks_whom_it_frees_and_whom_it_charges_in_one_order(own_database: OwnDatabase) -> None:
    """One failed and another, who had failed, arrived: a gate that has the first of them may need the second."""
    now = datetime.now(UTC)
    business = make_business()
    first, second = sorted(make_people(business=business, n=2))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    moves = [
        Transition(State.ACCEPTED, State.FAILED, 0, 1, 0, [second]),
        Transition(State.FAILED, State.DELIVERED, 0, 1, 0, [first], arrived_ats=[now.isoformat()]),
    ]

    def n_waiting() -> int:
        with connection.cursor() as cursor:
            cursor.execute(waiting, [own_database.name])
            return int(cursor.fetchone()[0])

    def act(number: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if number:
                time.sleep(0.2)
                transitions.move_slots(
                    cursor, broadcast_id=7, business_id=business.pk, transitions=moves, now=datetime.now(UTC)
                )
                return
            verdicts.lock(cursor, recipient_ids=[first])
            wait_for(lambda: n_waiting() == 1, what="the receipts")
            verdicts.lock(cursor, recipient_ids=[second])

    assert at_once(act, 2) == [None, None]
    assert list(CapEntry.objects.values_list("recipient_id", flat=True)) == [first]
