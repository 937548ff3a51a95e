"""The business's own pages about its templates: what there is, the composer, one version and what became of it."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from businesses.access import member_view
from businesses.models import Business, Member, User
from templates_approval import diff, forms, gallery, history, offer, placeholders, review
from templates_approval import render as rendering
from templates_approval.forms import ComposerForm
from templates_approval.models import Review, Template, Version
from templates_approval.reasons import Reason

VERSIONS_A_PAGE = 50


@require_safe
@member_view()
def templates(request: HttpRequest, business: Business) -> HttpResponse:
    """Show the newest version of each template and language, and the gallery to start from."""
    newest = (
        Version.objects.of(business)
        .filter(template__archived_at__isnull=True)
        .select_related("template")
        .order_by("template__name", "language", "-number")
        .distinct("template__name", "language")
    )
    page = Paginator(newest, VERSIONS_A_PAGE).get_page(request.GET.get("page"))
    context = {"business": business, "page": page, "seeds": gallery.SEEDS}
    return render(request, "templates_approval/list.html", context)


@member_view(Member.Role.MARKETER)
def compose(request: HttpRequest, business: Business) -> HttpResponse:
    """Write a new template, from nothing or the gallery, or an existing one in another language."""
    template = None
    if code := request.GET.get("template"):
        template = get_object_or_404(Template.objects.of(business), code=code)
    if request.method == "POST":
        return _write(request, ComposerForm(request.POST, business=business, template=template))
    form = ComposerForm(business=business, template=template, initial=_start(request, business))
    return _composer(request, form)


@member_view(Member.Role.MARKETER)
def edit(request: HttpRequest, business: Business, version_code: str) -> HttpResponse:
    """Rewrite a draft, or start the next version from a wording that was submitted."""
    version = get_object_or_404(_versions(business), code=version_code)
    draft = Version.objects.filter(
        template=version.template, language=version.language, state=Version.State.DRAFT
    ).first()
    if draft is not None and draft != version:
        return redirect("template-edit", business.code, draft.code)
    if request.method == "POST":
        return _write(request, ComposerForm(request.POST, business=business, version=version))
    form = ComposerForm(business=business, version=version, initial=_mode_asked(request, version))
    return _composer(request, form)


@require_POST
@member_view(Member.Role.MARKETER)
def preview(request: HttpRequest, business: Business) -> HttpResponse:
    """Answer the composer while somebody types: the phone, the findings, and the fields of new variables."""
    version = _versions(business).filter(code=request.POST.get("version", "")).first()
    template = Template.objects.of(business).filter(code=request.POST.get("template", "")).first()
    form = ComposerForm(request.POST, business=business, template=template, version=version)
    names = [row.name for row in form.variable_rows]
    is_same = request.POST.get("variables_shown", "") == ",".join(names)
    context = _composer_context(form) | {"send_variables": not is_same}
    return render(request, "templates_approval/preview.html", context)


@require_safe
@member_view()
def version(request: HttpRequest, business: Business, version_code: str) -> HttpResponse:
    """Show one version: the phone, what the rules and the reviewers said, and its history."""
    version = get_object_or_404(_versions(business), code=version_code)
    moments = history.of(version)
    before = next((m.version for m in moments if m.version.number == version.number - 1), None)
    newest = max(moment.version.number for moment in moments)
    decision = next(iter(version.reviews.all()), None)
    context = {
        "business": business,
        "version": version,
        "rendered": rendering.render(
            version.components, placeholders.examples(version.components), fallbacks=version.fallbacks
        ),
        "variables": _variables(version),
        "findings": review.findings_of(version),
        "decision": decision,
        "reasons": [Reason(code).label for code in decision.reason_codes] if decision else [],
        "moments": moments,
        "changes": diff.parts(before.components, version.components) if before else [],
        "is_newest": version.number == newest,
        "json": forms.as_text(version.components),
    }
    return render(request, "templates_approval/version.html", context)


@require_POST
@member_view(Member.Role.MARKETER)
def submit(request: HttpRequest, business: Business, version_code: str) -> HttpResponse:
    """Send a draft to the reviewers."""
    version = get_object_or_404(_versions(business), code=version_code)
    try:
        review.submit(version=version, by=_user(request), now=timezone.now())
    except review.CannotSubmit as refusal:
        messages.error(request, " ".join(refusal.messages))
        if refusal.findings:
            return redirect("template-edit", business.code, version.code)
    else:
        messages.success(request, _("Submitted. You will see the decision here."))
    return redirect("template-version", business.code, version.code)


def _versions(business: Business) -> Any:
    reviews = Prefetch("reviews", Review.objects.order_by("-id"))
    return Version.objects.of(business).select_related("template", "submitted_by").prefetch_related(reviews)


def _variables(version: Version) -> list[dict[str, str]]:
    return [
        {"name": name, "example": example, "fallback": version.fallbacks.get(name, "")}
        for name, example in placeholders.examples(version.components).items()
    ]


def _start(request: HttpRequest, business: Business) -> dict[str, Any]:
    """Return what the composer starts with: a seed of the gallery, or how to stop in the business's language."""
    language = request.GET.get("language") or business.locale
    seed = gallery.seed(request.GET.get("gallery", ""))
    if seed is None:
        initial: dict[str, Any] = {"language": language, "footer": offer.wording(language).footer}
    else:
        components, fallbacks = seed.in_language(language)
        initial = forms.initial_from(components, fallbacks, language=language) | {"name": seed.slug}
    if request.GET.get("mode") == "json":
        initial |= {"mode": "json"}
    return initial


