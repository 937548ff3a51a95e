"""One renderer: people's words are put in, nothing that anybody wrote becomes a tag, the rest stays visible."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcasts.channels.base import plain_wording
from broadcasts.models import Sender
from templates_approval import placeholders, render, writing
from templates_approval.models import Version

OFFER = writing.components(
    language="fr",
    header="Pour {{city}} !",
    body="Bonjour {{first_name}}, *{{discount}}* cette semaine.",
    examples={"city": "Lyon", "first_name": "Ana", "discount": "20 %"},
    link=("Voir", "https://www.example.com/o/{{1}}"),
)


def test_fills_values_then_fallbacks_and_leaves_the_rest_visible() -> None:
    rendered = render.render(OFFER, {"first_name": "Zoé", "city": ""}, fallbacks={"city": "vous"})

    assert rendered.header is not None
    assert rendered.header.text == "Pour vous !"
    assert rendered.body == "Bonjour Zoé, *{{discount}}* cette semaine."
    assert rendered.footer == "Répondez STOP pour ne plus recevoir d’offres"
    assert rendered.unfilled == ("discount", "button.2.1")
    assert '<strong><mark class="unfilled">{{discount}}</mark></strong>' in rendered.body_html


def test_says_what_is_missing_before_anything_is_sent() -> None:
    values = {"first_name": "Zoé", "discount": " \n "}

    assert render.missing(OFFER, values, {"city": "vous"}) == ["discount", "button.2.1"]


def test_buttons_carry_what_comes_back_when_they_are_pressed() -> None:
    buttons = render.render(OFFER, {"button.2.1": "été/1&x=2"}, fallbacks={}).buttons

    assert [button.as_json() for button in buttons] == [
        {"type": "QUICK_REPLY", "text": "Intéressé", "payload": "interested"},
        {"type": "QUICK_REPLY", "text": "Pas intéressé", "payload": "not_interested"},
        {"type": "URL", "text": "Voir", "url": "https://www.example.com/o/%C3%A9t%C3%A9%2F1%26x%3D2"},
    ]


def test_other_buttons() -> None:
    components = [
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Call me back"},
                {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+33123456789"},
                {"type": "COPY_CODE", "example": "SAVE20"},
            ],
        }
    ]

    rendered = render.render(components, {"coupon_code": "SAVE30"}, fallbacks={})

    assert [button.as_json() for button in rendered.buttons] == [
        {"type": "QUICK_REPLY", "text": "Call me back", "payload": "reply_0"},
        {"type": "PHONE_NUMBER", "text": "Call", "phone": "+33123456789"},
        {"type": "COPY_CODE", "code": "SAVE30"},
    ]


def test_the_preview_is_what_the_channel_gets() -> None:
    values = {"first_name": "Zoé", "city": "Lyon", "discount": "20 %", "button.2.1": "a"}

    prepared = render.prepare(OFFER, fallbacks={})

    assert prepared.render(values) == render.render(OFFER, values, fallbacks={})
    assert prepared.content(values) == prepared.render(values).as_json()
    assert prepared.render(values).as_json() == {
        "header": {"format": "TEXT", "text": "Pour Lyon !"},
        "body": "Bonjour Zoé, *20 %* cette semaine.",
        "footer": "Répondez STOP pour ne plus recevoir d’offres",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Intéressé", "payload": "interested"},
            {"type": "QUICK_REPLY", "text": "Pas intéressé", "payload": "not_interested"},
            {"type": "URL", "text": "Voir", "url": "https://www.example.com/o/a"},
        ],
    }


def test_values_are_put_on_one_line() -> None:
    rendered = render.render(OFFER, {"first_name": "Zoé\n\tdu     Pont", "discount": 20}, fallbacks={})

    assert rendered.body == "Bonjour Zoé du Pont, *20* cette semaine."


def test_a_value_is_not_filled_a_second_time() -> None:
    rendered = render.render(OFFER, {"first_name": "{{discount}}", "discount": "20 %"}, fallbacks={})

    assert rendered.body == "Bonjour {{discount}}, *20 %* cette semaine."
    assert rendered.unfilled == ("city", "button.2.1")


def test_a_body_that_grew_too_long_is_known() -> None:
    assert not render.render(OFFER, {"first_name": "x" * 900}, fallbacks={}).is_too_long
    assert render.render(OFFER, {"first_name": "x" * 1000}, fallbacks={}).is_too_long


# --- WhatsApp's markup -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _it_ ~no~", "<strong>bold</strong> <em>it</em> <s>no</s>"),
        ("*_both_*", "<strong><em>both</em></strong>"),
        ("(*bold*)!", "(<strong>bold</strong>)!"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("*not closed", "*not closed"),
        ("*not* bold*", "<strong>not</strong> bold*"),
        ("* one\n* *two*\nthree", "<ul><li>one</li><li><strong>two</strong></li></ul>three"),
        ("- one\n- two", "<ul><li>one</li><li>two</li></ul>"),
        ("a\n1. one\n2. two", "a<ol><li>one</li><li>two</li></ol>"),
        ("3. three\n4. four", '<ol start="3"><li>three</li><li>four</li></ol>'),
        ("> said\n> _so_\nend", "<blockquote>said<br><em>so</em></blockquote>end"),
        ("1.5 kg", "1.5 kg"),
        ("a > b\n- \n*", "a &gt; b<br>- <br>*"),
        ("```* no\n> list```", "<code>* no<br>&gt; list</code>"),
        ("مرحبا *عرض* 🎉", "مرحبا <strong>عرض</strong> 🎉"),
        ("*not\nbold*", "*not<br>bold*"),
        ("*a _b* c_", "<strong>a _b</strong> c_"),
        ("```*raw* <b>```", "<code>*raw* &lt;b&gt;</code>"),
        ("a `c` b", "a <code>c</code> b"),
        ("**", "**"),
        ("*é*", "<strong>é</strong>"),
        ("{{first_name}} {{_a}} and {{b_}}", None),
    ],
)
def test_markup(text: str, html: str | None) -> None:
    rendered = render.to_html(text)

    if html is None:
        assert "<em>" not in rendered
        assert rendered.count("<mark") == 3
    else:
        assert rendered == html


EVIL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "*<b onclick=x>*",
    "_<svg/onload=alert(1)>_",
    "```</code><script>x</script>```",
    "`<i>`",
    '"><script>',
    "' onmouseover='x",
    "{{<script>}}",
    '{{" onclick="x}}',
    "&lt;script&gt;",
    "<scr*ipt>*alert(1)",
    "*_~<x>~_*",
    "\u202e<script>",
    "<br><mark>",
]
LITERAL = [
    "{{7*7}}",
    "{% debug %}",
    "{0.__class__}",
    "%(x)s %s",
    "${7*7}",
    "#{7*7}",
    "{{ request.user }}",
    "{{''.__class__}}",
]


class Tags(HTMLParser):
    """Collects the tags of a page and checks that they are nested properly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


