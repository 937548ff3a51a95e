"""The clock's door: reads the contact files that wait."""

from celery import shared_task
from django.utils import timezone

from consent import imports


@shared_task(name="consent.tasks.run_imports")
def run_imports() -> None:
    imports.run_waiting(now=timezone.now())
