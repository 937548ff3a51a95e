"""Every rule in words: its stable code, how severe it is, what is wrong, how to mend it, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """``message`` and ``fix`` take the finding's params; ``source`` names WhatsApp's rule or ``platform``."""

    severity: Severity
    message: str | Promise
    fix: str | Promise
    source: str = "WhatsApp"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where (``components[1].text``, ``fallbacks.name``), and how to mend it.

    The sentences are made when they are read, so that author and reviewer each get them in their own language.
    """

    code: str
    path: str
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        return BOOK[self.code].severity

    @property
    def is_error(self) -> bool:
        return self.severity == Severity.ERROR

    @property
    def message(self) -> str:
        return str(BOOK[self.code].message) % self.params

    @property
    def fix(self) -> str:
        return str(BOOK[self.code].fix) % self.params

    def as_json(self) -> dict[str, Any]:
        """Return what is stored with the version: the code and its params, not the sentence."""
        return {"code": self.code, "severity": str(self.severity), "path": self.path, "params": dict(self.params)}


def from_json(stored: Mapping[str, Any]) -> Finding | None:
    """Return the finding that ``as_json`` wrote, or None when its rule has left the book since."""
    code = stored.get("code", "")
    return Finding(code, stored.get("path", ""), stored.get("params", {})) if code in BOOK else None


def _error(message: str | Promise, fix: str | Promise, source: str = "WhatsApp") -> Rule:
    return Rule(Severity.ERROR, message, fix, source)


def _warning(message: str | Promise, fix: str | Promise, source: str = "WhatsApp") -> Rule:
    return Rule(Severity.WARNING, message, fix, source)


READING = {
    "not_a_list": _error(_("The template is not a list of components."), _("Write a list: [{“type”: “BODY”, …}, …].")),
    "component_shape": _error(
        _("This part of the template does not have the form that WhatsApp expects."),
        _("Compare it with an example from the gallery."),
    ),
    "component_unknown": _error(
        _("“%(type)s” is not a component of a template."), _("Use HEADER, BODY, FOOTER or BUTTONS.")
    ),
    "component_twice": _error(_("There are two components of type %(type)s."), _("Keep one of them.")),
    "component_not_carried": _error(
        _("Components of type %(type)s cannot be sent from here yet."), _("Remove it."), "platform"
    ),
    "text_missing": _error(_("A text is missing here."), _("Write the text.")),
    "header_format_unknown": _error(_("“%(format)s” is not a kind of header."), _("Use TEXT.")),
    "button_unknown": _error(
        _("“%(type)s” is not a kind of button."), _("Use QUICK_REPLY, URL, PHONE_NUMBER or COPY_CODE.")
    ),
    "button_not_carried": _error(
        _("Buttons of type %(type)s cannot be sent from here yet."), _("Remove the button."), "platform"
    ),
    "example_shape": _error(
        _("The examples do not have the form that WhatsApp expects."),
        _("Give named examples: {“body_text_named_params”: [{“param_name”: “first_name”, “example”: “Ana”}]}."),
        "V9",
    ),
    "example_twice": _error(_("There are two examples for “%(name)s”."), _("Keep one of them."), "V9"),
}

