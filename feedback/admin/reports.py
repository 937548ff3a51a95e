"""The operator's desk: people's reports, oldest first, and the calls of providers that could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from broadcasts.models import Broadcast
from businesses.models import User
from feedback import reports
from feedback.models import Callback, Report

if TYPE_CHECKING:
    ReportAdmin = admin.ModelAdmin[Report]
    CallbackAdmin = admin.ModelAdmin[Callback]
    ReportForm = forms.ModelForm[Report]
else:
    ReportAdmin = CallbackAdmin = admin.ModelAdmin
    ReportForm = forms.ModelForm


class OpenFirst(admin.SimpleListFilter):
    """What is still to be decided, unless one asks for more."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*((str(state.value), state.label) for state in Report.State), ("all", _("all"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            is_chosen = (self.value() or Report.State.OPEN) == value
            link = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": is_chosen, "query_string": link, "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        state = self.value() or Report.State.OPEN
        return queryset if state == "all" else queryset.filter(state=state)


class DecisionForm(ReportForm):
    """One verdict, with words."""

    by: User
    state = forms.ChoiceField(
        label=_("Verdict"),
        widget=forms.RadioSelect,
        choices=[
            (Report.State.UPHELD, _("Upheld: the business did wrong")),
            (Report.State.DISMISSED, _("Dismissed: no fault found")),
        ],
    )

    class Meta:
        model = Report
        fields = ("state", "decision_words")

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        # The database's state decides, not what the form made of it.
        report = Report.objects.select_related("business").get(pk=self.instance.pk)
        reports.check_decision(
            report=report, by=self.by, state=told.get("state", ""), words=told.get("decision_words", "")
        )
        return told


@admin.register(Report)
class ReportsDesk(ReportAdmin):
    """Triage: what was said of whom, and how often that business was reported lately; then one decision, for good."""

    form = DecisionForm
    list_display = ("created_at", "code", "business", "reason", "said", "state")
    list_display_links = ("created_at", "code")
    list_filter = (OpenFirst, "reason")
    list_select_related = ("business",)
    search_fields = ("code", "business__name", "words")
    ordering = ("created_at", "id")
    actions = None
    facts = ("business", "reason", "words", "via", "created_at", "broadcast", "history", "decided_by", "decided_at")
    fieldsets = (
        (_("What they said"), {"fields": ("reason", "words", "created_at", "via")}),
        (_("Of whom"), {"fields": ("business", "broadcast", "history")}),
        (_("Decision"), {"fields": ("state", "decision_words", "decided_by", "decided_at")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Report | None = None) -> tuple[str, ...]:
        is_closed = obj is not None and obj.state != Report.State.OPEN
        return (*self.facts, "state", "decision_words") if is_closed else self.facts

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.by = request.user  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: Report, form: Any, change: bool) -> None:
        by = cast(User, request.user)
        reports.decide(report=obj, by=by, state=obj.state, words=obj.decision_words, now=timezone.now())

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except reports.CannotDecide as refusal:
            # Somebody else was faster than this form.
            messages.error(request, refusal.messages[0])
            return HttpResponseRedirect(request.path)

    @admin.display(description=_("in their words"))
    def said(self, report: Report) -> str:
        return Truncator(report.words).chars(80)

    @admin.display(description=_("broadcast"))
    def broadcast(self, report: Report) -> str:
        found = Broadcast.objects.filter(pk=report.broadcast_id or 0).values_list("name", "code").first()
        return " · ".join(found) if found else gettext("none")

    @admin.display(description=_("reports of this business in 30 days"))
    def history(self, report: Report) -> str:
        n = reports.history(business=report.business, now=timezone.now())
        return gettext("%(all)s, of them %(open)s open, %(upheld)s upheld, %(dismissed)s dismissed") % {
            "all": sum(n.values()),
            **{state: n.get(state, 0) for state in Report.State.values},
        }


@admin.register(Callback)
class SetAside(CallbackAdmin):
    """Calls of providers with an element that could not be read or folded. They are looked at, never changed."""

    list_display = ("received_at", "sender", "failure", "folded_at")
    list_filter = ("folded_at",)
    ordering = ("-id",)
    fields = ("received_at", "sender", "failure", "folded_at", "text")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Callback]:
        return super().get_queryset(request).exclude(failure="").select_related("sender").defer("body")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Callback | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Callback | None = None) -> bool:
        return False

    @admin.display(description=_("as it came"))
    def text(self, callback: Callback) -> str:
        return bytes(callback.body)[:4000].decode(errors="replace")
