"""Contacts in the browser: who they are, and with which evidence."""

from typing import cast

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from businesses.access import member_view
from businesses.models import Business, Member, User
from consent import erasure, phones
from consent.forms import FindForm
from consent.models import Address, Contact, ImportBatch, Interaction, Refusal
from consent.models.people import ContactQuerySet

CONTACTS_PER_PAGE = 50
N_RECENT_IMPORTS = 5


@require_safe
@member_view()
def contacts_page(request: HttpRequest, business: Business) -> HttpResponse:
    """List the newest contacts first; a page costs the same however many there are before it."""
    sought = request.GET.get("phone", "").strip()
    after = request.GET.get("after", "")
    rows = list(_found(business, sought) if sought else _newest(business, after)[: CONTACTS_PER_PAGE + 1])
    context = {
        "business": business,
        "form": FindForm(request.GET),
        "sought": sought,
        "contacts": rows[:CONTACTS_PER_PAGE],
        "is_first": not after,
        "has_more": len(rows) > CONTACTS_PER_PAGE,
        "imports": ImportBatch.objects.of(business).order_by("-id")[:N_RECENT_IMPORTS],
    }
    return render(request, "consent/contacts.html", context)


def _with_facts(business: Business) -> ContactQuerySet:
    """Return the contacts with what a row shows of them: addresses, and refusals given to this company."""
    refusals = Refusal.objects.filter(legal_entity=business.legal_entity_id, lifted_at__isnull=True)
    return (
        Contact.objects.of(business)
        .select_related("recipient")
        .prefetch_related(
            Prefetch("recipient__addresses", Address.objects.order_by("id")),
            Prefetch("recipient__refusals", refusals.order_by("id"), to_attr="standing_refusals"),
        )
    )


def _newest(business: Business, after: str) -> ContactQuerySet:
    rows = _with_facts(business).order_by("-id")
    if after:
        rows = rows.filter(pk__lt=get_object_or_404(Contact.objects.of(business), code=after).pk)
    return rows


def _found(business: Business, sought: str) -> ContactQuerySet:
    try:
        number = phones.parse(sought, default_country=business.country, allow_fiction=True).e164
    except phones.BadNumber:
        number = sought
    rows = _with_facts(business)
    return rows.filter(recipient__addresses__kind=Address.Kind.E164, recipient__addresses__value=number)


@require_safe
@member_view()
def contact_page(request: HttpRequest, business: Business, contact_code: str) -> HttpResponse:
    """Show what the business knows of one person: its own facts and evidence, and what was refused to it."""
    contact = get_object_or_404(_with_facts(business), code=contact_code)
    dealings = Interaction.objects.filter(business=business, recipient=contact.recipient).select_related("batch")
    context = {"business": business, "contact": contact, "interactions": dealings.order_by("-occurred_at", "-id")[:50]}
    return render(request, "consent/contact.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def delete_page(request: HttpRequest, business: Business, contact_code: str) -> HttpResponse:
    """Say what deleting a contact means, and do it."""
    contact = get_object_or_404(_with_facts(business), code=contact_code)
    if request.method == "POST":
        erasure.delete_contact(contact=contact, via="dashboard", by=cast("User", request.user), now=timezone.now())
        messages.success(request, _("The contact is deleted. What is left of it elsewhere goes within two minutes."))
        return redirect("contacts", business.code)
    return render(request, "consent/contact_delete.html", {"business": business, "contact": contact})
