"""Templates as WhatsApp's clients write and read them: in and out again with the same meaning, in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from templates_approval import components as reading
from templates_approval import exchange, rules

SAMPLES = Path(__file__).parent / "samples"
POSTED = sorted(SAMPLES.glob("posted/*.json"))
FETCHED = sorted(SAMPLES.glob("fetched/*.json"))


def load(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text())
    return value


@pytest.mark.parametrize("path", POSTED + FETCHED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_clients_write_is_not_refused(path: Path) -> None:
    assert rules.errors(rules.check_request(load(path), profile="whatsapp")) == []


@pytest.mark.parametrize("path", POSTED, ids=lambda path: path.stem)
def test_what_was_posted_is_written_again_as_it_came(path: Path) -> None:
    posted = load(path)

    written = exchange.write(exchange.read(posted))

    assert {**posted, "category": posted["category"].upper()} == written


@pytest.mark.parametrize("path", FETCHED, ids=lambda path: path.stem)
def test_what_was_fetched_can_be_posted_again(path: Path) -> None:
    fetched = load(path)

    written = exchange.write(exchange.read(fetched))

    assert {"id", "status", "quality_score", "previous_category", "sub_category"}.isdisjoint(written)
    assert exchange.read(written).faults == ()
    assert reading.write(reading.read(written["components"])) == written["components"]
    assert said(written["components"]) == said(fetched["components"])


def said(components: Any) -> list[str]:
    """Every word that a person reads, in the order of WhatsApp's parts."""
    message = reading.read(components)
    words = [text.text or text.sample for part in message.all for _name, text in part.texts]
    return words + [f"{b.kind} {b.text} {b.url} {b.phone} {b.example}" for part in message.all for b in part.buttons]


@pytest.mark.parametrize("kind", ["header", "body", "limited_time_offer", "carousel", "quick_reply", "copy_code"])
def test_types_in_small_letters_mean_the_same(kind: str) -> None:
    small = json.loads((SAMPLES / "posted" / "carousel.json").read_text().replace(f'"{kind.upper()}"', f'"{kind}"'))

    assert exchange.write(exchange.read(small)) == load(SAMPLES / "posted" / "carousel.json")


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (None, [""]),
        ([], [""]),
        ("{}", [""]),
        ({}, ["name", "language", "category", "components"]),
        (
            {"name": 1, "language": [], "category": {}, "components": "x"},
            ["name", "language", "category", "components"],
        ),
        ({"name": "a", "language": "en", "category": "x", "components": [], "fallbacks": []}, ["fallbacks"]),
        ({"name": "a", "language": "en", "category": "x", "components": [], "Name": 1}, ["Name"]),
    ],
)
def test_what_cannot_be_read_is_a_fault_with_its_place(value: Any, paths: list[str]) -> None:
    assert [fault.path for fault in exchange.read(value).faults] == paths
