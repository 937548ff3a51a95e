"""Rules about the JSON itself: the file, the request, and the components it is made of."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from templates_approval.rules.book.rule import Rule, error, warning

FILE: dict[str, Rule] = {
    "not_json": error(
        _("This is not JSON: look at line %(line)s, column %(column)s."), _("Mend the JSON at that place."), "platform"
    ),
    "not_utf8": error(_("The file is not written in UTF-8."), _("Save it in UTF-8."), "platform"),
    "not_readable": error(_("The file cannot be read: %(why)s."), _("Give a file that can be read."), "platform"),
    "too_long": error(
        _("This is longer than any template can be: %(limit)s bytes are read."),
        _("Give one template only."),
        "platform",
    ),
    "too_deep": error(
        _("This JSON is nested too deeply."), _("Compare it with an example from the gallery."), "platform"
    ),
    "unstorable_json": error(
        _("This JSON holds a number or a nesting that cannot be stored."),
        _("Remove NaN, Infinity and very long numbers."),
        "platform",
    ),
    "bad_text": error(
        _("The text holds a character that cannot be stored. Type it again by hand."),
        _("Remove \\u0000 and half characters like \\ud83d."),
        "platform",
    ),
    "key_twice": error(_("“%(name)s” stands twice in the same object."), _("Keep one of them."), "platform"),
}

REQUEST: dict[str, Rule] = {
    "request_shape": error(
        _("The template is not a JSON object."),
        _("Write {“name”: …, “language”: …, “category”: …, “components”: […]}."),
    ),
    "field_missing": error(_("“%(name)s” is missing."), _("Add “%(name)s”.")),
    "field_shape": error(_("“%(name)s” is not of the right type."), _("Write “%(name)s” as JSON of type %(kind)s.")),
    "name_wrong": error(
        _("“%(name)s” cannot be the name of a template."),
        _("Use small letters, digits and underscores, at most 512: %(better)s."),
    ),
    "language_unknown": error(
        _("“%(language)s” is not a language code of WhatsApp."), _("Write %(better)s, if that is what you mean.")
    ),
    "category_unknown": error(
        _("“%(category)s” is not a category of WhatsApp."), _("Use MARKETING, UTILITY or AUTHENTICATION.")
    ),
    "parameter_format_unknown": error(
        _("“%(format)s” is not a way to write variables."), _("Use POSITIONAL or NAMED."), "V4"
    ),
    "parameter_format_wrong": error(
        _("The template says that its variables are %(format)s, and “%(name)s” is not."),
        _("Change parameter_format, or the variable."),
        "V4",
    ),
    "ttl_wrong": error(
        _("message_send_ttl_seconds is not a number from %(least)s to %(most)s."),
        _("Write such a number, or leave it out."),
    ),
    "key_unknown": warning(
        _("“%(name)s” is not a key that WhatsApp knows here."), _("Remove it, or look for a typing error.")
    ),
}

READING: dict[str, Rule] = {
    "not_a_list": error(
        _("The template is not a list of components."), _("Write a list: [{“type”: “BODY”, …}, …]."), code=100
    ),
    "component_shape": error(
        _("This part of the template does not have the form that WhatsApp expects."),
        _("Compare it with an example from the gallery."),
        code=100,
    ),
    "component_unknown": error(
        _("“%(type)s” is not a component of a template."), _("Use HEADER, BODY, FOOTER or BUTTONS."), code=100
    ),
    "component_twice": error(_("There are two components of type %(type)s."), _("Keep one of them.")),
    "card_component": error(
        _("A card cannot hold a component of type %(type)s."), _("Use HEADER, BODY and BUTTONS in cards.")
    ),
    "text_missing": error(_("A text is missing here."), _("Write the text.")),
    "header_format_unknown": error(_("“%(format)s” is not a kind of header."), _("Use TEXT."), "V15", code=2388047),
    "button_unknown": error(
        _("“%(type)s” is not a kind of button."), _("Use QUICK_REPLY, URL, PHONE_NUMBER or COPY_CODE.")
    ),
    "example_shape": error(
        _("The examples do not have the form that WhatsApp expects."),
        _("Give named examples: {“body_text_named_params”: [{“param_name”: “first_name”, “example”: “Ana”}]}."),
        "V9",
    ),
    "example_twice": error(_("There are two examples for “%(name)s”."), _("Keep one of them."), "V9"),
}

SHAPE = FILE | REQUEST | READING
