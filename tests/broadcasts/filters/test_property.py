"""Whatever is asked of whichever people: our SQL, in both of its forms, finds whom a slow and obvious reader finds."""

import os
from collections import Counter
from typing import Any

from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcasts import audience
from broadcasts.filters import counting, grammar
from broadcasts.models import Broadcast
from tests.broadcasts.filters import oracle, world
from tests.make import NOW, make_business

N_WORLDS = 300 if os.environ.get("PROMISES") else 10
QUESTIONS = 20


def test_a_slow_reader_finds_the_same_people(db: None) -> None:
    business = make_business()
    codes = world.make_broadcasts(business)
    contact_codes = [f"ctc_{position:02}" for position in range(12)]
    questions = world.definitions(codes, contact_codes).filter(_is_short_enough)
    seen: Counter[str] = Counter()

    @settings(max_examples=N_WORLDS)
    @given(world.people(codes), st.lists(questions, min_size=QUESTIONS, max_size=QUESTIONS))
    def ask(drawn: list[dict[str, Any]], definitions: list[dict[str, Any]]) -> None:
        with transaction.atomic():
            people = world.make_world(business, drawn, codes)
            for definition in definitions:
                expected = {p["code"] for p in people if oracle.fits(p, definition, now=NOW, zone=business.timezone)}
                found = audience.contacts(business=business, definition=definition, now=NOW)
                assert set(found.values_list("code", flat=True)) == expected, definition
                tree = grammar.read(definition)
                assert counting.count(business=business, tree=tree, now=NOW) == (len(expected), False), definition
                seen["none" if not expected else "all" if len(expected) == 12 else "some"] += 1
            transaction.set_rollback(True)

    ask()
    print(f"{seen.total():,} definitions: " + ", ".join(f"{who} {n:,}" for who, n in seen.most_common()))
    # The questions are no formality: many tell people apart.
    assert seen["some"] > seen.total() // 4, seen
    assert Broadcast.objects.of(business).count() == len(codes)


def _is_short_enough(definition: dict[str, Any]) -> bool:
    """Definitions may hold 30 conditions; whatever else of these is refused is a fault."""
    try:
        grammar.read(definition)
    except grammar.BadDefinition as refusal:
        return "30 conditions" not in str(refusal)
    return True
