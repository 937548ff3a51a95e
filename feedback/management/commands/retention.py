"""``manage.py retention``: forget what is older than the operator's rules, or, with ``--dry-run``, say what that is."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback import retention


class Command(BaseCommand):
    help = "Forget what is older than the retention rules. --dry-run counts it and changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only report what would be forgotten")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = retention.obey(now=timezone.now(), is_dry=options["dry_run"])
        for line in lines:
            what, before = f"{line.rule.kind:12} older than {line.rule.days:5} days", f"{line.before:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{what} ({before} UTC): {line.n}")
            if not line.is_finished:
                self.stdout.write(_("  The time was up: the rest goes in the next turn."))
        if options["dry_run"]:
            self.stdout.write(_("Nothing was changed."))
