"""WhatsApp's rules of the formats: limited-time offer, carousel of cards, templates for codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from templates_approval import components as reading
from templates_approval import placeholders
from templates_approval.rules import texts
from templates_approval.rules.book import Finding
from templates_approval.rules.subject import MARKETING, Subject

MAX_DEADLINE, MAX_DEADLINE_BODY, MAX_DEADLINE_CODE = 16, 600, 15
MIN_CARDS, MAX_CARDS, MAX_CARD_BODY, MAX_CARD_BUTTONS, MAX_CARD_BREAKS = 2, 10, 160, 2, 2
SHOWN_MEDIA = frozenset({"IMAGE", "VIDEO"})
CARD_BUTTONS = frozenset({reading.QUICK_REPLY, reading.URL, reading.PHONE_NUMBER})
# A carousel of products takes its pictures from the catalogue, and its one button opens the product.
PRODUCT_BUTTONS = CARD_BUTTONS | {"SPM"}


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what the template's format does not allow."""
    message = subject.message
    if message.deadline is not None:
        yield from _deadline(message.deadline, subject)
    if message.carousel_path:
        yield from _carousel(subject)
    yield from _codes(subject)


# --- Limited-time offer --------------------------------------------------------------------------


def _deadline(deadline: reading.Deadline, subject: Subject) -> Iterator[Finding]:
    message, path = subject.message, f"{deadline.path}.text"
    if subject.category != MARKETING:
        yield Finding("deadline_category", "category")
    if not deadline.text.strip():
        yield Finding("deadline_empty", path)
    if len(deadline.text) > MAX_DEADLINE:
        yield Finding("deadline_too_long", path, {"length": len(deadline.text), "limit": MAX_DEADLINE})
    if "{{" in deadline.text:
        yield Finding("deadline_variable", path)
    if message.header is not None and message.header.format not in SHOWN_MEDIA:
        yield Finding("deadline_header", f"{message.header.path}.format")
    if message.footer is not None:
        yield Finding("deadline_footer", message.footer.path)
    if message.body is not None and texts.MAX_BODY >= len(message.body.text) > MAX_DEADLINE_BODY:
        params = {"length": len(message.body.text), "limit": MAX_DEADLINE_BODY}
        yield Finding("deadline_body_too_long", f"{message.body.path}.text", params)
    yield from _deadline_buttons(message)


def _deadline_buttons(message: reading.Message) -> Iterator[Finding]:
    kinds = [button.kind for button in message.buttons]
    if kinds not in ([reading.COPY_CODE, reading.URL], [reading.URL]):
        path = f"{message.buttons_path}.buttons" if message.buttons_path else "components"
        yield Finding("deadline_buttons", path)
    for button in message.buttons:
        if button.kind == reading.COPY_CODE and 20 >= len(button.example) > MAX_DEADLINE_CODE:
            params = {"length": len(button.example), "limit": MAX_DEADLINE_CODE, "code": button.example}
            yield Finding("deadline_code_too_long", f"{button.path}.example", params)


# --- Carousel ------------------------------------------------------------------------------------


def _carousel(subject: Subject) -> Iterator[Finding]:
    message, cards = subject.message, subject.message.cards
    path = f"{message.carousel_path}.cards"
    if subject.category != MARKETING:
        yield Finding("carousel_category", "category")
    yield from _beside(message)
    if not MIN_CARDS <= len(cards) <= MAX_CARDS:
        yield Finding("cards_count", path, {"count": len(cards), "least": MIN_CARDS, "most": MAX_CARDS})
    if len({card.body is None for card in cards}) > 1:
        yield Finding("cards_bodies", path)
    for card in cards:
        yield from _card(card)
        if (has := _build(card)) != (first := _build(cards[0])):
            yield Finding("cards_differ", card.path, {"has": has, "first": first})


def _beside(message: reading.Message) -> Iterator[Finding]:
    others: tuple[tuple[str, Any], ...] = (
        (reading.HEADER, message.header),
        (reading.FOOTER, message.footer),
        (reading.LIMITED_TIME_OFFER, message.deadline),
    )
    for kind, part in others:
        if part is not None:
            yield Finding("carousel_beside", part.path.removesuffix(".limited_time_offer"), {"type": kind})
    if message.buttons_path:
        yield Finding("carousel_beside", message.buttons_path, {"type": reading.BUTTONS})


def _build(card: reading.Message) -> str:
    header = [card.header.format] if card.header is not None else []
    return " + ".join([*header, *(button.kind for button in card.buttons)]) or "–"


def _card(card: reading.Message) -> Iterator[Finding]:
    header = card.header
    if header is None:
        yield Finding("card_header_missing", card.path)
    elif header.format not in SHOWN_MEDIA | {reading.PRODUCT}:
        yield Finding("card_header_format", f"{header.path}.format", {"format": header.format})
    else:
        yield from texts.sample(header)
    if card.body is not None:
        yield from _card_body(card.body)
    if len(card.buttons) > MAX_CARD_BUTTONS:
        params = {"count": len(card.buttons), "limit": MAX_CARD_BUTTONS}
        yield Finding("card_buttons_too_many", f"{card.buttons_path}.buttons", params)
    allowed = PRODUCT_BUTTONS if header is not None and header.format == reading.PRODUCT else CARD_BUTTONS
    for button in card.buttons:
        if button.kind not in allowed:
            yield Finding("card_button_kind", f"{button.path}.type", {"type": button.kind})


def _card_body(body: reading.Text) -> Iterator[Finding]:
    path = f"{body.path}.text"
    if not body.text.strip():
        yield Finding("body_empty", path)
    if len(body.text) > MAX_CARD_BODY:
        yield Finding("card_body_too_long", path, {"length": len(body.text), "limit": MAX_CARD_BODY})
    elif (length := texts.length_filled(body, {})) > MAX_CARD_BODY:
        yield Finding("body_too_long_filled", path, {"length": length, "limit": MAX_CARD_BODY})
    if body.text.count("\n") > MAX_CARD_BREAKS:
        yield Finding("card_body_breaks", path)


# --- Templates for codes -------------------------------------------------------------------------


def _codes(subject: Subject) -> Iterator[Finding]:
    message = subject.message
    kinds = {button.kind for button in message.buttons}
    if not subject.is_for_codes:
        yield from (
            Finding("code_button_category", f"{button.path}.type")
            for button in message.buttons
            if button.kind == reading.OTP
        )
        return
    # Read back from an account, the button of a code is a link of WhatsApp's own.
    if reading.OTP not in kinds and not any("whatsapp.com/otp/" in button.url for button in message.buttons):
        yield Finding(
            "code_button_missing", f"{message.buttons_path}.buttons" if message.buttons_path else "components"
        )
    yield from _not_for_codes(message)


def _not_for_codes(message: reading.Message) -> Iterator[Finding]:
    if message.header is not None and message.header.format in reading.MEDIA:
        yield Finding("code_template_parts", message.header.path, {"what": message.header.format})
    for button in message.buttons:
        if button.kind == reading.URL and "whatsapp.com/otp/" not in button.url:
            yield Finding("code_template_parts", button.path, {"what": reading.URL})
    body = message.body
    if body is None or not body.text:
        return
    if texts.EMOJI.search(body.text):
        yield Finding("code_template_parts", f"{body.path}.text", {"what": "emoji"})
    if [found.name for found in placeholders.find(body.text)] != ["1"]:
        yield Finding("code_template_words", f"{body.path}.text")
