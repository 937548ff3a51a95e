"""B3: the estimate before a launch, over everybody: the first answer, from a sample, and the exact one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median

from benchmarks import segments, world
from benchmarks.figures import Figure
from broadcasts import estimate
from broadcasts.models import Broadcast, Estimate, Reach

TARGET_FIRST_MS, TARGET_EXACT_SECONDS = 300, 5
RUNS = 3
HOLDOUT_PERMILLE = 50


def measure(*, n: int) -> list[Figure]:
    """Ask about ``n`` contacts: evidence, refusals, a control group, and a cap that earlier broadcasts have filled."""
    now = datetime.now(UTC)
    business, told = segments.told_thrice(n=n)
    world.make_refusals(business=business, last=n)
    # Most of them are beyond the day, but not beyond the thirty days that count, too.
    Broadcast.objects.of(business).filter(pk__lte=told.pk).update(n_audience=n, ends_at=now)
    sender, _secret = world.connect(business=business, url="http://127.0.0.1:1/", now=now)
    draft = world.compose(business=business, sender=sender, now=now, holdout_permille=HOLDOUT_PERMILLE)
    first = median(_first_ms(draft) for _ in range(RUNS))
    began = time.perf_counter()
    exact = estimate.estimate(broadcast=draft, now=now, exact=True)
    seconds = time.perf_counter() - began
    _check(exact, n)
    note = f"median of {RUNS}, with the noisy share of all contacts measured anew each time"
    found = ", ".join(f"{reason} {count:,}" for reason, count in sorted(exact.reasons.items()))
    return [
        Figure("B3 first", f"estimate over {n:,} contacts, first answer", first, "ms", TARGET_FIRST_MS, note, True),
        Figure(
            "B3 exact",
            "… exact, all rules",
            seconds,
            "s",
            TARGET_EXACT_SECONDS,
            f"go {exact.n_eligible:,}, {found}",
            True,
        ),
    ]


def _first_ms(draft: Broadcast) -> float:
    Reach.objects.filter(business=draft.business).delete()
    began = time.perf_counter()
    answer = estimate.estimate(broadcast=draft, now=datetime.now(UTC))
    ms = (time.perf_counter() - began) * 1_000
    if answer.is_exact:
        raise RuntimeError("too few people for a sample")
    return ms


def _check(exact: Estimate, n: int) -> None:
    if not exact.is_exact or exact.n_audience != n or exact.n_eligible + sum(exact.reasons.values()) != n:
        raise RuntimeError(f"the estimate does not add up: {exact.n_eligible}, {exact.reasons}")
