"""What a business may learn of why people were not reached: its own relation in full, others' facts as a rough sum.

Every number that leaves the house about an estimate or a result goes through here. Two things make it safe
(``docs/decisions/0022-what-a-business-may-learn.md``). An estimate is reckoned as if this business were the only one,
so that there is nothing in it to take away again; how many of those cannot be reached is one share of all the
business's contacts, measured at most once a day, whatever audience is asked about. A result is told to the person as
far as the business's own relation goes; the rest is one number with noise from 100 people on, and below that it is
not parted from what was sent and never arrived.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from broadcasts import reach
from broadcasts.counts import Funnel
from broadcasts.models import Broadcast, Estimate
from broadcasts.reach import MIN_AUDIENCE, ROUNDED_TO
from consent.reasons import DECIDED_AFTER, NOT_REACHABLE_NOW, PLATFORM_FACTS, Reason

# Below this a number of a result is not told apart: it could be noise alone.
MIN_LINE = 10
NO_RECEIPT = Reason.NO_RECEIPT.name.lower()
# One person more or less changes the probability of any answer by a factor of exp(1 / NOISE) at most.
NOISE = 2.0


class Line(NamedTuple):
    """``n`` is None where saying a number would say too much."""

    code: str
    sentence: str
    n: int | None


class Forecast(NamedTuple):
    """An estimate as it may be told. ``n_reached`` is what is left when every line that has a number is taken away."""

    n_reached: int
    is_about: bool
    lines: list[Line]


class Result(NamedTuple):
    """A broadcast's counts as they may be told: *sent* holds people who could not be reached and are in no line."""

    funnel: Funnel
    lines: list[Line]


# --- Before sending --------------------------------------------------------------------------------


def forecast(estimate: Estimate) -> Forecast:
    """Return what pages and programs say of ``estimate``; nothing in it depends on who exactly is in the audience,
    but for the business's own relation to them."""
    n_hidden = _share_of(estimate.n_eligible, estimate.reach_permille)
    lines = _exact(estimate.reasons)
    lines.append(_not_reachable(n_hidden))
    is_about = not estimate.is_exact or bool(n_hidden)
    return Forecast(estimate.n_eligible - (n_hidden or 0), is_about, lines)


def _share_of(n: int, reach_permille: int | None) -> int | None:
    if reach_permille is None or n < MIN_AUDIENCE:
        return None
    return min(n, ROUNDED_TO * round(n * (1000 - reach_permille) / 1000 / ROUNDED_TO))


# --- Afterwards ------------------------------------------------------------------------------------


def result(*, broadcast: Broadcast, funnel: Funnel) -> Result:
    """Return what pages and programs say of how far ``broadcast`` is and what came of it.

    Asked a hundred times it is the same answer: the noise belongs to the broadcast.
    """
    hidden, after, apart = _parted(funnel.reasons)
    n_silent = apart.pop(NO_RECEIPT, 0)
    n_left = funnel.audience - _n_skipped(apart)
    lines = _exact(apart)
    if n_left < MIN_AUDIENCE:
        return Result(_sent_or_not(funnel, n_left), [*lines, _not_reachable(None)])
    rough = _rough(broadcast, hidden, after, n_left - _n_known(funnel))
    lines += _exact({name: n for name, n in rough.items() if name != NOT_REACHABLE_NOW})
    # A phone that is off and somebody who was left out must not be told apart by the other one's number.
    lines += _exact({NO_RECEIPT: _with_noise(n_silent, f"{broadcast.code} {NO_RECEIPT}")})
    lines.append(_not_reachable(rough.get(NOT_REACHABLE_NOW)))
    return Result(_sent_or_not(funnel, n_left - sum(rough.values())), lines)


def _rough(broadcast: Broadcast, hidden: dict[str, int], after: dict[str, int], most: int) -> dict[str, int]:
    """Return the sums that may be told with noise, ``most`` together."""
    rough: dict[str, int] = {}
    for name, n in [*sorted(after.items()), (NOT_REACHABLE_NOW, sum(hidden.values()))]:
        told = min(_with_noise(n, f"{broadcast.code} {name}"), most - sum(rough.values()))
        if told > 0:
            rough[name] = told
    return rough


def _n_known(funnel: Funnel) -> int:
    return funnel.queued + funnel.delivered + funnel.failed + funnel.unknown


def keeps_a_secret(funnel: Funnel) -> bool:
    """Say whether the end of the money must wait for the last possible receipt: among so few people, closing the books
    earlier would tell that somebody was not reached, not just that a phone was off."""
    hidden, after, apart = _parted(funnel.reasons)
    apart.pop(NO_RECEIPT, 0)
    return bool(hidden or after) and funnel.audience - _n_skipped(apart) < MIN_AUDIENCE


def _parted(reasons: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    hidden: dict[str, int] = {}
    after: dict[str, int] = {}
    apart: dict[str, int] = {}
    for name, n in reasons.items():
        reason = Reason[name.upper()]
        group = hidden if reason in PLATFORM_FACTS else after if reason in DECIDED_AFTER else apart
        group[name] = n
    return hidden, after, apart


def _n_skipped(apart: Mapping[str, int]) -> int:
    return sum(n for name, n in apart.items() if Reason[name.upper()] not in _OF_SENT)


def _sent_or_not(funnel: Funnel, n_left: int) -> Funnel:
    """Count as sent whoever of those left is in no other number, so that nothing can be learnt by subtracting."""
    sent = n_left - funnel.queued - funnel.failed - funnel.unknown
    return replace(funnel, skipped=funnel.audience - n_left, sent=sent, states={}, reasons={})


# Why a message that was handed over did not arrive: those are *failed* or *unknown*, not *skipped*.
_OF_SENT = frozenset({Reason.REFUSED_BY_PROVIDER, Reason.UNCONFIRMED})


def _with_noise(n: int, about: str) -> int:
    digest = hmac.digest(_key(), about.encode(), "sha256")
    noise = reach.laplace((int.from_bytes(digest[:7], "big") + 0.5) / 256**7, NOISE)
    told = ROUNDED_TO * round((n + noise) / ROUNDED_TO)
    return told if told >= MIN_LINE else 0


@cache
def _key() -> bytes:
    return hashlib.sha256(b"tambour disclosure\n" + settings.SECRET_KEY.encode()).digest()


# --- Both --------------------------------------------------------------------------------------------


def _exact(reasons: Mapping[str, int]) -> list[Line]:
    """Return one line a reason, the largest first."""
    lines = [Line(name, str(Reason[name.upper()].label), n) for name, n in reasons.items() if n]
    return sorted(lines, key=lambda line: (-(line.n or 0), line.code))


def _not_reachable(n: int | None) -> Line:
    """The line stands always: its absence would tell something, too."""
    if n is None:
        sentence = _("Some of them may not be reachable at the moment.")
    else:
        sentence = _("These people cannot be reached at the moment.")
    return Line(NOT_REACHABLE_NOW, sentence, n)
