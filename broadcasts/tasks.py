"""The clock's door: tasks only wake. What is due stands in PostgreSQL, so a lost message costs one second."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from broadcasts import clock, courier, dangling, estimate, lanes, recount, standing, submissions
from broadcasts.channels.sandbox import network

EXPIRES_SECONDS = 5
# A night's look must not become a day's.
RECOUNT_SECONDS = 1_800.0


@shared_task(name="broadcasts.tasks.tick")
def tick() -> None:
    """Every second: look what is due, and wake whoever does it."""
    now = timezone.now()
    if clock.begin(now=now):
        prepare.apply_async(expires=EXPIRES_SECONDS)
    for _ in range(clock.lanes_wanted(most=settings.LANES, now=now)):
        lane.apply_async(expires=EXPIRES_SECONDS)
    if clock.phones_are_awake(now=now):
        sandbox_network.apply_async(expires=EXPIRES_SECONDS)
    clock.tidy(now=now)
    clock.close_books(now=now)


@shared_task(name="broadcasts.tasks.prepare")
def prepare() -> None:
    """Freeze the audiences that wait, then let lanes begin without waiting for the next tick."""
    now = timezone.now()
    clock.freeze_waiting(now=now)
    for _ in range(clock.lanes_wanted(most=settings.LANES, now=now)):
        lane.apply_async(expires=EXPIRES_SECONDS)


@shared_task(name="broadcasts.tasks.count_exactly")
def count_exactly() -> None:
    """Every second: count everybody where a sample was the first answer."""
    estimate.count_due(now=timezone.now())


@shared_task(name="broadcasts.tasks.prune")
def prune() -> None:
    """Once an hour."""
    clock.prune(now=timezone.now())


@shared_task(name="broadcasts.tasks.recount_told")
def recount_told() -> None:
    """Once a night: was everybody who was told allowed to be? Worked out anew, and noted for the operator."""
    recount.nightly(now=timezone.now(), seconds=RECOUNT_SECONDS)


@shared_task(name="broadcasts.tasks.look_what_dangles")
def look_what_dangles() -> None:
    """Once a night: does every row of the hot tables point to something?"""
    dangling.nightly(now=timezone.now())


@shared_task(name="broadcasts.tasks.lane")
def lane() -> None:
    """Carry chunks until nothing is due."""
    lanes.run()


@shared_task(name="broadcasts.tasks.sandbox_network")
def sandbox_network() -> None:
    """The pretended phones tell what arrived and what their owners do, through the same door as any provider."""
    network.report_deliveries(now=timezone.now())
    network.live(now=timezone.now())


@shared_task(name="broadcasts.tasks.carry_notices")
def carry_notices() -> None:
    """Every second: hand over the notices that wait."""
    courier.carry(now=timezone.now())


@shared_task(name="broadcasts.tasks.follow_providers")
def follow_providers() -> None:
    """Every half minute: submit versions to providers, ask how they stand there, and let slowed senders recover."""
    now = timezone.now()
    standing.speed_up(now=now)
    submissions.carry(now=now)
