"""Launches one broadcast in a process of its own: waits for a line on its standard input, then says what came of it."""

import os
import sys
from datetime import UTC, datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from broadcasts import lifecycle  # noqa: E402 — models can be imported from here on
from broadcasts.models import Broadcast  # noqa: E402
from businesses import wallet  # noqa: E402


def main() -> None:
    broadcast = Broadcast.objects.get(code=sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        lifecycle.launch(broadcast=broadcast, token=sys.argv[2], by=None, now=datetime.now(UTC))
    except wallet.NotEnoughMoney:
        print("not enough money", flush=True)
    except lifecycle.CannotLaunch:
        print("launched already", flush=True)
    else:
        print("launched", flush=True)


if __name__ == "__main__":
    main()
