"""Places where a test may kill the process, to prove that nothing is lost or sent twice between any two lines.

Nothing that an installation can be told arms them: only code does, and only the tests have such code.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable

POINTS = frozenset({"after_claim", "after_gate", "after_hand_over", "before_settle", "after_callback"})

_armed: frozenset[str] = frozenset()
_one_in = 1


def arm(points: Iterable[str], *, one_in: int = 1) -> None:
    """Let this process, and those that it forks, end itself at ``points``: every time, or once in so many times."""
    global _armed, _one_in
    _armed, _one_in = frozenset(points), one_in
    if unknown := _armed - POINTS:
        raise ValueError(f"no such crash point: {', '.join(sorted(unknown))}")


def crash_point(name: str) -> None:
    """End the process as ``kill -9`` would, if this is a point that a test has armed."""
    if name in _armed and random.randrange(_one_in) == 0:  # noqa: S311
        os.write(2, f"crash point {name}\n".encode())
        os._exit(137)
