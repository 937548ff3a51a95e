"""Rules of the formats: limited-time offer, carousel, and the templates for codes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from templates_approval.rules.book.rule import Rule, error, warning

DEADLINE: dict[str, Rule] = {
    "deadline_category": error(
        _("Only marketing templates carry a limited-time offer."), _("Choose the category marketing.")
    ),
    "deadline_empty": error(_("The limited-time offer has no words."), _("Write what ends, in at most 16 characters.")),
    "deadline_too_long": error(
        _("The words of the limited-time offer have %(length)s characters; %(limit)s are allowed."),
        _("Shorten them, and say the rest in the body."),
    ),
    "deadline_body_too_long": error(
        _("Beside a limited-time offer the body may have %(limit)s characters; it has %(length)s."),
        _("Shorten the body."),
    ),
    "deadline_footer": error(
        _("A template with a limited-time offer has no footer."), _("Say it in the body, and remove the footer.")
    ),
    "deadline_header": error(
        _("Beside a limited-time offer the header is a picture or a film."), _("Use IMAGE or VIDEO, or no header.")
    ),
    "deadline_buttons": error(
        _("A limited-time offer has the button that copies a code first, then one link, and no other button."),
        _("Put COPY_CODE first and URL second, or URL alone."),
    ),
    "deadline_code_too_long": error(
        _("In a limited-time offer the code has at most %(limit)s characters; “%(code)s” has %(length)s."),
        _("Choose a shorter code."),
    ),
    "deadline_variable": error(
        _("The words of the limited-time offer hold a variable."), _("Move the variable to the body.")
    ),
}

CAROUSEL: dict[str, Rule] = {
    "carousel_category": error(_("Only marketing templates carry a carousel."), _("Choose the category marketing.")),
    "carousel_beside": error(
        _("Beside a carousel there is a body and nothing else; remove the component of type %(type)s."),
        _("Move the words to the body, the buttons to the cards."),
    ),
    "cards_count": error(
        _("The carousel has %(count)s cards; %(least)s to %(most)s are allowed."), _("Add or remove cards.")
    ),
    "cards_differ": error(
        _("This card is not built like the first: it has %(has)s, the first has %(first)s."),
        _("Give all cards the same kind of header, and buttons of the same kinds in the same order."),
    ),
    "cards_bodies": error(
        _("Some cards have words and others have none."), _("Give each card a body, or none of them.")
    ),
    "card_header_missing": error(_("The card has no header."), _("Give each card a picture or a film.")),
    "card_header_format": error(
        _("The header of a card is a picture or a film, not %(format)s."), _("Use IMAGE or VIDEO.")
    ),
    "card_body_too_long": error(
        _("The words of the card have %(length)s characters; %(limit)s are allowed."), _("Shorten them.")
    ),
    "card_body_breaks": warning(_("The words of the card hold more than two line breaks."), _("Keep at most two.")),
    "card_buttons_too_many": error(
        _("The card has %(count)s buttons; %(limit)s are allowed."), _("Keep the most important ones.")
    ),
    "card_button_kind": error(
        _("A card cannot have a button of type %(type)s."), _("Use QUICK_REPLY, URL or PHONE_NUMBER.")
    ),
}

CODES: dict[str, Rule] = {
    "code_button_missing": error(
        _("A template for codes needs the button that copies or fills in the code."), _("Add a button of type OTP.")
    ),
    "code_button_category": error(
        _("Only templates for codes have a button of type OTP."), _("Use COPY_CODE for a coupon.")
    ),
    "code_template_parts": error(
        _("A template for codes carries no picture, film or document, no link and no emoji: here is %(what)s."),
        _("Remove it, or choose another category."),
    ),
    "code_template_words": warning(
        _("WhatsApp writes the words of templates for codes itself."),
        _("Remove the text; add_security_recommendation adds the sentence about not sharing the code."),
    ),
}

FORMATS = DEADLINE | CAROUSEL | CODES
