"""Nobody's phone number reaches a log."""

import pytest

from config import logs


@pytest.mark.parametrize(
    "text",
    ["sent to +33612345678", "sent to 33612345678", "call +33 6 12 34 56 78", "+1 (202) 555-0143", "wa:4915112345678"],
)
def test_numbers_are_cut_down_to_two_digits(text: str) -> None:
    written = logs.without_phone_numbers(text)

    assert "<phone …" in written
    assert sum(sign.isdigit() for sign in written) <= 2


@pytest.mark.parametrize(
    "text",
    ["12345 rows", "2026-11-22T08:40:35.251Z", "0.4821394812", "f3b9c2d8e1a04567", "broadcast 9821", "-1234567890123"],
)
def test_other_figures_stay_as_they_are(text: str) -> None:
    assert logs.without_phone_numbers(text) == text


def test_whatever_an_event_carries_is_redacted() -> None:
    event = logs.redact(
        None, "info", {"event": "x", "to": ["+33612345678"], "deep": {"+33612345678": Exception("+33612345678")}}
    )

    assert "612345" not in repr(event)
