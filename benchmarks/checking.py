"""T1: what it takes to check the largest template that WhatsApp's limits allow, against fifty rejected texts."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from benchmarks.figures import Figure
from templates_approval import rules

TARGET_MS = 2.0
RUNS = 300
N_REJECTED = 50

WORDS = "Until Sunday evening you get twenty percent off every lamp in our shop and on our site, while we have some. "


def largest() -> list[dict[str, Any]]:
    """A body of 1,024 characters and ten cards, each with 160 characters, two links of 2,000 and their examples."""
    url = "https://www.example.com/" + "y" * 1970 + "/{{1}}"
    example = {"example": [url.replace("{{1}}", "lamp")]}
    head = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://www.example.com/lamp.jpg"]}}
    links = [{"type": "URL", "text": f"Have a look at it: {n}", "url": url, **example} for n in range(2)]
    card = [head, {"type": "BODY", "text": (WORDS * 2)[:160]}, {"type": "BUTTONS", "buttons": links}]
    end = " Reply “Interested”, “Not interested”, or STOP to end these offers."
    start = "Hello {{first_name}}, we have put {{gift}} aside. "
    named = [{"param_name": name, "example": "Ana"} for name in ("first_name", "gift")]
    text = start + (WORDS * 9)[: 1024 - len(start) - len(end)] + end
    return [
        {"type": "BODY", "text": text, "example": {"body_text_named_params": named}},
        {"type": "CAROUSEL", "cards": [{"components": card} for _ in range(10)]},
    ]


def measure() -> list[Figure]:
    """Check it again and again, in one process that does nothing else; the first time, which loads the lists, aside."""
    template = largest()
    rejected = [rules.Rejected(f"no {n}", f"{n} {WORDS * 8}"[n : n + 1000][::-1]) for n in range(N_REJECTED)]
    asked: dict[str, Any] = {"category": "marketing", "language": "en", "fallbacks": {}, "rejected": rejected}
    # Legal by WhatsApp's limits; measured with the rules of this installation as well, as submission asks them.
    if found := rules.errors(rules.check(template, **asked, profile="whatsapp")):
        raise ValueError(f"the largest legal template is not legal: {found[0]}")
    times = [_once(template, asked) for _ in range(RUNS)]
    note = f"median of {RUNS}; the slowest {max(times):.2f} ms; against {N_REJECTED} rejected texts"
    return [Figure("T1", "checking the largest legal template", median(times), "ms", TARGET_MS, note, is_limit=True)]


def _once(template: list[dict[str, Any]], asked: dict[str, Any]) -> float:
    began = time.perf_counter()
    rules.check(template, **asked)
    return (time.perf_counter() - began) * 1000