LIMITS = {
    "header_too_long": _error(
        _("The header has %(length)s characters; %(limit)s are allowed."), _("Shorten it, or move words to the body.")
    ),
    "header_empty": _error(_("The header is empty."), _("Write a header or remove it.")),
    "header_line_break": _error(_("The header holds a line break."), _("Put the header on one line.")),
    "header_markup": _error(
        _("The header holds signs for bold, italic or struck text, which WhatsApp does not show there."),
        _("Remove the signs * _ ~ ` from the header."),
    ),
    "header_emoji": _error(_("The header holds an emoji."), _("Move the emoji to the body.")),
    "header_variables": _error(
        _("The header has %(count)s variables; one is allowed."),
        _("Keep one variable and move the others to the body."),
    ),
    "header_sample_missing": _error(
        _("A header with a picture, film or document needs a sample."), _("Give the sample as header_handle.")
    ),
    "header_not_carried": _error(
        _("Headers of type %(format)s cannot be sent from here yet."), _("Use a text header."), "platform"
    ),
    "body_missing": _error(_("The template has no body."), _("Write the message itself in a BODY component.")),
    "body_empty": _error(_("The body is empty."), _("Write the message.")),
    "body_too_long": _error(_("The body has %(length)s characters; %(limit)s are allowed."), _("Shorten the body.")),
    "body_too_long_filled": _error(
        _("With its examples and fallbacks filled in, the body has %(length)s characters; %(limit)s are allowed."),
        _("Shorten the body or the values."),
        "V12",
    ),
    "body_blank_lines": _warning(
        _("The body has more than two line breaks in a row."), _("Leave at most one empty line."), "V14"
    ),
    "body_emojis": _warning(
        _("The body has %(count)s emojis; more than %(limit)s look like spam to reviewers."),
        _("Keep the ones that help."),
        "V14",
    ),
    "footer_empty": _error(_("The footer is empty."), _("Write a footer or remove it.")),
    "footer_too_long": _error(
        _("The footer has %(length)s characters; %(limit)s are allowed."), _("Shorten the footer.")
    ),
    "footer_variable": _error(_("The footer holds a variable."), _("Move the variable to the body.")),
    "buttons_empty": _error(_("There is a BUTTONS component without buttons."), _("Add a button or remove it.")),
    "buttons_too_many": _error(_("There are %(count)s buttons; %(limit)s are allowed."), _("Remove some buttons.")),
    "url_buttons_too_many": _error(
        _("There are %(count)s link buttons; %(limit)s are allowed."), _("Keep the most important links.")
    ),
    "phone_buttons_too_many": _error(_("There are %(count)s call buttons; one is allowed."), _("Keep one.")),
    "code_buttons_too_many": _error(_("There are %(count)s buttons that copy a code; one is allowed."), _("Keep one.")),
    "buttons_interleaved": _error(
        _("The quick replies are not next to each other."),
        _("Put all quick replies first, or all of them last."),
    ),
    "label_empty": _error(_("The button has no label."), _("Write a label.")),
    "label_too_long": _error(_("The label has %(length)s characters; %(limit)s are allowed."), _("Shorten the label.")),
    "label_variable": _error(_("The label holds a variable."), _("Write the label in full.")),
    "label_twice": _error(_("Two buttons are called “%(label)s”."), _("Give each button its own label.")),
    "url_too_long": _error(
        _("The address has %(length)s characters; %(limit)s are allowed."), _("Shorten the address.")
    ),
    "url_not_web": _error(
        _("The button does not lead to a web address."), _("Write the whole address: https://www.example.com/offer.")
    ),
    "url_variables": _error(
        _("The address has %(count)s variables; one is allowed, at its end."), _("Keep one variable, at the end.")
    ),
    "url_variable_not_last": _error(
        _("The variable does not stand at the end of the address."), _("Move it to the end: https://example.com/{{1}}.")
    ),
    "url_variable_in_host": _error(
        _("The variable would choose the site that people are led to."),
        _("Write the site in full, then a slash, then the variable."),
    ),
    "phone_wrong": _error(
        _("This is not a telephone number with its country code."), _("Write it like +33123456789, at most 20 signs.")
    ),
    "code_wrong": _error(
        _("The sample code “%(code)s” is not made of 1 to %(limit)s letters and digits."),
        _("Use letters and digits only."),
    ),
}

