"""Contact files in the browser: bringing one, watching it being read, and what was wrong with it."""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from businesses.access import member_view
from businesses.models import Business, Member, User
from consent import faults, imports
from consent.forms import UploadForm
from consent.models import ImportBatch
from consent.tasks import run_imports

N_FAULTS_SHOWN = 100
# A cell that begins like this would be a formula in a spreadsheet.
STARTS_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


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
