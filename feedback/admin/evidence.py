"""The desk for evidence under suspicion: who brought it, what it says, who denies it, what the business answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from businesses.models import User
from consent import suspicion
from consent.models import EvidenceCase, ImportBatch, Interaction
from feedback import denials

if TYPE_CHECKING:
    CaseAdmin = admin.ModelAdmin[EvidenceCase]
    CaseForm = forms.ModelForm[EvidenceCase]
else:
    CaseAdmin = admin.ModelAdmin
    CaseForm = forms.ModelForm

N_SAMPLE = 10
MAX_LETTERS = 120


class Undecided(admin.SimpleListFilter):
    """What is still to be decided, unless one asks for more."""

    title = _("decision")
    parameter_name = "decision"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("", _("still open")), ("all", _("all"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            link = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": (self.value() or "") == value, "query_string": link, "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[EvidenceCase]) -> QuerySet[EvidenceCase]:
        return queryset if self.value() == "all" else queryset.filter(decided_at__isnull=True)


class DecisionForm(CaseForm):
    """One verdict, with words."""

    by: User
    decision = forms.ChoiceField(label=_("Decision"), widget=forms.RadioSelect, choices=EvidenceCase.Decision.choices)

    class Meta:
        model = EvidenceCase
        fields = ("decision", "decision_words")

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        batch = ImportBatch.objects.select_related("business").get(pk=self.instance.batch_id)
        suspicion.check_judge(batch=batch, by=self.by, words=told.get("decision_words", ""))
        return told


@admin.register(EvidenceCase)
class EvidenceDesk(CaseAdmin):
    """Cases, oldest first; one decision each, for good: vouched for, or kept in quarantine."""

    form = DecisionForm
    list_display = ("opened_at", "batch_code", "business", "n_reporters", "n_told", "has_answer", "decision")
    list_display_links = ("opened_at", "batch_code")
    list_filter = (Undecided,)
    list_select_related = ("batch__business",)
    search_fields = ("batch__code", "batch__business__name")
    ordering = ("opened_at", "id")
    actions = None
    facts = (
        "business", "brought", "numbers", "sample", "opened_at", "opened_by", "opening_words", "share", "denied",
        "answer", "answered_at", "earlier", "decided_by", "decided_at",
    )  # fmt: skip
    fieldsets = (
        (_("The import"), {"fields": ("business", "brought", "numbers", "sample")}),
        (_("Why it is doubted"), {"fields": ("opened_at", "opened_by", "opening_words", "share", "denied")}),
        (_("What the business says"), {"fields": ("answer", "answered_at")}),
        (_("Decision"), {"fields": ("earlier", "decision", "decision_words", "decided_by", "decided_at")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: EvidenceCase | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvidenceCase]:
        return super().get_queryset(request).select_related("batch__business", "batch__uploaded_by")

    def get_readonly_fields(self, request: HttpRequest, obj: EvidenceCase | None = None) -> tuple[str, ...]:
        is_closed = obj is not None and (obj.decided_at is not None or obj.batch.trust != ImportBatch.Trust.QUARANTINED)
        return (*self.facts, "decision", "decision_words") if is_closed else self.facts

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.by = request.user  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: EvidenceCase, form: Any, change: bool) -> None:
        judge = suspicion.vouch if obj.decision == EvidenceCase.Decision.VOUCHED else suspicion.keep
        batch = ImportBatch.objects.select_related("business").get(pk=obj.batch_id)
        by = cast(User, request.user)
        if not judge(batch=batch, by=by, words=obj.decision_words, now=timezone.now()):
            raise suspicion.CannotJudge(gettext("Somebody has decided this already. Load the page again."))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except suspicion.CannotJudge as refusal:
            # Somebody else was faster than this form.
            messages.error(request, refusal.messages[0])
            return HttpResponseRedirect(request.path)

    @admin.display(description=_("import"))
    def batch_code(self, case: EvidenceCase) -> str:
        return case.batch.code

    @admin.display(description=_("business"))
    def business(self, case: EvidenceCase) -> str:
        return str(case.batch.business)

    @admin.display(description=_("answered"), boolean=True)
    def has_answer(self, case: EvidenceCase) -> bool:
        return bool(case.answer)

    @admin.display(description=_("brought by"))
    def brought(self, case: EvidenceCase) -> str:
        batch = case.batch
        who = str(batch.uploaded_by) if batch.uploaded_by else gettext("a program or a member who is gone")
        return f"{batch.title} · {batch.code} · {who} · {batch.created_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description=_("numbers"))
    def numbers(self, case: EvidenceCase) -> str:
        batch = case.batch
        return gettext("%(rows)s rows, %(new)s new contacts, %(faulty)s wrong, %(probe)s people in the probe") % {
            "rows": batch.n_rows,
            "new": batch.n_new,
            "faulty": batch.n_faulty,
            "probe": batch.n_probe,
        }

    @admin.display(description=_("what it says (some of it)"))
    def sample(self, case: EvidenceCase) -> SafeString | str:
        """Dates and proofs, and nobody's number: whether ten look like ten different forms is seen without it."""
        rows = Interaction.objects.filter(batch=case.batch_id).order_by("-is_probe", "id")[:N_SAMPLE]
        lines = ((row.get_kind_display(), f"{row.occurred_at:%Y-%m-%d %H:%M}", row.evidence) for row in rows)
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} · {} · {}</li>", lines)) or "–"

    @admin.display(description=_("denied by"))
    def share(self, case: EvidenceCase) -> str:
        if not case.n_reporters:
            return gettext("nobody yet: the operator opened this")
        return gettext("%(n)s people who say that they did not sign up, of %(told)s who were written to") % {
            "n": case.n_reporters,
            "told": case.n_told,
        }

    @admin.display(description=_("their reports"))
    def denied(self, case: EvidenceCase) -> SafeString | str:
        found = denials.about(batch=case.batch, now=case.opened_at)[:N_SAMPLE]
        lines = ((report.code, f"{report.created_at:%Y-%m-%d %H:%M}", _short(report.words)) for report in found)
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} · {} · {}</li>", lines))

    @admin.display(description=_("earlier cases of this business"))
    def earlier(self, case: EvidenceCase) -> str:
        others = EvidenceCase.objects.filter(batch__business=case.batch.business_id).exclude(pk=case.pk)
        n_kept = others.filter(decision=EvidenceCase.Decision.KEPT).count()
        return gettext("%(all)s, of them %(kept)s kept in quarantine") % {"all": others.count(), "kept": n_kept}


def _short(words: str) -> str:
    return Truncator(words).chars(MAX_LETTERS)
