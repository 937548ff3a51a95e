"""``manage.py recount``: was everybody who was told since then allowed to be? Exit with 1 when something is wrong."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from broadcasts import recount
from broadcasts.models import Broadcast
from consent.models import Recipient


class Command(BaseCommand):
    help = "Work out anew whether everybody who was told something lately was allowed to be, as the clock does nightly."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--hours", type=int, default=25, help="how far to look back (at most the 30 days of slots)")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        report = recount.recount(since=now - timedelta(hours=min(options["hours"], 24 * 30)), now=now)
        for kind, n in sorted(report.kinds.items()):
            self.stderr.write(f"{kind}: {n}")
        people = dict(Recipient.objects.filter(pk__in={f.recipient_id for f in report.named}).values_list("pk", "code"))
        codes = dict(Broadcast.objects.filter(pk__in={f.broadcast_id for f in report.named}).values_list("pk", "code"))
        for finding in report.named:
            person = people.get(finding.recipient_id, finding.recipient_id)
            self.stderr.write(f"  {codes[finding.broadcast_id]} {person} {finding.kind}")
        if report.n_findings > len(report.named):
            self.stderr.write(_("  Only the first %(n)d are named.") % {"n": len(report.named)})
        if report.n_findings:
            raise CommandError(_("%(n)d findings; see docs/operate.md.") % {"n": report.n_findings})
        self.stdout.write(_("%(n)d people were told, and each of them was allowed to be.") % {"n": report.n_told})
