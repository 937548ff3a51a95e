"""Prints what counts as permission, by country: the same twelve histories, each with verdict and source."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext as _

from consent import histories
from consent.histories import Cell, Table
from consent.models import BasisRule

HEAD = """# What counts as permission, by country

Made by `manage.py basis_table --format markdown`, from the rules that the migrations bring and by the decision that
every message passes (`consent/sql/decide.sql`). An installation shows its own rules in the admin and in the dashboard.

Each person did one thing, and nothing else. **Yes** names the basis; the number leads to the source. What the platform
cannot check stands beside the source: who relies on the rule has to see to it. None of this is legal advice: the rules
are the operator's, and so are the terms for which no law is named.
"""


class Command(BaseCommand):
    help = "Print the twelve histories with verdict and source, by country."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--countries", default="", help="codes with commas, as in FR,DE; * for one without rules")
        parser.add_argument("--format", choices=("text", "markdown"), default="text")

    def handle(self, *, countries: str, format: str, **options: Any) -> None:
        chosen = [code.strip().upper().replace("*", "") for code in countries.split(",")] if countries else []
        known = set(BasisRule.objects.values_list("country", flat=True))
        for code in chosen:
            if code not in known:
                raise CommandError(
                    f"No rules for {code!r}: there are some for {', '.join(sorted(known - {''}))} and *."
                )
        with translation.override("en"):
            if format == "text":
                self.stdout.write("\n".join(_as_text(histories.table(chosen or histories.COUNTRIES))))
                return
            tables = [chosen] if chosen else [histories.COUNTRIES, histories.MORE_COUNTRIES]
            parts = ["\n".join(_as_markdown(histories.table(codes))) for codes in tables]
            self.stdout.write(HEAD + "\n" + "\n\n".join(parts))


def _as_text(table: Table) -> Iterator[str]:
    for row in table.rows:
        yield row.title
        for cell in row.cells:
            yield f"  {cell.country or '*':2}  {_short(cell)}"
        yield ""
    for number, (source, conditions) in enumerate(table.sources, 1):
        yield f"[{number}] {source}" + "".join(f"\n      · {condition}" for condition in conditions)


def _as_markdown(table: Table) -> Iterator[str]:
    yield "| They … | " + " | ".join(code or _("any other") for code in table.countries) + " |"
    yield "|---|" + "---|" * len(table.countries)
    for row in table.rows:
        yield f"| {row.title} | " + " | ".join(_short(cell, "**") for cell in row.cells) + " |"
    yield ""
    for number, (source, conditions) in enumerate(table.sources, 1):
        yield f"{number}. {source}" + (f" — *{'; '.join(conditions)}*" if conditions else "")


def _short(cell: Cell, bold: str = "") -> str:
    answer = f"{bold}{_('Yes')}{bold}" if cell.may_be_told else _("No")
    return f"{answer}: {cell.words}" + (f" [{cell.source}]" if cell.source else "")
