"""What people write back is understood: replies in many languages, and the ways in which one word is written."""

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from consent import keywords, wordlists
from consent.management.commands.classify_reply import summary

HERE = Path(__file__).parent
# By name, so that a language that goes missing is missed.
LANGUAGES = {
    "en": "English", "fr": "français", "de": "Deutsch", "es": "español", "it": "italiano", "pt": "português",
    "nl": "Nederlands", "pl": "polski", "tr": "Türkçe", "sv": "svenska", "da": "dansk", "no": "norsk", "fi": "suomi",
    "ro": "română", "cs": "čeština", "hu": "magyar", "el": "ελληνικά", "ru": "русский", "uk": "українська",
    "ar": "العربية", "he": "עברית", "fa": "فارسی", "ur": "اردو", "hi": "हिन्दी", "bn": "বাংলা",
    "id": "Bahasa Indonesia", "ms": "Bahasa Melayu", "vi": "Tiếng Việt", "th": "ไทย", "zh": "中文", "ja": "日本語",
    "ko": "한국어",
}  # fmt: skip


def read(name):
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def judged(replies):
    """Count (expected, verdict) and list what went wrong."""
    found = [(reply, keywords.classify(reply["text"], reply["locale"])) for reply in replies]
    tally = Counter((reply["expected"], verdict) for reply, verdict in found)
    return tally, [f"{r['locale']}: {r['text']!r} is {v}, not {r['expected']}" for r, v in found if r["expected"] != v]


def false_stops(tally):
    return sum(n for (expected, verdict), n in tally.items() if expected != "stop" == verdict)


def test_the_corpus_is_understood():
    replies = read("replies.jsonl")
    tally, wrong = judged(replies)
    print(summary(tally))
    assert len(replies) >= 1_400
    assert len({reply["locale"] for reply in replies if reply["expected"] == "stop"} - {""}) >= 30
    assert false_stops(tally) == 0, wrong
    assert tally["stop", "stop"] >= 0.98 * sum(n for (expected, _), n in tally.items() if expected == "stop"), wrong
    # What is known to be missed; anything else is news.
    assert wrong == ["en: 'Again I want to stop the service thank you.' is none, not stop"]


def test_sentences_that_no_word_was_chosen_for_are_understood_mostly():
    """Written after the words, and never used to choose one: how it goes with what nobody thought of."""
    tally, wrong = judged(read("replies_held_out.jsonl"))
    print("held out:", summary(tally))
    assert false_stops(tally) == 0, wrong
    assert tally["stop", "stop"] >= 0.85 * sum(n for (expected, _), n in tally.items() if expected == "stop"), wrong


def test_every_language_has_words_for_stop_resume_and_help():
    assert keywords.languages() == LANGUAGES
    for language in LANGUAGES:
        for meaning, words in keywords.words_of(language).items():
            assert words, f"{language} has no word for {meaning}"
            for word in words:
                assert keywords.classify(word, language) == meaning, (language, word)


@pytest.mark.parametrize("locale", ["", "en-US", "fr", "zh-Hant"])
def test_the_words_of_the_fcc_and_of_the_carriers_are_heard_everywhere(locale):
    fcc = ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"]
    ctia = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]
    assert {keywords.classify(word, locale) for word in fcc + ctia} == {"stop"}
    assert {keywords.classify(word, locale) for word in ["START", "UNSTOP"]} == {"resume"}
    assert {keywords.classify(word, locale) for word in ["HELP", "INFO"]} == {"help"}
    # It would lift a stop, and may be the answer to anything.
    assert keywords.classify("YES", locale) == "none"


@pytest.mark.parametrize(
    "dressing",
    [
        "{}",
        " {} ",
        "{}!",
        "«{}»",
        "{}.",
        "{}…",
        "*{}*",
        "{} 🙏",
        "{} svp",
        "merci, {}",
        "{}\n",
        "{}\u200b",
        "¡{}!",
        "> {}",
    ],
)
@pytest.mark.parametrize(
    "word",
    ["stop", "STOP", "Stop", "ＳＴＯＰ", "stooop", "s.t.o.p", "ST0P", "ЅТОР", "st\u00adop", "ｓｔｏｐ", "stop\ufe0f"],
)
def test_dress_does_not_change_a_stop(dressing, word):
    assert keywords.classify(dressing.format(word), "fr") == "stop"


@pytest.mark.parametrize("locale", ["fr", "fr-FR", "FR", "fr_CA", "", "xx", "zh-Hant", "🇫🇷"])
def test_a_plain_stop_is_heard_in_every_language(locale):
    assert keywords.classify("Stop", locale) == "stop"


@pytest.mark.parametrize(
    ("typed", "meaning"),
    [
        ("unsubcribe", "stop"),
        ("unsubscrieb", "stop"),
        ("désabonement", "stop"),
        ("abbestelen", "stop"),
        # The first letter tells "anmelden" from "abmelden": it is never the slip. Short words have too many neighbours.
        ("bbestellen", "none"),
        ("anmelden", "resume"),
        ("bestellen", "none"),
        ("shop", "none"),
        ("step", "none"),
        ("stoop", "none"),
        ("stp", "none"),
    ],
)
def test_a_slip_is_forgiven_where_it_cannot_be_another_word(typed, meaning):
    assert keywords.classify(typed, "fr") == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("cancel", "stop"),
        ("cancel these messages", "stop"),
        ("cancel my subscription", "stop"),
        # Their order is not our offers: the business reads it.
        ("cancel my order 123", "none"),
        ("cancel 12345", "none"),
        ("STOP 36034", "stop"),
        ("annule ma commande", "none"),
        ("don't stop", "none"),
        ("why don't you stop texting me", "stop"),
    ],
)
def test_what_is_to_end_decides(text, meaning):
    assert keywords.classify(text, "en") == meaning


def test_a_word_that_two_languages_disagree_about_counts_in_its_own():
    assert keywords.classify("fin", "es") == "stop"
    assert keywords.classify("fine", "it") == "stop"
    assert keywords.classify("fine", "en") == "none"
    assert keywords.classify("T", "zh-Hans") == "stop"
    assert keywords.classify("T", "en") == "none"


def test_a_long_message_is_left_to_people():
    assert (
        keywords.classify("stop " + "and tell me what you think of the new colours of the season " * 3, "en") == "none"
    )
    assert keywords.classify("a" * 1_000_000, "en") == "none"


def test_no_message_takes_long():
    """The words are expressions: none of them may be one that a chosen message makes slow."""
    chance, words = random.Random(1), sorted(wordlists.known().vocabulary.words)
    texts = [" ".join(chance.choice(words) for _ in range(30)) for _ in range(60)]
    texts += [
        "nao sou " + "a" * 900,
        "no soy " + "ab" * 400,
        "a_" * 500,
        "मुझे " * 30,
        "want to " * 15,
        "s " * 500,
        "🛑" * 999,
    ]
    began = time.perf_counter()
    for text in texts:
        keywords.classify(text, "en")
    assert (time.perf_counter() - began) / len(texts) < 0.1