VARIABLES = {
    "variable_syntax": _error(
        _("The braces of a variable do not match."), _("Write variables like {{first_name}}."), "V1"
    ),
    "variable_forbidden_sign": _error(
        _("The variable “%(name)s” holds one of the signs # $ %%."), _("Call it %(better)s."), "V5"
    ),
    "variable_name": _error(
        _("“%(name)s” cannot be the name of a variable."),
        _("Use small letters, digits and underscores, starting with a letter: %(better)s."),
        "V3",
    ),
    "variable_gap": _error(
        _("The numbers of the variables are not 1, 2, 3 … without a gap: {{%(missing)s}} is missing."),
        _("Number them from {{1}} on, or give them names."),
        "V2",
    ),
    "variables_mixed": _error(
        _("The template mixes numbers and names of variables."), _("Use names everywhere: {{first_name}}."), "V4"
    ),
    "variable_at_edge": _error(
        _("The text starts or ends with the variable “%(name)s”."),
        _("Put at least a word or a sign before the first and after the last variable."),
        "V6",
    ),
    "variables_adjacent": _error(
        _("The variables “%(first)s” and “%(second)s” stand side by side."),
        _("Put a word or a punctuation mark between them."),
        "V7",
    ),
    "variables_dense": _warning(
        _("There are %(variables)s variables in %(words)s words: WhatsApp may refuse so few words of your own."),
        _("Write at least %(wanted)s words of your own, or use fewer variables."),
        "V8",
    ),
    "example_missing": _error(
        _("The variable “%(name)s” has no example."),
        _("Give an example that shows reviewers what people will read."),
        "V9",
    ),
    "body_unclear": _error(
        _("The body says nothing but variables: nobody can review what will be sent."),
        _("Write the message itself in words."),
        "V10",
    ),
    "value_unusable": _error(
        _("The value for “%(name)s” holds a line break, a tab or more than four spaces in a row."),
        _("Put the value on one line."),
        "V11",
    ),
    "example_count": _error(
        _("There are %(examples)s examples for %(variables)s variables."),
        _("Give one example for each variable."),
        "V13",
    ),
    "example_unknown": _warning(
        _("There is an example for “%(name)s”, which the text does not use."), _("Remove the example."), "V13"
    ),
    "fallback_unknown": _warning(
        _("There is a fallback for “%(name)s”, which the template does not use."), _("Remove the fallback."), "platform"
    ),
    "fallback_shape": _error(
        _("The fallback for “%(name)s” is not a text."), _("Write the fallback as a text."), "platform"
    ),
}

PLATFORM = {
    "category_not_marketing": _error(
        _("Broadcasts carry marketing templates only."), _("Choose the category marketing."), "platform"
    ),
    "language_unknown": _error(
        _("“%(language)s” is not a language code of WhatsApp."), _("Use a code like en, fr or pt_BR."), "platform"
    ),
    "interested_missing": _error(
        _("The quick reply “%(label)s” is missing: people must be able to ask for more."),
        _("Add a quick reply called exactly “%(label)s”."),
        "platform",
    ),
    "not_interested_missing": _error(
        _("The quick reply “%(label)s” is missing: people must be able to ask for less."),
        _("Add a quick reply called exactly “%(label)s”."),
        "platform",
    ),
    "stop_missing": _error(
        _("Neither body nor footer says how to stop these offers."),
        _("Write in the footer: %(footer)s"),
        "platform",
    ),
    "link_shortened": _error(
        _("“%(host)s” hides where the link leads."), _("Write the address of your own site."), "platform"
    ),
    "secret_asked": _error(
        _("The text asks for “%(words)s”. Never ask for full card, bank or identity numbers, or for secrets."),
        _("Remove the request; the last four digits may be named."),
        "WhatsApp, content",
    ),
    "shouting": _warning(
        _("Most of the text is in capital letters, which people report as spam."),
        _("Write it in normal letters."),
        "platform",
    ),
    "regulated_goods": _warning(
        _("“%(words)s” belongs to goods that WhatsApp forbids or restricts; the reviewer will look closely."),
        _("Make sure that you may advertise this, and to these people."),
        "WhatsApp, content",
    ),
    "sign_invisible": _error(
        _("The text holds an invisible sign that can change how it reads."),
        _("Type the words again by hand around this place: “%(near)s”."),
        "platform",
    ),
}

BOOK: dict[str, Rule] = READING | LIMITS | VARIABLES | PLATFORM