def _mode_asked(request: HttpRequest, version: Version) -> dict[str, Any]:
    """Show a plain version as component JSON when that is asked for."""
    if request.GET.get("mode") != "json":
        return {}
    return {"mode": "json", "components_json": forms.as_text(version.components)}


def _write(request: HttpRequest, form: ComposerForm) -> HttpResponse:
    """Do what the pressed button says: show the preview again, keep the draft, or keep and submit it."""
    action = request.POST.get("action", "preview")
    if action == "preview" or not form.is_valid():
        return _composer(request, form)
    user, now = _user(request), timezone.now()
    try:
        draft = review.draft(
            business=form.business,
            name=form.cleaned_data["name"],
            language=form.cleaned_data["language"],
            category=form.cleaned_data["category"],
            components=form.components(),
            fallbacks=form.fallbacks(),
            by=user,
            now=now,
        )
        if action == "submit":
            review.submit(version=draft, by=user, now=now)
            messages.success(request, _("Submitted. You will see the decision here."))
        else:
            messages.success(request, _("The draft is kept."))
    except review.CannotSubmit as refusal:
        messages.error(request, _("The draft is kept, but not submitted: %s") % " ".join(refusal.messages))
        return redirect("template-edit", form.business.code, draft.code)
    except review.CannotDraft as refusal:
        form.add_error(None, refusal)
        return _composer(request, form)
    return redirect("template-version", form.business.code, draft.code)


def _composer(request: HttpRequest, form: ComposerForm) -> HttpResponse:
    is_refused = form.is_bound and request.POST.get("action") != "preview" and not form.is_valid()
    context = _composer_context(form) | {"is_refused": is_refused}
    return render(request, "templates_approval/compose.html", context, status=422 if is_refused else 200)


def _composer_context(form: ComposerForm) -> dict[str, Any]:
    return {
        "business": form.business,
        "form": form,
        "version": form.version,
        "rendered": form.rendered(),
        "language": form["language"].value(),
        "decision": form.version and next(iter(form.version.reviews.all()), None),
    }


def _user(request: HttpRequest) -> User:
    """``member_view`` lets nobody through who is not logged in."""
    return cast(User, request.user)
