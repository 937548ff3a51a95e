"""Imports a file of contacts or of stops here and now: ``manage.py import_contacts people.xlsx --business biz_…``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from businesses.models import Business
from consent import choosing, faults, imports
from consent.choosing import BadChoice
from consent.models import ImportBatch

N_FAULTS_SHOWN = 20


class Command(BaseCommand):
    help = "Take in a CSV or XLSX file of contacts (or of stops), or with --dry-run only say what it would do."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--business", required=True, metavar="CODE", help="whose people these are: biz_…")
        parser.add_argument("--kind", choices=ImportBatch.Kind.values, default=ImportBatch.Kind.CONTACTS)
        parser.add_argument("--dry-run", action="store_true", help="say what the file would do, and change nothing")
        parser.add_argument(
            "--map", action="append", default=[], metavar="ROLE=COLUMN", help="phone=Portable; the others are guessed"
        )
        parser.add_argument(
            "--all",
            action="append",
            default=[],
            metavar="WHAT=VALUE",
            help="holds for all rows: interaction=purchase",
        )
        parser.add_argument("--sheet", default="", help="of a workbook; else the first one with numbers")

    def handle(self, *args: Any, **options: Any) -> None:
        business = Business.objects.filter(code=options["business"]).first()
        if business is None:
            raise CommandError(f"There is no business {options['business']}.")
        batch = self._receive(business, options)
        batch = imports.run(batch=batch, now=timezone.now())
        if batch.state == ImportBatch.State.FAILED:
            raise CommandError(batch.failure)
        self._tell(batch)
        if options["dry_run"]:
            imports.discard(batch=batch, by=None, now=timezone.now())

    def _receive(self, business: Business, options: dict[str, Any]) -> ImportBatch:
        roles = {column: role for role, column in self._pairs(options["map"])}
        now = timezone.now()
        try:
            choice = choosing.checked(
                roles=roles, for_all=dict(self._pairs(options["all"])), kind=options["kind"], sheet=options["sheet"],
                timezone=business.timezone, now=now,
            )  # fmt: skip
            with options["file"].open("rb") as file:
                return imports.receive(
                    business=business, file=File(file), filename=options["file"].name, kind=options["kind"],
                    choice=choice, is_dry_run=options["dry_run"], by=None, now=now,
                )  # fmt: skip
        except BadChoice as error:
            raise CommandError(
                "; ".join(f"{name}: {words[0]}" for name, words in error.message_dict.items())
            ) from error
        except (ValidationError, OSError) as error:
            raise CommandError(str(getattr(error, "message", error))) from error

    def _pairs(self, words: Iterable[str]) -> list[tuple[str, str]]:
        pairs = [word.partition("=") for word in words]
        if odd := [name for name, sign, _ in pairs if not sign]:
            raise CommandError(f"Write NAME=VALUE instead of {odd[0]!r}.")
        return [(name.strip(), value.strip()) for name, _, value in pairs]

    def _tell(self, batch: ImportBatch) -> None:
        how = "only read for trial" if batch.is_dry_run else "taken in"
        self.stdout.write(f"{batch.code}, {how}: {batch.n_rows:,} rows")
        self.stdout.write(
            f"  new {batch.n_new:,}, updated {batch.n_updated:,},"
            f" stopped {batch.n_stopped:,} (before: {batch.n_already_stopped:,}),"
            f" without evidence {batch.n_without_evidence:,}, wrong {batch.n_faulty:,}"
        )
        for fault in batch.faults.order_by("line", "id")[:N_FAULTS_SHOWN]:
            where = f"line {fault.line}, {fault.column or 'the row'}"
            self.stdout.write(f"  {where}: {fault.value!r} — {faults.sentence(fault.reason)}")
