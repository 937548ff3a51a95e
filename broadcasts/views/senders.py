"""Senders: the voices of a business, and how to connect one."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from broadcasts import senders
from broadcasts.channels import KINDS, line_types_of, lines_known
from broadcasts.forms import ConnectSandboxForm, ConnectWebhookForm
from broadcasts.models import Sender
from businesses.access import member_view
from businesses.models import Business, Member, User
from consent.lines import MOBILES


@require_safe
@member_view()
def senders_page(request: HttpRequest, business: Business) -> HttpResponse:
    """List the senders, and offer to connect another."""
    return _page(request, business)


def _page(request: HttpRequest, business: Business, status: int = 200, **more: Any) -> HttpResponse:
    mine = Sender.objects.of(business).order_by("-is_active", "name", "id")
    context = {
        "business": business,
        "voices": [_voice(sender) for sender in mine],
        "sandbox_form": ConnectSandboxForm(initial={"name": business.name}),
    }
    return render(request, "broadcasts/senders.html", context | more, status=status)


class Voice(NamedTuple):
    """A sender as the page shows it, and what may be said of the telephones that it reaches."""

    sender: Sender
    may_be_limited: bool
    is_limited: bool
    # Nothing was said yet: the join page asks mobile phones only.
    is_left_open: bool


def _voice(sender: Sender) -> Voice:
    may_be_limited = KINDS[sender.channel].traits.may_reach_mobiles_only
    reached = line_types_of(sender)
    return Voice(sender, may_be_limited, may_be_limited and reached == MOBILES, lines_known(sender) != reached)


@require_POST
@member_view(Member.Role.OWNER)
def connect_sandbox(request: HttpRequest, business: Business) -> HttpResponse:
    """Make pretended phones reachable."""
    form = ConnectSandboxForm(request.POST)
    if not form.is_valid():
        return _page(request, business, 422, sandbox_form=form)
    senders.connect_sandbox(business=business, now=timezone.now(), **form.cleaned_data)
    messages.success(request, _("The sandbox is connected: its phones receive at once."))
    return redirect("senders", business.code)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.OWNER)
def connect_webhook(request: HttpRequest, business: Business) -> HttpResponse:
    """Connect a messaging service; its signing secret is on this one answer, never again."""
    form = ConnectWebhookForm(request.POST if request.method == "POST" else None, initial={"name": business.name})
    context: dict[str, Any] = {"business": business, "form": form}
    if form.is_valid():
        try:
            sender, secret = senders.connect_webhook(
                business=business,
                name=form.cleaned_data["name"],
                url=form.cleaned_data["url"],
                mobiles_only=form.cleaned_data["mobiles_only"],
                by=cast("User", request.user),
                now=timezone.now(),
            )
        except ValidationError as refusal:
            form.add_error("url", refusal)
        else:
            callback = f"{settings.PUBLIC_URL}/callbacks/{sender.code}/"
            context |= {"sender": sender, "secret": secret, "callback": callback}
    return render(request, "broadcasts/sender_webhook.html", context, status=422 if form.errors else 200)


@require_POST
@member_view(Member.Role.OWNER)
def set_reach(request: HttpRequest, business: Business, sender_code: str) -> HttpResponse:
    """Say whether the service behind a sender reaches mobile phones only."""
    sender = get_object_or_404(Sender.objects.of(business), code=sender_code)
    try:
        senders.set_reach(
            sender=sender,
            mobiles_only=request.POST.get("mobiles_only") == "1",
            by=cast("User", request.user),
            now=timezone.now(),
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("Saved. What is being sent obeys within a second."))
    return redirect("senders", business.code)
