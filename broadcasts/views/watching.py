"""Watching broadcasts: the list, the live page, and what can still be done to one that is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from broadcasts import attention, channels, codes, counts, disclosure, guards, hours, lifecycle, stops
from broadcasts.forms import DecideForm, PauseForm
from broadcasts.models import Broadcast, Budget, Delivery, EmergencyStop
from broadcasts.tasks import tick
from businesses.access import member_view
from businesses.models import Business, Member, User
from consent.models import Contact

BROADCASTS_PER_PAGE = 20
N_ATTENTION = 100


def _broadcast(business: Business, code: str) -> Broadcast:
    rows = Broadcast.objects.of(business).select_related("business", "template", "sender", "hold", "follows")
    return get_object_or_404(rows, code=code)


@require_safe
@member_view()
def broadcasts_page(request: HttpRequest, business: Business) -> HttpResponse:
    """List the newest first; how far each is comes from its own row."""
    rows = Broadcast.objects.of(business).order_by("-created_at", "-id")
    after = request.GET.get("after", "")
    if after:
        last = get_object_or_404(Broadcast.objects.of(business), code=after)
        rows = rows.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk))
    page = list(rows[: BROADCASTS_PER_PAGE + 1])
    context = {
        "business": business,
        "broadcasts": page[:BROADCASTS_PER_PAGE],
        "has_more": len(page) > BROADCASTS_PER_PAGE,
        "is_first": not after,
        "holding": stops.shown_to(business).filter(lifted_at__isnull=True),
    }
    return render(request, "broadcasts/list.html", context)


@require_safe
@member_view()
def broadcast_page(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Show how far it is. htmx asks again every two seconds while it is under way; a reload shows the same."""
    broadcast = _broadcast(business, broadcast_code)
    if broadcast.state == Broadcast.State.DRAFT:
        return redirect("broadcast-review", business.code, broadcast.code)
    is_live = broadcast.settled_at is None and (
        not broadcast.has_ended or broadcast.completed_at is None or _is_recent(broadcast)
    )
    context = _live_context(business, broadcast) | {"is_live": is_live, "holding": _holding(broadcast)}
    if not request.headers.get("HX-Request"):
        return render(request, "broadcasts/broadcast.html", context)
    # The head of the page (its state, its buttons) is outside of what is polled: a change of state reloads it.
    if not is_live or request.GET.get("state") != broadcast.state:
        return HttpResponse(headers={"HX-Refresh": "true"})
    page = "broadcasts/live_words.html" if request.GET.get("part") == "words" else "broadcasts/live.html"
    return render(request, page, context)


def _holding(broadcast: Broadcast) -> list[EmergencyStop]:
    return [] if broadcast.has_ended else stops.touching(broadcast)


def _is_recent(broadcast: Broadcast) -> bool:
    """Receipts still change the picture for a while after the last message left."""
    return broadcast.completed_at is not None and (timezone.now() - broadcast.completed_at).total_seconds() < 600


def _live_context(business: Business, broadcast: Broadcast) -> dict[str, Any]:
    told = disclosure.result(broadcast=broadcast, funnel=counts.funnel(broadcast))
    funnel = told.funnel
    n_handed_over = funnel.sent + funnel.failed + funnel.unknown
    began = max(filter(None, (broadcast.launched_at, broadcast.begins_at)), default=broadcast.created_at)
    seconds = ((broadcast.completed_at or timezone.now()) - began).total_seconds()
    rate = n_handed_over / seconds if seconds >= 1 else 0.0
    return {
        "business": business,
        "broadcast": broadcast,
        "funnel": funnel,
        "n_audience": funnel.audience or broadcast.n_confirmed,
        "n_decided": funnel.audience - funnel.queued,
        "reasons": told.lines,
        "rate": rate,
        "seconds_left": funnel.queued / rate if rate and broadcast.state == Broadcast.State.SENDING else None,
        "money": _money(broadcast),
        "currency": business.currency,
        "guard": guards.shown(broadcast),
        "next_turn": hours.next_turn(broadcast, timezone.now()),
    }


