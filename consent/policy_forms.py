"""The operator's rules as forms: what cannot be meant is refused, and a basis shows its effect first."""

from __future__ import annotations

import hashlib
from typing import Any, cast

import holidays
import phonenumbers
from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consent import policy
from consent.models import BasisRule, CapRule, QuietHours

TEN_YEARS = 3660
WEEKDAYS = [
    gettext_lazy("Monday"),
    gettext_lazy("Tuesday"),
    gettext_lazy("Wednesday"),
    gettext_lazy("Thursday"),
    gettext_lazy("Friday"),
    gettext_lazy("Saturday"),
    gettext_lazy("Sunday"),
]


class RuleForm(forms.ModelForm[Any]):
    """A rule of one country, or of all that have none of their own."""

    def clean_country(self) -> str:
        code = str(self.cleaned_data["country"]).strip().upper()
        if code and code not in phonenumbers.SUPPORTED_REGIONS:
            raise forms.ValidationError(
                _("“%(code)s” is no country: write two letters, as in FR, or nothing for all countries without rules.")
                % {"code": code},
                code="country_unknown",
            )
        return code

    def clean_source(self) -> str:
        source = str(self.cleaned_data["source"]).strip()
        if len(source) < 8:
            raise forms.ValidationError(
                _("Name the law, or the decision of yours, that this rests on: somebody will ask."),
                code="source_missing",
            )
        return source


class BasisRuleForm(RuleForm):
    """A basis for offers. The first Save says how many people it would reach or silence; the second saves."""

    conditions = forms.MultipleChoiceField(
        label=gettext_lazy("Conditions"),
        choices=BasisRule.Condition.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy("What the law asks besides. It is shown to businesses; the platform cannot check it."),
    )
    effect_seen = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = BasisRule
        fields = ("country", "kind", "basis", "valid_days", "needs_opt_out_offered", "conditions", "source")

    def clean_valid_days(self) -> int:
        days = int(self.cleaned_data["valid_days"])
        if not 0 < days <= TEN_YEARS:
            raise forms.ValidationError(
                _("A basis lasts from 1 to %(n)s days.") % {"n": TEN_YEARS}, code="valid_days_out_of_range"
            )
        return days

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors or not set(self.changed_data) - {"effect_seen", "source", "conditions"}:
            return cleaned
        seen = hashlib.sha256(
            repr(sorted((k, v) for k, v in cleaned.items() if k != "effect_seen")).encode()
        ).hexdigest()
        if cleaned.get("effect_seen") != seen:
            answered = cast(QueryDict, self.data).copy()
            answered[self.add_prefix("effect_seen")] = seen
            self.data = answered
            self.add_error(None, forms.ValidationError(self._effect(cleaned), code="effect"))
        return cleaned

    def _effect(self, cleaned: dict[str, Any]) -> str:
        tried = BasisRule(**{name: value for name, value in cleaned.items() if name != "effect_seen"})
        tried.pk = self.instance.pk
        clash = BasisRule.objects.filter(country=tried.country, kind=tried.kind, basis=tried.basis).exclude(pk=tried.pk)
        if clash.exists():
            return _("There is a rule for this country, interaction and basis already: change that one.")
        return in_words(*policy.effect_on_bases(change=tried.save, now=timezone.now()))


def in_words(n_lost: int, n_won: int) -> str:
    """Say what a change of bases does to the contacts on record, and that nothing has happened yet."""
    lost = ngettext(
        "This takes the last basis from %(n)s contact.", "This takes the last basis from %(n)s contacts.", n_lost
    ) % {"n": n_lost}
    won = ngettext("It makes a basis for %(n)s contact.", "It makes a basis for %(n)s contacts.", n_won) % {"n": n_won}
    return f"{lost} {won} " + _("Nothing is changed yet: save again to do it.")


class CapRuleForm(RuleForm):
    class Meta:
        model = CapRule
        fields = ("scope", "country", "max_offers", "window_hours")

    def clean_window_hours(self) -> int:
        hours = int(self.cleaned_data["window_hours"])
        if not 0 < hours <= 720:
            raise forms.ValidationError(
                _("A window is from 1 to 720 hours (30 days): what is older is not remembered."),
                code="window_out_of_range",
            )
        return hours

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        moved = {"country", "scope"} & set(self.changed_data)
        if self.instance.pk and moved and is_last_for_everybody(CapRule.objects.get(pk=self.instance.pk)):
            self.add_error(
                None,
                forms.ValidationError(
                    _("This is the last limit of its scope for all countries: make another one first."), code="last"
                ),
            )
        return cleaned


def is_last_for_everybody(rule: CapRule) -> bool:
    """Say whether countries without rules of their own would have no limit of this scope without ``rule``."""
    others = CapRule.objects.filter(country="", scope=rule.scope).exclude(pk=rule.pk)
    return rule.country == "" and not others.exists()


class QuietHoursForm(RuleForm):
    weekday = forms.TypedChoiceField(label=gettext_lazy("Weekday"), choices=list(enumerate(WEEKDAYS)), coerce=int)

    class Meta:
        model = QuietHours
        fields = (
            "country",
            "weekday",
            "opens_at",
            "closes_at",
            "skips_public_holidays",
            "holiday_parts",
            "source",
        )

    def clean_holiday_parts(self) -> str:
        parts = str(self.cleaned_data["holiday_parts"]).upper().split()
        country = str(self.cleaned_data.get("country", ""))
        known = holidays.list_supported_countries().get(country, [])
        unknown = [part for part in parts if part not in known]
        if unknown:
            raise forms.ValidationError(
                _("No holidays are known for %(unknown)s. Known parts: %(known)s.")
                % {"unknown": ", ".join(unknown), "known": ", ".join(known) or "–"},
                code="part_unknown",
            )
        return " ".join(parts)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        opens, closes = cleaned.get("opens_at"), cleaned.get("closes_at")
        if (opens is None) != (closes is None):
            self.add_error(
                "closes_at" if closes is None else "opens_at",
                forms.ValidationError(_("Give both ends, or neither for a day that is quiet."), code="one_end"),
            )
        elif opens is not None and closes is not None and opens >= closes:
            self.add_error("closes_at", forms.ValidationError(_("It closes before it opens."), code="order"))
        return cleaned
