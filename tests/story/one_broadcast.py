"""Makes a business with 50 people and launches one broadcast to them: run by tests, in a service's own environment."""

import os
from datetime import UTC, datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()


def main() -> None:
    """Print the code of the launched broadcast."""
    from broadcasts import estimate, lifecycle
    from tests.make import EURO, make_broadcast, make_business, make_people, open_policy

    now = datetime.now(UTC)
    open_policy()
    business = make_business(money=100 * EURO)
    make_people(business=business, n=50, now=now)
    broadcast = make_broadcast(business=business, now=now)
    token = estimate.estimate(broadcast=broadcast, now=now).token
    lifecycle.launch(broadcast=broadcast, token=token, by=None, now=now)
    print(broadcast.code)


if __name__ == "__main__":
    main()
