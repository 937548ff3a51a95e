"""Rules about `{{variables}}`, their examples and their fallbacks: V1 to V13."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from templates_approval.rules.book.rule import Rule, error, warning

VARIABLES: dict[str, Rule] = {
    "variable_syntax": error(
        _("The braces of a variable do not match."), _("Write variables like {{first_name}}."), "V1"
    ),
    "variable_forbidden_sign": error(
        _("The variable “%(name)s” holds one of the signs # $ %%."), _("Call it %(better)s."), "V5"
    ),
    "variable_name": error(
        _("“%(name)s” cannot be the name of a variable."),
        _("Use small letters, digits and underscores, starting with a letter: %(better)s."),
        "V3",
    ),
    "variable_digits": warning(
        _("The name “%(name)s” holds a digit: WhatsApp’s documentation names letters and underscores only."),
        _("Call it %(better)s to be sure."),
        "V3",
    ),
    "variable_twice": error(
        _("The variable “%(name)s” stands twice in this text; each name may stand once."),
        _("Give the second one another name."),
        "V3",
    ),
    "variable_gap": error(
        _("The numbers of the variables are not 1, 2, 3 … without a gap: {{%(missing)s}} is missing."),
        _("Number them from {{1}} on, or give them names."),
        "V2",
    ),
    "variables_mixed": error(
        _("The template mixes numbers and names of variables."), _("Use names everywhere: {{first_name}}."), "V4"
    ),
    "variable_at_edge": error(
        _("The text starts or ends with the variable “%(name)s”."),
        _("Put at least a word or a sign before the first and after the last variable."),
        "V6",
        2388299,
    ),
    "variables_adjacent": error(
        _("The variables “%(first)s” and “%(second)s” stand side by side."),
        _("Put a word or a punctuation mark between them."),
        "V7",
    ),
    "variables_dense": warning(
        _("There are %(variables)s variables in %(words)s words: WhatsApp may refuse so few words of your own."),
        _("Write at least %(wanted)s words of your own, or use fewer variables."),
        "V8",
        2388293,
    ),
    "example_missing": error(
        _("The variable “%(name)s” has no example."),
        _("Give an example that shows reviewers what people will read."),
        "V9",
    ),
    "body_unclear": warning(
        _("The body is so short that nobody can tell what it is for: WhatsApp will call it marketing."),
        _("Write the message itself in words."),
        "V10",
    ),
    "value_unusable": error(
        _("The value for “%(name)s” holds a line break, a tab or more than four spaces in a row."),
        _("Put the value on one line."),
        "V11",
        132018,
    ),
    "example_too_long": error(
        _("The example for “%(name)s” has %(length)s characters; %(limit)s are allowed."),
        _("Give a shorter example."),
        "V12",
        132005,
    ),
    "example_count": error(
        _("There are %(examples)s examples for %(variables)s variables."),
        _("Give one example for each variable."),
        "V13",
        132000,
    ),
    "example_unknown": warning(
        _("There is an example for “%(name)s”, which the text does not use."), _("Remove the example."), "V13"
    ),
}
