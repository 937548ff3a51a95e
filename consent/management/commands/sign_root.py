"""``manage.py sign_root``: sign all the links of proof there are now, as the clock does every night."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from consent import roots


class Command(BaseCommand):
    help = "Add a signed root over all links of proof to LEDGER_ROOTS/roots.jsonl."

    def add_arguments(self, parser: ArgumentParser) -> None:
        told = "after a restore from a backup: say so, and why links that were signed are gone"
        parser.add_argument("--restored", default="", metavar="WHY", help=told)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            root = roots.sign(now=timezone.now(), restored=options["restored"])
        except roots.CannotSign as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_("Root %(n)d signed: %(links)d new links.") % {"n": root.number, "links": root.n_links})
