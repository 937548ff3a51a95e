"""For each rule of the book: one template that just passes and one that just fails, and where the finding points."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

from launch import ROOT
from templates_approval import components as reading
from templates_approval import linting, rules, writing
from templates_approval.rules import book, policy

Json = dict[str, Any]


def quick(text: str) -> Json:
    return {"type": "QUICK_REPLY", "text": text}


def url(address: str = "https://example.com/a", text: str = "Look", **more: Any) -> Json:
    return {"type": "URL", "text": text, "url": address, **more}


PHONE = {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+33123456789"}
COPY = {"type": "COPY_CODE", "example": "SAVE20"}
OTP = {"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}
REPLIES = [quick("Interested"), quick("Not interested")]
BODY = {"type": "BODY", "text": "Hello, this week you get *20 percent off* in our shop at the market."}
FOOTER = {"type": "FOOTER", "text": "Reply STOP to end these offers"}


def buttons(*given: Json) -> Json:
    return {"type": "BUTTONS", "buttons": list(given)}


def whole(*components: Any, **beside: Any) -> Json:
    return {
        "name": "spring_sale",
        "language": "en",
        "category": "MARKETING",
        "components": list(components) or [BODY, FOOTER, buttons(*REPLIES)],
        **beside,
    }


def header(text: str = "", **more: Any) -> Json:
    component = {"type": "HEADER", "format": "TEXT", "text": text, **more}
    return whole(component, BODY, FOOTER, buttons(*REPLIES))


def media(format_: str, sample: str = "https://example.com/a.jpg") -> Json:
    return {"type": "HEADER", "format": format_, "example": {"header_handle": [sample]}}


def body(text: str, *examples: str, **named: str) -> Json:
    component: Json = {"type": "BODY", "text": text}
    if examples:
        component["example"] = {"body_text": [list(examples)]}
    if named:
        params = [{"param_name": name, "example": value} for name, value in named.items()]
        component["example"] = {"body_text_named_params": params}
    return component


def said(text: str, *examples: str, **named: str) -> Json:
    return whole(body(text, *examples, **named), FOOTER, buttons(*REPLIES))


def with_buttons(*given: Json) -> Json:
    return whole(BODY, FOOTER, buttons(*REPLIES, *given))


SENTENCE = "Reply “Interested”, “Not interested”, or STOP to end these offers."
SHORT_BODY = {"type": "BODY", "text": f"Twenty percent off all lamps.\n\n{SENTENCE}"}


def deadline(
    text: str = "Ends soon!", *, beside: tuple[Json, ...] = (), pressed: tuple[Json, ...] = (COPY, url()), **more: Any
) -> Json:
    offer = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": text, "has_expiration": True}}
    parts = (media("IMAGE"), offer, SHORT_BODY, *beside)
    return whole(*parts, *([buttons(*pressed)] if pressed else []), **more)


def card(text: str | None = "A lamp of brass.", *pressed: Json, head: Json | None = None) -> Json:
    parts = [head or media("IMAGE"), *([{"type": "BODY", "text": text}] if text is not None else [])]
    return {"components": [*parts, buttons(*(pressed or (url(),)))]}


def carousel(*cards: Json, beside: tuple[Json, ...] = (), **more: Any) -> Json:
    given = list(cards) if cards else [card(), card()]
    return whole(SHORT_BODY, *beside, {"type": "CAROUSEL", "cards": given}, **more)


def codes(*components: Json, **more: Any) -> Json:
    return whole(*components, category="AUTHENTICATION", **more)


FIXED = {"type": "BODY", "add_security_recommendation": True}
LONG_NAME = {"body_text_named_params": [{"param_name": "a", "example": "x"}]}

# code: (just passes, just fails, where it fails).
TABLE: dict[str, tuple[Any, Any, str]] = {
    # --- the request
    "request_shape": (whole(), [whole()], ""),
    "field_missing": (whole(), {k: v for k, v in whole().items() if k != "language"}, "language"),
    "field_shape": (whole(name="a"), whole(name=7), "name"),
    "name_wrong": (whole(name="a" * 512), whole(name="a" * 513), "name"),
    "language_unknown": (whole(language="fr_CA"), whole(language="fr_FR"), "language"),
    "category_unknown": (whole(category="marketing"), whole(category="PROMOTIONAL"), "category"),
    "parameter_format_unknown": (whole(parameter_format="named"), whole(parameter_format="both"), "parameter_format"),
    "parameter_format_wrong": (
        said("Hello {{1}}, this is a long offer.", "Ana") | {"parameter_format": "POSITIONAL"},
        said("Hello {{1}}, this is a long offer.", "Ana") | {"parameter_format": "NAMED"},
        "components[0].text",
    ),
    "ttl_wrong": (
        whole(message_send_ttl_seconds=43_200),
        whole(message_send_ttl_seconds=43_199),
        "message_send_ttl_seconds",
    ),
    "key_unknown": (whole(sub_category="X"), whole(catgory="MARKETING"), "catgory"),
    # --- the components
    "not_a_list": ([BODY], {"type": "BODY"}, "components"),
    "component_shape": (whole(BODY), whole(BODY, "FOOTER"), "components[1]"),
    "component_unknown": (
        whole(BODY, {"type": "footer", "text": "x"}),
        whole(BODY, {"type": "SIDE"}),
        "components[1].type",
    ),
    "component_twice": (whole(BODY, FOOTER), whole(BODY, FOOTER, FOOTER), "components[2]"),
    "card_component": (
        carousel(),
        carousel(card(), {"components": [media("IMAGE"), FOOTER]}),
        "components[1].cards[1].components[1]",
    ),
    "text_missing": (codes({"type": "BODY"}, buttons(OTP)), whole({"type": "BODY"}), "components[0].text"),
    "header_format_unknown": (whole(media("GIF"), BODY), whole(media("HOLOGRAM"), BODY), "components[0].format"),
    "button_unknown": (
        with_buttons(COPY),
        with_buttons({"type": "LEVER", "text": "x"}),
        "components[2].buttons[2].type",
    ),
    "example_shape": (
        whole(body("Hi {{1}} you", "Ana")),
        whole({"type": "BODY", "text": "Hi {{1}} you", "example": {"body_text": [[7]]}}),
        "components[0].example.body_text",
    ),
    "example_twice": (
        whole({"type": "BODY", "text": "Hi {{a}} you", "example": LONG_NAME}),
        whole({"type": "BODY", "text": "Hi {{a}} you", "example": {k: v * 2 for k, v in LONG_NAME.items()}}),
        "components[0].example.body_text_named_params[1]",
    ),
    # --- header, body, footer
    "header_too_long": (header("x" * 60), header("x" * 61), "components[0].text"),
    "header_empty": (header("x"), header(" "), "components[0].text"),
    "header_line_break": (header("one two"), header("one\ntwo"), "components[0].text"),
    "header_markup": (header("an offer"), header("an *offer*"), "components[0].text"),
    "header_emoji": (header("an offer!"), header("an offer 🎉"), "components[0].text"),
    "header_variables": (
        header("from {{a}} only", example={"header_text_named_params": [{"param_name": "a", "example": "x"}]}),
        header("from {{a}} to {{b}} only"),
        "components[0].text",
    ),
    "header_sample_missing": (
        whole(media("VIDEO"), BODY),
        whole({"type": "HEADER", "format": "VIDEO"}, BODY),
        "components[0].example",
    ),
    "header_location_code": (
        whole({"type": "HEADER", "format": "LOCATION"}, BODY),
        codes({"type": "HEADER", "format": "LOCATION"}, FIXED, buttons(OTP)),
        "components[0].format",
    ),
    "header_gif_category": (
        whole(media("GIF"), BODY),
        whole(media("GIF"), BODY, category="UTILITY"),
        "components[0].format",
    ),
    "body_missing": (whole(BODY), whole(FOOTER), "components"),
    "body_empty": (said("Hello you"), said(" \n "), "components[0].text"),
    "body_too_long": (said("y" * 1024), said("y" * 1025), "components[0].text"),
    "body_too_long_filled": (
        said("a" * 1000 + " {{a}} end", a="b" * 19),
        said("a" * 1000 + " {{a}} end", a="b" * 20),
        "components[0].text",
    ),
    "body_blank_lines": (said("Hello,\n\nbye now"), said("Hello,\n\n\nbye now"), "components[0].text"),
    "body_emojis": (said("Hello you " + "🎉" * 10), said("Hello you " + "🎉" * 11), "components[0].text"),
    "footer_empty": (whole(BODY, FOOTER), whole(BODY, {"type": "FOOTER", "text": " "}), "components[1].text"),
    "footer_too_long": (
        whole(BODY, {"type": "FOOTER", "text": "x" * 60}),
        whole(BODY, {"type": "FOOTER", "text": "x" * 61}),
        "components[1].text",
    ),
    "footer_variable": (
        whole(BODY, {"type": "FOOTER", "text": "Reply STOP, you!"}),
        whole(BODY, {"type": "FOOTER", "text": "Reply STOP, {{1}}!"}),
        "components[1].text",
    ),
    # --- buttons
    "buttons_empty": (whole(BODY, buttons(COPY)), whole(BODY, buttons()), "components[1].buttons"),
    "buttons_too_many": (
        with_buttons(*(quick(f"answer {n}") for n in range(8))),
        with_buttons(*(quick(f"answer {n}") for n in range(9))),
        "components[2].buttons",
    ),
    "url_buttons_too_many": (
        with_buttons(url(text="A"), url(text="B")),
        with_buttons(url(text="A"), url(text="B"), url(text="C")),
        "components[2].buttons",
    ),
    "phone_buttons_too_many": (
        with_buttons(PHONE),
        with_buttons(PHONE, PHONE | {"text": "Ring"}),
        "components[2].buttons",
    ),
    "code_buttons_too_many": (with_buttons(COPY), with_buttons(COPY, COPY), "components[2].buttons"),
    "special_buttons_too_many": (
        whole(BODY, buttons({"type": "CATALOG", "text": "View"})),
        whole(BODY, buttons({"type": "CATALOG", "text": "View"}, {"type": "CATALOG", "text": "See"})),
        "components[1].buttons",
    ),
    "buttons_interleaved": (
        whole(BODY, buttons(url(), PHONE, *REPLIES)),
        whole(BODY, buttons(REPLIES[0], url(), REPLIES[1])),
        "components[1].buttons",
    ),
    "label_empty": (with_buttons(quick("x")), with_buttons(quick(" ")), "components[2].buttons[2].text"),
    "label_too_long": (with_buttons(quick("x" * 25)), with_buttons(quick("x" * 26)), "components[2].buttons[2].text"),
    "label_variable": (
        with_buttons(quick("For you")),
        with_buttons(quick("For {{1}}")),
        "components[2].buttons[2].text",
    ),
    "label_twice": (
        with_buttons(quick("interest")),
        with_buttons(quick("interested")),
        "components[2].buttons[2].text",
    ),
    "url_too_long": (
        with_buttons(url("https://example.com/" + "x" * 1980)),
        with_buttons(url("https://example.com/" + "x" * 1981)),
        "components[2].buttons[2].url",
    ),
    "url_not_web": (with_buttons(url()), with_buttons(url("javascript:alert(1)")), "components[2].buttons[2].url"),
    "url_example_wrong": (
        with_buttons(url("https://example.com/{{1}}", example=["https://example.com/a"])),
        with_buttons(url("https://example.com/{{1}}", example=["ftp://example"])),
        "components[2].buttons[2].example",
    ),
    "url_variables": (
        with_buttons(url("https://example.com/{{1}}", example=["a"])),
        with_buttons(url("https://example.com/{{1}}/{{2}}", example=["a"])),
        "components[2].buttons[2].url",
    ),
    "url_variable_not_last": (
        with_buttons(url("https://example.com/x/{{1}}", example=["a"])),
        with_buttons(url("https://example.com/{{1}}/x", example=["a"])),
        "components[2].buttons[2].url",
    ),
    "url_variable_in_host": (
        with_buttons(url("https://example.com/{{1}}", example=["a"])),
        with_buttons(url("https://example.com{{1}}", example=["a"])),
        "components[2].buttons[2].url",
    ),
    "phone_wrong": (
        with_buttons(PHONE | {"phone_number": "+" + "1" * 19}),
        with_buttons(PHONE | {"phone_number": "+" + "1" * 20}),
        "components[2].buttons[2].phone_number",
    ),
    "code_wrong": (
        with_buttons(COPY | {"example": "A" * 20}),
        with_buttons(COPY | {"example": "A" * 21}),
        "components[2].buttons[2].example",
    ),
    # --- formats
    "deadline_category": (deadline(), deadline(category="UTILITY"), "category"),
    "deadline_empty": (deadline("x"), deadline(" "), "components[1].limited_time_offer.text"),
    "deadline_too_long": (deadline("x" * 16), deadline("x" * 17), "components[1].limited_time_offer.text"),
    "deadline_variable": (deadline("Ends 1"), deadline("Ends {{1}}"), "components[1].limited_time_offer.text"),
    "deadline_body_too_long": (
        {**deadline(), "components": [deadline()["components"][1], body("y" * 600), buttons(COPY, url())]},
        {**deadline(), "components": [deadline()["components"][1], body("y" * 601), buttons(COPY, url())]},
        "components[1].text",
    ),
    "deadline_footer": (deadline(), deadline(beside=(FOOTER,)), "components[3]"),
    "deadline_header": (
        {**deadline(), "components": [media("VIDEO"), *deadline()["components"][1:]]},
        {**deadline(), "components": [media("DOCUMENT"), *deadline()["components"][1:]]},
        "components[0].format",
    ),
    "deadline_buttons": (deadline(pressed=(url(),)), deadline(pressed=(url(), COPY)), "components[3].buttons"),
    "deadline_code_too_long": (
        deadline(pressed=(COPY | {"example": "A" * 15}, url())),
        deadline(pressed=(COPY | {"example": "A" * 16}, url())),
        "components[3].buttons[0].example",
    ),
    "carousel_category": (carousel(), carousel(category="UTILITY"), "category"),
    "carousel_beside": (carousel(), carousel(beside=(FOOTER,)), "components[1]"),
    "cards_count": (carousel(*[card()] * 10), carousel(*[card()] * 11), "components[1].cards"),
    "cards_differ": (
        carousel(card("a b", url(), PHONE), card("c d", url(), PHONE)),
        carousel(card("a b", url(), PHONE), card("c d", PHONE, url())),
        "components[1].cards[1].components",
    ),
    "cards_bodies": (carousel(card(None), card(None)), carousel(card(None), card()), "components[1].cards"),
    "card_header_missing": (
        carousel(),
        carousel(*[{"components": [BODY, buttons(url())]}] * 2),
        "components[1].cards[0].components",
    ),
    "card_header_format": (
        carousel(*[card(head=media("VIDEO"))] * 2),
        carousel(*[card(head=media("DOCUMENT"))] * 2),
        "components[1].cards[0].components[0].format",
    ),
    "card_body_too_long": (
        carousel(*[card("x" * 160)] * 2),
        carousel(*[card("x" * 161)] * 2),
        "components[1].cards[0].components[1].text",
    ),
    "card_body_breaks": (
        carousel(*[card("a\nb\nc d")] * 2),
        carousel(*[card("a\nb\nc\nd")] * 2),
        "components[1].cards[0].components[1].text",
    ),
    "card_buttons_too_many": (
        carousel(*[card("a b", url(), PHONE)] * 2),
        carousel(*[card("a b", url(), PHONE, quick("More"))] * 2),
        "components[1].cards[0].components[2].buttons",
    ),
    "card_button_kind": (
        carousel(*[card("a b", quick("More"))] * 2),
        carousel(*[card("a b", COPY)] * 2),
        "components[1].cards[0].components[2].buttons[0].type",
    ),
    "code_button_missing": (codes(FIXED, buttons(OTP)), codes(FIXED), "components"),
    "code_button_category": (codes(FIXED, buttons(OTP)), whole(BODY, buttons(OTP)), "components[1].buttons[0].type"),
    "code_template_parts": (codes(FIXED, buttons(OTP)), codes(media("IMAGE"), FIXED, buttons(OTP)), "components[0]"),
    "code_template_words": (
        codes(body("*{{1}}* is your code.", "123456"), buttons(OTP)),
        codes(body("Welcome to our shop."), buttons(OTP)),
        "components[0].text",
    ),
    # --- variables
    "variable_syntax": (
        said("Hello {name}, this is a long offer"),
        said("Hello {{name, this is a long offer"),
        "components[0].text",
    ),
    "variable_forbidden_sign": (
        said("Hello {{price}} this is a long offer", price="x"),
        said("Hello {{$price}} this is a long offer"),
        "components[0].text",
    ),
    "variable_name": (
        said("Hello {{first_name}} this is a long offer", first_name="Ana"),
        said("Hello {{firstName}} this is a long offer"),
        "components[0].text",
    ),
    "variable_digits": (
        said("Hello {{line}} this is a long offer", line="x"),
        said("Hello {{line2}} this is a long offer", line2="x"),
        "components[0].text",
    ),
    "variable_twice": (
        said("Hello {{a}}, dear {{b}}, this is a long offer", a="x", b="y"),
        said("Hello {{a}}, dear {{a}}, this is a long offer", a="x"),
        "components[0].text",
    ),
    "variable_gap": (
        said("Hello {{1}} and {{2}}, this is a long offer", "a", "b"),
        said("Hello {{1}} and {{3}}, this is a long offer", "a", "b"),
        "components[0].text",
    ),
    "variables_mixed": (
        said("Hello {{a}} and {{b}}, this is a long offer", a="x", b="y"),
        said("Hello {{a}} and {{1}}, this is a long offer", a="x"),
        "components",
    ),
    "variable_at_edge": (said("Hello there, {{1}}!", "Ana"), said("Hello there, {{1}}", "Ana"), "components[0].text"),
    "variables_adjacent": (
        said("Hello {{a}}, {{b}}, a long offer is here", a="x", b="y"),
        said("Hello {{a}} {{b}}, a long offer is here", a="x", b="y"),
        "components[0].text",
    ),
    "variables_dense": (
        said("Hi {{a}}, see {{b}} here right now", a="x", b="y"),
        said("Hi {{a}}, see {{b}} here now", a="x", b="y"),
        "components[0].text",
    ),
    "example_missing": (
        said("Hello {{a}}, a long offer", a="x"),
        said("Hello {{a}}, a long offer", a=" "),
        "components[0].example",
    ),
    "body_unclear": (said("Congratulations, friends!"), said("Congratulations!"), "components[0].text"),
    "value_unusable": (
        said("Hello {{a}}, a long offer", a="four    spaces"),
        said("Hello {{a}}, a long offer", a="five     spaces"),
        "components[0].example",
    ),
    "example_too_long": (
        header("from {{a}} only", example={"header_text_named_params": [{"param_name": "a", "example": "x" * 1024}]}),
        header("from {{a}} only", example={"header_text_named_params": [{"param_name": "a", "example": "x" * 1025}]}),
        "components[0].example",
    ),
    "example_count": (
        said("Hello {{1}}, a long offer", "Ana"),
        said("Hello {{1}}, a long offer", "Ana", "Bo"),
        "components[0].example",
    ),
    "example_unknown": (
        said("Hello {{a}}, a long offer", a="x"),
        said("Hello {{a}}, a long offer", a="x", b="y"),
        "components[0].example",
    ),
    # --- words (each has a corpus of its own, too)
    "secret_asked": (
        said("Tell us the last four digits of your card number."),
        said("Tell us all the digits of your card number."),
        "components[0].text",
    ),
    "link_shortened": (said("Look at lumen.com/a today"), said("Look at bit.ly/a today"), "components[0].text"),
    "link_lookalike": (said("Look at paypal.com today"), said("Look at paypa1.com today"), "components[0].text"),
    "link_mixed_letters": (said("Look at lamps.com today"), said("Look at lаmps.com today"), "components[0].text"),
    "link_mismatched": (
        whole(body("All lamps are on example.com today."), buttons(url())),
        whole(body("All lamps are on lumen.com today."), buttons(url())),
        "components[1].buttons[0].url",
    ),
    "sign_invisible": (said("Hello you, come in"), said("Hello you,\u200b come in"), "components[0].text"),
    "shouting": (said("NEW LAMPS in our shop today"), said("NEW LAMPS IN OUR SHOP TODAY"), "components[0].text"),
    "urgency_misleading": (
        said("The offer ends on Sunday, 4 May."),
        said("Last chance, friends!"),
        "components[0].text",
    ),
    "language_mismatch": (
        whole(body("Bonjour, cette semaine vingt pour cent de remise."), language="fr"),
        whole(body("Bonjour, cette semaine vingt pour cent de remise."), language="en"),
        "components[0].text",
    ),
    "goods_forbidden": (said("Cigarette trousers are back."), said("Cigarettes are back."), "components[0].text"),
    "regulated_goods": (said("Wine glasses are back."), said("Wine is back."), "components[0].text"),
    "category_drift": (
        whole(body("Your order is on its way."), category="UTILITY"),
        whole(body("Your order is on its way. Shop now!"), category="UTILITY"),
        "components[0].text",
    ),
    # --- offers of this installation
    "category_not_marketing": (whole(), whole(category="UTILITY"), "category"),
    "interested_missing": (whole(), whole(BODY, FOOTER, buttons(REPLIES[1])), "components[2].buttons"),
    "not_interested_missing": (whole(), whole(BODY, FOOTER, buttons(REPLIES[0])), "components[2].buttons"),
    "stop_missing": (
        whole(BODY, FOOTER, buttons(*REPLIES)),
        whole(BODY, {"type": "FOOTER", "text": "Thank you"}, buttons(*REPLIES)),
        "components[1].text",
    ),
    "choices_missing": (
        carousel(),
        {**carousel(), "components": [BODY, carousel()["components"][1]]},
        "components[0].text",
    ),
    "body_only_variables": (said("– {{a}} here –", a="x"), said("– {{a}} –", a="x"), "components[0].text"),
    "header_not_carried": (
        whole({"type": "HEADER", "format": "TEXT", "text": "Spring"}, BODY),
        whole(media("IMAGE"), BODY),
        "components[0].format",
    ),
    "component_not_carried": (whole(), whole(BODY, {"type": "CALL_PERMISSION_REQUEST"}), "components[1]"),
    "button_not_carried": (
        with_buttons(COPY),
        with_buttons({"type": "VOICE_CALL", "text": "Call"}),
        "components[2].buttons[2].type",
    ),
    "fallback_unknown": (
        said("Hello {{a}}, a long offer", a="x") | {"fallbacks": {"a": "you"}},
        said("Hello {{a}}, a long offer", a="x") | {"fallbacks": {"b": "you"}},
        "fallbacks.b",
    ),
    "fallback_shape": (
        said("Hello {{a}}, a long offer", a="x") | {"fallbacks": {"a": "3"}},
        said("Hello {{a}}, a long offer", a="x") | {"fallbacks": {"a": 3}},
        "fallbacks.a",
    ),
}
# What is wrong with the file itself: (just passes, just fails, where).
GOOD = json.dumps(whole(), ensure_ascii=False)
DEEP = reading.MAX_JSON_DEPTH - 2
FILES: dict[str, tuple[bytes, bytes, str]] = {
    "not_json": (GOOD.encode(), GOOD[:-1].encode(), ""),
    "not_utf8": (GOOD.encode("utf-8-sig"), GOOD.encode("utf-16"), ""),
    "too_long": (
        GOOD.encode() + b" " * (reading.MAX_JSON_BYTES - len(GOOD.encode())),
        GOOD.encode() + b" " * (reading.MAX_JSON_BYTES + 1 - len(GOOD.encode())),
        "",
    ),
    "too_deep": (
        json.dumps(whole(sub_category=json.loads("[" * DEEP + "]" * DEEP))).encode(),
        json.dumps(whole(sub_category=json.loads("[" * (DEEP + 3) + "]" * (DEEP + 3)))).encode(),
        "sub_category" + "[0]" * 20,
    ),
    "unstorable_json": (b'{"name": 1.5}', b'{"name": NaN}', ""),
    "bad_text": (b'{"name": "\\ud83d\\ude00"}', b'{"name": "\\ud83d"}', "name"),
    "key_twice": (b'{"name": "a"}', b'{"name": "a", "name": "b"}', ""),
}


def check(value: Any) -> list[rules.Finding]:
    if isinstance(value, list) and value and value[0] is BODY:
        return rules.check(value, category="marketing", language="en", fallbacks={})
    if isinstance(value, dict) and "type" in value:
        return rules.check(value, category="marketing", language="en", fallbacks={})
    return rules.check_request(value, profile="platform")


@pytest.mark.parametrize("code", TABLE)
def test_a_template_just_passes_and_one_just_fails(code: str) -> None:
    passes, fails, path = TABLE[code]

    assert code not in {finding.code for finding in check(passes)}
    found = [finding for finding in check(fails) if finding.code == code]
    assert [finding.path for finding in found][:1] == [path]


@pytest.mark.parametrize("code", FILES)
def test_a_file_just_passes_and_one_just_fails(code: str, tmp_path: Path) -> None:
    passes, fails, path = FILES[code]
    file = tmp_path / "template.json"

    def found(content: bytes) -> list[rules.Finding]:
        file.write_bytes(content)
        linted = linting.lint(file, profile="platform", asks=policy.shipped())
        return [finding for finding in linted.findings if finding.code == code]

    assert found(passes) == []
    assert [finding.path for finding in found(fails)] == [path]


def test_a_text_just_unlike_a_rejected_one_passes() -> None:
    rejected = [rules.Rejected("old", "Win a phone today, friends: answer us with your name.")]

    def codes_of(text: str) -> list[str]:
        found = rules.check(
            [{"type": "BODY", "text": text}], category="marketing", language="en", fallbacks={}, rejected=rejected
        )
        return [finding.code for finding in found]

    assert "near_duplicate" in codes_of("Win a phone today, friends: answer me with your name!")
    assert "near_duplicate" not in codes_of("Answer us with your size today, friends, and we keep a pair.")


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    found = linting.lint(tmp_path / "none.json", profile="whatsapp", asks=policy.shipped()).findings

    assert [finding.code for finding in found] == ["not_readable"]


def test_the_table_has_every_rule_of_the_book() -> None:
    elsewhere = {"near_duplicate", "not_readable"}  # the two tests above

    assert set(TABLE) | set(FILES) | elsewhere == set(book.BOOK)


def test_every_rule_of_the_reference_is_checked() -> None:
    assert {f"V{n}" for n in range(1, 16)} <= {rule.source for rule in book.BOOK.values()}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_finding_makes_sentences_and_survives_storage(language: str) -> None:
    with override(language):
        for _passes, fails, _path in TABLE.values():
            for finding in check(fails):
                again = book.from_json(json.loads(json.dumps(finding.as_json())))
                assert again is not None
                assert again.message == finding.message
                assert finding.message.endswith((".", "?", "!")), finding
                assert "%(" not in finding.message + finding.fix
                assert len(finding.fix) > 5


# --- What is written about them ---------------------------------------------------------------------


def documented() -> dict[str, tuple[str, str]]:
    """The rules of docs/rules.md: code → (severity, source)."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \|", (ROOT / "docs" / "rules.md").read_text(), re.MULTILINE)
    return {code: (severity, source.strip()) for code, severity, source in rows}


