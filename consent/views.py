"""Contacts in the browser: who they are, with which evidence, and the files they came in."""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import cast

from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from businesses.access import member_view
from businesses.models import Business, Member, User
from consent import faults, imports, phones
from consent.forms import FindForm, UploadForm
from consent.models import Address, Contact, ImportBatch, Interaction, Refusal
from consent.models.people import ContactQuerySet
from consent.tasks import run_imports

CONTACTS_PER_PAGE = 50
N_RECENT_IMPORTS = 5
N_FAULTS_SHOWN = 100
# A cell that begins like this would be a formula in a spreadsheet.
STARTS_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


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
def import_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Say what a file must hold, and take one."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            batch = imports.receive(
                business=business, file=file, filename=file.name, by=cast("User", request.user), now=timezone.now()
            )
        except ValidationError as refusal:
            form.add_error("file", refusal)
        else:
            run_imports.delay_on_commit()
            return redirect("import", business.code, batch.code)
    context = {"business": business, "form": form, "columns": _columns()}
    return render(request, "consent/import.html", context, status=422 if form.errors else 200)


def _columns() -> list[tuple[str, str, str]]:
    """Return each column's name, an example, and what it is for."""
    return [
        ("phone", "+33 6 39 98 12 34", _("With the country's code, or in the form of your own country. Required.")),
        ("name", "Camille Durand", _("For {{name}} in your templates.")),
        ("language", "fr", _("Chooses the wording.")),
        ("interaction", "purchase", _("What the person did: opt_in, purchase, inquiry or visit.")),
        ("interaction_date", "2026-03-14", _("When. Without it the person cannot be written to.")),
        ("evidence", "order 48211", _("What proves it: an order number, a form, a message.")),
        ("opt_out_offered", "yes", _("Whether the person could refuse offers when giving the number.")),
        (
            "country, city, …",
            "FR, Lyon",
            _("Any other column is kept as an attribute: to choose audiences and fill templates."),
        ),
    ]


@require_safe
@member_view()
def batch_page(request: HttpRequest, business: Business, batch_code: str) -> HttpResponse:
    """Show how far a file is; when it is read, what was in it and which lines were wrong."""
    batch = get_object_or_404(ImportBatch.objects.of(business).select_related("uploaded_by"), code=batch_code)
    is_running = batch.state in (ImportBatch.State.UPLOADED, ImportBatch.State.READING)
    if request.headers.get("HX-Request") and not is_running:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {"business": business, "batch": batch, "is_running": is_running}
    if request.headers.get("HX-Request"):
        return render(request, "consent/import_progress.html", context)
    first = batch.faults.order_by("line", "id")[:N_FAULTS_SHOWN]
    context["faults"] = [] if is_running else [(fault, faults.sentence(fault.reason)) for fault in first]
    return render(request, "consent/import_batch.html", context)


@require_safe
@member_view()  # type: ignore[arg-type]  # a stream
def faults_file(request: HttpRequest, business: Business, batch_code: str) -> HttpResponseBase:
    """Give the wrong lines as a CSV file that no spreadsheet takes for formulas."""
    batch = get_object_or_404(ImportBatch.objects.of(business), code=batch_code)
    response = StreamingHttpResponse(_csv_lines(batch), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{batch.code}-faults.csv"'
    return response


def _csv_lines(batch: ImportBatch) -> Iterator[str]:
    writer = csv.writer(_Echo())
    heading = (_("line"), _("column"), _("value"), _("reason"))
    wrong = batch.faults.order_by("line", "id").iterator(chunk_size=2000)
    rows = ((fault.line, fault.column, _inert(fault.value), faults.sentence(fault.reason)) for fault in wrong)
    # The mark tells spreadsheets that this is UTF-8.
    yield "\ufeff"
    for row in chain([heading], rows):
        yield writer.writerow(row)


class _Echo:
    """A file that gives back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _inert(value: str) -> str:
    return "'" + value if value.startswith(STARTS_OF_FORMULAS) else value
