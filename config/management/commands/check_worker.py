"""Says whether a worker is at work: the health check of the containers that answer no HTTP."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import heartbeats

SILENT_SECONDS = 15.0


class Command(BaseCommand):
    help = "Exit with 0 when every named part has shown a sign of life within 15 seconds, else with 1."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="+", help="send, desk, clock or beat")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in options["names"]:
            age = heartbeats.age_seconds(name)
            if age is None or age > SILENT_SECONDS:
                raise CommandError(f"{name} has shown no sign of life for {SILENT_SECONDS:.0f} s.")
