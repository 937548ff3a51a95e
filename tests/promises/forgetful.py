"""A channel without idempotency keys: what became of a request that was cut off cannot be asked again.

A test puts it in its own process with ``in_use()``, in its workers with ``DJANGO_SETTINGS_MODULE`` (see ``SETTINGS``).
There, ``CRASH_AT`` names crash points and how often each is fatal: ``after_gate=4,before_settle=1``.
"""

import contextlib
import os
from collections.abc import Iterator

from django.apps import AppConfig

from broadcasts import crash

CHANNEL = "keyless"
SETTINGS = "tests.promises.forgetful_settings"


def use() -> None:
    """Register the webhook channel once more, as it would be if services forgot every key at once."""
    from dataclasses import replace

    from broadcasts import channels
    from broadcasts.channels.webhook import Webhook

    class Forgetful(Webhook):
        traits = replace(Webhook.traits, kind=CHANNEL, idempotency_window=None)

    channels.KINDS[CHANNEL] = Forgetful


def set_prices() -> None:
    """Ask for the same as the webhook channel."""
    from businesses.models import Price

    for price in Price.objects.filter(channel="webhook"):
        price.pk, price.channel = None, CHANNEL
        price.save()


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """The same for the length of a test."""
    from broadcasts import channels

    use()
    try:
        yield
    finally:
        del channels.KINDS[CHANNEL]


class ForgetfulConfig(AppConfig):
    name = "tests.promises.forgetful"

    def ready(self) -> None:
        use()
        pairs = [point.partition("=") for point in os.environ.get("CRASH_AT", "").split(",") if point]
        crash.arm({name: int(one_in or 1) for name, _, one_in in pairs})
