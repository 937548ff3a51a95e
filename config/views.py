"""The pages of no single floor: the front page and a business's home."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from broadcasts.models import Broadcast
from businesses.access import businesses_of, member_view
from businesses.models import Business, User, Wallet
from config import checklist, example

N_RECENT = 4


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Tell a stranger what this is; send a member to their first business, a new user to open one."""
    if not isinstance(request.user, User):
        return render(request, "front.html", {"message": example.message(get_language() or "en"), "shop": example.SHOP})
    business = businesses_of(request.user).first()
    return redirect("home", business.code) if business else redirect("open-business")


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