ALLOWED = {(tag, ()) for tag in ("strong", "em", "s", "code", "br", "ul", "ol", "li", "blockquote")}
ALLOWED |= {("mark", (("class", "unfilled"),))} | {("ol", (("start", str(n)),)) for n in range(100)}


def tags_of(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("place", ["template", "value", "fallback"])
def test_nothing_written_becomes_a_tag_of_ours(evil: str, place: str) -> None:
    text = f"Hello {evil}, bye" if place == "template" else "Hello {{name}}, bye"
    components = [
        {"type": "HEADER", "format": "TEXT", "text": text},
        {"type": "BODY", "text": text},
        {"type": "FOOTER", "text": text},
    ]
    values = {"name": evil} if place == "value" else {}
    fallbacks = {"name": evil} if place == "fallback" else {}

    rendered = render.render(components, values, fallbacks=fallbacks)

    assert rendered.header
    for html in (rendered.header.html, rendered.body_html, rendered.footer_html):
        assert set(tags_of(html).seen) <= ALLOWED


@pytest.mark.parametrize("literal", LITERAL)
def test_no_language_of_templates_is_run(literal: str) -> None:
    rendered = render.render([{"type": "BODY", "text": "Hi {{name}} and {{other}}."}], {"name": literal}, fallbacks={})

    assert rendered.body == f"Hi {literal} and {{{{other}}}}."
    assert "49" not in rendered.body_html


@given(text=st.text(alphabet=st.sampled_from("*_~`{} \na<&\"'x"), max_size=80) | st.text(max_size=80))
def test_any_text_becomes_well_nested_html_that_says_the_same(text: str) -> None:
    parser = tags_of(render.to_html(text))

    assert set(parser.seen) <= ALLOWED
    keep = re.compile(r"[^*_~`\s]")
    assert keep.findall(parser.text) == keep.findall(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "text", "buttons", "url", "example", "format"]), inner, max_size=5)
    ),
)


@given(components=JSON, values=st.dictionaries(st.text(max_size=5), JSON))
def test_no_json_makes_the_renderer_fail(components: Any, values: dict[str, Any]) -> None:
    rendered = render.render(components, values, fallbacks={})

    tags_of(rendered.body_html)
    assert set(rendered.as_json()) == {"header", "body", "footer", "buttons"}
    render.missing(components, values, {})


# --- Every door shows the same ------------------------------------------------------------------

