"""The clock's door: every second, whatever the providers have told is folded."""

from __future__ import annotations

import time

from celery import shared_task
from django.utils import timezone

from broadcasts import courier
from feedback import denials, passcodes, receipts

CALLBACKS_AT_ONCE = 200
TURN_SECONDS = 20


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
