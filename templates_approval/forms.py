"""The composer: plain fields (or component JSON) that become component JSON, with the rules' findings beside each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from babel import Locale
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from templates_approval import components as reading
from templates_approval import offer, placeholders, render, rules, writing
from templates_approval.models import Template, Version
from templates_approval.review import NAME, house_lists

# Languages offered in the list; component JSON from elsewhere may use any other.
LANGUAGES = (
    *("en", "en_GB", "en_US", "fr", "fr_BE", "fr_CA", "fr_CH", "de", "de_AT", "de_CH", "es", "es_MX", "it"),
    *("nl", "nl_BE", "pt_BR", "pt_PT", "ar", "pl", "ro", "tr"),
)
MAX_VARIABLE_LENGTH = 40
MAX_VARIABLE_ROWS = 20
COMPONENT = re.compile(r"components\[(\d+)\](.*)")


@dataclass(frozen=True, slots=True)
class Row:
    """A field of the page with what the rules say about it."""

    field: forms.BoundField
    findings: list[rules.Finding]

    @property
    def slug(self) -> str:
        return slug(self.field.name)

    @property
    def errors(self) -> list[rules.Finding]:
        return rules.errors(self.findings)

    @property
    def warnings(self) -> list[rules.Finding]:
        return [finding for finding in self.findings if not finding.is_error]

    @property
    def names_places(self) -> bool:
        """In JSON a sentence alone does not say which of many parts it is about."""
        return self.field.name == "components_json"


@dataclass(frozen=True, slots=True)
class VariableRow:
    """A variable of the text with its two fields; an example that stands in the JSON has no field."""

    name: str
    label: str
    example: Row | None
    fallback: Row


class ComposerForm(forms.Form):
    """Writes one version of a template.

    ``mode`` is ``form`` (header, body, footer, a link; Interested and Not interested come by themselves) or ``json``.
    The fields of the variables follow the text: they appear once it has been previewed or saved.
    """

    mode = forms.ChoiceField(choices=[("form", "form"), ("json", "json")], widget=forms.HiddenInput, initial="form")
    name = forms.CharField(
        label=_("Name"), max_length=512, help_text=_("Only you see it: small letters, digits and underscores.")
    )
    category = forms.ChoiceField(label=_("Category"), choices=Template.Category, initial=Template.Category.MARKETING)
    language = forms.ChoiceField(label=_("Language of the words"), choices=[])
    header = forms.CharField(
        label=_("Header"), required=False, max_length=1000, help_text=_("Optional, one line of at most 60 characters.")
    )
    body = forms.CharField(
        label=_("Message"),
        max_length=20_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 9}),
        help_text=_("*bold*, _italic_, ~struck~. Write {{first_name}} where each person’s own word goes."),
    )
    footer = forms.CharField(
        label=_("Footer"), required=False, max_length=1000, help_text=_("Says how to stop. At most 60 characters.")
    )
    link_label = forms.CharField(
        label=_("Label of the link button"),
        required=False,
        max_length=200,
        help_text=_("Optional, at most 25 characters."),
    )
    link_url = forms.CharField(
        label=_("Address of the link button"),
        required=False,
        max_length=4000,
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://"}),
    )
    components_json = forms.CharField(
        label=_("Component JSON"),
        max_length=reading.MAX_JSON_BYTES,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 26, "class": "mono", "spellcheck": "false"}),
        help_text=_("The components as WhatsApp’s API takes them, examples included."),
    )

    PLAIN = ("header", "body", "footer", "link_label", "link_url")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        business: Business,
        template: Template | None = None,
        version: Version | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        """``template`` fixes the name, ``version`` the language too: a draft is rewritten, any other makes the next."""
        initial = {**(initial_of(version) if version else {}), **(initial or {})}
        super().__init__(data, initial=initial, prefix=None)
        self.business = business
        self.version = version
        self.template = version.template if version else template
        self._fix_fields()
        for name in self._variables():
            self._add_variable(name)
        for name, field in self.fields.items():
            described = [f"id_{name}_helptext"] if field.help_text else []
            field.widget.attrs["aria-describedby"] = " ".join([*described, f"findings_{slug(name)}"])

    # --- The fields ----------------------------------------------------------------------------

    def _fix_fields(self) -> None:
        self.fields["language"].choices = language_choices(self.initial.get("language"))  # type: ignore[attr-defined]
        if self.template is not None:
            self.initial["name"] = self.template.name
            self.initial["category"] = self.template.category
            self.fields["name"].disabled = True
        if self.version is not None:
            self.fields["language"].disabled = True
        for name in ("components_json",) if self.mode_now == "form" else self.PLAIN:
            del self.fields[name]

    @property
    def mode_now(self) -> str:
        """The mode as posted, else as given; known before the form is cleaned."""
        return "json" if self._now("mode") == "json" else "form"

    def _now(self, name: str) -> str:
        """Return what a field holds before cleaning: what was posted, else what it started with."""
        field = self.fields.get(name)
        if self.is_bound and not (field is not None and field.disabled):
            return str(self.data.get(name) or "")
        return str(self.initial.get(name) or (field and field.initial) or "")

    def _variables(self) -> list[str]:
        names = placeholders.variables(self._components_now())
        return [name for name in names if len(name) <= MAX_VARIABLE_LENGTH][:MAX_VARIABLE_ROWS]

    def _add_variable(self, name: str) -> None:
        if self.mode_now == "form":
            self.fields[f"example:{name}"] = forms.CharField(label=_("Example"), required=False, max_length=300)
        self.fields[f"fallback:{name}"] = forms.CharField(label=_("If not known"), required=False, max_length=300)

    # --- The template --------------------------------------------------------------------------

    def components(self) -> list[dict[str, Any]]:
        """Return the component JSON that the fields make; an empty list when the JSON cannot be read."""
        return self._components_now()

    def _components_now(self) -> list[dict[str, Any]]:
        if self.mode_now == "json":
            try:
                return reading.parse(self._now("components_json"))
            except reading.BadComponents:
                return []
        body = self._now("body").replace("\r\n", "\n").strip()
        link = (self._now("link_label").strip(), self._now("link_url").strip())
        return writing.components(
            language=self._now("language"),
            header=self._now("header").strip(),
            body=body,
            footer=self._now("footer").strip(),
            examples=self._posted("example:"),
            link=link if any(link) else None,
        )

    def fallbacks(self) -> dict[str, str]:
        """Return what is said when a contact has no value for a variable; empty ones are left out."""
        wanted = placeholders.variables(self.components())
        return {name: value for name, value in self._posted("fallback:").items() if name in wanted and value}

    def _posted(self, prefix: str) -> dict[str, str]:
        source: Iterable[str] = self.data if self.is_bound else self.initial
        names = [name for name in source if name.startswith(prefix)]
        return {name.removeprefix(prefix): self._now(name).strip() for name in names}

    def rendered(self) -> render.Rendered:
        """Return the message as the phone shows it: examples where there are any."""
        components = self.components()
        return render.render(components, placeholders.examples(components), fallbacks=self.fallbacks())

    # --- Cleaning ------------------------------------------------------------------------------

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if not NAME.match(name):
            raise ValidationError(
                _("Use small letters, digits and underscores only: summer_sale_2."), code="name_wrong"
            )
        if self.template is None and Template.objects.of(self.business).filter(name=name).exists():
            raise ValidationError(_("You have a template with this name. Open it to change it."), code="name_taken")
        return name

    def clean_language(self) -> str:
        language = str(self.cleaned_data["language"])
        if self.version is None and self.template is not None:
            there = Version.objects.filter(template=self.template, language=language)
            if there.exists():
                raise ValidationError(_("There is a version in this language. Open it to change it."), code="taken")
        return language

    def clean_components_json(self) -> str:
        text = str(self.cleaned_data["components_json"])
        reading.parse(text)
        return text

    def clean(self) -> dict[str, Any]:
        """Refuse what PostgreSQL cannot store, wherever it was typed."""
        super().clean()
        reading.ensure_storable([self.components(), self.fallbacks()])
        return self.cleaned_data

    # --- Findings ------------------------------------------------------------------------------

    @cached_property
    def findings(self) -> list[rules.Finding]:
        """What the rules say about the template as it stands in the fields."""
        if self.mode_now == "json" and not self.components():
            return []
        return rules.check(
            self.components(),
            category=self._now("category"),
            language=self._now("language"),
            fallbacks=self.fallbacks(),
            asks=house_lists(),
        )

    def field_of(self, finding: rules.Finding) -> str:
        """Return the name of the field that a finding belongs beside."""
        name = self._place(finding)
        return name if name in self.fields else "components_json" if self.mode_now == "json" else "body"

    def _place(self, finding: rules.Finding) -> str:
        if finding.path in {"category", "language"}:
            return finding.path
        if finding.path.startswith("fallbacks."):
            return "fallback:" + finding.path.removeprefix("fallbacks.")
        if finding.code == "stop_missing":
            return "footer"
        match = COMPONENT.match(finding.path)
        if match is None or self.mode_now == "json":
            return ""
        kind = str(self.components()[int(match[1])]["type"])
        if kind == reading.BUTTONS:
            return "link_label" if match[2].endswith(".text") else "link_url"
        if match[2].startswith(".example"):
            return "example:" + placeholders.key(kind.lower(), str(finding.params.get("name", "")))
        return kind.lower()

    @cached_property
    def _findings_by_field(self) -> dict[str, list[rules.Finding]]:
        found: dict[str, list[rules.Finding]] = {}
        for finding in self.findings:
            found.setdefault(self.field_of(finding), []).append(finding)
        return found

    # --- Rows for the page ---------------------------------------------------------------------

    def row(self, name: str) -> Row:
        """Return a field with the findings about it."""
        return Row(self[name], self._findings_by_field.get(name, []) if self.shows_findings else [])

    @property
    def shows_findings(self) -> bool:
        """Whether there is anything to find fault with: not before the first word was written."""
        return self.is_bound or bool(self.initial.get("body") or self.initial.get("components_json"))

    @property
    def n_errors(self) -> int:
        return len(rules.errors(self.findings))

    @property
    def n_warnings(self) -> int:
        return len(self.findings) - self.n_errors

    @property
    def head_rows(self) -> list[Row]:
        return [self.row(name) for name in ("name", "category", "language")]

    @property
    def text_rows(self) -> list[Row]:
        names = ["components_json"] if self.mode_now == "json" else list(self.PLAIN)
        return [self.row(name) for name in names]

    @property
    def variable_rows(self) -> list[VariableRow]:
        names = [name.removeprefix("fallback:") for name in self.fields if name.startswith("fallback:")]
        return [
            VariableRow(
                name=name,
                label="{{" + name.rpartition(".")[2] + "}}",
                example=self.row(f"example:{name}") if f"example:{name}" in self.fields else None,
                fallback=self.row(f"fallback:{name}"),
            )
            for name in names
        ]

    @property
    def can_be_plain(self) -> bool:
        """Whether the plain fields can say what the version says."""
        return self.version is None or initial_of(self.version)["mode"] == "form"

    @property
    def reactions(self) -> offer.Wording:
        """The two quick replies that come by themselves."""
        return offer.wording(self._now("language"))


def slug(name: str) -> str:
    """Return the name of a field as part of an element's id: ``example:first_name`` is ``example_first_name``."""
    return re.sub(r"\W", "_", name)


