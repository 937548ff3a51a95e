"""Component JSON is read without ever failing, and what the database could not keep is refused with a sentence."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_approval import components

BODY = {"type": "BODY", "text": "Hello {{1}} again", "example": {"body_text": [["Ana"]]}}


def test_reads_every_part() -> None:
    message = components.read(
        [
            {"type": "header", "format": "text", "text": "Hi {{1}}!", "example": {"header_text": ["you"]}},
            BODY,
            {"type": "FOOTER", "text": "Reply STOP"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "quick_reply", "text": "Interested"},
                    {
                        "type": "URL",
                        "text": "Look",
                        "url": "https://example.com/{{1}}",
                        "example": ["https://example.com/a"],
                    },
                    {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+33123456789"},
                    {"type": "COPY_CODE", "example": "SAVE20"},
                ],
            },
        ]
    )

    assert message.faults == ()
    assert message.header is not None
    assert message.body is not None
    assert message.footer is not None
    assert message.header.examples == {"1": "you"}
    assert message.body.examples == {"1": "Ana"}
    assert message.footer.text == "Reply STOP"
    assert [button.kind for button in message.buttons] == ["QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE"]
    assert message.buttons[1].example == "https://example.com/a"
    assert message.buttons[3].example == "SAVE20"


def test_reads_a_medias_sample() -> None:
    header = components.read([{"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW"]}}]).header

    assert header == components.Text("", "components[0]", "IMAGE", sample="4::aW")


def test_reads_named_examples() -> None:
    params = [{"param_name": "first_name", "example": "Ana"}]
    body = components.read([BODY | {"example": {"body_text_named_params": params}}]).body

    assert body is not None
    assert body.examples == {"first_name": "Ana"}


@pytest.mark.parametrize(
    "wrong", [None, 7, "BODY", {}, [[]], [None], [{"type": 7}], [{"type": "BUTTONS", "buttons": 7}]]
)
def test_what_cannot_be_read_is_a_fault(wrong: Any) -> None:
    assert len(components.read(wrong).faults) == 1


def test_parses_a_list_and_whatsapps_whole_request() -> None:
    assert components.parse(json.dumps([BODY])) == [BODY]
    assert components.parse(json.dumps({"name": "x", "components": [BODY]})) == [BODY]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("[{]", "not_json"),
        ("[NaN]", "unstorable_json"),
        ("[1e999]", "unstorable_json"),
        ("[" * 300_000, "too_long"),
        ("[" * 30_000 + "]" * 30_000, "too_deep"),
        ("[" * 30 + "]" * 30, "too_deep"),
        ("7", "not_a_list"),
        ('{"type": "BODY"}', "not_a_list"),
        (r'["\u0000"]', "bad_text"),
        (r'["\ud800"]', "bad_text"),
        (r'[{"\u0000": 1}]', "bad_text"),
        ("[" + "9" * 5_000 + "]", "unstorable_json"),
        ('{"type": "BODY", "type": "HEADER"}', "key_twice"),
    ],
)
def test_refuses_what_cannot_be_kept(text: str, code: str) -> None:
    with pytest.raises(components.BadComponents) as caught:
        components.parse(text)

    assert caught.value.code == code


def test_says_where_the_json_breaks() -> None:
    with pytest.raises(components.BadComponents, match="line 2, column 2"):
        components.parse("[\n{]")


@given(text=st.text(max_size=200))
def test_no_text_makes_parsing_fail_in_another_way(text: str) -> None:
    with contextlib.suppress(components.BadComponents):
        assert isinstance(components.parse(text), list)
