#!/usr/bin/env python3
"""Django's command line. `make manage CMD='…'` runs it with the servers up."""

import os
import sys

# Only these may change the schema; everything else runs as the plain role.
COMMANDS_OF_THE_OWNER = {"migrate"}
# These ask neither the database nor Redis, and run where nothing is set up.
COMMANDS_WITHOUT_SERVERS = {"classify_reply", "lint_template"}
NOWHERE = {
    "SECRET_KEY": "unused",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if COMMANDS_OF_THE_OWNER.intersection(sys.argv[1:2]):
        os.environ["DATABASE_ROLE"] = "owner"
    if COMMANDS_WITHOUT_SERVERS.intersection(sys.argv[1:2]):
        os.environ.update({name: value for name, value in NOWHERE.items() if name not in os.environ})
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError:
        sys.exit(f"Django is not installed for {sys.executable}: run `make manage CMD='…'`, which installs it.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