TEXTS = st.text(max_size=40) | st.sampled_from(["*b*", "{{a}}", "مرحبا", "🎉", "- x\n- y", "<i>", "50 %", "a  b"])
BUTTONS = st.lists(
    st.sampled_from(
        [
            {"type": "QUICK_REPLY", "text": "Interested"},
            {"type": "QUICK_REPLY", "text": "More"},
            {"type": "URL", "text": "Look", "url": "https://example.com/{{1}}", "example": ["a"]},
            {"type": "URL", "text": "Page", "url": "https://example.com/"},
            {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+33123456789"},
            {"type": "COPY_CODE", "example": "SAVE20"},
        ]
    ),
    max_size=4,
)
PARTS = st.builds(
    lambda header, body, footer, buttons, deadline, cards: [
        *header,
        *deadline,
        {"type": "BODY", "text": body},
        *([{"type": "FOOTER", "text": footer}] if footer else []),
        *([{"type": "BUTTONS", "buttons": buttons}] if buttons else []),
        *([{"type": "CAROUSEL", "cards": [{"components": card} for card in cards]}] if cards else []),
    ],
    header=st.sampled_from(
        [
            [],
            [{"type": "HEADER", "format": "TEXT", "text": "For {{1}}!"}],
            [{"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://example.com/a.png"]}}],
            [{"type": "HEADER", "format": "LOCATION"}],
        ]
    ),
    body=TEXTS,
    footer=st.sampled_from(["", "Reply STOP"]),
    buttons=BUTTONS,
    deadline=st.sampled_from(
        [[], [{"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Ends soon", "has_expiration": True}}]]
    ),
    cards=st.lists(
        st.builds(
            lambda text, buttons: [
                {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["x"]}},
                {"type": "BODY", "text": text},
                {"type": "BUTTONS", "buttons": buttons},
            ],
            TEXTS,
            BUTTONS,
        ),
        max_size=3,
    ),
)
NAMES = ["a", "1", "header.1", "button.0.1", "button.1.1", "card.0.1", "card.0.button.0.1", "coupon_code"]
NAMES += ["location.latitude", "location.longitude", "location.name", "location.address"]
VALUES = st.dictionaries(st.sampled_from(NAMES), TEXTS | st.integers() | st.none())


@settings(max_examples=3_000 if os.environ.get("PROMISES") else 100)
@given(components=PARTS, values=VALUES, fallbacks=st.dictionaries(st.sampled_from(NAMES), TEXTS))
def test_preview_and_sending_are_the_same_at_every_door(
    components: list[dict[str, Any]], values: dict[str, Any], fallbacks: dict[str, str]
) -> None:
    version = Version(components=components, fallbacks=fallbacks, language="en")
    preview = render.render(components, values, fallbacks=fallbacks)

    # What the sandbox and the webhook channel hand over, and what a phone keeps of it.
    sent = plain_wording(Sender(), version).content(values)

    assert sent == preview.as_json()
    assert json.loads(json.dumps(sent)) == sent
    # What a page shows of the message before it is sent, and of what the phone kept.
    assert bubble(preview) == bubble(sent)


def bubble(message: Any) -> str:
    return render_to_string("parts/bubble.html", {"message": message})


def test_every_part_of_a_carousel_is_filled() -> None:
    card = [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://example.com/a.png"]}},
        {"type": "BODY", "text": "The {{1}} lamp."},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "More"},
                {"type": "URL", "text": "Look", "url": "https://example.com/{{1}}"},
            ],
        },
    ]
    components = [
        {"type": "BODY", "text": "Hello {{1}}, look."},
        {"type": "CAROUSEL", "cards": [{"components": card}, {"components": card}]},
    ]
    values = {"1": "Ana", "card.0.1": "Oslo", "card.0.button.1.1": "oslo", "card.1.1": "Bergen"}

    rendered = render.render(components, values, fallbacks={})

    assert rendered.body == "Hello Ana, look."
    assert [one.body for one in rendered.cards] == ["The Oslo lamp.", "The Bergen lamp."]
    assert rendered.cards[0].buttons[1].url == "https://example.com/oslo"
    assert rendered.cards[1].buttons[0].payload == "card_1_reply_0"
    assert rendered.unfilled == ("card.1.button.1.1",)
    assert placeholders.variables(components) == ["1", "card.0.1", "card.0.button.1.1", "card.1.1", "card.1.button.1.1"]
    assert rendered.files == ["https://example.com/a.png"]


def test_a_place_is_asked_for_and_filled() -> None:
    components = [{"type": "HEADER", "format": "LOCATION"}, {"type": "BODY", "text": "Come here."}]
    values = dict(zip(placeholders.PLACE, ["45.76", "4.83", "Lumen", "12 rue du Marché"], strict=True))

    header = render.render(components, values, fallbacks={}).as_json()["header"]

    assert placeholders.variables(components) == list(placeholders.PLACE)
    assert header["place"] == {
        "latitude": "45.76",
        "longitude": "4.83",
        "name": "Lumen",
        "address": "12 rue du Marché",
    }


@pytest.mark.parametrize(("longest", "found"), [("x" * 1008, None), ("x" * 1009, (1025, 1024))])
def test_the_worst_values_of_an_audience_are_known_beforehand(longest: str, found: tuple[int, int] | None) -> None:
    components = [{"type": "BODY", "text": "Hello {{name}}, come in."}]  # 16 of its own

    assert render.too_long_for(components, {"name": longest}, fallbacks={"name": "you"}) == found
    assert render.render(components, {"name": longest}, fallbacks={}).is_too_long is (found is not None)
