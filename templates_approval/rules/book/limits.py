"""Rules about lengths, counts and the place of each part."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from templates_approval.rules.book.rule import Rule, error, warning

LIMITS: dict[str, Rule] = {
    "header_too_long": error(
        _("The header has %(length)s characters; %(limit)s are allowed."),
        _("Shorten it, or move words to the body."),
        "V15",
        2388040,
    ),
    "header_empty": error(_("The header is empty."), _("Write a header or remove it."), "V15", 2388047),
    "header_line_break": error(_("The header holds a line break."), _("Put the header on one line."), "V15", 2388047),
    "header_markup": error(
        _("The header holds signs for bold, italic or struck text, which WhatsApp does not show there."),
        _("Remove the signs * _ ~ ` from the header."),
        "V15",
        2388047,
    ),
    "header_emoji": error(_("The header holds an emoji."), _("Move the emoji to the body."), "V15", 2388047),
    "header_variables": error(
        _("The header has %(count)s variables; one is allowed."),
        _("Keep one variable and move the others to the body."),
    ),
    "header_sample_missing": error(
        _("A header with a picture, film or document needs a sample."), _("Give the sample as header_handle."), "V9"
    ),
    "header_location_code": error(
        _("A template for codes cannot carry a place."), _("Remove the header, or choose another category.")
    ),
    "header_gif_category": error(
        _("Only marketing templates carry a GIF."), _("Choose the category marketing, or a picture.")
    ),
    "body_missing": error(_("The template has no body."), _("Write the message itself in a BODY component."), code=100),
    "body_empty": error(_("The body is empty."), _("Write the message."), "V15", 2388072),
    "body_too_long": error(
        _("The body has %(length)s characters; %(limit)s are allowed."), _("Shorten the body."), "V15", 2388040
    ),
    "body_too_long_filled": error(
        _("With its examples and fallbacks filled in, the body has %(length)s characters; %(limit)s are allowed."),
        _("Shorten the body or the values."),
        "V12",
        132005,
    ),
    "body_blank_lines": warning(
        _("The body has more than two line breaks in a row."), _("Leave at most one empty line."), "V14", 2388072
    ),
    "body_emojis": warning(
        _("The body has %(count)s emojis; more than %(limit)s look like spam to reviewers."),
        _("Keep the ones that help."),
        "V14",
        2388072,
    ),
    "footer_empty": error(_("The footer is empty."), _("Write a footer or remove it."), "V15", 2388073),
    "footer_too_long": error(
        _("The footer has %(length)s characters; %(limit)s are allowed."), _("Shorten the footer."), "V15", 2388040
    ),
    "footer_variable": error(_("The footer holds a variable."), _("Move the variable to the body."), "V15", 2388073),
    "buttons_empty": error(_("There is a BUTTONS component without buttons."), _("Add a button or remove it.")),
    "buttons_too_many": error(_("There are %(count)s buttons; %(limit)s are allowed."), _("Remove some buttons.")),
    "url_buttons_too_many": error(
        _("There are %(count)s link buttons; %(limit)s are allowed."), _("Keep the most important links.")
    ),
    "phone_buttons_too_many": error(_("There are %(count)s call buttons; one is allowed."), _("Keep one.")),
    "code_buttons_too_many": error(_("There are %(count)s buttons that copy a code; one is allowed."), _("Keep one.")),
    "special_buttons_too_many": error(
        _("There are %(count)s buttons of type %(type)s; one is allowed."), _("Keep one.")
    ),
    "buttons_interleaved": error(
        _("The quick replies are not next to each other."),
        _("Put all quick replies first, or all of them last."),
    ),
    "label_empty": error(_("The button has no label."), _("Write a label.")),
    "label_too_long": error(_("The label has %(length)s characters; %(limit)s are allowed."), _("Shorten the label.")),
    "label_variable": error(_("The label holds a variable."), _("Write the label in full.")),
    "label_twice": error(_("Two buttons are called “%(label)s”."), _("Give each button its own label.")),
    "url_too_long": error(
        _("The address has %(length)s characters; %(limit)s are allowed."), _("Shorten the address.")
    ),
    "url_example_wrong": warning(
        _("The example of the link is not a web address, nor the end of one."),
        _("Give the whole address as people will open it."),
        "V9",
    ),
    "url_not_web": error(
        _("The button does not lead to a web address."), _("Write the whole address: https://www.example.com/offer.")
    ),
    "url_variables": error(
        _("The address has %(count)s variables; one is allowed, at its end."), _("Keep one variable, at the end.")
    ),
    "url_variable_not_last": error(
        _("The variable does not stand at the end of the address."), _("Move it to the end: https://example.com/{{1}}.")
    ),
    "url_variable_in_host": error(
        _("The variable would choose the site that people are led to."),
        _("Write the site in full, then a slash, then the variable."),
    ),
    "phone_wrong": error(
        _("This is not a telephone number with its country code."), _("Write it like +33123456789, at most 20 signs.")
    ),
    "code_wrong": error(
        _("The sample code “%(code)s” is not made of 1 to %(limit)s letters and digits."),
        _("Use letters and digits only."),
    ),
}
