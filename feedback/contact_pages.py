"""One contact in the browser: where they stand, what happened, and what a member may change or pass on."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from broadcasts.tasks import carry_notices
from businesses.access import member_view
from businesses.models import Business, Member, User
from consent import contacts, refusals, standing
from consent.forms import FactsForm
from consent.models import Address, Contact, Refusal
from feedback import answers, people
from feedback.forms import AnswerForm


def _contact(business: Business, code: str) -> Contact:
    standing_refusals = Refusal.objects.filter(legal_entity=business.legal_entity_id, lifted_at__isnull=True)
    rows = (
        Contact.objects.of(business)
        .select_related("recipient", "business")
        .prefetch_related(
            Prefetch("recipient__addresses", Address.objects.order_by("id")),
            Prefetch("recipient__refusals", standing_refusals.order_by("id"), to_attr="standing_refusals"),
        )
    )
    return get_object_or_404(rows, code=code)


@require_safe
@member_view()
def contact_page(request: HttpRequest, business: Business, contact_code: str) -> HttpResponse:
    """Show one person: whether they may be reached as far as you may know, and everything between you and them."""
    return _show(request, business, _contact(business, contact_code))


def _show(
    request: HttpRequest,
    business: Business,
    contact: Contact,
    *,
    form: FactsForm | None = None,
    answer_form: AnswerForm | None = None,
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    try:
        way, closed = answers.opening(contact=contact, now=now), ""
    except answers.CannotAnswer as refusal:
        way, closed = None, str(refusal.messages[0])
    context = {
        "business": business,
        "contact": contact,
        "form": form or FactsForm(contact=contact),
        "standing": standing.of(contact=contact, now=now),
        "conversation": answers.conversation(contact=contact),
        "way": way,
        "closed": closed,
        "answer_form": answer_form or AnswerForm(),
        "timeline": people.timeline(contact=contact, now=now),
        "has_stopped": bool(contact.recipient.standing_refusals),  # type: ignore[attr-defined]
    }
    return render(request, "consent/contact.html", context, status=status)


@require_http_methods(["POST"])
@member_view(Member.Role.MARKETER)
def edit_contact(request: HttpRequest, business: Business, contact_code: str) -> HttpResponse:
    """Change what this business knows of the person; other businesses have facts of their own."""
    contact = _contact(business, contact_code)
    form = FactsForm(request.POST, contact=contact)
    if not form.is_valid():
        return _show(request, business, contact, form=form, status=422)
    contacts.correct(contact=contact, by=cast("User", request.user), now=timezone.now(), **form.changes())
    messages.success(request, _("Saved."))
    return redirect("contact", business.code, contact.code)


@require_POST
@member_view(Member.Role.MARKETER)
def answer_contact(request: HttpRequest, business: Business, contact_code: str) -> HttpResponse:
    """Answer in free words, within the window."""
    contact = _contact(business, contact_code)
    form = AnswerForm(request.POST)
    if form.is_valid():
        try:
            answers.send(
                contact=contact, text=form.cleaned_data["text"], by=cast("User", request.user), now=timezone.now()
            )
        except answers.CannotAnswer as refusal:
            form.add_error("text", refusal.messages[0])
    if form.errors:
        return _show(request, business, contact, answer_form=form, status=422)
    carry_notices.delay_on_commit()
    return redirect(reverse("contact", args=[business.code, contact.code]) + "#conversation")


@require_POST
@member_view(Member.Role.MARKETER)
def stop_contact(request: HttpRequest, business: Business, contact_code: str) -> HttpResponse:
    """Pass on a stop that the person gave elsewhere. Only they can take it back."""
    contact = _contact(business, contact_code)
    by = cast("User", request.user)
    refusals.stop(
        recipient_id=contact.recipient_id,
        business=business,
        via="page",
        circumstances={"actor": f"business:{by.pk}"},
        now=timezone.now(),
    )
    messages.success(request, _("Stopped: this person gets no more offers from you. Only they can allow them again."))
    return redirect("contact", business.code, contact.code)
