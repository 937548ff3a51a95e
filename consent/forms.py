"""What a member gives when bringing contacts, and when looking for one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent import choosing, columns, contacts, joining, phones
from consent.columns import Layout
from consent.models import Contact, ImportBatch, JoinPage
from consent.rows import MAX_EVIDENCE_LETTERS

ROLE_NAMES = {
    columns.PHONE: gettext_lazy("Phone number"),
    columns.NAME: gettext_lazy("Name"),
    columns.LANGUAGE: gettext_lazy("Language"),
    columns.COUNTRY: gettext_lazy("Country"),
    columns.INTERACTION: gettext_lazy("What they did"),
    columns.DATE: gettext_lazy("When they did it"),
    columns.EVIDENCE: gettext_lazy("What proves it"),
    columns.OPT_OUT_OFFERED: gettext_lazy("Could refuse then"),
    columns.STOPPED: gettext_lazy("Wants no more offers"),
    columns.DETAILS: gettext_lazy("Details as JSON"),
    columns.ATTRIBUTE: gettext_lazy("Keep as an attribute"),
    columns.IGNORE: gettext_lazy("Ignore"),
}
KIND_CHOICES = [
    ("", gettext_lazy("— no, or each row says it")),
    ("opt_in", gettext_lazy("written opt-in")),
    ("purchase", gettext_lazy("purchase")),
    ("inquiry", gettext_lazy("question or message")),
    ("visit", gettext_lazy("visit")),
]


class UploadForm(forms.Form):
    """One table, and what it is a list of."""

    kind = forms.ChoiceField(
        label=gettext_lazy("These people …"),
        choices=[
            (ImportBatch.Kind.CONTACTS, gettext_lazy("… dealt with you: contacts")),
            (ImportBatch.Kind.STOPS, gettext_lazy("… want no more offers from you: stops")),
        ],
        widget=forms.RadioSelect,
        initial=ImportBatch.Kind.CONTACTS,
        required=False,
    )
    file = forms.FileField(
        label=gettext_lazy("File (CSV, XLSX, XLS or ODS)"),
        help_text=gettext_lazy("You will see the first rows, and what each column is taken for. Up to 512 MB."),
        error_messages={
            "empty": gettext_lazy("This file is empty. Export it again, and look into it before you send it.")
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].widget.attrs["accept"] = ".csv,.txt,.tsv,.xlsx,.xlsb,.xls,.ods,text/csv"

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or ImportBatch.Kind.CONTACTS


class ColumnsForm(forms.Form):
    """What each column of a file holds, and what holds for all of its rows."""

    interaction = forms.ChoiceField(label=gettext_lazy("All of these people …"), choices=KIND_CHOICES, required=False)
    interaction_date = forms.CharField(
        label=gettext_lazy("When"), help_text=gettext_lazy("For example 2026-03-14."), max_length=40, required=False
    )
    evidence = forms.CharField(
        label=gettext_lazy("What proves it"),
        help_text=gettext_lazy("A campaign, a shop’s register, a form: where one can look it up."),
        max_length=MAX_EVIDENCE_LETTERS,
        required=False,
    )
    opt_out_offered = forms.BooleanField(
        label=gettext_lazy("They could refuse offers when they gave their number"), required=False
    )
    country = forms.CharField(
        label=gettext_lazy("Country of numbers without +"),
        help_text=gettext_lazy("Two letters, for example FR. Empty: your own country."),
        max_length=40,
        required=False,
    )
    language = forms.CharField(
        label=gettext_lazy("Language of all"),
        help_text=gettext_lazy("Two letters, for example fr."),
        max_length=40,
        required=False,
    )

    def __init__(self, *args: Any, batch: ImportBatch, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batch, self.now = batch, now
        self.is_of_stops = batch.kind == ImportBatch.Kind.STOPS
        layout = Layout.from_json(batch.layout) if batch.layout and "roles" in batch.layout else None
        roles = layout.roles if layout else (batch.preview or {}).get("roles", [])
        if self.is_of_stops:
            for name in ("interaction", "interaction_date", "evidence", "opt_out_offered", "language"):
                del self.fields[name]
        known = columns.ROLES_OF_STOPS if self.is_of_stops else columns.ROLES
        for i, title in enumerate(batch.titles):
            self.fields[f"role_{i}"] = forms.ChoiceField(
                label=title,
                choices=[(role, ROLE_NAMES[role]) for role in known],
                initial=roles[i] if i < len(roles) else columns.IGNORE,
            )
        for name, value in (layout.for_all if layout else {}).items():
            if name in self.fields:
                self.fields[name].initial = value

    def shown(self) -> list[tuple[Any, list[str]]]:
        """Return each column's field with what stands in its first rows."""
        rows = (self.batch.preview or {}).get("rows", [])
        return [
            (self[f"role_{i}"], [row[i] for row in rows if i < len(row) and row[i]])
            for i in range(len(self.batch.titles))
        ]

    def for_all_fields(self) -> list[Any]:
        return [self[name] for name in self.fields if not name.startswith("role_")]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        roles = [cleaned.get(f"role_{i}", columns.IGNORE) for i in range(len(self.batch.titles))]
        for role in columns.ONCE:
            if roles.count(role) > 1:
                second = [i for i, other in enumerate(roles) if other == role][1]
                self.add_error(f"role_{second}", _("Another column is taken for this already: choose one of them."))
        for name, sentence in choosing.wrong_for_all(
            self._for_all(), timezone=self.batch.business.timezone, now=self.now
        ).items():
            self.add_error(name, sentence)
        return cleaned

    def layout(self) -> Layout:
        roles = tuple(self.cleaned_data[f"role_{i}"] for i in range(len(self.batch.titles)))
        return Layout(roles, self._for_all())

    def _for_all(self) -> dict[str, str]:
        told = {name: self.cleaned_data.get(name) for name in columns.FOR_ALL}
        return {name: "yes" if value is True else str(value) for name, value in told.items() if value}


