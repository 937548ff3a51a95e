"""``manage.py verify_proof FILE``: say whether a proof of consent is genuine and whole; exit code 1 when it is not."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from consent import proof


class Command(BaseCommand):
    help = "Check a proof of consent (JSON): its signature, its chain, and that it says what was sealed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the document, as it was downloaded")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = json.loads(options["file"].read_bytes())
        except (OSError, ValueError) as error:
            raise CommandError(_("This file cannot be read: %(why)s") % {"why": error}) from None
        findings = proof.check(document)
        for finding in findings:
            self.stderr.write(finding)
        if findings:
            raise CommandError(_("This proof does not hold."))
        n_links = sum(len(chain["links"]) for chain in document["chains"])
        self.stdout.write(_("This proof holds: %(n)d links, made %(at)s.") % {"n": n_links, "at": document["made_at"]})
