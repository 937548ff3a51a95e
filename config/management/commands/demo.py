"""Tells the whole story once, on real services: see `config/demo/story.py`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo import stage, story


class Command(BaseCommand):
    help = "Three businesses, 14,000 people, four broadcasts, what comes back, and the proof. Run by `make demo`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=story.N_PEOPLE, help="how many the first business brings")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            broken = story.tell(n_people=options["people"])
        except stage.CannotGoOn as fault:
            raise CommandError(str(fault)) from fault
        if broken:
            raise CommandError("Broken: " + "; ".join(broken))
