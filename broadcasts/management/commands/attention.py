"""``manage.py attention``: the messages of which nobody knows whether they were taken, and a decision about them."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from broadcasts import attention, counts
from broadcasts.models import Broadcast

HELP = """List the broadcasts with outcomes that nobody knows; with the code of one, its messages; with --decide, decide
about all of them (up to 10,000 at a time)."""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("broadcast", nargs="?", help="brd_…")
        parser.add_argument("--decide", choices=attention.Decision.values)
        parser.add_argument(
            "--accept-duplicates",
            action="store_true",
            help="needed for send_again: some may get the same offer twice",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["broadcast"] is None:
            if options["decide"]:
                raise CommandError(_("Say which broadcast: manage.py attention brd_… --decide sent"))
            self._list_broadcasts()
            return
        rows = Broadcast.objects.select_related("business", "sender")
        broadcast = rows.filter(code=options["broadcast"]).first()
        if broadcast is None:
            raise CommandError(_("There is no broadcast with this code."))
        if options["decide"]:
            self._decide(broadcast, attention.Decision(options["decide"]), options["accept_duplicates"])
        else:
            self._list_messages(broadcast)

    def _list_broadcasts(self) -> None:
        """From the counts, which know it without reading a delivery."""
        n_open = counts.open_outcomes()
        rows = Broadcast.objects.filter(pk__in=n_open).select_related("business")
        for broadcast in rows.order_by("pk"):
            self.stdout.write(f"{broadcast.code}  {n_open[broadcast.pk]:>8,}  {broadcast.business.name}")

    def _list_messages(self, broadcast: Broadcast) -> None:
        after = ""
        while lines := attention.page(broadcast=broadcast, after=after):
            for line in lines:
                at = line.handed_over_at.isoformat() if line.handed_over_at else "-"
                self.stdout.write(f"{line.delivery}  {line.contact or '-'}  {at}  {line.error_code or '-'}")
            after = lines[-1].delivery

    def _decide(self, broadcast: Broadcast, decision: attention.Decision, accepts_duplicates: bool) -> None:
        try:
            n = attention.decide(
                broadcast=broadcast,
                decision=decision,
                recipient_ids=None,
                accepts_duplicates=accepts_duplicates,
                by=None,
                now=timezone.now(),
            )
        except ValidationError as refusal:
            raise CommandError(refusal.messages[0]) from refusal
        left = attention.waiting(broadcast).count()
        self.stdout.write(_("Decided about %(n)s; %(left)s are left.") % {"n": f"{n:,}", "left": f"{left:,}"})
