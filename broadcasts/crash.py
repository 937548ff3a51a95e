"""Places where a test may kill the process, to prove that nothing is lost or sent twice between any two lines."""

from __future__ import annotations

import os

from django.conf import settings

POINTS = frozenset({"after_claim", "after_gate", "after_hand_over", "before_settle", "after_callback"})


def crash_point(name: str) -> None:
    """End the process as ``kill -9`` would, if this is the point that ``CRASH_AT`` names. Never outside of tests."""
    if name == settings.CRASH_AT:
        os._exit(137)
