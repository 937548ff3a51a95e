"""The clock's door: every second, whatever the providers have told is folded."""

from __future__ import annotations

import time

from celery import shared_task
from django.utils import timezone

from broadcasts import courier
from consent import joiners
from feedback import denials, passcodes, privacy, receipts, retention

CALLBACKS_AT_ONCE = 200
TURN_SECONDS = 20
# Retention has its own hour (UTC), when few people are awake, and is over long before the next turn of the clock.
RETENTION_HOUR = 2
RETENTION_SECONDS = 1800


@shared_task(name="feedback.tasks.fold")
def fold() -> None:
    """Fold until nothing waits or the turn is over; the next turn goes on where this one stopped."""
    end = time.monotonic() + TURN_SECONDS
    while time.monotonic() < end and receipts.fold(now=timezone.now(), limit=CALLBACKS_AT_ONCE):
        pass


@shared_task(name="feedback.tasks.judge_evidence")
def judge_evidence() -> None:
    """Every ten minutes: what was denied and not weighed yet counts, and what came back clean is released."""
    now = timezone.now()
    denials.weigh_again(now=now)
    denials.release_clean(now=now)


@shared_task(name="feedback.tasks.send_codes")
def send_codes() -> None:
    """Find out whom the codes that were asked for concern, and let them leave at once."""
    if passcodes.send_waiting(now=timezone.now()):
        courier.carry(now=timezone.now())


@shared_task(name="feedback.tasks.prune")
def prune() -> None:
    """Once an hour: forget who asked for codes."""
    passcodes.forget_old(now=timezone.now())


@shared_task(name="feedback.tasks.follow_up_erasures")
def follow_up_erasures() -> None:
    """Remove what is left of people who were erased."""
    privacy.run_waiting(now=timezone.now())


@shared_task(name="feedback.tasks.keep_no_longer")
def keep_no_longer() -> None:
    """Once a night, forget what the operator's rules say."""
    now = timezone.now()
    if now.hour == RETENTION_HOUR:
        retention.obey(now=now, seconds=RETENTION_SECONDS)


@shared_task(name="feedback.tasks.forget_unconfirmed")
def forget_unconfirmed() -> None:
    """Once an hour: numbers that were entered on a join page and never confirmed are forgotten."""
    while joiners.forget_unconfirmed(now=timezone.now()):
        pass
