"""What a member gives when bringing contacts, and when looking for one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent import joining, phones
from consent.models import JoinPage

MAX_BYTES = 512 * 1024 * 1024
SIGNS_OF_OTHER_FORMATS = {b"PK\x03\x04": "xlsx", b"\xd0\xcf\x11\xe0": "xls", b"%PDF": "pdf"}


class UploadForm(forms.Form):
    """One CSV file."""

    file = forms.FileField(
        label=gettext_lazy("Contact file (CSV)"),
        help_text=gettext_lazy(
            "The first line names the columns. Commas, semicolons or tabs; UTF-8 is best. Up to 512 MB."
        ),
        error_messages={
            "empty": gettext_lazy("This file is empty. Export it again, and look into it before you send it.")
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].widget.attrs["accept"] = ".csv,.txt,text/csv"

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if file.size and file.size > MAX_BYTES:
            raise forms.ValidationError(
                _("This file is larger than 512 MB. Cut it into parts and bring them one after the other.")
            )
        start = file.read(4)
        file.seek(0)
        if kind := SIGNS_OF_OTHER_FORMATS.get(start):
            raise forms.ValidationError(
                _("This is not a CSV file but %(kind)s. Save it as CSV from your spreadsheet first.")
                % {"kind": kind.upper()}
            )
        return file


class FindForm(forms.Form):
    """A telephone number to look for."""

    phone = forms.CharField(label=gettext_lazy("Find a phone number"), max_length=40, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["phone"].widget.attrs.update(type="search", inputmode="tel", autocomplete="off")


class JoinPageForm(forms.Form):
    """The words of the join page, and how it is reached."""

    is_open = forms.BooleanField(label=gettext_lazy("People can join"), required=False)
    keyword = forms.CharField(
        label=gettext_lazy("Keyword"),
        max_length=30,
        help_text=gettext_lazy("People write it after JOIN or REJOINDRE. Short, and easy to say aloud."),
    )
    display_number = forms.CharField(
        label=gettext_lazy("WhatsApp number"),
        max_length=phones.MAX_LETTERS,
        required=False,
        help_text=gettext_lazy(
            "With it the QR code opens a chat with the words written already. Without it, the page with the form."
        ),
    )
    promise_fr = forms.CharField(
        label=gettext_lazy("Promise in French"), widget=forms.Textarea(attrs={"rows": 4, "lang": "fr"}), required=False
    )
    promise_en = forms.CharField(
        label=gettext_lazy("Promise in English"),
        widget=forms.Textarea(attrs={"rows": 4, "lang": "en"}),
        required=False,
        help_text=gettext_lazy("Empty: our words. Say what you will send and how often, and that STOP ends it."),
    )

    def __init__(self, *args: Any, page: JoinPage, **kwargs: Any) -> None:
        words = {
            f"promise_{locale}": page.promises.get(locale)
            or joining.default_promise(business=page.business, locale=locale)
            for locale in joining.JOIN
        }
        facts = {name: getattr(page, name) for name in ("is_open", "keyword", "display_number")}
        super().__init__(*args, initial=facts | words, **kwargs)
        self.page = page
        self.fields["display_number"].widget.attrs.update(type="tel", inputmode="tel", autocomplete="off")

    def changes(self) -> dict[str, Any]:
        """Return what ``joining.edit`` takes; words that are the house's own stay the house's."""
        given = self.cleaned_data
        promises = {locale: " ".join(given[f"promise_{locale}"].split()) for locale in joining.JOIN}
        for locale, text in promises.items():
            if text == joining.default_promise(business=self.page.business, locale=locale):
                promises[locale] = ""
        return {name: given[name] for name in ("is_open", "keyword", "display_number")} | {"promises": promises}

    def blame(self, refusal: joining.CannotEdit) -> None:
        """Put each sentence beside its field."""
        for name, sentences in refusal.message_dict.items():
            for sentence in sentences:
                self.add_error("promise_fr" if name == "promises" else name, sentence)
