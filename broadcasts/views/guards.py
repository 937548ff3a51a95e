"""The business's guard: at which share of failures or refusals its broadcasts pause by themselves."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from broadcasts import guards
from broadcasts.forms import GuardForm
from businesses.access import member_view
from businesses.models import Business, Member, User


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def guard_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Show the limits, and change them."""
    present = model_to_dict(guards.of_business(business))
    form = GuardForm(request.POST if request.method == "POST" else None, initial=present)
    if form.is_valid():
        try:
            guards.set_limits(business=business, by=cast("User", request.user), now=timezone.now(), **form.cleaned_data)
        except ValidationError as refusal:
            form.blame(refusal)
        else:
            messages.success(request, _("Saved. It holds at once, for what is being sent, too."))
            return redirect("guard", business.code)
    context = {"business": business, "form": form}
    return render(request, "broadcasts/guard.html", context, status=422 if form.errors else 200)
