"""Django's ``migrate``, and then whatever a restored backup has to be told before anybody works with it."""

from typing import Any

from django.core.management import call_command
from django.core.management.commands import migrate


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        # Part of the way, or looking only, there are no tables to be sure of.
        if not (options["app_label"] or options["plan"] or options["check_unapplied"] or options["fake"]):
            call_command("reapply_erasures", verbosity=0)
