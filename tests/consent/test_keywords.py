"""What people write back is understood: a corpus of real-looking replies, and the ways in which one word is written."""

import json
from pathlib import Path

import pytest

from consent import keywords

REPLIES = [
    json.loads(line) for line in (Path(__file__).parent / "replies.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: f"{reply['locale']}:{reply['text']}")
def test_a_reply_means_what_the_corpus_says(reply):
    assert keywords.classify(reply["text"], reply["locale"]) == reply["means"]


def test_the_corpus_is_broad():
    stops = [reply for reply in REPLIES if reply["means"] == "stop"]
    assert len(REPLIES) >= 150
    assert len({reply["locale"] for reply in stops} - {""}) >= 12
    assert sum(reply["means"] == "none" for reply in REPLIES) >= 40


@pytest.mark.parametrize(
    "dressing", ["{}", " {} ", "{}!", "«{}»", "{}.", "{}…", "*{}*", "{} 🙏", "{} svp", "merci, {}", "{}\n"]
)
@pytest.mark.parametrize("word", ["stop", "STOP", "Stop", "ＳＴＯＰ"])
def test_dress_does_not_change_a_stop(dressing, word):
    assert keywords.classify(dressing.format(word), "fr") == "stop"


@pytest.mark.parametrize("locale", ["fr", "fr-FR", "FR", "", "xx", "zh-Hant"])
def test_a_plain_stop_is_heard_in_every_language(locale):
    assert keywords.classify("Stop", locale) == "stop"


def test_a_word_that_two_languages_disagree_about_counts_in_its_own():
    assert keywords.classify("fin", "es") == "stop"
    assert keywords.classify("fine", "it") == "stop"
    assert keywords.classify("fine", "en") == "none"


def test_a_long_message_is_left_to_people():
    assert (
        keywords.classify("stop " + "and tell me what you think of the new colours of the season " * 3, "en") == "none"
    )
    assert keywords.classify("a" * 1_000_000, "en") == "none"
