"""Composing a broadcast: four steps that save a draft, a review with what it will cost, and the launch."""

from __future__ import annotations

from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from broadcasts import estimate as estimates
from broadcasts import lifecycle, panel, segments, sequels, wordings
from broadcasts.forms import AudienceForm, CorrectForm, MessageForm, MoneyForm, StepForm, WhenForm
from broadcasts.models import Broadcast
from broadcasts.tasks import tick
from businesses.access import member_view
from businesses.models import Business, Member, User, Wallet
from templates_approval import placeholders
from templates_approval import render as rendering


class Step(NamedTuple):
    """One page of the way, and what it asks."""

    slug: str
    title: str | Promise
    form: type[StepForm]


STEPS = (
    Step("message", gettext_lazy("Message"), MessageForm),
    Step("audience", gettext_lazy("Audience"), AudienceForm),
    Step("when", gettext_lazy("When"), WhenForm),
    Step("money", gettext_lazy("Money"), MoneyForm),
)
SLUGS = [step.slug for step in STEPS]


def _author(request: HttpRequest) -> User:
    """Return who acts; ``member_view`` lets nobody else in."""
    return cast("User", request.user)


def _draft(business: Business, code: str) -> Broadcast:
    """Return a broadcast that can still be changed, else 404: its page says what became of it."""
    drafts = Broadcast.objects.of(business).select_related("business", "template__business", "sender")
    return get_object_or_404(drafts, code=code, state=Broadcast.State.DRAFT)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def new_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Choose words and voice; that makes the draft."""
    form = MessageForm(request.POST if request.method == "POST" else None, business=business)
    if form.is_valid():
        try:
            draft = lifecycle.create(
                business=business, audience={}, by=_author(request), now=timezone.now(), **form.changes()
            )
        except ValidationError as refusal:
            form.blame(refusal)
        else:
            # A template with variables asks for their values on the same step.
            is_complete = not MessageForm(business=business, draft=draft).variables
            return redirect("broadcast-step", business.code, draft.code, "audience" if is_complete else "message")
    context = {"business": business, "form": form, "way": _way(business, None, "message"), "slug": "message"}
    return render(request, "broadcasts/compose.html", context, status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def step_page(request: HttpRequest, business: Business, broadcast_code: str, slug: str) -> HttpResponse:
    """Ask one step's questions; a good answer is saved and leads on. htmx saves and recounts at each change."""
    if slug not in SLUGS:
        raise Http404
    draft = _draft(business, broadcast_code)
    with timezone.override(ZoneInfo(business.timezone)):
        form = STEPS[SLUGS.index(slug)].form(
            request.POST if request.method == "POST" else None, business=business, draft=draft
        )
        if form.is_valid():
            saved = _save(request, form, draft)
            if saved and request.headers.get("HX-Request"):
                return _panel_of(request, business, saved, slug)
            if saved and request.POST.get("go") == "segment":
                return redirect(reverse("segment-new", args=[business.code], query={"for": saved.code}))
            if saved:
                return redirect(_next(business, saved, slug))
        if request.headers.get("HX-Request"):
            return render(
                request,
                "broadcasts/estimate.html",
                {"business": business, "broadcast": draft, "slug": slug, "form": form},
            )
        return render(
            request, "broadcasts/compose.html", _step_context(business, draft, form, slug), status=_status(form)
        )


def _save(request: HttpRequest, form: StepForm, draft: Broadcast) -> Broadcast | None:
    try:
        return lifecycle.edit(broadcast=draft, by=_author(request), now=timezone.now(), **form.changes())
    except ValidationError as refusal:
        form.blame(refusal)
        return None


def _next(business: Business, draft: Broadcast, slug: str) -> str:
    following = SLUGS[SLUGS.index(slug) + 1 :]
    if following:
        return reverse("broadcast-step", args=[business.code, draft.code, following[0]])
    return reverse("broadcast-review", args=[business.code, draft.code])


def _step_context(business: Business, draft: Broadcast, form: StepForm, slug: str) -> dict[str, Any]:
    context = {
        "business": business,
        "broadcast": draft,
        "form": form,
        "slug": slug,
        "way": _way(business, draft, slug),
        "panel": _latest(draft),
    }
    if slug == "message":
        context["previews"] = _previews(draft)
    if isinstance(form, AudienceForm) and form.kept():
        context["kept_words"] = _in_words(business, form.kept())
    if slug == "money":
        context["wallet"] = Wallet.objects.get(business=business)
    return context


def _in_words(business: Business, audience: dict[str, Any]) -> str:
    try:
        return segments.describe(business=business, definition=audience)
    except ValidationError as refusal:
        return str(refusal.messages[0])


def _way(business: Business, draft: Broadcast | None, here: str) -> list[dict[str, Any]]:
    """Return the steps as the page's head shows them; those of a draft can be gone to."""
    steps: list[dict[str, Any]] = []
    for step in STEPS:
        url = draft and reverse("broadcast-step", args=[business.code, draft.code, step.slug])
        steps.append({"title": step.title, "url": url, "is_here": step.slug == here})
    review = draft and reverse("broadcast-review", args=[business.code, draft.code])
    return [*steps, {"title": gettext_lazy("Review"), "url": review, "is_here": here == "review"}]


