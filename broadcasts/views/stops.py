"""Emergency stops of a business: what holds now, one press to stop something of one's own, and lifting it."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from broadcasts import emergency, stops
from broadcasts.forms import LiftForm, StopForm
from broadcasts.models import EmergencyStop
from broadcasts.tasks import tick
from businesses.access import member_view
from businesses.models import Business, Member, User

N_SHOWN = 100


@require_safe
@member_view()
def stops_page(request: HttpRequest, business: Business) -> HttpResponse:
    """List what holds, the operator's too, and what was lifted."""
    context = {"business": business, "stops": stops.shown_to(business)[:N_SHOWN]}
    return render(request, "broadcasts/stops.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def new_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Ask what and why, and stop it."""
    given = request.POST if request.method == "POST" else None
    form = StopForm(given, business=business, initial={"what": request.GET.get("what", "")})
    if form.is_valid():
        scope, _colon, reference = form.cleaned_data["what"].partition(":")
        try:
            at = emergency.target(scope=scope, reference=reference, business=business)
            emergency.stop(at=at, reason=form.cleaned_data["reason"], by=cast("User", request.user), now=timezone.now())
        except ValidationError as refusal:
            form.blame(refusal)
        else:
            messages.success(request, _("Stopped. No offer leaves there until somebody lifts it."))
            return redirect("stops", business.code)
    context = {"business": business, "form": form}
    return render(request, "broadcasts/stop_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def lift_page(request: HttpRequest, business: Business, stop_code: str) -> HttpResponse:
    """Say what lifting will do, and do it."""
    stop = get_object_or_404(EmergencyStop.objects.of(business), code=stop_code)
    form = LiftForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            n = emergency.lift(
                stop=stop, by=cast("User", request.user), now=timezone.now(), goes_on=form.cleaned_data["goes_on"]
            )
        except ValidationError as refusal:
            messages.error(request, refusal.messages[0])
        else:
            tick.delay_on_commit()
            words = ngettext("Lifted. %(n)d broadcast goes on.", "Lifted. %(n)d broadcasts go on.", n) % {"n": n}
            messages.success(request, words)
        return redirect("stops", business.code)
    context = {"business": business, "stop": stop, "form": form}
    return render(request, "broadcasts/stop_lift.html", context)
