"""Tambour's side of the comparison: launches a broadcast over a channel without keys, or counts what is unknown."""

import sys
from datetime import UTC, datetime

import django

django.setup()

from broadcasts.models import Delivery  # noqa: E402 — models can be imported from here on
from tests.make import EURO, make_business, make_launched, make_people, open_policy  # noqa: E402
from tests.promises import forgetful  # noqa: E402
from tests.promises.provider import make_sender  # noqa: E402


def launch(url: str, n_people: int) -> None:
    now = datetime.now(UTC)
    open_policy()
    forgetful.set_prices()
    business = make_business(money=10_000 * EURO, now=now)
    make_people(business=business, n=n_people, now=now)
    sender = make_sender(
        business=business, url=f"{url}/messages/1", messages_per_second=100_000, channel=forgetful.CHANNEL
    )
    make_launched(business=business, sender=sender, now=now)


if __name__ == "__main__":
    if sys.argv[1] == "unknown":
        print(Delivery.objects.filter(state__in=(Delivery.State.UNKNOWN, Delivery.State.SENDING)).count())
    else:
        launch(sys.argv[1], int(sys.argv[2]))
