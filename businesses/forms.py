"""Forms: a key for a program, an invitation to a person; and the operator's, about money and suspension."""

from datetime import datetime, timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

from businesses import keys
from businesses.models import Member


class IssueKeyForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Which program uses it, for example “shop”."))
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=list(keys.SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(
        label=_("It ends"),
        coerce=int,
        empty_value=None,
        required=False,
        choices=[("", _("never")), ("30", _("in 30 days")), ("90", _("in 90 days")), ("365", _("in a year"))],
    )

    def expires_at(self, now: datetime) -> datetime | None:
        days: int | None = self.cleaned_data["days"]
        return None if days is None else now + timedelta(days=days)


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address"))
    role = forms.ChoiceField(label=_("Role"), choices=Member.Role.choices, initial=Member.Role.MARKETER)


class TopUpForm(forms.Form):
    """The operator's: a payment has arrived, or a balance is corrected."""

    amount = forms.DecimalField(
        label=_("Amount"),
        max_digits=14,
        decimal_places=2,
        help_text=_("Less than nothing takes money away: a correction."),
    )
    memo = forms.CharField(
        label=_("What for"), max_length=200, help_text=_("The payment's reference, or why the balance is corrected.")
    )
    # Made when the page is shown: sending the form twice moves the money once.
    key = forms.CharField(widget=forms.HiddenInput, max_length=100)


class SuspendForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The business's members read it."),
    )
