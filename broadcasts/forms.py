"""What each step of composing a broadcast asks, and how the answers become changes of the draft."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from broadcasts import guards, offered, wordings
from broadcasts.attention import Decision
from broadcasts.filters.parts import Was
from broadcasts.models import Broadcast, EmergencyStop, Sender
from broadcasts.models.guard import LEAST_N
from broadcasts.models.stop import REASON_MAX
from businesses import names, prices
from businesses.models import Business
from templates_approval.models import Template, Version

LIVES = [
    (4, _("4 hours")),
    (12, _("12 hours")),
    (24, _("1 day")),
    (48, _("2 days")),
    (72, _("3 days")),
    (168, _("a week")),
]


class BlamedForm(forms.Form):
    """A form whose fields may be blamed by the domain."""

    def blame(self, refusal: ValidationError) -> None:
        """Put a refusal of the domain beside the fields that it names."""
        by_field = refusal.message_dict if hasattr(refusal, "error_dict") else {"": refusal.messages}
        for name, sentences in by_field.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)


class OwnNumberForm(BlamedForm):
    """A number that the member says is theirs."""

    number = forms.CharField(
        label=_("Your phone number"),
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
        help_text=_("A code goes there over this sender. With it you show that the phone is yours."),
    )


class OwnCodeForm(forms.Form):
    """The code that came to it."""

    digits = forms.CharField(
        label=_("The code that came to your phone"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class StepForm(BlamedForm):
    """A step's questions about ``draft`` (None while there is none); ``changes`` are fields of the broadcast."""

    def __init__(self, *args: Any, business: Business, draft: Broadcast | None = None, **kwargs: Any) -> None:
        self.business = business
        self.draft = draft
        kwargs.setdefault("initial", self.answers(draft) if draft else {})
        super().__init__(*args, **kwargs)

    def answers(self, draft: Broadcast) -> dict[str, Any]:
        """Return the draft's present answers, by the names of the fields here."""
        raise NotImplementedError

    def changes(self) -> dict[str, Any]:
        """Return the given answers as fields of the broadcast."""
        raise NotImplementedError


class MessageForm(StepForm):
    """Which words, in whose voice, and the values that are the same for everybody."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Only your team sees it."))
    template = forms.ModelChoiceField(
        label=_("Template"),
        queryset=Template.objects.none(),
        to_field_name="code",
        help_text=_("Approved templates only."),
    )
    sender = forms.ModelChoiceField(label=_("Sender"), queryset=Sender.objects.none(), to_field_name="code")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        has_approved = Version.objects.filter(template=OuterRef("pk"), state=Version.State.APPROVED)
        templates = Template.objects.of(self.business).filter(
            Exists(has_approved), category=Template.Category.MARKETING, archived_at__isnull=True
        )
        self.has_templates = self._choose_from("template", templates.order_by("name"))
        senders = Sender.objects.of(self.business).filter(is_active=True)
        self.has_senders = self._choose_from("sender", senders.order_by("name", "id"))
        self.variables = variables_of(self.draft)
        for name in self.variables:
            self.fields[_value_of(name)] = forms.CharField(
                label="{{" + name + "}}",
                max_length=300,
                required=False,
                help_text=_("Empty: each contact’s own value, else the template’s fallback."),
            )

    def _choose_from(self, name: str, rows: QuerySet[Any]) -> bool:
        """Offer ``rows``, a single one chosen beforehand; return whether there is any."""
        field = cast("forms.ModelChoiceField[Any]", self.fields[name])
        field.queryset = rows
        # Read once, for the page asks a queryset again each time it looks.
        choices = [(row.code, str(row)) for row in rows]
        field.choices = choices if len(choices) == 1 else [("", "—"), *choices]
        return bool(choices)

    def answers(self, draft: Broadcast) -> dict[str, Any]:
        values = {_value_of(name): value for name, value in draft.variables.items()}
        return {"name": draft.name, "template": draft.template.code, "sender": draft.sender.code, **values}

    def changes(self) -> dict[str, Any]:
        given = {name: self.cleaned_data[_value_of(name)].strip() for name in self.variables}
        return {
            **{name: self.cleaned_data[name] for name in ("name", "template", "sender")},
            "variables": {name: value for name, value in given.items() if value},
        }


def variables_of(draft: Broadcast | None) -> list[str]:
    """Return the variables of the draft's approved wordings, in reading order."""
    versions = wordings.approved(draft.template) if draft else []
    return list(dict.fromkeys(name for version in versions for name in wordings.needed(version)))


