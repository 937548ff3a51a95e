"""P4, P2: the gate and a slow, obvious model agree about everybody, whatever they did and whatever was done to them."""

import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import transaction

from tests.promises import lives, oracle

LONG = bool(os.environ.get("PROMISES"))
N_LIVES, N_PEOPLE, N_CASES, N_EACH = (4, 900, 30_000, 300) if LONG else (1, 300, 2_000, 3)
REASONS = {
    "erased", "invalid_address", "line_type", "no_interaction", "no_legal_basis", "quarantined", "awaiting_probe",
    "opted_out", "blocked", "paused_all", "missing_variable", "holdout", "cap_recipient", "cap_business",
    "cap_platform", "go",
}  # fmt: skip

pytestmark = [pytest.mark.promise("P4"), pytest.mark.promise("P2"), pytest.mark.django_db, pytest.mark.timeout(3600)]


def test_the_gate_and_a_slow_obvious_model_agree_on_every_verdict(tell_cases: Callable[[str], None]) -> None:
    seed = int(os.environ.get("SEED", random.randrange(1_000_000)))
    print(f"seed {seed}")
    verdicts: Counter[str] = Counter()
    for number in range(N_LIVES):
        verdicts += _live(seed + number, n_cases=N_CASES // N_LIVES, is_strict=number % 2 == 1)

    tell_cases(f"{verdicts.total():,} verdicts: " + ", ".join(f"{name} {n:,}" for name, n in verdicts.most_common()))
    assert {name: n for name, n in verdicts.items() if n < N_EACH} == {}
    assert verdicts.keys() == REASONS


def _live(seed: int, *, n_cases: int, is_strict: bool) -> Counter[str]:
    """One life, forgotten at its end: the next one begins with the rules as they are delivered, and with nobody."""
    verdicts: Counter[str] = Counter()
    with transaction.atomic():
        began_at = datetime(2026, 6, 1, 10, tzinfo=UTC)
        world = lives.begin(seed=seed, n_people=N_PEOPLE, now=began_at, is_strict=is_strict)
        while verdicts.total() < n_cases:
            lives.go_on(world, hours=world.chance.choice((1, 1, 2, 4, 20, 80)), share=0.12)
            fallen, wrong = lives.tell(world, world.chance.choice(world.shops))
            assert not wrong, f"seed {seed}, {world.now}: {wrong[:10]}"
            verdicts += fallen
        assert oracle.slot_faults() == []
        transaction.set_rollback(True)
    return verdicts
