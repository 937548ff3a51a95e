"""The clock's door: reads the contact files that wait, and writes down what undone ones have left to write."""

from celery import shared_task
from django.utils import timezone

from consent import imports, roots, trust, uploads, withdrawal


@shared_task(name="consent.tasks.run_imports")
def run_imports() -> None:
    imports.forget_old(now=timezone.now())
    imports.run_waiting(now=timezone.now())


@shared_task(name="consent.tasks.carry_on_undoing")
def carry_on_undoing() -> None:
    withdrawal.carry_on(now=timezone.now())


@shared_task(name="consent.tasks.fill_probes")
def fill_probes() -> None:
    trust.fill_probes(now=timezone.now())


@shared_task(name="consent.tasks.sign_root")
def sign_root() -> None:
    roots.sign_due(now=timezone.now())


@shared_task(name="consent.tasks.sweep_uploads")
def sweep_uploads() -> None:
    """Once an hour: files that nobody waits for."""
    uploads.sweep(now=timezone.now())
