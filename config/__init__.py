"""Plugs the five floors together: settings, addresses, the clock. Nothing else imports from here."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