def language_choices(given: object = "") -> list[tuple[str, str]]:
    """Return the languages of the list, and the one a template already has, named in the reader's language."""
    codes = list(LANGUAGES)
    if isinstance(given, str) and given and given not in codes:
        codes.append(given)
    reader = Locale.parse(to_locale(get_language() or "en"))
    return sorted(((code, _language_name(code, reader)) for code in codes), key=lambda choice: choice[1].casefold())


def _language_name(code: str, reader: Locale) -> str:
    try:
        return Locale.parse(code).get_display_name(reader) or code
    except ValueError:
        return code


def initial_of(version: Version) -> dict[str, Any]:
    """Return the fields that write ``version`` again."""
    return initial_from(version.components, version.fallbacks, language=version.language)


def initial_from(components: Any, fallbacks: Mapping[str, str], *, language: str) -> dict[str, Any]:
    """Return plain fields when they can say exactly what ``components`` say, else component JSON."""
    message = reading.read(components)
    examples = placeholders.examples(components)
    link = next((button for button in message.buttons if button.kind == reading.URL), None)
    plain = {
        "mode": "form",
        "language": language,
        "header": message.header.text if message.header else "",
        "body": message.body.text if message.body else "",
        "footer": message.footer.text if message.footer else "",
        "link_label": link.text if link else "",
        "link_url": link.url if link else "",
        **{f"example:{name}": example for name, example in examples.items()},
        **{f"fallback:{name}": value for name, value in fallbacks.items()},
    }
    again = writing.components(
        language=language,
        header=plain["header"],
        body=plain["body"],
        footer=plain["footer"],
        examples=examples,
        link=(plain["link_label"], plain["link_url"]) if link else None,
    )
    return plain if again == components else plain | {"mode": "json", "components_json": as_text(components)}


def as_text(components: Any) -> str:
    """Write component JSON as people like to read it."""
    return json.dumps(components, ensure_ascii=False, indent=2)
