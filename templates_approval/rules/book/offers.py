"""What this installation asks of every offer beyond WhatsApp's rules, and what its channels cannot carry."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from templates_approval.rules.book.rule import Rule, error, warning

OFFERS: dict[str, Rule] = {
    "category_not_marketing": error(
        _("Broadcasts carry marketing templates only."), _("Choose the category marketing."), "platform"
    ),
    "interested_missing": error(
        _("The quick reply “%(label)s” is missing: people must be able to ask for more."),
        _("Add a quick reply called exactly “%(label)s”."),
        "platform",
    ),
    "not_interested_missing": error(
        _("The quick reply “%(label)s” is missing: people must be able to ask for less."),
        _("Add a quick reply called exactly “%(label)s”."),
        "platform",
    ),
    "stop_missing": error(
        _("Neither body nor footer says how to stop these offers."),
        _("Write in the footer: %(footer)s"),
        "platform",
    ),
    "choices_missing": error(
        _("This format has no room for quick replies, and the body does not say how to ask for more, less or nothing."),
        _("Write at the end of the body: %(sentence)s"),
        "platform",
    ),
    "body_only_variables": error(
        _("The body says nothing but variables: nobody can review what will be sent."),
        _("Write the message itself in words."),
        "platform",
    ),
    "header_not_carried": error(
        _("Headers of type %(format)s cannot be sent from here yet."), _("Use a text header."), "platform"
    ),
    "component_not_carried": error(
        _("Components of type %(type)s cannot be sent from here yet."), _("Remove it."), "platform"
    ),
    "button_not_carried": error(
        _("Buttons of type %(type)s cannot be sent from here yet."), _("Remove the button."), "platform"
    ),
    "fallback_unknown": warning(
        _("There is a fallback for “%(name)s”, which the template does not use."), _("Remove the fallback."), "platform"
    ),
    "fallback_shape": error(
        _("The fallback for “%(name)s” is not a text."), _("Write the fallback as a text."), "platform"
    ),
}
