"""The reviewers' door: the queue, oldest first, and one case at a time. Everything else here is for reading."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from businesses.models import Business, User
from templates_approval import desk, placeholders, reasons, render, review, reviewers
from templates_approval.models import Review, Version

SIGNS = {"late": "■", "soon": "◆", "fine": "●"}


class StateFilter(admin.SimpleListFilter):
    """What waits, unless something else is asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("all", _("everything submitted")), ("approved", _("approved")), ("rejected", _("rejected"))]

    def choices(self, changelist: ChangeList) -> Any:
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("waiting"),
        }
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Version]) -> QuerySet[Version]:
        match self.value():
            case None:
                return queryset.filter(state=Version.State.SUBMITTED)
            case "approved" | "rejected" as state:
                return queryset.filter(state=state)
            case _:
                return queryset


class FindingsFilter(admin.SimpleListFilter):
    title = gettext_lazy("findings")
    parameter_name = "findings"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("some", _("with findings")), ("none", _("without findings"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Version]) -> QuerySet[Version]:
        match self.value():
            case "some":
                return queryset.exclude(findings=[])
            case "none":
                return queryset.filter(findings=[])
            case _:
                return queryset


class ResubmissionFilter(admin.SimpleListFilter):
    title = gettext_lazy("attempt")
    parameter_name = "attempt"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("first", _("first")), ("again", _("after a rejection"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Version]) -> QuerySet[Version]:
        match self.value():
            case "first":
                return queryset.filter(n_rejected__isnull=True)  # type: ignore[misc]
            case "again":
                return queryset.filter(n_rejected__gte=1)  # type: ignore[misc]
            case _:
                return queryset


