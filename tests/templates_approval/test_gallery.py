"""Each seed of the gallery is as good as the reviewers like it, in both languages."""

from __future__ import annotations

import pytest

from templates_approval import gallery, placeholders, render, rules

WORDINGS = [(seed, language) for seed in gallery.SEEDS for language in seed.wordings]


def test_there_are_five_seeds_in_two_languages() -> None:
    assert [(seed.slug, sorted(seed.wordings)) for seed in gallery.SEEDS] == [
        (slug, ["en", "fr"])
        for slug in ("seasonal_sale", "back_in_stock", "new_collection", "loyalty_gift", "event_invitation")
    ]


@pytest.mark.parametrize(("seed", "language"), WORDINGS, ids=lambda value: getattr(value, "slug", value))
def test_seed_is_clean(seed: gallery.Seed, language: str) -> None:
    components, fallbacks = seed.in_language(language)

    assert rules.check(components, category="marketing", language=language, fallbacks=fallbacks) == []
    assert all(placeholders.examples(components).values())
    filled = render.render(components, placeholders.examples(components), fallbacks=fallbacks)
    assert filled.unfilled == ()


def test_another_language_starts_in_english() -> None:
    seed = gallery.SEEDS[0]

    assert seed.in_language("fr_CA") == seed.in_language("fr")
    assert seed.in_language("de") == seed.in_language("en")


def test_seeds_are_found_by_name() -> None:
    assert gallery.seed("loyalty_gift") is gallery.SEEDS[3]
    assert gallery.seed("nothing") is None
