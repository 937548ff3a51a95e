"""A business's own affairs in the browser: its money, its keys, its people."""

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from businesses import keys, members
from businesses.access import member_view
from businesses.forms import InviteForm, IssueKeyForm
from businesses.models import ApiKey, Business, LedgerEntry, Member, User, Wallet

ENTRIES_PER_PAGE = 50


def _member_of(request: HttpRequest) -> User:
    """Return who acts; ``member_view`` lets nobody else in."""
    return cast("User", request.user)


@require_safe
@member_view()
def wallet_page(request: HttpRequest, business: Business) -> HttpResponse:
    wallet = Wallet.objects.get(business=business)
    entries = LedgerEntry.objects.filter(wallet=wallet).select_related("hold").order_by("-created_at", "-id")
    page = Paginator(entries, ENTRIES_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "businesses/wallet.html", {"business": business, "wallet": wallet, "page": page})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.OWNER)
def keys_page(request: HttpRequest, business: Business) -> HttpResponse:
    """List the keys; a POST makes one and shows its secret on this one answer, never again."""
    form, secret = IssueKeyForm(request.POST or None), None
    if form.is_valid():
        form, secret = _issue(request, business, form)
    context = {"business": business, "form": form, "secret": secret, "api_keys": _keys_of(business)}
    return render(request, "businesses/keys.html", context, status=_status(form))


def _issue(request: HttpRequest, business: Business, form: IssueKeyForm) -> tuple[IssueKeyForm, str | None]:
    now = timezone.now()
    try:
        _key, secret = keys.issue(
            business=business,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            by=_member_of(request),
            now=now,
            expires_at=form.expires_at(now),
        )
    except ValidationError as error:
        form.add_error(None, error)
        return form, None
    return IssueKeyForm(), secret


def _keys_of(business: Business) -> list[dict[str, Any]]:
    now = timezone.now()
    of_business = ApiKey.objects.of(business).select_related("created_by").order_by("-created_at", "-id")
    return [{"key": key, "is_valid": keys.is_valid(key, now)} for key in of_business]


@require_POST
@member_view(Member.Role.OWNER)
def revoke_key(request: HttpRequest, business: Business, prefix: str) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.of(business), prefix=prefix)
    keys.revoke(key=key, by=_member_of(request), now=timezone.now())
    messages.success(
        request, _("The key “%(name)s” is revoked. Programs that use it are refused from now on.") % {"name": key.name}
    )
    return redirect("keys", business.code)


@require_safe
@member_view()
def members_page(request: HttpRequest, business: Business) -> HttpResponse:
    context = {
        "business": business,
        "members": _people_of(business),
        "form": InviteForm(),
        "roles": Member.Role.choices,
    }
    return render(request, "businesses/members.html", context)


def _people_of(business: Business) -> list[Member]:
    return list(Member.objects.of(business).select_related("user").order_by("created_at", "id"))


@require_POST
@member_view(Member.Role.OWNER)
def invite_member(request: HttpRequest, business: Business) -> HttpResponse:
    form = InviteForm(request.POST)
    if form.is_valid():
        role = Member.Role(form.cleaned_data["role"])
        members.invite(
            business=business, email=form.cleaned_data["email"], role=role, by=_member_of(request), now=timezone.now()
        )
        messages.success(
            request,
            _("%(email)s is a member now. Who has no password yet chooses one through “forgot your password?”.")
            % {"email": form.cleaned_data["email"]},
        )
        return redirect("members", business.code)
    context = {"business": business, "members": _people_of(business), "form": form, "roles": Member.Role.choices}
    return render(request, "businesses/members.html", context, status=_status(form))


@require_POST
@member_view(Member.Role.OWNER)
def change_member(request: HttpRequest, business: Business) -> HttpResponse:
    """Give a member another role, or, with ``role=`` (empty), take them out."""
    email, role = request.POST.get("email", ""), request.POST.get("role", "")
    try:
        if role in Member.Role.values:
            members.give_role(
                business=business, email=email, role=Member.Role(role), by=_member_of(request), now=timezone.now()
            )
        else:
            members.remove(business=business, email=email, by=_member_of(request), now=timezone.now())
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("Changed."))
    return redirect("members", business.code)


def _status(form: Form) -> int:
    return 422 if form.is_bound and not form.is_valid() else 200
