"""Recomputes every chain of consent events and says where one is broken."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consent import ledger
from consent.models import ConsentEvent


class Command(BaseCommand):
    help = "Recompute the hash chain of every person's consent events; fails when one is broken."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = ledger.verify()
        for finding in findings:
            self.stderr.write(finding)
        if findings:
            raise CommandError(f"The ledger is broken in {len(findings)} places.")
        self.stdout.write(f"The ledger is whole: {ConsentEvent.objects.count()} links.")
