"""What the words say: each rule tried on texts that it should find and on look-alikes that it should leave alone.

A line of ``corpus/RULE.jsonl`` is ``{"fires": true, "language": "fr", "text": "…"}``; some rules look at more: a link
with its label, a text that was rejected. Precision and recall are printed (``pytest -s``, or the report's properties).
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from templates_approval import rules
from templates_approval.rules import policy

CORPUS = Path(__file__).parent / "corpus"
MIN_EACH, MIN_PRECISION, MIN_RECALL = 20, 0.95, 0.9
# A file by the name of a rule; goods have two, by how the list calls them.
CODES = {"goods": {"goods_forbidden", "regulated_goods"}}
NAMES = sorted(path.stem for path in CORPUS.glob("*.jsonl"))


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / f"{name}.jsonl").read_text().splitlines()]


def fires(name: str, line: dict[str, Any]) -> bool:
    components: list[dict[str, Any]] = [{"type": "BODY", "text": line["text"]}]
    if "url" in line:
        link = {"type": "URL", "text": line["label"], "url": line["url"]}
        components.append({"type": "BUTTONS", "buttons": [link]})
    found = rules.check(
        components,
        category="utility" if name == "category_drift" else "marketing",
        language=line["language"],
        fallbacks={},
        rejected=[rules.Rejected("last year's", line["rejected"])] if "rejected" in line else [],
    )
    return bool(CODES.get(name, {name}) & {finding.code for finding in found})


@pytest.mark.parametrize("name", NAMES)
def test_finds_what_it_should_and_leaves_the_look_alikes_alone(name: str, record_property: Any) -> None:
    cases = [(line["fires"], fires(name, line), line["text"]) for line in lines(name)]

    right = sum(wanted and found for wanted, found, _ in cases)
    missed = [text for wanted, found, text in cases if wanted and not found]
    false = [text for wanted, found, text in cases if found and not wanted]
    precision, recall = right / max(1, right + len(false)), right / (right + len(missed))
    record_property(name, f"precision {precision:.3f}, recall {recall:.3f}")
    print(f"\n{name}: {len(cases)} texts, precision {precision:.3f}, recall {recall:.3f}")
    assert precision >= MIN_PRECISION, false
    assert recall >= MIN_RECALL, missed


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus_is_large_enough_and_in_both_languages(name: str) -> None:
    for wanted in (True, False):
        languages = [line["language"] for line in lines(name) if line["fires"] is wanted]
        texts = {line["text"] + line.get("rejected", "") + line.get("url", "") for line in lines(name)}
        assert len(languages) >= MIN_EACH
        assert len(texts) > MIN_EACH
        if name != "language_mismatch":
            assert min(languages.count("en"), languages.count("fr")) >= 8


def test_every_rule_of_the_words_has_a_corpus() -> None:
    covered = {code for name in NAMES for code in CODES.get(name, {name})}
    assert covered == set(rules.book.content.CONTENT)


# --- The operator's list ---------------------------------------------------------------------------


def test_the_operators_list_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    mine = tmp_path / "goods.json"
    mine.write_text('{"sugar": {"level": "forbidden", "words": ["lollipop"], "except": ["lollipop lamp"]}}')
    asks = policy.of_operator(str(mine))

    def codes(text: str) -> list[str]:
        found = rules.check(
            [{"type": "BODY", "text": text}], category="marketing", language="en", fallbacks={}, asks=asks
        )
        return [finding.code for finding in found if finding.code.startswith(("goods", "regulated"))]

    assert codes("A Lollipop for every child on Sunday.") == ["goods_forbidden"]
    assert codes("The lollipop lamp is back.") == []
    assert codes("Cigars from Cuba are back.") == []


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[]",
        "7",
        '{"a": 1}',
        '{"a": {"level": "odd", "words": []}}',
        '{"a": {"level": "forbidden", "words": [7]}}',
        '{"a": {"level": "forbidden", "words": [""]}}',
        '{"a": {"level": "forbidden", "words": ["x"], "except": "y"}}',
    ],
)
def test_an_operators_list_that_cannot_be_used_is_refused_with_a_sentence(text: str, tmp_path: Path) -> None:
    wrong = tmp_path / "goods.json"
    wrong.write_text(text)

    with pytest.raises(policy.BadPolicy, match=r"\w+ \w+"):
        policy.of_operator(str(wrong))


def test_a_list_that_is_not_there_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(policy.BadPolicy, match="cannot be read"):
        policy.of_operator(str(tmp_path / "none.json"))


# --- Hostile texts ---------------------------------------------------------------------------------

LISTS = ("asks.txt", "calm.txt", "harmless.txt", "pressure.txt", "promotes.txt", "secrets.txt", "service.txt")
SHORT, TIMES_LONGER = 1_000, 8
# Eight times the text takes eight times as long, or sixty-four times where each sign is looked at anew.
MOST_TIMES = 24


@pytest.mark.parametrize("name", LISTS)
def test_no_repetition_makes_a_list_slower_than_its_text_is_longer(name: str) -> None:
    words = policy.WordList(name)

    def seconds(piece: str, length: int) -> float:
        text = (piece * length)[:length]
        began = time.thread_time()
        words.find(text)
        words.without(text)
        return time.thread_time() - began

    def times(piece: str, n: int) -> float:
        longer = min(seconds(piece, SHORT * TIMES_LONGER) for _ in range(n))
        return longer / min(seconds(piece, SHORT) for _ in range(n))

    found = {word for line in policy.lines(name) for word in re.findall(r"[^\W\d_]{2,}", line)}
    pieces = [piece for word in sorted(found) for piece in (f"{word} ", word)] + [
        "1",
        "1 ",
        "a",
        "a ",
        " ",
        "-",
        "{{a}} ",
    ]
    # What seems slow is looked at again: the machine does other things, too.
    assert [piece for piece in pieces if times(piece, 1) > MOST_TIMES and times(piece, 7) > MOST_TIMES] == []


def test_so_much_of_a_text_is_read_and_a_longer_one_is_refused_for_its_length() -> None:
    def found(text: str, example: str = "Ana") -> set[str]:
        body = {"type": "BODY", "text": text, "example": {"body_text": [[example]]}}
        cards = [{"components": [{"type": "BODY", "text": text}]}] * 2
        components = [body, {"type": "CAROUSEL", "cards": cards}]
        found = rules.check(components, category="marketing", language="en", fallbacks={})
        return {finding.code for finding in found}

    assert "link_shortened" in found("Look " * 800 + "bit.ly/x")
    late = found("Look {{1}} " + "and " * 1_100 + "bit.ly/x", "so " * 1_400 + "bit.ly/x")
    assert "link_shortened" not in late
    assert {"body_too_long", "card_body_too_long", "example_too_long"} <= late
