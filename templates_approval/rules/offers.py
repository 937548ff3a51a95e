"""What this installation asks of every offer: a say for the person, words to review, parts that can be sent."""

from __future__ import annotations

from collections.abc import Iterator

from templates_approval import components as reading
from templates_approval import offer, placeholders
from templates_approval.rules.book import Finding
from templates_approval.rules.subject import MARKETING, Subject
from templates_approval.rules.variables import WORD


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what an offer of this installation lacks, or holds and cannot be sent."""
    message = subject.message
    if subject.category != MARKETING:
        yield Finding("category_not_marketing", "category")
    yield from _choices(message, subject.language)
    yield from _reviewable(message)
    yield from _carried(message)


def _choices(message: reading.Message, language: str) -> Iterator[Finding]:
    """Interested, Not interested and a way to stop: as buttons, behind a link to the person's page, or in words."""
    wanted = offer.wording(language)
    if not offer.has_room_for_buttons(message):
        body = message.body
        if not offer.leads_to_choices(message) and not (body and offer.says_all(body.text, language)):
            path = f"{body.path}.text" if body else "components"
            yield Finding("choices_missing", path, {"sentence": wanted.sentence})
        return
    if not offer.leads_to_choices(message):
        labels = {button.text.strip() for button in message.buttons if button.kind == reading.QUICK_REPLY}
        path = f"{message.buttons_path}.buttons" if message.buttons_path else "components"
        if wanted.interested not in labels:
            yield Finding("interested_missing", path, {"label": wanted.interested})
        if wanted.not_interested not in labels:
            yield Finding("not_interested_missing", path, {"label": wanted.not_interested})
    if not offer.says_how_to_stop_anywhere(message) and not offer.leads_to_choices(message):
        path = f"{message.footer.path}.text" if message.footer else "components"
        yield Finding("stop_missing", path, {"footer": wanted.footer})


def _reviewable(message: reading.Message) -> Iterator[Finding]:
    body = message.body
    if body is not None and placeholders.find(body.text) and not WORD.search(placeholders.without(body.text)):
        yield Finding("body_only_variables", f"{body.path}.text")


def _carried(message: reading.Message) -> Iterator[Finding]:
    """What is approved must be what is sent: whatever no channel carries stops here."""
    if message.call_permission_path:
        params = {"type": reading.CALL_PERMISSION_REQUEST}
        yield Finding("component_not_carried", message.call_permission_path, params)
    for part in message.all:
        header = part.header
        # A file or a place behind an address may become another one after the review.
        if header is not None and header.format != reading.TEXT:
            yield Finding("header_not_carried", f"{header.path}.format", {"format": header.format})
        for button in part.buttons:
            if button.kind not in reading.CARRIED_BUTTONS:
                yield Finding("button_not_carried", f"{button.path}.type", {"type": button.kind})