def _money(broadcast: Broadcast) -> dict[str, int] | None:
    """Return what became of the hold; captures reach the ledger once a minute, the broadcast's own count at once."""
    if broadcast.hold is None:
        return None
    budget = Budget.objects.filter(broadcast=broadcast).first()
    paid = max(broadcast.hold.captured_micro, budget.captured_micro if budget else 0)
    released = broadcast.hold.released_micro
    held = broadcast.hold.amount_micro
    return {"held": held, "paid": paid, "released": released, "left": held - paid - released}


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def pause_page(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Say what pausing will do, and do it."""
    broadcast = _broadcast(business, broadcast_code)
    form = PauseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _act(
            request,
            broadcast,
            lifecycle.pause,
            _("Paused. Nothing leaves until you resume it."),
            reason=form.cleaned_data["reason"],
        )
    return _confirm(request, business, broadcast, "broadcasts/pause.html", form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def resume_page(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Say what resuming will do, and do it."""
    broadcast = _broadcast(business, broadcast_code)
    if request.method == "POST":
        return _act(request, broadcast, lifecycle.resume, _("It goes on."))
    return _confirm(request, business, broadcast, "broadcasts/resume.html")


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def cancel_page(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Say what cancelling will do, and do it."""
    broadcast = _broadcast(business, broadcast_code)
    if request.method == "POST":
        return _act(request, broadcast, lifecycle.cancel, _("Cancelled. Nobody else will get it."))
    return _confirm(request, business, broadcast, "broadcasts/cancel.html")


def _act(
    request: HttpRequest, broadcast: Broadcast, deed: Callable[..., object], done: str, **facts: Any
) -> HttpResponse:
    try:
        deed(broadcast=broadcast, by=cast("User", request.user), now=timezone.now(), **facts)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    else:
        messages.success(request, done)
        tick.delay_on_commit()
    return redirect("broadcast", broadcast.business.code, broadcast.code)


def _confirm(request: HttpRequest, business: Business, broadcast: Broadcast, page: str, **more: Any) -> HttpResponse:
    context = _live_context(business, broadcast) | more
    return render(request, page, context, status=422 if request.method == "POST" else 200)


@require_safe
@member_view()
def attention_page(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """List the people of whom nobody knows whether the message reached them."""
    return _attention(request, business, _broadcast(business, broadcast_code), DecideForm())


@require_POST
@member_view(Member.Role.MARKETER)
def decide_outcomes(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """Do what was decided about messages whose outcome nobody knows."""
    broadcast = _broadcast(business, broadcast_code)
    form = DecideForm(request.POST)
    if not form.is_valid():
        return _attention(request, business, broadcast, form, status=422)
    try:
        chosen = None
        if not form.cleaned_data["everybody"]:
            chosen = attention.people(broadcast=broadcast, delivery_codes=request.POST.getlist("delivery"))
        n = attention.decide(
            broadcast=broadcast,
            decision=attention.Decision(form.cleaned_data["decision"]),
            recipient_ids=chosen,
            accepts_duplicates=form.cleaned_data["accepts_duplicates"],
            by=cast("User", request.user),
            now=timezone.now(),
        )
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return _attention(request, business, broadcast, form, status=422)
    words = ngettext("Noted for %(n)s person.", "Noted for %(n)s people.", n) % {"n": n}
    messages.success(request, words)
    tick.delay_on_commit()
    return redirect("broadcast-attention", business.code, broadcast.code)


def _attention(
    request: HttpRequest, business: Business, broadcast: Broadcast, form: DecideForm, status: int = 200
) -> HttpResponse:
    open_ends = Delivery.objects.filter(
        broadcast_id=broadcast.pk, state__in=[Delivery.State.UNKNOWN, Delivery.State.UNCONFIRMED]
    ).order_by("recipient_id")[:N_ATTENTION]
    deliveries = list(open_ends)
    contacts = Contact.objects.of(business).select_related("recipient").prefetch_related("recipient__addresses")
    contact_of = contacts.in_bulk([delivery.contact_id for delivery in deliveries])
    keys = [(broadcast.pk, delivery.recipient_id, delivery.attempt) for delivery in deliveries]
    rows = [
        (delivery, contact_of[delivery.contact_id], code, _why(broadcast, delivery))
        for delivery, code in zip(deliveries, codes.delivery_codes(keys), strict=True)
        if delivery.contact_id in contact_of
    ]
    context = {
        "form": form,
        "chosen": request.POST.getlist("delivery"),
        "n_open": attention.waiting(broadcast).count(),
        "is_still_asking": attention.is_still_asking(broadcast),
        "may_send_again": attention.may_send_again(broadcast, timezone.now()),
        "business": business,
        "broadcast": broadcast,
        "rows": rows,
        "funnel": disclosure.result(broadcast=broadcast, funnel=counts.funnel(broadcast)).funnel,
        "n_shown": N_ATTENTION,
    }
    return render(request, "broadcasts/attention.html", context, status=status)


def _why(broadcast: Broadcast, delivery: Delivery) -> str:
    return channels.why(broadcast.sender.channel, delivery.error_code or "")


@require_safe
@member_view()
def refused_page(request: HttpRequest, business: Business, broadcast_code: str) -> HttpResponse:
    """List people whom the provider refused, each with its reason."""
    broadcast = _broadcast(business, broadcast_code)
    failed = Delivery.objects.filter(broadcast_id=broadcast.pk, state=Delivery.State.FAILED).order_by("recipient_id")
    deliveries = list(failed[:N_ATTENTION])
    contacts = Contact.objects.of(business).select_related("recipient").prefetch_related("recipient__addresses")
    contact_of = contacts.in_bulk([delivery.contact_id for delivery in deliveries])
    context = {
        "business": business,
        "broadcast": broadcast,
        "rows": [
            (contact_of[delivery.contact_id], _why(broadcast, delivery))
            for delivery in deliveries
            if delivery.contact_id in contact_of
        ],
        "n_shown": N_ATTENTION,
        "is_cut": len(deliveries) == N_ATTENTION,
    }
    return render(request, "broadcasts/refused.html", context)
