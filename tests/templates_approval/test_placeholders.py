"""Variables are found, named and given their examples, whatever else stands in the braces."""

from __future__ import annotations

import pytest

from templates_approval import placeholders, writing


def test_finds_names_and_numbers_in_order() -> None:
    found = placeholders.find("Hi {{ first_name }}, {{2}}!")

    assert [(p.name, p.is_named, p.is_positional) for p in found] == [
        ("first_name", True, False),
        ("2", False, True),
    ]
    assert (found[0].start, found[0].end) == (3, 19)


@pytest.mark.parametrize("name", ["First", "a b", "é", "", "0", "01", "_a", "a-b", "1a", "$a", "7*7"])
def test_other_words_are_no_names(name: str) -> None:
    (found,) = placeholders.find("x {{" + name + "}} y")

    assert not found.is_named
    assert not found.is_positional


@pytest.mark.parametrize("text", ["", "no braces", "{single}", "{{a}} {{b}}", "a } b { c"])
def test_balanced(text: str) -> None:
    assert placeholders.is_balanced(text)


@pytest.mark.parametrize("text", ["{{a", "a}}", "{{a}", "{{a{{b}}", "{{{a}}}x}}", "{{ {{a}} }}"])
def test_unbalanced(text: str) -> None:
    assert not placeholders.is_balanced(text)


def test_numbers_of_header_and_buttons_are_their_own() -> None:
    components = writing.components(
        language="en",
        header="For {{1}} only",
        body="Hello {{1}} and {{2}}.",
        examples={"header.1": "members", "1": "Ana", "2": "Bo", "button.2.1": "a-1"},
        link=("Look", "https://example.com/{{1}}"),
    )

    assert placeholders.examples(components) == {"header.1": "members", "1": "Ana", "2": "Bo", "button.2.1": "a-1"}


def test_a_name_used_twice_is_one_variable() -> None:
    components = writing.components(
        language="en", header="For {{name}}!", body="Hello {{name}}, dear {{name}}.", examples={"name": "Ana"}
    )

    assert placeholders.variables(components) == ["name"]


def test_a_copy_button_asks_for_its_code() -> None:
    components = [{"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "example": "SAVE20"}]}]

    assert placeholders.examples(components) == {"coupon_code": "SAVE20"}
