"""The pages of no single floor: the front page, the opening of a business, and its home."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from broadcasts.models import Broadcast
from businesses import onboarding
from businesses.access import businesses_of, member_view
from businesses.models import Business, User, Wallet
from config import checklist, example
from config.forms import OpenBusinessForm

N_RECENT = 4


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Tell a stranger what this is; send a member to their first business, a new user to open one."""
    if not isinstance(request.user, User):
        return render(request, "front.html", {"message": example.message(get_language() or "en"), "shop": example.SHOP})
    business = businesses_of(request.user).first()
    return redirect("home", business.code) if business else redirect("open-business")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def open_business(request: HttpRequest) -> HttpResponse:
    """Ask who speaks, and open the business with its test twin."""
    form = OpenBusinessForm(
        request.POST if request.method == "POST" else None, initial={"locale": get_language(), "currency": "EUR"}
    )
    if form.is_valid():
        try:
            business = onboarding.open_business(
                owner=cast("User", request.user), now=timezone.now(), **form.cleaned_data
            )
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(
                request,
                _("%(name)s is open. In its test account everything can be tried at once.") % {"name": business.name},
            )
            return redirect("home", business.code)
    return render(request, "open_business.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
@member_view()
def home(request: HttpRequest, business: Business) -> HttpResponse:
    """Show what is left to do, the money, and the latest broadcasts."""
    steps = checklist.steps(business)
    context = {
        "business": business,
        "steps": steps,
        "n_done": sum(step.is_done for step in steps),
        "wallet": Wallet.objects.get(business=business),
        "broadcasts": Broadcast.objects.of(business).order_by("-created_at", "-id")[:N_RECENT],
    }
    return render(request, "home.html", context)
