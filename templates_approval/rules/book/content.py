"""Rules about what the words say: secrets, links, signs, shouting, pressure, language, goods, repetition, drift."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from templates_approval.rules.book.rule import Rule, error, warning

CONTENT: dict[str, Rule] = {
    "secret_asked": error(
        _("The text asks for “%(words)s”. Never ask for full card, bank or identity numbers, or for secrets."),
        _("Remove the request; the last four digits may be named."),
        "WhatsApp, content",
    ),
    "link_shortened": error(
        _("“%(host)s” hides where the link leads."), _("Write the address of your own site."), "platform"
    ),
    "link_lookalike": error(
        _("“%(host)s” looks like %(like)s and is not."), _("Write the real address of your own site."), "platform"
    ),
    "link_mixed_letters": error(
        _("“%(host)s” mixes letters of several alphabets that look alike."),
        _("Type the address again by hand, in one alphabet."),
        "platform",
    ),
    "link_mismatched": error(
        _("The words name %(shown)s, and the button leads to %(leads)s."),
        _("Let the button lead where the words say."),
        "platform",
    ),
    "sign_invisible": error(
        _("The text holds an invisible sign that can change how it reads."),
        _("Type the words again by hand around this place: “%(near)s”."),
        "platform",
    ),
    "shouting": warning(
        _("Most of the text is in capital letters, which people report as spam."),
        _("Write it in normal letters."),
        "platform",
    ),
    "urgency_misleading": warning(
        _("“%(words)s” presses people with something that they cannot check, or that is not true for everybody."),
        _("Say until when and for how many the offer holds, or leave it out."),
        "platform",
    ),
    "language_mismatch": warning(
        _("The template says that it is in %(declared)s; it reads like %(found)s."),
        _("Choose the language of the words, or translate them."),
        "WhatsApp, content",
    ),
    "near_duplicate": warning(
        _("This is nearly the same text as “%(name)s”, which was rejected (%(percent)s %% alike)."),
        _("Mend what was criticised there; other words for the same will be rejected again."),
        "platform",
    ),
    "goods_forbidden": error(
        _("“%(words)s” belongs to goods that may not be advertised here (%(vertical)s)."),
        _("Remove the offer of these goods."),
        "WhatsApp, content",
    ),
    "regulated_goods": warning(
        _("“%(words)s” belongs to goods that WhatsApp forbids or restricts; the reviewer will look closely."),
        _("Make sure that you may advertise this, and to these people."),
        "WhatsApp, content",
    ),
    "category_drift": warning(
        _("The category says utility, and “%(words)s” promotes: WhatsApp will call it marketing, and charge it so."),
        _("Choose the category marketing, or leave the promotion out."),
        "WhatsApp, categories",
    ),
}
