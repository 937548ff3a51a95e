"""Contacts in the browser: who they are, and with which evidence."""

from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from businesses.access import member_view
from businesses.models import Business, Member, User
from consent import erasure, phones, standing
from consent.forms import FindForm
from consent.models import Address, Contact, ImportBatch, Interaction, Refusal
from consent.models.people import ContactQuerySet

CONTACTS_PER_PAGE = 50
N_RECENT_IMPORTS = 5


@require_safe
@member_view()
def contacts_page(request: HttpRequest, business: Business) -> HttpResponse:
    """List the newest contacts first; a page costs the same however many there are before it."""
    sought = request.GET.get("phone", "").strip().replace("\x00", "")
    said = request.GET.get("said", "")
    after = request.GET.get("after", "")
    found = _found(business, sought) if sought else _with_facts(business)
    rows = list(_after(business, _who(business, found, said), after, by_name=_is_name(sought))[: CONTACTS_PER_PAGE + 1])
    context = {
        "business": business,
        "form": FindForm(request.GET),
        "sought": sought,
        "said": said,
        "kept": urlencode({name: value for name, value in (("phone", sought), ("said", said)) if value}),
        "contacts": rows[:CONTACTS_PER_PAGE],
        "is_first": not after,
        "has_more": len(rows) > CONTACTS_PER_PAGE,
        "imports": ImportBatch.objects.of(business).order_by("-id")[:N_RECENT_IMPORTS],
    }
    return render(request, "consent/contacts.html", context)


def _is_name(sought: str) -> bool:
    return any(letter.isalpha() for letter in sought)


def _who(business: Business, rows: ContactQuerySet, said: str) -> ContactQuerySet:
    """Narrow down by the business's own relation; what is not one of the choices is everybody."""
    mine = Refusal.objects.filter(
        legal_entity=business.legal_entity_id, recipient=OuterRef("recipient"), lifted_at__isnull=True
    )
    evidence = Interaction.objects.filter(business=business, recipient=OuterRef("recipient"), withdrawn_at__isnull=True)
    match said:
        case "reachable":
            return standing.reachable(rows=rows, business=business, now=timezone.now())
        case "writable":
            return rows.filter(Exists(evidence), ~Exists(mine))
        case "stopped":
            return rows.filter(Exists(mine.filter(kind=Refusal.Kind.STOPPED)))
        case "blocked":
            return rows.filter(Exists(mine.filter(kind=Refusal.Kind.BLOCKED)))
        case "interested":
            return rows.filter(last_reaction=Contact.Reaction.INTERESTED)
        case "not-interested":
            return rows.filter(last_reaction=Contact.Reaction.NOT_INTERESTED)
        case "no-evidence":
            return rows.filter(~Exists(evidence))
    return rows


def _after(business: Business, rows: ContactQuerySet, after: str, *, by_name: bool) -> ContactQuerySet:
    """Begin behind the contact that the page before ended with: in the order of names, or the newest first."""
    last = get_object_or_404(Contact.objects.of(business), code=after) if after else None
    if not by_name:
        return (rows.filter(pk__lt=last.pk) if last else rows).order_by("-id")
    named = rows.annotate(spelled=Lower("name"))
    if last:
        spelled = last.name.lower()
        named = named.filter(Q(spelled__gt=spelled) | Q(spelled=spelled, pk__gt=last.pk))
    return named.order_by("spelled", "id")


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


def _found(business: Business, sought: str) -> ContactQuerySet:
    if _is_name(sought):
        return _with_facts(business).alias(start=Lower("name")).filter(start__startswith=sought.lower())
    try:
        number = phones.parse(sought, default_country=business.country, allow_fiction=True).e164
    except phones.BadNumber:
        number = sought
    rows = _with_facts(business)
    return rows.filter(recipient__addresses__kind=Address.Kind.E164, recipient__addresses__value=number)


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
