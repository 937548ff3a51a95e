"""``manage.py verify_links``: look whether any row of the hot tables points to nothing; exit with 1 if so."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from broadcasts import dangling


class Command(BaseCommand):
    help = "The hot tables have no foreign keys: look whether deliveries, chunks and providers' ids point to something."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=3, help="of the broadcasts launched in so many days (3)")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(dangling.faults(since=timezone.now() - timedelta(days=options["days"])))
        for fault in found:
            self.stderr.write(fault)
        if found:
            raise CommandError(_("Rows point to nothing; see docs/operate.md."))
        self.stdout.write(_("Every row points to something."))
