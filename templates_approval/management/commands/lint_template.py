"""Checks templates before anybody sends them in. Needs no database, no network and no account."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from templates_approval import linting, rules
from templates_approval.rules import policy


class Command(BaseCommand):
    help = (
        "Reads a template as a client posts it to WhatsApp, {name, language, category, parameter_format, components},"
        " or every .json file of a folder, and says what is wrong, where, and how to mend it. The exit code is 1 when"
        " there is an error, 0 when there are warnings only, or nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", metavar="FILE", help="a JSON file, or a folder of them")
        parser.add_argument(
            "--profile",
            choices=rules.PROFILES,
            default=rules.WHATSAPP,
            help="whatsapp: what the provider refuses; platform: what submission here asks for, too",
        )
        parser.add_argument("--json", action="store_true", help="write one finding a line, as JSON")
        parser.add_argument("--rules", action="store_true", help="print the rules instead, as docs/rules.md has them")
        parser.add_argument("--language", default="en", help="the language of the sentences: en or fr")

    def handle(self, *, paths: list[str], profile: str, language: str, **options: Any) -> None:
        if options["rules"]:
            with translation.override(language):
                self.stdout.write("\n".join(linting.table()))
            return
        if not paths:
            raise CommandError("Name a file, or a folder of them.")
        try:
            asks = policy.of_operator(settings.TEMPLATE_GOODS_FILE)
        except policy.BadPolicy as fault:
            raise CommandError(str(fault)) from None
        found = [file for path in paths for file in linting.files(Path(path))]
        n_errors = 0
        with translation.override(language):
            for file in found:
                linted = linting.lint(file, profile=profile, asks=asks)
                n_errors += linted.n_errors
                for line in _as_json(linted) if options["json"] else linting.lines(linted):
                    self.stdout.write(line)
        if not options["json"]:
            self.stderr.write(f"{len(found)} template(s), {n_errors} error(s)")
        if n_errors:
            raise SystemExit(1)


def _as_json(linted: linting.Linted) -> list[str]:
    return [
        json.dumps(
            {
                "file": linted.path,
                "code": finding.code,
                "rule": finding.source,
                "severity": str(finding.severity),
                "path": finding.path,
                "message": finding.message,
                "fix": finding.fix,
            },
            ensure_ascii=False,
        )
        for finding in linted.findings
    ]
