"""P3: no hand-over starts more than a second after a stop was answered."""

import asyncio
import os
import random
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from broadcasts import counts, lanes
from businesses.models import Business
from consent import refusals
from consent.models import Address
from tests.make import EURO, make_business, make_launched, make_people, open_policy
from tests.promises import oracle
from tests.promises.provider import make_sender, provider

LONG = bool(os.environ.get("PROMISES"))
N_PEOPLE, MESSAGES_PER_SECOND, STOPS_PER_SECOND = (4_000, 80, 20) if LONG else (480, 80, 20)

pytestmark = [pytest.mark.promise("P3"), pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.usefixtures("own_database")
def test_a_stop_is_obeyed_within_a_second(settings: Any) -> None:
    open_policy()
    now = datetime.now(UTC)
    business = make_business(money=1_000 * EURO, now=now)
    people = make_people(business=business, n=N_PEOPLE, now=now)
    chance = random.Random(3)
    with provider() as service:
        settings.TRUSTED_HOSTS = [service.host]
        sender = make_sender(
            business=business, url=f"{service.url}/messages/shop", messages_per_second=MESSAGES_PER_SECOND
        )
        broadcast = make_launched(business=business, sender=sender, now=now)
        stopped_at = asyncio.run(_send_while_people_stop(business, people, chance))
        arrivals = service.arrivals()

    began_at = {arrival.to: arrival.first_byte_at for arrival in arrivals}
    address_of = dict(Address.objects.filter(kind="e164").values_list("recipient_id", "value"))
    late = {
        recipient_id: began_at[address_of[recipient_id]] - moment
        for recipient_id, moment in stopped_at.items()
        if began_at.get(address_of[recipient_id], 0) > moment + 1.0
    }
    assert late == {}
    spared = [recipient_id for recipient_id in stopped_at if address_of[recipient_id] not in began_at]
    assert len(spared) > len(stopped_at) // 4, "hardly a stop came before its message: this proved nothing"
    assert counts.funnel(broadcast).reasons == {"opted_out": len(spared)}
    assert oracle.faults(broadcast) == []
    assert oracle.slot_faults() == []


async def _send_while_people_stop(business: Business, people: list[int], chance: random.Random) -> dict[int, float]:
    """Return when each stop had been committed, which is when its person was told so."""
    lane = lanes.Lane(life_seconds=600)
    run = asyncio.create_task(lane.run())
    stopped_at: dict[int, float] = {}
    for recipient_id in chance.sample(people, len(people) // 4):
        if run.done():
            break
        await lane.database(
            refusals.stop, recipient_id=recipient_id, business=business, via="page", now=datetime.now(UTC)
        )
        stopped_at[recipient_id] = time.time()
        await asyncio.sleep(1 / STOPS_PER_SECOND)
    await run
    return stopped_at
