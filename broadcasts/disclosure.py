"""What a business may learn of why people were not reached: its own relation in full, others' facts as a rough sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext as _

from consent.reasons import NOT_REACHABLE_NOW, PLATFORM_FACTS, Reason

# Below this many people a sum could tell something about one of them.
MIN_AUDIENCE = 100
ROUNDED_TO = 5


class Line(NamedTuple):
    """``n`` is None where saying a number would say too much."""

    code: str
    sentence: str
    n: int | None


def public_reasons(reasons: Mapping[str, int], n_audience: int) -> list[Line]:
    """Return the reasons as pages, programs and exports show them, largest first.

    Facts that come from other businesses or from the person alone are one line, counted only for audiences of at least
    100 and rounded to 5.
    """
    lines = []
    hidden = 0
    for name, n in reasons.items():
        reason = Reason[name.upper()]
        if reason in PLATFORM_FACTS:
            hidden += n
        elif n:
            lines.append(Line(name, str(reason.label), n))
    lines.sort(key=lambda line: (-(line.n or 0), line.code))
    if hidden:
        lines.append(
            Line(NOT_REACHABLE_NOW, _("These people cannot be reached at the moment."), _rough(hidden, n_audience))
        )
    return lines


def _rough(n: int, n_audience: int) -> int | None:
    return None if n_audience < MIN_AUDIENCE else ROUNDED_TO * round(n / ROUNDED_TO)
