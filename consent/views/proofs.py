"""The proof for one contact in the browser: a page to print, and the signed file behind it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from businesses.access import member_view
from businesses.models import Business
from consent import proof, testimony
from consent.models import Contact


@require_safe
@member_view()
def proof_page(request: HttpRequest, business: Business, contact_code: str) -> HttpResponse:
    """Show what is recorded of one person's dealings with the business, as it would be shown to an authority."""
    contact = _contact(business, contact_code)
    document = proof.of_contact(contact=contact, now=timezone.now())
    context = {"business": business, "contact": contact, "proof": testimony.laid_out(document)}
    return _discreet(render(request, "consent/proof.html", context))


@require_safe
@member_view()
def proof_file(request: HttpRequest, business: Business, contact_code: str) -> HttpResponse:
    contact = _contact(business, contact_code)
    document = proof.of_contact(contact=contact, now=timezone.now())
    response = HttpResponse(proof.written(document), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="proof-{contact.code}.json"'
    return _discreet(response)


def _contact(business: Business, contact_code: str) -> Contact:
    return get_object_or_404(Contact.objects.of(business).select_related("business", "recipient"), code=contact_code)


def _discreet(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
