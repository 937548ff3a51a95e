"""`manage.py words`: collect what code and pages say into the French catalogue, and compile it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import words


class Command(BaseCommand):
    help = "Collect the words of code and pages into the French catalogue and compile it. --check changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say what is missing, and fail if anything is")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            words.renew()
        faults = words.faults()
        for fault in faults:
            self.stdout.write(fault)
        if faults:
            raise CommandError(f"{len(faults)} to mend in {words.SOURCE}")
        self.stdout.write("Every word is translated.")
