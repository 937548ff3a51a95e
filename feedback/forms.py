"""What a member writes to somebody who wrote."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback import answers


class AnswerForm(forms.Form):
    text = forms.CharField(
        label=_("Your answer"),
        max_length=answers.MOST_LETTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For what they asked, never for offers: those leave as broadcasts, with their own rules."),
    )
