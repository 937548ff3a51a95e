"""The comparison tells each word that is new, and its pieces always spell both wordings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from templates_approval import diff, writing


def make(body: str, **more: str) -> list[dict[str, object]]:
    return writing.components(language="en", body=body, examples={}, **more)  # type: ignore[arg-type]


def test_shows_changed_words_only() -> None:
    body = next(
        part for part in diff.parts(make("Get 20 percent off"), make("Get 30 percent off")) if part.name == "body"
    )

    assert [(piece.kind, piece.text) for piece in body.pieces] == [
        ("same", "Get "),
        ("removed", "20"),
        ("added", "30"),
        ("same", " percent off"),
    ]


def test_parts_that_neither_has_are_left_out() -> None:
    parts = diff.parts(make("one"), make("one", header="New"))

    assert [(str(part.name), part.is_same) for part in parts] == [
        ("header", False),
        ("body", True),
        ("footer", True),
        ("buttons", True),
    ]


@given(old=st.text(max_size=60), new=st.text(max_size=60))
def test_the_pieces_spell_both_wordings(old: str, new: str) -> None:
    pieces = list(diff.words(old, new))

    assert "".join(piece.text for piece in pieces if piece.kind != "added") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == new
