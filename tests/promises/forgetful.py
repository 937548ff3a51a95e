"""A channel without idempotency keys, as WhatsApp is: what became of a request that was cut off cannot be asked again.

A test puts it in its own process with ``use()``, in its workers with ``DJANGO_SETTINGS_MODULE`` (see ``SETTINGS``).
There, ``CRASH_AT`` names crash points, and ``CRASH_ONE_IN`` how often one is fatal.
"""

import os

from django.apps import AppConfig

from broadcasts import crash

CHANNEL = "whatsapp"
SETTINGS = "tests.promises.forgetful_settings"


def use() -> None:
    """Register the webhook channel once more, as it would be if services forgot every key at once."""
    from dataclasses import replace

    from broadcasts import channels
    from broadcasts.channels.webhook import Webhook

    class Forgetful(Webhook):
        traits = replace(Webhook.traits, kind=CHANNEL, idempotency_window=None)

    channels.KINDS[CHANNEL] = Forgetful


class ForgetfulConfig(AppConfig):
    name = "tests.promises.forgetful"

    def ready(self) -> None:
        use()
        crash.arm(
            filter(None, os.environ.get("CRASH_AT", "").split(",")), one_in=int(os.environ.get("CRASH_ONE_IN", 1))
        )