def _previews(draft: Broadcast) -> list[dict[str, Any]]:
    """Render each approved wording as a contact whose own values are the template's examples would read it."""
    return [
        {
            "language": version.language,
            "code": version.code,
            "message": rendering.render(
                version.components,
                {**placeholders.examples(version.components), **wordings.given(draft)},
                fallbacks=version.fallbacks,
            ),
        }
        for version in wordings.approved(draft.template)
    ]


def _latest(draft: Broadcast) -> panel.Panel | None:
    latest = draft.estimates.order_by("-id").first()
    return panel.of(latest) if latest else None


def _panel_of(request: HttpRequest, business: Business, draft: Broadcast, slug: str) -> HttpResponse:
    """Count anew and answer with the panel alone."""
    try:
        counted = estimates.estimate(broadcast=draft, now=timezone.now())
    except ValidationError as refusal:
        return _show_panel(request, business, draft, slug, refusals=refusal.messages)
    return _show_panel(request, business, draft, slug, panel=panel.of(counted))


def _show_panel(request: HttpRequest, business: Business, draft: Broadcast, slug: str, **shown: Any) -> HttpResponse:
    context: dict[str, Any] = {"business": business, "broadcast": draft, "slug": slug, **shown}
    if slug in ("review", "money"):
        context["wallet"] = Wallet.objects.get(business=business)
    return render(request, "broadcasts/estimate.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def count(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """POST estimates now, GET shows the latest: the panel for htmx, else back to the step that asked."""
    draft = _draft(business, broadcast_code)
    if request.method == "POST":
        return _count_now(request, business, draft, request.POST.get("step", "review"))
    slug = request.GET.get("step", "review")
    if request.headers.get("HX-Request"):
        return _show_panel(request, business, draft, slug, panel=_latest(draft))
    return _back(business, draft, slug)


def _count_now(request: HttpRequest, business: Business, draft: Broadcast, slug: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return _panel_of(request, business, draft, slug)
    try:
        estimates.estimate(broadcast=draft, now=timezone.now())
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    return _back(business, draft, slug)


def _back(business: Business, draft: Broadcast, slug: str) -> HttpResponse:
    if slug in SLUGS:
        return redirect("broadcast-step", business.code, draft.code, slug)
    return redirect("broadcast-review", business.code, draft.code)


@require_safe
@member_view(Member.Role.MARKETER)
def review_page(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Show everything once more, with the estimate whose confirmation launches it."""
    draft = _draft(business, broadcast_code)
    context = {
        "business": business,
        "broadcast": draft,
        "slug": "review",
        "way": _way(business, draft, "review"),
        "audience_words": _in_words(business, draft.audience),
        "panel": _latest(draft),
        "previews": _previews(draft),
        "wallet": Wallet.objects.get(business=business),
    }
    return render(request, "broadcasts/review.html", context)


@require_POST
@member_view(Member.Role.MARKETER)
def launch(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Confirm the estimate that was shown; the money is held and the broadcast begins. Pressed twice, it leads on."""
    draft = get_object_or_404(Broadcast.objects.of(business).select_related("business"), code=broadcast_code)
    if draft.state != Broadcast.State.DRAFT:
        return redirect("broadcast", business.code, draft.code)
    try:
        lifecycle.launch(broadcast=draft, token=request.POST.get("token", ""), by=_author(request), now=timezone.now())
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
        return redirect("broadcast-review", business.code, draft.code)
    tick.delay_on_commit()
    return redirect("broadcast", business.code, draft.code)


@require_POST
@member_view(Member.Role.MARKETER)
def copy(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Make a new draft with the same answers."""
    like = _like(business, broadcast_code)
    draft = sequels.copy(broadcast=like, by=_author(request), now=timezone.now())
    return redirect("broadcast-step", business.code, draft.code, "message")


@require_POST
@member_view(Member.Role.MARKETER)
def retry(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Make a draft to those who failed; its review says who that is and what it costs."""
    like = _like(business, broadcast_code)
    try:
        draft = sequels.retry(broadcast=like, by=_author(request), now=timezone.now())
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
        return redirect("broadcast", business.code, like.code)
    return redirect("broadcast-review", business.code, draft.code)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def correct_page(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Ask who is to read a correction, and make its draft."""
    like = _like(business, broadcast_code)
    form = CorrectForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            draft = sequels.correct(
                broadcast=like, was=form.cleaned_data["was"], by=_author(request), now=timezone.now()
            )
        except ValidationError as refusal:
            messages.error(request, refusal.messages[0])
            return redirect("broadcast", business.code, like.code)
        return redirect("broadcast-step", business.code, draft.code, "message")
    context = {"business": business, "broadcast": like, "form": form}
    return render(request, "broadcasts/correct.html", context, status=422 if form.errors else 200)


def _like(business: Business, code: str) -> Broadcast:
    rows = Broadcast.objects.of(business).select_related("business", "template", "sender")
    return get_object_or_404(rows, code=code)


def _status(form: StepForm) -> int:
    return 422 if form.errors else 200