class DecisionForm(forms.Form):
    """What a reviewer decides. Words left empty become the standard sentences in the author's language."""

    decision = forms.ChoiceField(choices=Review.Decision)
    reason_codes = forms.MultipleChoiceField(
        label=gettext_lazy("Reasons"), choices=reasons.Reason, required=False, widget=forms.CheckboxSelectMultiple
    )
    words = forms.CharField(
        label=gettext_lazy("Words to the author"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    note = forms.CharField(
        label=gettext_lazy("Note for reviewers"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, author_language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.author_language = author_language

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("decision") == Review.Decision.REJECTED:
            if not data.get("reason_codes"):
                self.add_error("reason_codes", _("Choose at least one reason."))
            elif not data.get("words", "").strip():
                data["words"] = reasons.standard_words(data["reason_codes"], language=self.author_language)
        return data


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that only the domain writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Version)
class VersionDesk(ReadOnlyAdmin):
    """The queue and its cases."""

    list_display = ("case", "sla", "business_name", "language", "findings_count", "attempt", "submitted")
    list_display_links = None
    list_filter = (StateFilter, "language", FindingsFilter, ResubmissionFilter)
    search_fields = ("template__name", "template__business__name", "code")
    ordering = ("submitted_at", "id")
    list_per_page = 50
    show_full_result_count = False
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Version]:
        submitted = Version.objects.exclude(state=Version.State.DRAFT).select_related("template__business")
        return desk.with_attempts(submitted).order_by("submitted_at", "id")

    # --- The queue -----------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = _("Templates waiting for review")
        return super().changelist_view(request, {**(extra_context or {}), "title": title, "has_desk": True})

    @admin.display(description=gettext_lazy("template"), ordering="template__name")
    def case(self, version: Version) -> SafeString:
        url = reverse("admin:templates_approval_version_change", args=[version.pk])
        return format_html('<a href="{}">{}</a> v{}', url, version.template.name, version.number)

    @admin.display(description=gettext_lazy("business"), ordering="template__business__name")
    def business_name(self, version: Version) -> str:
        business = version.template.business
        return f"{business.name} ({business.get_mode_display()})" if business.is_test else business.name

    @admin.display(description=gettext_lazy("submitted"), ordering="submitted_at")
    def submitted(self, version: Version) -> Any:
        return version.submitted_at

    @admin.display(description=gettext_lazy("time left"), ordering="review_due_at")
    def sla(self, version: Version) -> SafeString | str:
        if version.state != Version.State.SUBMITTED:
            return version.get_state_display()
        clock = desk.clock(version, now=timezone.now())
        return format_html('<span class="clock {}">{} {}</span>', clock.state, SIGNS[clock.state], clock.words)

    @admin.display(description=gettext_lazy("findings"))
    def findings_count(self, version: Version) -> str:
        return str(len(version.findings)) if version.findings else "–"

    @admin.display(description=gettext_lazy("attempt"))
    def attempt(self, version: Version) -> str:
        n_rejected = version.n_rejected  # type: ignore[attr-defined]
        return _("after %(n)s rejections") % {"n": n_rejected} if n_rejected else _("first")

    # --- One case ------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [
            path("<int:pk>/decide/", decide, name="templates_approval_version_decide"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a case: what people will read, what the rules found, who asks, and what was decided before."""
        version = self._case(request, object_id)
        form = DecisionForm(author_language=_language_of_author(version))
        return self._page(request, version, form)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take the decision of the form, say what came of it, and go on to the next case."""
        version = self._case(request, str(pk))
        reviewer = _reviewer(request)
        if not reviewers.may_decide(reviewer):
            raise PermissionDenied
        form = DecisionForm(request.POST, author_language=_language_of_author(version))
        if not form.is_valid():
            return self._page(request, version, form)
        try:
            sentence = _decide(version, reviewer, form.cleaned_data)
        except review.CannotReview as refusal:
            self.message_user(request, " ".join(refusal.messages), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:templates_approval_version_change", args=[version.pk]))
        following = desk.next_case(after=version, reviewer=reviewer)
        if following is None:
            self.message_user(request, f"{sentence} {_('Nothing else waits for you.')}", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:templates_approval_version_changelist"))
        self.message_user(request, sentence, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:templates_approval_version_change", args=[following.pk]))

    def _case(self, request: HttpRequest, object_id: str) -> Version:
        if not self.has_view_permission(request):
            raise PermissionDenied
        queryset = self.get_queryset(request).select_related("template__business__legal_entity", "submitted_by")
        version = queryset.filter(pk=object_id).first() if object_id.isdecimal() else None
        if version is None:
            raise Http404
        return version

    def _page(self, request: HttpRequest, version: Version, form: DecisionForm) -> HttpResponse:
        business = version.template.business
        refusal = _refusal(_reviewer(request), version)
        context = {
            **self.admin_site.each_context(request),
            "title": version.template.name,
            "subtitle": None,
            "opts": self.opts,
            "version": version,
            "business": business,
            "record": desk.record_of(business),
            "clock": desk.clock(version, now=timezone.now()),
            "clock_sign": SIGNS[desk.clock(version, now=timezone.now()).state],
            "rendered": _as_read(version),
            "variables": _variables(version),
            "findings": review.findings_of(version),
            "is_untouched": review.is_untouched(version),
            "comparison": desk.comparison(version),
            "decisions": [(d, _labels(d)) for d in desk.decisions_about(version)],
            "form": form,
            "refusal": refusal,
            "is_waiting": version.state == Version.State.SUBMITTED,
            "standard_sentences": _sentences(form.author_language),
            "author_language": form.author_language,
            "following": desk.next_case(after=version, reviewer=_reviewer(request)),
            "previous": desk.previous_case(before=version),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/templates_approval/version/case.html", context)


@admin.register(Review)
class ReviewLog(ReadOnlyAdmin):
    """Every decision ever taken."""

    list_display = ("created_at", "version", "decision", "reason_codes", "reviewer")
    list_filter = ("decision", "created_at")
    list_select_related = ("version__template", "reviewer")
    search_fields = ("version__template__name", "version__code", "reviewer__email")
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    actions = None


def _decide(version: Version, reviewer: User, decided: dict[str, Any]) -> str:
    """Call the domain once, and return a sentence about what happened."""
    now, words = timezone.now(), {"name": version.template.name, "number": version.number}
    if decided["decision"] == Review.Decision.APPROVED:
        review.approve(version=version, reviewer=reviewer, now=now, note=decided["note"])
        return _("Approved: %(name)s, version %(number)s.") % words
    review.reject(
        version=version,
        reviewer=reviewer,
        reason_codes=decided["reason_codes"],
        words=decided["words"],
        now=now,
        note=decided["note"],
    )
    return _("Rejected: %(name)s, version %(number)s.") % words


def _refusal(reviewer: User, version: Version) -> str:
    """Return why this reviewer may not decide, or an empty string."""
    try:
        review.must_be_outsider(reviewer, version)
    except review.CannotReview as refusal:
        return " ".join(refusal.messages)
    return ""


def _as_read(version: Version) -> render.Rendered:
    return render.render(version.components, placeholders.examples(version.components), fallbacks=version.fallbacks)


def _variables(version: Version) -> list[tuple[str, str, str]]:
    examples = placeholders.examples(version.components)
    return [(name, example, str(version.fallbacks.get(name, ""))) for name, example in examples.items()]


def _labels(decision: Review) -> list[str]:
    return [str(reasons.Reason(code).label) for code in decision.reason_codes]


def _language_of_author(version: Version) -> str:
    business: Business = version.template.business
    return version.submitted_by.locale if version.submitted_by else business.locale


def _sentences(language: str) -> list[tuple[str, str]]:
    return [(str(reason.label), reasons.standard_words([reason], language=language)) for reason in reasons.Reason]


def _reviewer(request: HttpRequest) -> User:
    """The admin lets nobody through who is not logged in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
