"""What the onboarding page asks: who speaks, and the company behind it."""

import unicodedata
from typing import Any, cast

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from businesses import names, onboarding, prices


class OpenBusinessForm(forms.Form):
    """What the operator needs to verify a business, and what its pages need to be right at once."""

    name = forms.CharField(
        label=_("Name that people see"), max_length=120, help_text=_("The name of the shop, as your customers know it.")
    )
    legal_name = forms.CharField(label=_("Company"), max_length=200, help_text=_("As it is registered."))
    country = forms.ChoiceField(label=_("Country of registration"))
    registration_number = forms.CharField(
        label=_("Registration number"),
        max_length=64,
        help_text=_(
            "SIREN, HRB, company number… A stop given to one account of a company holds for all of its accounts."
        ),
    )
    timezone = forms.ChoiceField(label=_("Time zone"), initial="Europe/Paris")
    currency = forms.ChoiceField(label=_("Currency of the wallet"), help_text=_("It cannot be changed later."))
    locale = forms.ChoiceField(label=_("Language of the business"), choices=settings.LANGUAGES)
    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https")
    contact_email = forms.EmailField(
        label=_("E-mail for questions about your offers"),
        required=False,
        help_text=_("Empty: the address you sign in with."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        countries = ((code, names.country(code)) for code in onboarding.COUNTRIES)
        self._choose("country", [("", "—"), *sorted(countries, key=lambda country: _in_the_dictionary(country[1]))])
        self._choose("timezone", [(zone, zone.replace("_", " ")) for zone in sorted(onboarding.timezones())])
        self._choose("currency", [(currency, currency) for currency in prices.currencies(now=timezone.now())])
        self.fields["name"].widget.attrs["autocomplete"] = "organization"
        self.fields["contact_email"].widget.attrs["autocomplete"] = "email"

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        cast("forms.ChoiceField", field).choices = choices


def _in_the_dictionary(name: str) -> str:
    """Return what ``name`` is sorted by: É beside E."""
    return unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode().casefold()
