"""WhatsApp senders: connect one, see how it stands with Meta and what Meta says of each template, check again."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from broadcasts import approvals, checkup, senders
from broadcasts.channels.whatsapp import account
from broadcasts.forms import CodeTemplateForm, ConnectWhatsAppForm, ReplaceKeysForm
from broadcasts.models import ProviderTemplate, Sender, Standing
from businesses.access import member_view
from businesses.models import Business, Member, User

TEMPLATES_SHOWN = 100


def _sender(business: Business, code: str) -> Sender:
    rows = Sender.objects.of(business).filter(channel=Sender.Channel.WHATSAPP).select_related("business")
    return get_object_or_404(rows, code=code)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.OWNER)
def connect_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Ask for the account, the number and its token; say what is wrong beside the field, or go to the sender's page."""
    if business.is_test:
        raise Http404(_("There is no such page."))
    form = ConnectWhatsAppForm(request.POST if request.method == "POST" else None, initial={"name": business.name})
    if form.is_valid():
        try:
            sender = senders.connect_whatsapp(
                business=business, by=cast("User", request.user), now=timezone.now(), **form.cleaned_data
            )
        except ValidationError as refusal:
            form.blame(refusal)
        else:
            _say_how_it_went(request, sender)
            return redirect("sender", business.code, sender.code)
    context = {"business": business, "form": form}
    return render(request, "broadcasts/sender_connect.html", context, status=422 if form.errors else 200)


def _say_how_it_went(request: HttpRequest, sender: Sender) -> None:
    if sender.is_active:
        messages.success(request, _("The sender is on. Your approved templates are submitted to WhatsApp now."))
    else:
        messages.warning(request, _("The sender is still off: look below what is missing, mend it, and check again."))


@never_cache
@require_safe
@member_view()
def sender_page(request: HttpRequest, business: Business, sender_code: str) -> HttpResponse:
    """Show the sender's standing and its templates' two reviews."""
    return _page(request, business, _sender(business, sender_code))


def _page(
    request: HttpRequest,
    business: Business,
    sender: Sender,
    form: ReplaceKeysForm | None = None,
    code_form: CodeTemplateForm | None = None,
) -> HttpResponse:
    standing = Standing.objects.filter(sender=sender).first()
    findings = checkup.read(standing.findings) if standing else []
    context: dict[str, Any] = {
        "business": business,
        "sender": sender,
        "standing": standing,
        "findings": sorted(findings, key=lambda finding: (finding.is_good is not False, finding.is_good is not None)),
        "restriction": approvals.restriction(sender=sender, now=timezone.now()),
        "templates": _templates(business, sender),
        "callback": account.callback_address(sender),
        "form": form or ReplaceKeysForm(),
        "code_template": account.code_template(sender),
        "code_form": code_form or CodeTemplateForm(initial={"name": account.code_template(sender).get("name", "")}),
    }
    return render(request, "broadcasts/sender.html", context, status=422 if form or code_form else 200)


def _templates(business: Business, sender: Sender) -> QuerySet[ProviderTemplate]:
    mine = ProviderTemplate.objects.of(business).filter(account=account.account_id(sender))
    return mine.select_related("version__template").order_by("-created_at", "-pk")[:TEMPLATES_SHOWN]


@require_POST
@member_view(Member.Role.OWNER)
def set_code_template(request: HttpRequest, business: Business, sender_code: str) -> HttpResponse:
    """Name the template that carries codes."""
    sender = _sender(business, sender_code)
    form = CodeTemplateForm(request.POST)
    if form.is_valid():
        try:
            senders.set_code_template(
                sender=sender, by=cast("User", request.user), now=timezone.now(), name=form.cleaned_data["name"]
            )
        except ValidationError as refusal:
            form.blame(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("sender", business.code, sender.code)
    return _page(request, business, sender, code_form=form)


@require_POST
@member_view(Member.Role.OWNER)
def check(request: HttpRequest, business: Business, sender_code: str) -> HttpResponse:
    """Look at the account again."""
    sender = senders.check(sender=_sender(business, sender_code), by=cast("User", request.user), now=timezone.now())
    _say_how_it_went(request, sender)
    return redirect("sender", business.code, sender.code)


@never_cache
@require_POST
@member_view(Member.Role.OWNER)
def replace_keys(request: HttpRequest, business: Business, sender_code: str) -> HttpResponse:
    """Take another token or app secret."""
    sender = _sender(business, sender_code)
    form = ReplaceKeysForm(request.POST)
    if form.is_valid():
        try:
            sender = senders.replace_keys(
                sender=sender, by=cast("User", request.user), now=timezone.now(), **form.cleaned_data
            )
        except ValidationError as refusal:
            form.blame(refusal)
        else:
            _say_how_it_went(request, sender)
            return redirect("sender", business.code, sender.code)
    return _page(request, business, sender, form)
