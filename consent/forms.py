"""What a member gives when bringing contacts, and when looking for one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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
