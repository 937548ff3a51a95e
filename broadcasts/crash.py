"""Places where a test may kill the process, to prove that nothing is lost or sent twice between any two lines.

Nothing that an installation can be told arms them: only code does, and only the tests have such code.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping

POINTS = frozenset({"after_claim", "after_gate", "after_hand_over", "before_settle", "after_callback"})

_one_in: dict[str, int] = {}


def arm(points: Mapping[str, int]) -> None:
    """Let this process, and those that it forks, end itself at each of ``points``, once in so many times."""
    if unknown := points.keys() - POINTS:
        raise ValueError(f"no such crash point: {', '.join(sorted(unknown))}")
    _one_in.clear()
    _one_in.update(points)


def crash_point(name: str) -> None:
    """End the process as ``kill -9`` would, if this is a point that a test has armed."""
    if name in _one_in and random.randrange(_one_in[name]) == 0:  # noqa: S311
        os.write(2, f"crash point {name}\n".encode())
        os._exit(137)
