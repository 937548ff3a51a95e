"""Tambour's side of the comparison: launches a broadcast over a channel without keys, or names who is unknown."""

import sys
from datetime import UTC, datetime

import django

django.setup()

from broadcasts.models import Delivery  # noqa: E402 — models can be imported from here on
from consent.models import Address  # noqa: E402
from tests.make import EURO, make_business, make_launched, make_people, open_policy  # noqa: E402
from tests.promises import forgetful  # noqa: E402
from tests.promises.provider import make_sender  # noqa: E402


def launch(url: str, n_people: int, messages_per_second: int) -> None:
    now = datetime.now(UTC)
    open_policy()
    forgetful.set_prices()
    business = make_business(money=10_000 * EURO, now=now)
    make_people(business=business, n=n_people, now=now)
    sender = make_sender(
        business=business,
        url=f"{url}/messages/1",
        messages_per_second=messages_per_second,
        channel=forgetful.CHANNEL,
    )
    make_launched(business=business, sender=sender, now=now)


if __name__ == "__main__":
    if sys.argv[1] == "unknown":
        waiting = Delivery.objects.filter(state__in=(Delivery.State.UNKNOWN, Delivery.State.SENDING))
        numbers = Address.objects.filter(recipient__in=waiting.values("recipient_id")).values_list("value", flat=True)
        print(*(number.lstrip("+") for number in numbers))
    else:
        launch(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
