"""Contact files in the browser: bringing one, its columns, what it would do, taking it in, what was wrong with it."""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from businesses.access import member_view
from businesses.models import Business, Member, User
from consent import faults, imports
from consent.forms import ColumnsForm, UploadForm
from consent.models import ImportBatch
from consent.tasks import run_imports

N_FAULTS_SHOWN = 100
State = ImportBatch.State


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def import_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Say what a file must hold, and take one."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        file, now = form.cleaned_data["file"], timezone.now()
        try:
            batch = imports.receive(
                business=business,
                file=file,
                filename=file.name,
                kind=form.cleaned_data["kind"],
                asks_for_columns=True,
                by=cast("User", request.user),
                now=now,
            )
        except ValidationError as refusal:
            form.add_error("file", refusal)
        else:
            if imports.opens_at_once(batch):
                imports.run(batch=batch, now=now)
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
    """Show how far a file is; when it is read, what is in it and which lines are wrong."""
    batch = _batch_of(business, batch_code)
    is_running = batch.state in (State.UPLOADED, State.READING)
    if request.headers.get("HX-Request") and not is_running:
        return HttpResponse(headers={"HX-Refresh": "true"})
    if batch.state == State.MAPPING:
        return redirect("import-columns", business.code, batch.code)
    context = {"business": business, "batch": batch, "is_running": is_running}
    if request.headers.get("HX-Request"):
        return render(request, "consent/import_progress.html", context)
    first = batch.faults.order_by("line", "id")[:N_FAULTS_SHOWN]
    context["faults"] = [] if is_running else [(fault, faults.sentence(fault.reason)) for fault in first]
    return render(request, "consent/import_batch.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def columns_page(request: HttpRequest, business: Business, batch_code: str) -> HttpResponse:
    """Show the first rows and what each column is taken for; take what the business says of it."""
    batch, now = _batch_of(business, batch_code), timezone.now()
    if batch.state not in (State.MAPPING, State.CHECKED):
        return redirect("import", business.code, batch.code)
    if sheet := request.POST.get("sheet"):
        if imports.take_sheet(batch=batch, sheet=sheet):
            run_imports.delay_on_commit()
        return redirect("import", business.code, batch.code)
    form = ColumnsForm(request.POST if request.method == "POST" else None, batch=batch, now=now)
    if form.is_valid():
        try:
            imports.arrange(batch=batch, layout=form.layout(), by=cast("User", request.user), now=now)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            run_imports.delay_on_commit()
            return redirect("import", business.code, batch.code)
    context = {"business": business, "batch": batch, "form": form}
    return render(request, "consent/import_columns.html", context, status=422 if form.errors else 200)


@require_POST
@member_view(Member.Role.MARKETER)
def take_in(request: HttpRequest, business: Business, batch_code: str) -> HttpResponse:
    """Take a checked file in."""
    batch = _batch_of(business, batch_code)
    if imports.take_in(batch=batch, by=cast("User", request.user), now=timezone.now()):
        run_imports.delay_on_commit()
    else:
        messages.info(request, _("This file is not waiting to be taken in any more."))
    return redirect("import", business.code, batch.code)


@require_POST
@member_view(Member.Role.MARKETER)
def discard(request: HttpRequest, business: Business, batch_code: str) -> HttpResponse:
    """Forget a file that was not taken in."""
    batch = _batch_of(business, batch_code)
    if imports.discard(batch=batch, by=cast("User", request.user), now=timezone.now()):
        messages.success(request, _("Discarded: nothing of this file was kept."))
        return redirect("contacts", business.code)
    messages.info(request, _("This file cannot be discarded any more."))
    return redirect("import", business.code, batch.code)


@require_safe
@member_view()  # type: ignore[arg-type]  # a stream
def faults_file(request: HttpRequest, business: Business, batch_code: str) -> HttpResponseBase:
    """Give the wrong rows as a CSV file that can be mended and brought again, and holds no formulas."""
    batch = _batch_of(business, batch_code)
    response = StreamingHttpResponse(_csv_lines(batch), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{batch.code}-faults.csv"'
    return response


def _batch_of(business: Business, code: str) -> ImportBatch:
    return get_object_or_404(ImportBatch.objects.of(business).select_related("uploaded_by", "business"), code=code)


def _csv_lines(batch: ImportBatch) -> Iterator[str]:
    """Yield the rows as they stood in the file, then where and why each was wrong."""
    writer = csv.writer(_Echo())
    titles = [str(title) for title in batch.titles]
    # Columns with this mark are left alone when the file is brought again.
    ours = [f"tambour {word}" for word in (_("line"), _("column"), _("value"), _("reason"))]
    wrong = batch.faults.order_by("line", "id").iterator(chunk_size=2000)
    rows: Iterator[list[object]] = (
        [
            *(faults.inert(cell) for cell in _as_long_as(titles, fault.cells or [])),
            *(fault.line, fault.column, faults.inert(fault.value), faults.sentence(fault.reason)),
        ]
        for fault in wrong
    )
    # The mark tells spreadsheets that this is UTF-8.
    yield "\ufeff"
    heading: list[object] = [*(faults.inert(title) for title in titles), *ours]
    for row in chain([heading], rows):
        yield writer.writerow(row)


def _as_long_as(titles: list[str], cells: list[str]) -> list[str]:
    return [*cells, *[""] * (len(titles) - len(cells))][: len(titles)]


class _Echo:
    """A file that gives back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line
