"""``manage.py verify_books``: recompute all money from the ledger; exit with 1 when anything differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from businesses import wallet
from businesses.models import LedgerEntry, Wallet


class Command(BaseCommand):
    help = "Recompute every wallet and hold from the ledger and say what differs."

    def handle(self, *args: Any, **options: Any) -> None:
        differences = wallet.verify_books()
        for difference in differences:
            self.stderr.write(difference)
        if differences:
            raise CommandError(_("The books do not add up: %(n)d differences.") % {"n": len(differences)})
        self.stdout.write(
            _("The books add up: %(wallets)d wallets, %(entries)d ledger entries.")
            % {"wallets": Wallet.objects.count(), "entries": LedgerEntry.objects.count()}
        )