def _value_of(name: str) -> str:
    return f"value:{name}"


class AudienceForm(StepForm):
    """To whom: everybody or a saved segment, narrowed by what the contacts have in common."""

    segment = forms.ChoiceField(label=_("Segment"), required=False)
    without = forms.ChoiceField(label=_("but without"), required=False)
    countries = forms.MultipleChoiceField(label=_("Countries"), required=False, widget=forms.CheckboxSelectMultiple)
    languages = forms.MultipleChoiceField(label=_("Languages"), required=False, widget=forms.CheckboxSelectMultiple)
    attribute = forms.ChoiceField(label=_("Only contacts whose"), required=False)
    value = forms.CharField(label=_("is exactly"), max_length=200, required=False)
    holdout = forms.IntegerField(
        label=_("Control group (%)"),
        min_value=0,
        max_value=50,
        help_text=_("This share gets nothing, so that you can measure what the offer changes. 0 for none."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.draft.audience if self.draft else {}
        seen = offered.to_filter_by(self.business)
        saved = offered.segments_of(self.business)
        self.has_segments = bool(saved)
        self._offer("segment", saved, before=[("", _("all contacts"))])
        self._offer("without", saved, before=[("", _("nobody"))])
        self._offer("countries", _named(seen.countries, chosen.get("countries", []), names.country))
        self._offer("languages", _named(seen.languages, chosen.get("languages", []), names.language))
        attributes = {name: name for name in [*seen.attributes, *_simple(chosen)]}
        self._offer("attribute", sorted(attributes.items()), before=[("", _("(no condition)"))])

    def _offer(self, field: str, choices: list[tuple[str, str]], before: Iterable[tuple[str, Any]] = ()) -> None:
        self.fields[field].choices = [*before, *choices]  # type: ignore[attr-defined]

    def answers(self, draft: Broadcast) -> dict[str, Any]:
        attribute, value = next(iter(_simple(draft.audience).items()), ("", ""))
        return {
            "segment": draft.audience.get("segment", ""),
            "without": _without(draft.audience),
            "countries": draft.audience.get("countries", []),
            "languages": draft.audience.get("languages", []),
            "attribute": attribute,
            "value": value,
            "holdout": draft.holdout_permille // 10,
        }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("attribute") and not given.get("value"):
            self.add_error("value", _("Write the value that the contacts must have."))
        return given

    def kept(self) -> dict[str, Any]:
        """Return what only programs can say of the draft's audience: it stays as it is."""
        audience = self.draft.audience if self.draft else {}
        asked = {"segment", "countries", "languages"}
        asked |= {"attributes"} if _simple(audience) else set()
        asked |= {"none"} if _without(audience) else set()
        return {name: part for name, part in audience.items() if name not in asked}

    def changes(self) -> dict[str, Any]:
        given, audience = self.cleaned_data, self.kept()
        for name in ("segment", "countries", "languages"):
            if given[name]:
                audience[name] = given[name]
        if given["attribute"]:
            audience["attributes"] = {**audience.get("attributes", {}), given["attribute"]: given["value"]}
        if given["without"]:
            audience["none"] = [*audience.get("none", []), {"segment": given["without"]}]
        return {"audience": audience, "holdout_permille": 10 * given["holdout"]}


def _named(seen: dict[str, str], chosen: list[str], say: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return what occurs and what is chosen already, by code, in order of their names."""
    every = seen | {code: say(code) for code in chosen}
    return sorted(every.items(), key=lambda choice: choice[1])


def _simple(audience: dict[str, Any]) -> dict[str, str]:
    """Return the one attribute that this form can ask about: its name and the text it must be."""
    attributes = audience.get("attributes", {})
    return attributes if len(attributes) == 1 and all(isinstance(value, str) for value in attributes.values()) else {}


def _without(audience: dict[str, Any]) -> str:
    """Return the one segment that is left out, where nothing else is."""
    match audience.get("none"):
        case [{"segment": str(code), **more}] if not more:
            return code
    return ""


GUARDED = ("pause_at_failed_percent", "pause_at_refused_permille", "pause_after_n")


class WhenForm(StepForm):
    """When it leaves, how long it is worth sending, and how fast."""

    start = forms.ChoiceField(
        label=_("It leaves"),
        choices=[
            ("now", _("As soon as it is launched")),
            ("later", _("At a set time")),
            ("local", _("At a set hour on each person’s own clock")),
        ],
        widget=forms.RadioSelect,
    )
    scheduled_at = forms.DateTimeField(
        label=_("Set time"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    life_hours = forms.TypedChoiceField(
        label=_("Whoever cannot be reached by then gets nothing"),
        coerce=int,
        help_text=_(
            "Quiet hours are kept in each person’s own time: a short life leaves out those for whom it is night."
        ),
    )
    waits_for_cap = forms.BooleanField(
        label=_("Wait for people who have had enough offers for now, within that time"), required=False
    )
    messages_per_second = forms.IntegerField(
        label=_("At most, per second"),
        min_value=1,
        max_value=100_000,
        required=False,
        help_text=_("Empty: as fast as the sender may."),
    )
    pause_at_failed_percent = forms.IntegerField(
        label=_("Pause when so many per 100 fail"), min_value=0, max_value=100, required=False
    )
    pause_at_refused_permille = forms.IntegerField(
        label=_("Pause when so many per 1,000 stop or block you"), min_value=0, max_value=1000, required=False
    )
    pause_after_n = forms.IntegerField(
        label=_("Not before so many were handed over"), min_value=LEAST_N, max_value=1_000_000, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lives: list[tuple[int, Any]] = list(LIVES)
        if self.draft and self.draft.life_hours not in dict(lives):
            lives.append((self.draft.life_hours, _("%(n)s hours") % {"n": self.draft.life_hours}))
        self.fields["life_hours"].choices = sorted(lives, key=lambda life: life[0])  # type: ignore[attr-defined]
        general = guards.of_business(self.business)
        percent, permille, after_n = general.failed_percent, general.refused_permille, general.after_n
        for name, value in zip(GUARDED[:2], (percent, permille), strict=True):
            self.fields[name].help_text = _("Empty: %(n)d, as for all your broadcasts. 0: never.") % {"n": value}
        self.fields["pause_after_n"].help_text = _("Empty: %(n)d, as for all your broadcasts.") % {"n": after_n}
        self.fields["scheduled_at"].help_text = _(
            "In the time zone of your business, %(zone)s, or on their own clocks."
        ) % {"zone": self.business.timezone}

    def answers(self, draft: Broadcast) -> dict[str, Any]:
        return {
            "start": "local" if draft.is_local_time else "later" if draft.scheduled_at else "now",
            "scheduled_at": draft.scheduled_at and timezone.localtime(draft.scheduled_at),
            "life_hours": draft.life_hours,
            "waits_for_cap": draft.waits_for_cap,
            "messages_per_second": draft.messages_per_second,
            **{name: getattr(draft, name) for name in GUARDED},
        }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if (
            given.get("start") in ("later", "local")
            and not given.get("scheduled_at")
            and "scheduled_at" not in self.errors
        ):
            self.add_error("scheduled_at", _("Choose the day and the hour."))
        return given

    def changes(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "scheduled_at": None if given["start"] == "now" else given["scheduled_at"],
            "is_local_time": given["start"] == "local",
            **{name: given[name] for name in ("life_hours", "waits_for_cap", "messages_per_second", *GUARDED)},
        }


class MoneyForm(StepForm):
    """The most it may cost."""

    budget = forms.DecimalField(
        label=_("Budget"),
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        required=False,
        help_text=_("Empty: what the estimate says at most. When the budget is used up, the others get nothing."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["budget"].label = _("Budget (%(currency)s)") % {"currency": self.business.currency}
        self.fields["budget"].widget.attrs["inputmode"] = "decimal"

    def answers(self, draft: Broadcast) -> dict[str, Any]:
        micro = draft.budget_micro
        return {"budget": None if micro is None else (Decimal(micro) / prices.MICRO).quantize(Decimal("0.01"))}

    def changes(self) -> dict[str, Any]:
        budget: Decimal | None = self.cleaned_data["budget"]
        return {"budget_micro": None if budget is None else prices.to_micro(budget)}

    def blame(self, refusal: ValidationError) -> None:
        for sentence in refusal.messages:
            self.add_error("budget", sentence)


class CorrectForm(forms.Form):
    was = forms.ChoiceField(
        label=_("Who should read it?"),
        choices=[
            (Was.DELIVERED, _("Those who received it, as far as receipts say")),
            (Was.SENT, _("All to whom it was sent, also those whose phone was off")),
        ],
        initial=Was.DELIVERED,
        widget=forms.RadioSelect,
    )


class PauseForm(forms.Form):
    reason = forms.CharField(label=_("Why?"), max_length=300, help_text=_("Your team reads it beside the broadcast."))


class GuardForm(BlamedForm):
    """At which share of failures or refusals a broadcast pauses by itself, for the whole business."""

    failed_percent = forms.IntegerField(
        label=_("Pause when so many per 100 fail"), min_value=0, max_value=100, help_text=_("0: never.")
    )
    refused_permille = forms.IntegerField(
        label=_("Pause when so many per 1,000 stop or block you"), min_value=0, max_value=1000, help_text=_("0: never.")
    )
    after_n = forms.IntegerField(label=_("Not before so many were handed over"), min_value=LEAST_N, max_value=1_000_000)


class StopForm(BlamedForm):
    """What of a business's own is stopped at once, and why."""

    what = forms.ChoiceField(label=_("What is stopped?"))
    reason = forms.CharField(
        label=_("Why?"), max_length=REASON_MAX, help_text=_("Your team reads it beside every broadcast that it holds.")
    )

    def __init__(self, *args: Any, business: Business, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        alive = Broadcast.objects.of(business).filter(settled_at__isnull=True).exclude(state__in=Broadcast.ENDED)
        templates = Template.objects.of(business).filter(category=Template.Category.MARKETING, archived_at__isnull=True)
        scopes = EmergencyStop.Scope
        self.fields["what"].choices = [  # type: ignore[attr-defined]
            (f"{scopes.BUSINESS}:{business.code}", _("All offers of %(name)s") % {"name": business.name}),
            (_("A broadcast"), _choices(scopes.BROADCAST, alive.exclude(state="draft").order_by("-created_at")[:100])),
            (_("A template"), _choices(scopes.TEMPLATE, templates.order_by("name")[:500])),
            (_("A sender"), _choices(scopes.SENDER, Sender.objects.of(business).order_by("name", "id")[:100])),
        ]

    def blame(self, refusal: ValidationError) -> None:
        for name, sentences in refusal.message_dict.items():
            self.add_error("reason" if name == "reason" else "what", sentences)


def _choices(scope: str, rows: Iterable[Any]) -> list[tuple[str, str]]:
    return [(f"{scope}:{row.code}", row.name) for row in rows]


class LiftForm(forms.Form):
    goes_on = forms.BooleanField(
        label=_("What it paused goes on at once"),
        help_text=_("Else it stays paused until somebody resumes it."),
        required=False,
        initial=True,
    )


class OperatorStopForm(BlamedForm):
    """What the operator stops: anything, of anybody."""

    scope = forms.ChoiceField(label=_("What is stopped?"), choices=EmergencyStop.Scope)
    reference = forms.CharField(
        label=_("Which one?"),
        max_length=24,
        required=False,
        help_text=_("Its code (biz_…, snd_…, tpl_…, brd_…), or the two letters of a country. Empty for everything."),
    )
    reason = forms.CharField(
        label=_("Why?"), max_length=REASON_MAX, help_text=_("The businesses concerned read it: name none of them.")
    )


class DecideForm(forms.Form):
    """What became of messages whose outcome nobody knows."""

    decision = forms.ChoiceField(label=_("What became of them?"), choices=Decision, widget=forms.RadioSelect)
    everybody = forms.BooleanField(label=_("All of them, not only those that I ticked"), required=False)
    accepts_duplicates = forms.BooleanField(
        label=_("I accept that some of them may get the same offer twice"),
        help_text=_("Only for “send them again”: whoever did get the first message gets a second one."),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("decision") == Decision.SEND_AGAIN and not found.get("accepts_duplicates"):
            self.add_error("accepts_duplicates", _("Tick this if you want them sent again."))
        return found


class ConnectWebhookForm(forms.Form):
    """A messaging service of the operator or the business, that takes messages by HTTP."""

    name = forms.CharField(label=_("Name that people see"), max_length=80)
    url = forms.URLField(
        label=_("Address of the service"),
        assume_scheme="https",
        help_text=_("Tambour POSTs each message there, signed; the service answers with its receipts."),
    )
    mobiles_only = forms.BooleanField(
        label=_("It reaches mobile phones only"),
        required=False,
        help_text=_("An SMS gateway, for example: people whose number is a landline are left out, and told apart."),
    )


class ConnectSandboxForm(forms.Form):
    name = forms.CharField(label=_("Name that people see"), max_length=80)
    seed = forms.IntegerField(
        label=_("Seed of their habits"),
        required=False,
        min_value=0,
        max_value=999_999,
        help_text=_(
            "With a number the phones live by themselves: they get messages late, read, answer and write STOP. "
            "The same number, the same people. Empty: only you use them."
        ),
    )


def _secret_field(label: Any, help_text: Any, *, required: bool) -> forms.CharField:
    """What is typed here is never shown again, not even beside an error."""
    widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=1000, widget=widget)


class ConnectWhatsAppForm(BlamedForm):
    """A number of the WhatsApp Business Platform, as Meta's API setup page shows it."""

    name = forms.CharField(label=_("Name that people see"), max_length=80)
    account_id = forms.CharField(
        label=_("WhatsApp Business Account ID"),
        max_length=32,
        help_text=_("Digits, from Meta’s API setup page."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    number_id = forms.CharField(
        label=_("Phone number ID"),
        max_length=32,
        help_text=_("Digits, from the same page. It is not the telephone number."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    token = _secret_field(
        _("Token"),
        _("Of a system user, without an end, for whatsapp_business_messaging and whatsapp_business_management."),
        required=True,
    )
    app_secret = _secret_field(
        _("App secret"),
        _("From the basic settings of your Meta app. Empty when the operator’s own app serves you."),
        required=False,
    )
    uses_marketing_api = forms.BooleanField(
        label=_("Send over the Marketing Messages API; the account is enrolled there"), required=False
    )


class CodeTemplateForm(BlamedForm):
    name = forms.CharField(
        label=_("Name of the authentication template"),
        max_length=512,
        required=False,
        help_text=_("As it is called at Meta. Empty: codes reach only people who wrote within the last day."),
    )


class ReplaceKeysForm(BlamedForm):
    token = _secret_field(_("New token"), _("Empty: the present one stays."), required=False)
    app_secret = _secret_field(_("New app secret"), _("Empty: the present one stays."), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("token") and not given.get("app_secret"):
            raise ValidationError(_("Paste a new token, a new app secret, or both."))
        return given
