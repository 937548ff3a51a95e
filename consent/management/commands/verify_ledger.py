"""``manage.py verify_ledger``: prove every chain, and with ``--roots`` that nothing is gone; exit code 1 if not."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from consent import ledger, roots

PROGRESS_SECONDS = 5.0
MAX_SHOWN = 100


class Command(BaseCommand):
    help = "Recompute the hash chain of every person's consent events; fails when one is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        told = "also compare with every signed root: those of LEDGER_ROOTS, or a copy of roots.jsonl kept elsewhere"
        parser.add_argument("--roots", nargs="?", const="", metavar="FILE", help=told)

    def handle(self, *args: Any, **options: Any) -> None:
        self.began = self.shown_at = time.monotonic()
        n_broken = self._chains()
        if options["roots"] is not None:
            n_broken += self._roots(Path(options["roots"]) if options["roots"] else None)
        if n_broken:
            raise CommandError(_("The ledger is broken in %(n)d places.") % {"n": n_broken})

    def _chains(self) -> int:
        n_links = n_broken = 0

        def progress(n: int) -> None:
            nonlocal n_links
            n_links = n
            self._show(_("%(n)d links of chains looked at") % {"n": n})

        for finding in ledger.findings(progress=progress):
            n_broken += 1
            self._say(finding, n_broken)
        if not n_broken:
            seconds = time.monotonic() - self.began
            self.stdout.write(_("The ledger is whole: %(n)d links, in %(s).1f s.") % {"n": n_links, "s": seconds})
        return n_broken

    def _roots(self, path: Path | None) -> int:
        checked = roots.check(path=path, progress=lambda n: self._show(_("%(n)d signed links looked at") % {"n": n}))
        for note in checked.notes:
            self.stdout.write(note)
        for n, finding in enumerate(checked.findings, start=1):
            self._say(finding, n)
        if not checked.findings:
            sentence = _("All that was signed is there: %(links)d links under %(roots)d roots, the last of %(at)s.")
            values = {"links": checked.n_links, "roots": checked.n_roots, "at": checked.last_at}
            self.stdout.write(sentence % values)
        return len(checked.findings)

    def _say(self, finding: str, n: int) -> None:
        if n <= MAX_SHOWN:
            self.stderr.write(finding)

    def _show(self, words: str) -> None:
        if time.monotonic() - self.shown_at > PROGRESS_SECONDS:
            self.shown_at = time.monotonic()
            self.stderr.write(words)
