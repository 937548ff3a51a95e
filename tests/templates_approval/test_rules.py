"""Every rule of the book fires where it should, at the right place, and leaves a good offer alone."""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates_approval import components as reading
from templates_approval import languages, rules, writing
from templates_approval.rules import book
from templates_approval.rules.buttons import is_web_address

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


def test_a_good_offer_has_no_findings() -> None:
    assert check(GOOD, fallbacks={"first_name": "there", "city": "you"}) == []


def test_errors_come_first() -> None:
    found = check(offer(body="Hello,\n\n\nHUGE SALE TODAY IN ALL OUR SHOPS", footer="Thanks"))

    severities = [finding.severity for finding in found]
    assert severities == sorted(severities, key=lambda severity: severity != rules.Severity.ERROR)
    assert {str(severity) for severity in severities} == {"error", "warning"}


def test_a_finding_of_a_forgotten_rule_is_dropped() -> None:
    assert book.from_json({"code": "rule_of_last_year", "path": "", "params": {}}) is None


def test_whatsapps_own_profile_asks_for_no_reactions() -> None:
    assert rules.check(GOOD[:2], category="marketing", language="en", fallbacks={}, profile="whatsapp") == []


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
    assert set(codes(offer(body=text))) <= {"language_mismatch"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Répondez avec votre numéro de carte bancaire pour gagner un voyage.", "numéro de carte"),
        ("Hello, reply with your IBAN and we send the money.", "IBAN"),
        ("Bonjour, envoyez-nous votre mot de passe pour valider l’offre.", "mot de passe"),
    ],
)
def test_asking_for_secrets_is_an_error_in_both_languages(text: str, words: str) -> None:
    (finding,) = [finding for finding in check(offer(body=text)) if finding.code == "secret_asked"]

    assert finding.is_error
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
    assert is_web_address(address) is is_good


@pytest.mark.parametrize("code", ["en", "fr", "fr_CA", "pt_BR", "zh_CN", "fil"])
def test_languages_of_whatsapp(code: str) -> None:
    assert languages.is_known(code)


@pytest.mark.parametrize("code", ["", "EN", "fr-FR", "xx", "english", "fr_FRANCE", "e", "fr\n"])
def test_other_codes_are_no_languages(code: str) -> None:
    assert not languages.is_known(code)


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
    assert codes(GOOD, language="fr") == ["interested_missing", "not_interested_missing", "language_mismatch"]


def test_limits_are_inclusive() -> None:
    components = offer(
        header="x" * 60, footer="Reply STOP " + "x" * 49, body="y" * 1024, buttons=[quick("z" * 25), PHONE, COPY]
    )

    assert check(components) == []


# --- Whatever arrives --------------------------------------------------------------------------

# Thousands in `make promises`; here enough to see that they are still made.
MANY = settings(max_examples=4_000 if os.environ.get("PROMISES") else 60)
WORDS = st.text(max_size=60) | st.sampled_from(
    [
        "{{",
        "}}",
        "{{1}}",
        "{{a}}",
        "{{a b}}",
        "TEXT",
        "\x00",
        "\ud800",
        "*_~`",
        "STOP",
        "bit.ly/x",
        "http://[",
        "xn--.com",
    ]
)
KEYS = ["type", "format", "text", "example", "buttons", "url", "phone_number", "body_text", "body_text_named_params"]
KEYS += ["header_text", "header_handle", "param_name", "components", "cards", "limited_time_offer", "has_expiration"]
TYPES = ["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST", "header"]
KINDS = ["QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "OTP", "SPM", "FLOW", "CATALOG"]
FORMATS = ["TEXT", "IMAGE", "VIDEO", "GIF", "DOCUMENT", "LOCATION", "PRODUCT", "x"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.sampled_from([*TYPES, *KINDS, *FORMATS]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=40,
)
BUTTON = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | ANYTHING},
    optional={"text": WORDS, "url": WORDS, "phone_number": WORDS, "example": ANYTHING},
)
EXAMPLE = st.fixed_dictionaries(
    {}, optional={"header_handle": ANYTHING, "body_text": ANYTHING, "body_text_named_params": ANYTHING}
)


def component_of(cards: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.sampled_from(TYPES)},
        optional={
            "text": WORDS,
            "format": st.sampled_from(FORMATS),
            "example": EXAMPLE | ANYTHING,
            "buttons": st.lists(BUTTON, max_size=12) | ANYTHING,
            "limited_time_offer": st.fixed_dictionaries({}, optional={"text": WORDS, "has_expiration": ANYTHING}),
            "cards": cards,
            "surprise": ANYTHING,
        },
    )


CARD = st.fixed_dictionaries({}, optional={"components": st.lists(component_of(ANYTHING), max_size=4) | ANYTHING})
COMPONENT = component_of(st.lists(CARD, max_size=3) | ANYTHING)
CATEGORIES = ["marketing", "utility", "authentication", ""]
COMPONENTS = st.lists(COMPONENT | ANYTHING, max_size=6) | ANYTHING


@MANY
@given(
    components=COMPONENTS,
    fallbacks=st.dictionaries(WORDS, ANYTHING),
    category=st.sampled_from(CATEGORIES),
)
def test_no_json_makes_the_rules_fail(components: Any, fallbacks: dict[str, Any], category: str) -> None:
    for profile in rules.PROFILES:
        found = rules.check(
            components, category=category, language="fr", fallbacks=fallbacks, profile=profile, parameter_format="NAMED"
        )
        for finding in found:
            assert finding.message
            assert finding.fix


@MANY
@given(
    value=ANYTHING
    | st.fixed_dictionaries(
        {},
        optional={
            "name": ANYTHING,
            "language": ANYTHING,
            "category": ANYTHING,
            "components": COMPONENTS,
            "parameter_format": ANYTHING,
            "message_send_ttl_seconds": ANYTHING,
            "fallbacks": ANYTHING,
            "x": ANYTHING,
        },
    )
)
def test_no_request_makes_the_rules_fail(value: Any) -> None:
    for profile in rules.PROFILES:
        for finding in rules.check_request(value, profile=profile):
            assert finding.code in book.BOOK


@MANY
@given(components=COMPONENTS)
def test_what_was_read_is_written_with_the_same_meaning(components: Any) -> None:
    once = reading.read(components)
    written = reading.write(once)

    again = reading.read(written)

    assert meaning(again) == meaning(once)
    assert reading.write(again) == written


def meaning(message: reading.Message) -> Any:
    """A message without what only says where in the JSON it stood."""
    parts = [part and replace(part, path="", n_examples=len(part.examples)) for _name, part in message.texts]
    buttons = [replace(button, path="", n_examples=int(bool(button.example))) for button in message.buttons]
    deadline = message.deadline and replace(message.deadline, path="")
    return parts, buttons, deadline, [meaning(card) for card in message.cards], bool(message.call_permission_path)


def test_only_codes_expire_in_their_footer() -> None:
    footer = {"text": "x" * 61, "code_expiration_minutes": 5}

    assert "footer_too_long" in codes(offer(footer=footer))
    assert "footer_too_long" not in codes(offer(footer=footer), category="authentication")
