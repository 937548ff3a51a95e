"""Every rule of the book fires where it should, at the right place, and leaves a good offer alone."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from templates_approval import rules, writing
from templates_approval.rules import book, limits, platform

GOOD = writing.components(
    language="en",
    header="The {{city}} offer",
    body="Hello {{first_name}}, this week you get *20 percent off* in our shop at the market.",
    examples={"city": "Lyon", "first_name": "Ana"},
    link=("See the offer", "https://www.example.com/offer"),
)


def check(components: Any, **given: Any) -> list[rules.Finding]:
    asked = {"category": "marketing", "language": "en", "fallbacks": {}} | given
    return rules.check(components, **asked)


def codes(components: Any, **given: Any) -> list[str]:
    return [finding.code for finding in check(components, **given)]


def offer(**changed: Any) -> list[dict[str, Any]]:
    """A good offer with other words: ``header``, ``body``, ``footer``, or ``buttons`` added behind the reactions."""
    components = copy.deepcopy(GOOD)
    by_type = {component["type"]: component for component in components}
    for name in ("header", "body", "footer"):
        if name in changed:
            by_type[name.upper()].pop("example", None)
            by_type[name.upper()] |= {"text": changed[name]} if isinstance(changed[name], str) else changed[name]
    if "buttons" in changed:
        by_type["BUTTONS"]["buttons"][2:] = changed["buttons"]
    return components


def body(text: str, **examples: str) -> list[dict[str, Any]]:
    params = [{"param_name": name, "example": value} for name, value in examples.items()]
    return offer(body={"text": text, "example": {"body_text_named_params": params}})


def url(address: str, **more: Any) -> dict[str, Any]:
    return {"type": "URL", "text": "Look", "url": address, **more}


def quick(text: str) -> dict[str, Any]:
    return {"type": "QUICK_REPLY", "text": text}


PHONE = {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+33123456789"}
COPY = {"type": "COPY_CODE", "example": "SAVE20"}
LONG = "word " * 300

# code: a template that breaks exactly this rule (others may speak too), and where the finding must point.
BROKEN: dict[str, tuple[Any, str]] = {
    "not_a_list": ({"type": "BODY"}, "components"),
    "component_shape": ([*GOOD, "BODY"], "components[4]"),
    "component_unknown": ([*GOOD, {"type": "SIDEBAR"}], "components[4].type"),
    "component_twice": ([*GOOD, GOOD[1]], "components[4]"),
    "component_not_carried": ([*GOOD, {"type": "CAROUSEL", "cards": []}], "components[4]"),
    "text_missing": ([{"type": "BODY"}, *GOOD[2:]], "components[0].text"),
    "header_format_unknown": (offer(header={"format": "HOLOGRAM"}), "components[0].format"),
    "button_unknown": (offer(buttons=[{"type": "LEVER", "text": "x"}]), "components[3].buttons[2].type"),
    "button_not_carried": (offer(buttons=[{"type": "FLOW", "text": "x"}]), "components[3].buttons[2].type"),
    "example_shape": (offer(body={"text": "Hi {{a}} you", "example": "Ana"}), "components[1].example"),
    "example_twice": (
        offer(
            body={
                "text": "Hi {{a}} you",
                "example": {"body_text_named_params": [{"param_name": "a", "example": "x"}] * 2},
            }
        ),
        "components[1].example.body_text_named_params[1]",
    ),
    "header_too_long": (offer(header="x" * 61), "components[0].text"),
    "header_empty": (offer(header=" "), "components[0].text"),
    "header_line_break": (offer(header="one\ntwo"), "components[0].text"),
    "header_markup": (offer(header="an *offer*"), "components[0].text"),
    "header_emoji": (offer(header="an offer 🎉"), "components[0].text"),
    "header_variables": (offer(header="from {{a}} to {{b}} only"), "components[0].text"),
    "header_sample_missing": (offer(header={"format": "IMAGE"}), "components[0].example"),
    "header_not_carried": (
        offer(header={"format": "IMAGE", "example": {"header_handle": ["4::a"]}}),
        "components[0].format",
    ),
    "body_missing": ([GOOD[0], *GOOD[2:]], "components"),
    "body_empty": (offer(body="  \n "), "components[1].text"),
    "body_too_long": (offer(body=LONG), "components[1].text"),
    "body_too_long_filled": (body("a" * 1000 + " {{a}} end", a="b" * 60), "components[1].text"),
    "body_blank_lines": (offer(body="Hello,\n\n\nbye"), "components[1].text"),
    "body_emojis": (offer(body="Hello " + "🎉" * 11), "components[1].text"),
    "footer_empty": (offer(footer=""), "components[2].text"),
    "footer_too_long": (offer(footer="Reply STOP " + "x" * 60), "components[2].text"),
    "footer_variable": (offer(footer="Reply STOP, {{name}}!"), "components[2].text"),
    "buttons_empty": ([*GOOD[:3], {"type": "BUTTONS", "buttons": []}], "components[3].buttons"),
    "buttons_too_many": (offer(buttons=[quick(f"answer {n}") for n in range(9)]), "components[3].buttons"),
    "url_buttons_too_many": (
        offer(buttons=[url("https://example.com/a", text=f"Look {n}") for n in range(3)]),
        "components[3].buttons",
    ),
    "phone_buttons_too_many": (offer(buttons=[PHONE, PHONE | {"text": "Ring"}]), "components[3].buttons"),
    "code_buttons_too_many": (offer(buttons=[COPY, COPY]), "components[3].buttons"),
    "buttons_interleaved": (offer(buttons=[url("https://example.com/a"), quick("More")]), "components[3].buttons"),
    "label_empty": (offer(buttons=[quick(" ")]), "components[3].buttons[2].text"),
    "label_too_long": (offer(buttons=[quick("x" * 26)]), "components[3].buttons[2].text"),
    "label_variable": (offer(buttons=[quick("For {{name}}")]), "components[3].buttons[2].text"),
    "label_twice": (offer(buttons=[quick("interested")]), "components[3].buttons[2].text"),
    "url_too_long": (offer(buttons=[url("https://example.com/" + "x" * 2000)]), "components[3].buttons[2].url"),
    "url_not_web": (offer(buttons=[url("javascript:alert(1)")]), "components[3].buttons[2].url"),
    "url_variables": (offer(buttons=[url("https://example.com/{{1}}/{{2}}")]), "components[3].buttons[2].url"),
    "url_variable_not_last": (
        offer(buttons=[url("https://example.com/{{1}}/x", example=["a"])]),
        "components[3].buttons[2].url",
    ),
    "url_variable_in_host": (
        offer(buttons=[url("https://example.{{1}}", example=["a"])]),
        "components[3].buttons[2].url",
    ),
    "phone_wrong": (offer(buttons=[PHONE | {"phone_number": "call us"}]), "components[3].buttons[2].phone_number"),
    "code_wrong": (offer(buttons=[COPY | {"example": "SAVE 20%"}]), "components[3].buttons[2].example"),
    "variable_syntax": (offer(body="Hello {{first_name, this is a long offer"), "components[1].text"),
    "variable_forbidden_sign": (body("Hello {{$price}} this is a long offer"), "components[1].text"),
    "variable_name": (body("Hello {{First Name}} this is a long offer"), "components[1].text"),
    "variable_gap": (offer(body="Hello {{1}} and {{3}} this is a long offer"), "components[1].text"),
    "variables_mixed": (offer(body="Hello {{1}} this is a long offer"), "components"),
    "variable_at_edge": (body("{{first_name}}, this is a long offer", first_name="Ana"), "components[1].text"),
    "variables_adjacent": (body("Hello {{a}} {{b}}, a long offer", a="x", b="y"), "components[1].text"),
    "variables_dense": (body("Hi {{a}}, {{b}} now", a="x", b="y"), "components[1].text"),
    "example_missing": (offer(body="Hello {{first_name}}, a long offer"), "components[1].example"),
    "body_unclear": (body("{{a}}", a="x"), "components[1].text"),
    "value_unusable": (body("Hello {{a}}, a long offer", a="two\nlines"), "components[1].example"),
    "example_count": (
        offer(body={"text": "Hello {{1}}, a long offer", "example": {"body_text": [["Ana", "too", "many"]]}}),
        "components[1].example",
    ),
    "example_unknown": (body("Hello {{a}}, a long offer", a="x", b="y"), "components[1].example"),
    "interested_missing": (GOOD[:3], "components"),
    "not_interested_missing": (GOOD[:3], "components"),
    "stop_missing": (offer(footer="Thank you"), "components[2].text"),
    "link_shortened": (offer(body="Hello, look at bit.ly/3xYz today, a long offer"), "components[1].text"),
    "secret_asked": (offer(body="Send us your card number and win a prize."), "components[1].text"),
    "shouting": (offer(body="HUGE SALE TODAY IN ALL OUR SHOPS, come"), "components[1].text"),
    "regulated_goods": (offer(body="Hello, a casino opens next to our shop."), "components[1].text"),
    "sign_invisible": (offer(body="Hello, pay\u202e moc.live today in our shop"), "components[1].text"),
}
# These speak about what stands beside the components.
BROKEN_BESIDE: dict[str, tuple[dict[str, Any], str]] = {
    "fallback_unknown": ({"fallbacks": {"nobody": "x"}}, "fallbacks.nobody"),
    "fallback_shape": ({"fallbacks": {"first_name": 3}}, "fallbacks.first_name"),
    "category_not_marketing": ({"category": "utility"}, "category"),
    "language_unknown": ({"language": "xx_YY"}, "language"),
}


def test_a_good_offer_has_no_findings() -> None:
    assert check(GOOD, fallbacks={"first_name": "there", "city": "you"}) == []


@pytest.mark.parametrize(("code", "case"), BROKEN.items(), ids=BROKEN)
def test_rule_fires_at_its_place(code: str, case: tuple[Any, str]) -> None:
    components, path = case

    found = [finding for finding in check(components) if finding.code == code]

    assert [finding.path for finding in found][:1] == [path]


@pytest.mark.parametrize(("code", "case"), BROKEN_BESIDE.items(), ids=BROKEN_BESIDE)
def test_rule_about_what_stands_beside_fires(code: str, case: tuple[dict[str, Any], str]) -> None:
    given, path = case

    found = check(GOOD, **given)

    assert [(finding.code, finding.path) for finding in found] == [(code, path)]


def test_every_rule_of_the_book_is_shown_to_fire() -> None:
    assert set(book.BOOK) == set(BROKEN) | set(BROKEN_BESIDE)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("code", "case"), BROKEN.items(), ids=BROKEN)
def test_every_finding_makes_sentences_and_survives_storage(code: str, case: tuple[Any, str], language: str) -> None:
    with override(language):
        for finding in check(case[0]):
            stored = json.loads(json.dumps(finding.as_json()))
            again = book.from_json(stored)
            assert again is not None
            assert again.message == finding.message
            assert finding.message.endswith((".", "?", "!"))
            assert "%(" not in finding.message + finding.fix
            assert len(finding.fix) > 5


def test_errors_come_first() -> None:
    found = check(offer(body="Hello,\n\n\nHUGE SALE TODAY IN ALL OUR SHOPS", footer="Thanks"))

    severities = [finding.severity for finding in found]
    assert severities == sorted(severities, key=lambda severity: severity != rules.Severity.ERROR)
    assert {str(severity) for severity in severities} == {"error", "warning"}


def test_a_finding_of_a_forgotten_rule_is_dropped() -> None:
    assert book.from_json({"code": "rule_of_last_year", "path": "", "params": {}}) is None


def test_whatsapps_own_profile_asks_for_no_reactions() -> None:
    assert rules.check(GOOD[:2], category="utility", language="en", fallbacks={}, profile="whatsapp") == []


# --- What does not fire ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Hello, we never ask for your card number, and we wish you a good week.",
        "Hello, your card ending in the last four digits 1234 has a new offer.",
        "Bonjour, donnez votre numéro de carte de fidélité en caisse pour la remise.",
        "Bonjour, nous ne demandons jamais votre mot de passe.",
        "Hello, look at www.my-own-shop.example and visit.bit.ly.example.com for more.",
        "Hello, WE ARE OPEN on Sunday from nine to noon, come and see.",
        "مرحبا، لدينا عرض خاص في متجرنا هذا الأسبوع",
        "Hello, a family 👨‍👩‍👧 offer with joined emojis is fine.",
    ],
)
def test_harmless_words_are_left_alone(text: str) -> None:
    assert codes(offer(body=text)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Répondez avec votre numéro de carte bancaire pour gagner un voyage.", "numéro de carte"),
        ("Hello, reply with your IBAN and we send the money.", "IBAN"),
        ("Bonjour, envoyez-nous votre mot de passe pour valider l’offre.", "mot de passe"),
    ],
)
def test_asking_for_secrets_is_an_error_in_both_languages(text: str, words: str) -> None:
    (finding,) = check(offer(body=text))

    assert finding.code == "secret_asked"
    assert words in finding.message


@pytest.mark.parametrize("host", ["bit.ly", "BIT.LY", "www.bit.ly"])
def test_a_shortened_link_is_found_in_a_button_too(host: str) -> None:
    assert "link_shortened" in codes(offer(buttons=[url(f"https://{host}/x")]))


@pytest.mark.parametrize(
    "kinds",
    ["QQ", "QQU", "QQUP", "UPQQ", "QQC", "UCQQ"],
)
def test_allowed_groupings(kinds: str) -> None:
    assert "buttons_interleaved" not in codes([*GOOD[:3], {"type": "BUTTONS", "buttons": _buttons(kinds)}])


@pytest.mark.parametrize("kinds", ["QUQ", "UQU", "QUQU"])
def test_forbidden_groupings(kinds: str) -> None:
    assert "buttons_interleaved" in codes([*GOOD[:3], {"type": "BUTTONS", "buttons": _buttons(kinds)}])


def _buttons(kinds: str) -> list[dict[str, Any]]:
    made = {"Q": quick("answer"), "U": url("https://example.com/a"), "P": PHONE, "C": COPY}
    return [made[kind] | ({} if kind == "C" else {"text": f"label {n}"}) for n, kind in enumerate(kinds)]


@pytest.mark.parametrize(
    ("address", "is_good"),
    [
        ("https://example.com", True),
        ("http://example.com:8080/a?b=c#d", True),
        ("https://exämple.fr/été", True),
        ("example.com", False),
        ("https://localhost", False),
        ("https://user@example.com/", False),
        ("https://example.com:port/", False),
        ("https://exam ple.com/", False),
        ("data:text/html,x", False),
        ("https://[::1", False),
        ("https://", False),
        ("//example.com", False),
        ('https://example.com/"onclick=', False),
    ],
)
def test_web_addresses(address: str, is_good: bool) -> None:
    assert limits.is_web_address(address) is is_good


@pytest.mark.parametrize("code", ["en", "fr", "fr_CA", "pt_BR", "zh_CN", "fil"])
def test_languages_of_whatsapp(code: str) -> None:
    assert platform.is_language(code)


@pytest.mark.parametrize("code", ["", "EN", "fr-FR", "xx", "english", "fr_FRANCE", "e", "fr\n"])
def test_other_codes_are_no_languages(code: str) -> None:
    assert not platform.is_language(code)


def test_positional_templates_are_as_good_as_named_ones() -> None:
    components = writing.components(
        language="fr",
        header="Offre à {{1}} seulement",
        body="Bonjour {{1}}, cette semaine vous avez {{2}} de remise dans toute notre boutique.",
        examples={"header.1": "Lyon", "1": "Ana", "2": "20 %", "button.2.1": "ete"},
        link=("Voir", "https://www.example.com/{{1}}"),
    )

    assert check(components, language="fr") == []


def test_reactions_must_be_in_the_language_of_the_words() -> None:
    assert codes(GOOD, language="fr") == ["interested_missing", "not_interested_missing"]


def test_limits_are_inclusive() -> None:
    components = offer(
        header="x" * 60, footer="Reply STOP " + "x" * 49, body="y" * 1024, buttons=[quick("z" * 25), PHONE, COPY]
    )

    assert check(components) == []


# --- Whatever arrives --------------------------------------------------------------------------

WORDS = st.text(max_size=60) | st.sampled_from(
    ["{{", "}}", "{{1}}", "{{a}}", "{{a b}}", "TEXT", "\x00", "*_~`", "STOP"]
)
KEYS = ["type", "format", "text", "example", "buttons", "url", "phone_number", "body_text", "body_text_named_params"]
KEYS += ["header_text", "header_handle", "param_name", "example", "components"]
TYPES = ["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "header"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.sampled_from(TYPES),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=40,
)
COMPONENT = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        "text": WORDS,
        "format": st.sampled_from(["TEXT", "IMAGE", "x"]),
        "example": ANYTHING,
        "buttons": st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from(TYPES)},
                optional={"text": WORDS, "url": WORDS, "phone_number": WORDS, "example": ANYTHING},
            ),
            max_size=12,
        ),
    },
)


@given(components=st.lists(COMPONENT | ANYTHING, max_size=6) | ANYTHING, fallbacks=st.dictionaries(WORDS, ANYTHING))
def test_no_json_makes_the_rules_fail(components: Any, fallbacks: dict[str, Any]) -> None:
    for finding in check(components, fallbacks=fallbacks):
        assert finding.code in book.BOOK
        assert finding.message
        assert finding.fix
