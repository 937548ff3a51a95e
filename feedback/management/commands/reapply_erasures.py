"""``manage.py reapply_erasures``: after a restore, erase again whoever was erased since the backup."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback import restore


class Command(BaseCommand):
    help = "Repeat the erasures of the journal that this database does not know. `migrate` does it, too."

    def handle(self, *args: Any, **options: Any) -> None:
        n = restore.reapply(now=timezone.now())
        if n or options["verbosity"] > 0:
            self.stdout.write(_("%(n)d erasures were repeated.") % {"n": n})
