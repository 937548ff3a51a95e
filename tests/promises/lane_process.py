"""A lane in a process of its own; it ends when nothing is due for a while."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from broadcasts import lanes  # noqa: E402 — models can be imported from here on

if __name__ == "__main__":
    lanes.run(life_seconds=float(os.environ.get("LIFE_SECONDS", lanes.LIFE_SECONDS)))
