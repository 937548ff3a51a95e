"""Tells the whole story once, on real services: see `config/demo/story.py`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.demo import story


class Command(BaseCommand):
    help = "Two businesses, 10,000 people, three broadcasts, what comes back, and the proof. Run by `make demo`."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            broken = story.tell()
        except story.CannotGoOn as fault:
            raise CommandError(str(fault)) from fault
        if broken:
            raise CommandError("Broken: " + "; ".join(broken))
