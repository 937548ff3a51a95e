"""A test send: the member shows that a number is theirs, and sees a version on that phone before anybody else does."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from broadcasts import own_numbers, trial, windows
from broadcasts.forms import OwnCodeForm, OwnNumberForm
from broadcasts.models import MOST_TESTS_A_DAY, Broadcast, Sender
from broadcasts.tasks import carry_notices
from businesses.access import member_view
from businesses.models import Business, Member, User
from templates_approval import render as rendering
from templates_approval.models import Version


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def test_page(request: HttpRequest, business: Business, version_code: str) -> HttpResponse:
    """Show how a version can be tested over one sender; a POST asks for a code, enters it, or sends the test."""
    versions = Version.objects.of(business).select_related("template__business")
    version = get_object_or_404(versions, code=version_code)
    broadcast = _broadcast(request, business, version)
    sender = _sender(request, business, broadcast)
    forms: dict[str, Any] = {}
    if request.method == "POST" and sender is not None:
        try:
            forms = _act(request, version, sender, broadcast)
        except (trial.CannotTest, own_numbers.CannotAsk) as refusal:
            messages.error(request, refusal.messages[0])
        if not forms:
            chosen = {"sender": sender.code} | ({"broadcast": broadcast.code} if broadcast else {})
            return redirect(reverse("version-test", args=[business.code, version.code], query=chosen))
    context = _context(request, business, version, broadcast, sender) | forms
    return render(request, "broadcasts/test.html", context, status=422 if forms else 200)


def _broadcast(request: HttpRequest, business: Business, version: Version) -> Broadcast | None:
    code = request.GET.get("broadcast", "")
    if not code:
        return None
    return get_object_or_404(Broadcast.objects.of(business), code=code, template=version.template_id)


def _sender(request: HttpRequest, business: Business, broadcast: Broadcast | None) -> Sender | None:
    """The one that was chosen, else the broadcast's, else the newest that is on."""
    mine = Sender.objects.of(business).select_related("business__legal_entity")
    if code := request.GET.get("sender", ""):
        return get_object_or_404(mine, code=code)
    if broadcast is not None:
        return mine.get(pk=broadcast.sender_id)
    return mine.order_by("-is_active", "-pk").first()


def _act(request: HttpRequest, version: Version, sender: Sender, broadcast: Broadcast | None) -> dict[str, Any]:
    """Do what the pressed button says; return the form that has to be shown again, if any."""
    user, now = cast("User", request.user), timezone.now()
    match request.POST.get("action"):
        case "ask":
            return _ask(request, sender, user)
        case "enter":
            return _enter(request, sender, user)
        case "forget":
            own_numbers.forget(sender=sender, user=user)
            messages.success(request, _("The number is forgotten."))
        case "send":
            trial.send(version=version, sender=sender, broadcast=broadcast, by=user, now=now)
            carry_notices.delay_on_commit()
            messages.success(request, _("The test is on its way to your phone."))
        case _:
            raise Http404
    return {}


def _ask(request: HttpRequest, sender: Sender, user: User) -> dict[str, Any]:
    form = OwnNumberForm(request.POST)
    if not form.is_valid():
        return {"number_form": form}
    try:
        own_numbers.ask(
            sender=sender,
            user=user,
            number=form.cleaned_data["number"],
            language=get_language() or sender.business.locale,
            now=timezone.now(),
        )
    except own_numbers.CannotAsk as refusal:
        form.blame(refusal)
        return {"number_form": form}
    carry_notices.delay_on_commit()
    messages.success(request, _("If this number may be written to, a code is on its way. It comes within a minute."))
    return {}


def _enter(request: HttpRequest, sender: Sender, user: User) -> dict[str, Any]:
    form = OwnCodeForm(request.POST)
    if not form.is_valid():
        return {"code_form": form}
    try:
        own_numbers.enter(sender=sender, user=user, digits=form.cleaned_data["digits"], now=timezone.now())
    except ValidationError as refusal:
        form.add_error("digits", refusal)
        return {"code_form": form}
    messages.success(request, _("The number is yours: tests over this sender go to it."))
    return {}


def _context(
    request: HttpRequest, business: Business, version: Version, broadcast: Broadcast | None, sender: Sender | None
) -> dict[str, Any]:
    now, user = timezone.now(), cast("User", request.user)
    context: dict[str, Any] = {
        "business": business,
        "version": version,
        "broadcast": broadcast,
        "sender": sender,
        "senders": Sender.objects.of(business).order_by("-is_active", "name", "id"),
        "left": trial.left_today(business=business, now=now),
        "most": MOST_TESTS_A_DAY,
        "tests": [(test, trial.outcome(test)) for test in trial.latest(version=version)],
        "number_form": OwnNumberForm(),
        "code_form": OwnCodeForm(),
        "rendered": rendering.render(
            version.components, trial.values(version=version, broadcast=broadcast), fallbacks=version.fallbacks
        ),
    }
    if sender is not None:
        own = own_numbers.of(user=user, sender=sender)
        context |= {
            "obstacle": trial.obstacle(version=version, sender=sender, now=now),
            "number": own_numbers.value_of(own) if own else "",
            "waits": own_numbers.waiting(user=user, sender=sender, now=now),
            "only_answers": own_numbers.must_write_first(sender=sender),
            "hours": int(windows.LENGTH.total_seconds() // 3600),
        }
    return context