def test_the_documented_rules_are_those_of_the_code() -> None:
    assert documented() == {code: (str(rule.severity), rule.source) for code, rule in book.BOOK.items()}


# --- Profiles ---------------------------------------------------------------------------------------


def test_a_good_offer_has_no_findings_in_either_profile() -> None:
    for profile in rules.PROFILES:
        assert rules.check_request(whole(), profile=profile) == []


@pytest.mark.parametrize("code", book.offers.OFFERS)
def test_whatsapp_knows_nothing_of_what_we_ask_of_offers(code: str) -> None:
    found = rules.check_request(TABLE[code][1], profile="whatsapp")

    assert code not in {finding.code for finding in found}


@pytest.mark.parametrize("make", [deadline, carousel])
def test_formats_without_room_for_buttons_say_it_in_words(make: Callable[[], Json]) -> None:
    found = [finding.code for finding in rules.check_request(make(), profile="platform")]

    # Their pictures stop them, and nothing else.
    assert found == ["header_not_carried"] * json.dumps(make()).count('"HEADER"')


def test_what_only_we_refuse_is_advice_where_whatsapps_rules_are_asked() -> None:
    hidden = said("Look at bit.ly/a today")

    ours = [f.severity for f in rules.check_request(hidden, profile="platform") if f.code == "link_shortened"]
    theirs = [f.severity for f in rules.check_request(hidden, profile="whatsapp") if f.code == "link_shortened"]

    assert (ours, theirs) == ([rules.Severity.ERROR], [rules.Severity.WARNING])


def test_what_the_composer_writes_passes() -> None:
    written = writing.components(
        language="fr",
        header="Offre à {{1}} seulement",
        body="Bonjour {{1}}, cette semaine vous avez {{2}} de remise dans toute notre boutique.",
        examples={"header.1": "Lyon", "1": "Ana", "2": "20 %", "button.2.1": "ete"},
        link=("Voir", "https://www.example.com/{{1}}"),
    )

    assert rules.check(written, category="marketing", language="fr", fallbacks={}) == []
