"""Who plays in the demo: an operator, a reviewer, three businesses and their owners, with a voice and some money."""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import dataclass
from datetime import datetime, time

from allauth.account.models import EmailAddress
from django.conf import settings

from broadcasts import secrets, senders
from broadcasts.models import Sender
from businesses import onboarding, wallet
from businesses.models import Business, User
from consent.models import QuietHours
from templates_approval import reviewers

PASSWORD = "tambour-demo"  # noqa: S105 — written on the screen, for a database that the next demo empties
OPERATOR = "operator@demo.example"
REVIEWER = "reviewer@demo.example"
OWNER = "amandine@demo.example"
SECOND_OWNER = "noah@demo.example"
THIRD_OWNER = "max@demo.example"
MICRO = 1_000_000
MONEY = 2_000 * MICRO
MESSAGES_PER_SECOND = 2_000
# Slow enough for people to complain in the middle.
SLOW = 60


@dataclass(frozen=True)
class Cast:
    operator: User
    reviewer: User
    bakery: Business
    workshop: Business
    phones: Sender
    service: Sender
    workshop_phones: Sender
    discounter: Business
    discounter_phones: Sender


def assemble(*, sink_url: str, now: datetime) -> Cast:
    """Make everybody, through the functions that the doors call."""
    operator = _user(OPERATOR, now, is_staff=True, is_superuser=True)
    reviewer = reviewers.appoint(user=_user(REVIEWER, now), now=now, by=operator)
    _open_hours(operator)
    bakery = _business("Boulangerie Soleil", "FR", "Europe/Paris", "fr", OWNER, operator, now)
    workshop = _business("Nomad Bikes", "GB", "Europe/London", "en", SECOND_OWNER, operator, now)
    discounter = _business("Top Deals", "IE", "Europe/Dublin", "en", THIRD_OWNER, operator, now)
    return Cast(
        operator=operator,
        reviewer=reviewer,
        bakery=bakery,
        workshop=workshop,
        phones=_phones(bakery, now),
        service=_service(bakery, sink_url, now),
        workshop_phones=_phones(workshop, now),
        discounter=discounter,
        discounter_phones=_phones(discounter, now, messages_per_second=SLOW),
    )


def _user(email: str, now: datetime, **rights: bool) -> User:
    user = User.objects.create_user(email, PASSWORD, **rights)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _open_hours(operator: User) -> None:
    """The operator's policy for this installation: a demonstration has to run at night, too."""
    QuietHours.objects.all().delete()
    QuietHours.objects.bulk_create(
        QuietHours(
            country="",
            weekday=weekday,
            opens_at=time(0),
            closes_at=time(23, 59, 59, 999999),
            source=f"Opened for the demonstration by {operator}",
        )
        for weekday in range(7)
    )


def _business(name: str, country: str, zone: str, locale: str, email: str, operator: User, now: datetime) -> Business:
    business = onboarding.open_business(
        name=name,
        legal_name=name,
        country=country,
        registration_number=f"DEMO {country}",
        owner=_user(email, now),
        timezone=zone,
        locale=locale,
        now=now,
    )
    business = onboarding.verify(business=business, by=operator, now=now)
    wallet.top_up(business=business, amount_micro=MONEY, key=f"demo:{business.code}", memo="Demo money", now=now)
    return business


def _phones(business: Business, now: datetime, *, messages_per_second: int = MESSAGES_PER_SECOND) -> Sender:
    return senders.connect_sandbox(
        business=business, name=business.name, now=now, messages_per_second=messages_per_second
    )


def _service(business: Business, sink_url: str, now: datetime) -> Sender:
    """Connect the messaging service: it must know the secret, and where receipts go."""
    account = "bakery"
    sender, secret = senders.connect_webhook(
        business=business,
        name=business.name,
        url=f"{sink_url}/messages/{account}",
        now=now,
        messages_per_second=MESSAGES_PER_SECOND,
    )
    callback_url = f"{settings.INTERNAL_URL}/callbacks/{sender.code}/"
    order = json.dumps({"name": account, "secret": secret, "callback_url": callback_url}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{sink_url}/accounts", order), timeout=10).close()  # noqa: S310
    assert secrets.of_sender(sender) == secret  # noqa: S101 — what the service signs with is what the door verifies
    return sender


def sink_address() -> tuple[str, int]:
    """Where the messaging service of this demo is to listen: named before the workers start, who must trust it."""
    host, _, port = os.environ.get("DEMO_SINK", "").rpartition(":")
    return host, int(port or 0)
