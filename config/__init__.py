"""Plugs the five floors together: settings, addresses, the clock. Nothing else imports from here."""

import gc

# What a start makes stays: looking through it for garbage at every 700th object was an eighth of the time it takes.
gc.set_threshold(50_000)

from config.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