class FindForm(forms.Form):
    """Whom to look for: a telephone number, the beginning of a name, or what they said."""

    SAID: ClassVar = [
        ("", gettext_lazy("Everybody")),
        ("reachable", gettext_lazy("May be reached now")),
        ("writable", gettext_lazy("Not stopped, with evidence")),
        ("stopped", gettext_lazy("Stopped")),
        ("blocked", gettext_lazy("Blocked")),
        ("interested", gettext_lazy("Interested")),
        ("not-interested", gettext_lazy("Not interested")),
        ("no-evidence", gettext_lazy("Without evidence")),
    ]
    phone = forms.CharField(label=gettext_lazy("Phone number or beginning of the name"), max_length=80, required=False)
    said = forms.ChoiceField(label=gettext_lazy("Who"), choices=SAID, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["phone"]
        field.widget.attrs.update(type="search", autocomplete="off", placeholder=field.label)


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
        label=gettext_lazy("Promise in French"), widget=forms.Textarea(attrs={"rows": 6, "lang": "fr"}), required=False
    )
    promise_en = forms.CharField(
        label=gettext_lazy("Promise in English"),
        widget=forms.Textarea(attrs={"rows": 6, "lang": "en"}),
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
        super().__init__(*args, **{**kwargs, "initial": facts | words})
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


class FactsForm(forms.Form):
    """What a business knows of a person: its own facts, seen by no other."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, required=False)
    language = forms.RegexField(
        r"^([a-z]{2,3}([-_][A-Za-z]{2,4})?)?$",
        label=gettext_lazy("Language"),
        max_length=8,
        required=False,
        help_text=gettext_lazy("Its code, for example fr."),
    )
    attributes = forms.CharField(
        label=gettext_lazy("Attributes"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=20_000,
        required=False,
        help_text=gettext_lazy("One a line, for example city: Lyon."),
    )

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        lines = "\n".join(f"{name}: {value}" for name, value in contact.attributes.items())
        known = {"name": contact.name, "language": contact.language, "attributes": lines}
        super().__init__(*args, **({"initial": known} | kwargs))

    def clean_attributes(self) -> dict[str, str]:
        read: dict[str, str] = {}
        for line in self.cleaned_data["attributes"].splitlines():
            name, sign, value = (part.strip() for part in line.partition(":"))
            if not line.strip():
                continue
            if not (sign and name) or len(name) > 80 or len(value) > 500:
                raise forms.ValidationError(
                    _("“%(line)s” is not a name, a colon and a value of at most 500 letters.") % {"line": line[:40]}
                )
            read[name] = value
        if len(read) > contacts.MAX_ATTRIBUTES:
            raise forms.ValidationError(_("A contact has at most 100 attributes."))
        return read

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("name", "language", "attributes")}
