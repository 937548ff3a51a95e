"""Every offer carries a say for the person; what is missing can be put in, whatever the format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import override_settings

from templates_approval import offer, rules
from tests.templates_approval import test_table as table

LANGUAGES = sorted(offer.WORDINGS)


def platform(components: Any, language: str = "en", fallbacks: Any = None) -> list[str]:
    found = rules.check(components, category="marketing", language=language, fallbacks=fallbacks or {})
    return [finding.code for finding in found if finding.code != "language_mismatch"]


def completed(components: Any, language: str = "en", fallbacks: Any = None) -> tuple[list[Any], dict[str, str]]:
    return offer.completed(components, language=language, fallbacks=fallbacks or {})


def not_carried(components: Any) -> list[str]:
    """A file above a message is refused for each message that has one, and no completing changes that."""
    return ["header_not_carried"] * json.dumps(components).count('"HEADER"')


BODY = {"type": "BODY", "text": "Twenty percent off all lamps until Sunday."}
LINK = {"type": "URL", "text": "Look", "url": "https://example.com/{{1}}", "example": ["a"]}
SHAPES: dict[str, list[Any]] = {
    "bare": [BODY],
    "small letters": [{"type": "body", "text": "Twenty percent off all lamps."}],
    "a link": [BODY, table.buttons(LINK)],
    "a reply behind a link": [BODY, table.buttons(LINK, table.quick("More"))],
    "half of it": [BODY, table.FOOTER, table.buttons(table.quick("Interested"), LINK)],
    "another footer": [BODY, {"type": "FOOTER", "text": "Maison Lumen, Lyon"}],
    "limited-time offer": [part if part is not table.SHORT_BODY else BODY for part in table.deadline()["components"]],
    "carousel": [part if part is not table.SHORT_BODY else BODY for part in table.carousel()["components"]],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_missing_is_put_in_and_then_nothing_is(shape: str) -> None:
    once, _ = completed(SHAPES[shape])

    assert platform(once) == not_carried(once)
    assert completed(once)[0] == once


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("shape", ["bare", "carousel"])
def test_in_each_language(language: str, shape: str) -> None:
    code = {"pt": "pt_BR"}.get(language, language)

    once, _ = completed(SHAPES[shape], language=code)

    assert platform(once, language=code) == not_carried(once)


@pytest.mark.parametrize("words", offer.WORDINGS.values(), ids=LANGUAGES)
def test_the_words_keep_whatsapps_limits(words: offer.Wording) -> None:
    assert max(len(words.interested), len(words.not_interested)) <= 25
    assert len(words.footer) <= 60
    assert len(words.sentence) <= 120


def test_the_original_is_left_as_it_was() -> None:
    before = [dict(BODY)]

    completed(before)

    assert before == [BODY]


def test_fallbacks_move_with_their_button() -> None:
    _, fallbacks = completed(SHAPES["a link"], fallbacks={"button.0.1": "new", "name": "you"})

    assert fallbacks == {"button.2.1": "new", "name": "you"}


@pytest.mark.parametrize(
    "broken", [[], [7], [{"type": "BUTTONS", "buttons": 7}], [BODY, {"type": "BUTTONS", "buttons": [7]}]]
)
def test_what_cannot_be_read_is_left_to_the_rules(broken: list[Any]) -> None:
    assert isinstance(completed(broken)[0], list)


@pytest.mark.parametrize(
    ("text", "is_all"),
    [
        ("Reply “Interested”, “Not interested”, or STOP.", True),
        ("Reply “Not interested” or STOP.", False),
        ("Reply “Interested” or STOP.", False),
        ("Reply “Interested” or “Not interested”.", False),
        ("Reply “Interested”, “Not interested”, or stop.", False),
    ],
)
def test_the_negative_answer_does_not_stand_for_the_positive_one(text: str, is_all: bool) -> None:
    assert offer.says_all(text, "en") is is_all


def test_the_link_to_ones_own_page_is_enough_and_only_ours() -> None:
    def with_link(url: str) -> list[Any]:
        return [BODY, table.buttons({"type": "URL", "text": "Your choices", "url": url, "example": ["mine"]})]

    with override_settings(PUBLIC_URL="https://lumen.example"):
        assert platform(with_link("https://lumen.example/p/{{1}}")) == []
        assert "stop_missing" in platform(with_link("https://elsewhere.example/p/{{1}}"))
    # A file that is checked for another installation.
    with override_settings(PUBLIC_URL="http://localhost:8000"):
        assert platform(with_link("https://elsewhere.example/p/{{1}}")) == []
