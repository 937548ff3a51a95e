"""How many of a business's contacts can be reached at all: the one number about them that comes from elsewhere.

Other businesses' offers and what people chose for everybody are in it, so it is never about an audience that somebody
chose: it is about all contacts, with noise, and remembered for a day.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max, Min

from broadcasts.models import Reach
from businesses.models import Business
from consent import verdicts
from consent.models import Contact
from consent.reasons import GO, PLATFORM_FACTS, Reason

# Below this many people a sum could tell something about one of them.
MIN_AUDIENCE = 100
ROUNDED_TO = 5
# One person more or less changes the probability of any answer by a factor of exp(1 / NOISE) at most.
NOISE = 5.0
# How many of the business's contacts are asked, and how long the answer holds.
SAMPLE_PEOPLE = 2_000
N_RUNS = 20
LIFE = timedelta(days=1)


def share(*, business: Business, address_kinds: Iterable[str], now: datetime) -> int | None:
    """Return how many in 1,000 of the business's contacts can be reached, of those it might write to; None if too few.

    Measured with noise over all its contacts (or a sample of them), at most once a day: until then everybody who asks
    gets the remembered answer, whatever they added or took away.
    """
    known = Reach.objects.filter(business=business).first()
    if known is None or known.measured_at <= now - LIFE:
        known = _measure(business, tuple(address_kinds), now)
    return known.reachable_permille


def _measure(business: Business, address_kinds: tuple[str, ...], now: datetime) -> Reach:
    question = verdicts.Question(
        business_id=business.pk, legal_entity_id=business.legal_entity_id, address_kinds=address_kinds, salt=""
    )
    ids = _sample(business)
    with connection.cursor() as cursor:
        counted = verdicts.tally(
            cursor, question=question, recipient_ids=ids, lacks_variable=[False] * len(ids), now=now
        )
    n_hidden = sum(n for (_, reason), n in counted.items() if reason in PLATFORM_FACTS)
    n_asked = n_hidden + sum(n for (_, reason), n in counted.items() if reason in (GO, Reason.CAP_BUSINESS))
    permille = _reachable_permille(n_hidden, n_asked) if n_asked >= MIN_AUDIENCE else None
    # Of two who measure at once the first is remembered: nobody gets two answers with different noise.
    fresh = {"reachable_permille": permille, "measured_at": now}
    Reach.objects.get_or_create(business=business, defaults=fresh)
    Reach.objects.filter(business=business, measured_at__lte=now - LIFE).update(**fresh)
    return Reach.objects.get(business=business)


def _sample(business: Business) -> list[int]:
    """Return the recipients of all contacts, or of runs of contacts that begin where nobody can choose."""
    mine = Contact.objects.of(business)
    ends = mine.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return []
    few = list(mine.order_by("pk").values_list("recipient_id", flat=True)[: SAMPLE_PEOPLE + 1])
    if len(few) <= SAMPLE_PEOPLE:
        return few
    starts = (ends["first"] + secrets.randbelow(ends["last"] - ends["first"] + 1) for _ in range(N_RUNS))
    runs = (
        mine.filter(pk__gte=start).order_by("pk").values_list("recipient_id", flat=True)[: SAMPLE_PEOPLE // N_RUNS]
        for start in starts
    )
    return list({recipient_id for run in runs for recipient_id in run})


def _reachable_permille(n_hidden: int, n_asked: int) -> int:
    noise = laplace((secrets.randbits(52) + 0.5) / 2**52, NOISE)
    told = min(n_asked, max(0, ROUNDED_TO * round((n_hidden + noise) / ROUNDED_TO)))
    return round(1000 * (n_asked - told) / n_asked)


def laplace(uniform: float, scale: float) -> float:
    """Return the Laplace-distributed number of this ``scale`` that belongs to ``uniform`` (0 < uniform < 1)."""
    off = min(max(uniform, 1e-12), 1 - 1e-12) - 0.5
    return -scale * math.copysign(math.log(1 - 2 * abs(off)), off)
