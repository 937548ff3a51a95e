"""The join page from inside: its words, its keyword, where it leads, the poster, and how many came in by it."""

from __future__ import annotations

from typing import cast

import segno
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from businesses.access import member_view
from businesses.models import Business, Member, User
from consent import joining
from consent.forms import JoinPageForm
from consent.models import JoinPage


@require_safe
@member_view()
def join_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Show what people are asked, in which words, and how they get there."""
    page = joining.page_of(business=business, now=timezone.now())
    return _show(request, business, page, JoinPageForm(page=page))


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def edit_join_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Take new words; what was shown until now stays archived."""
    page = joining.page_of(business=business, now=timezone.now())
    if request.method != "POST":
        return redirect("join-page", business.code)
    form = JoinPageForm(request.POST, page=page)
    if form.is_valid():
        try:
            joining.edit(page=page, by=cast("User", request.user), now=timezone.now(), **form.changes())
        except joining.CannotEdit as refusal:
            form.blame(refusal)
        else:
            messages.success(request, _("Saved. Whoever comes from now on reads these words."))
            return redirect("join-page", business.code)
    return _show(request, business, page, form, status=422)


def _show(
    request: HttpRequest, business: Business, page: JoinPage, form: JoinPageForm, *, status: int = 200
) -> HttpResponse:
    ways = [joining.way(page=page, locale=locale, now=timezone.now()) for locale in joining.JOIN]
    context = {
        "business": business,
        "page": page,
        "form": form,
        "ways": ways,
        "first": _mine(ways, business),
        "versions": joining.versions(business=business),
        "qr": _qr(_mine(ways, business).link),
    }
    return render(request, "consent/join_page.html", context, status=status)


@require_safe
@member_view()
def poster(request: HttpRequest, business: Business, locale: str) -> HttpResponse:
    """Show the poster as it comes out of the printer: A5, one QR code, the promise word for word."""
    page, way = _printed(business, locale)
    with translation.override(locale):
        context = {"business": business, "page": page, "locale": locale, "way": way, "qr": _qr(way.link)}
        return render(request, "consent/join_poster.html", context)


@require_safe
@member_view()
def qr_code(request: HttpRequest, business: Business, locale: str) -> HttpResponse:
    """Give the QR code alone, for a poster of one's own."""
    _page, way = _printed(business, locale)
    drawing = segno.make(way.link, error="q", micro=False).svg_inline(scale=8, border=4)
    svg = drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    response = HttpResponse(svg, content_type="image/svg+xml")
    response["Content-Disposition"] = f'attachment; filename="join-{locale}.svg"'
    return response


def _printed(business: Business, locale: str) -> tuple[JoinPage, joining.Way]:
    if locale not in joining.JOIN:
        raise Http404
    page = joining.page_of(business=business, now=timezone.now())
    return page, joining.way(page=page, locale=locale, now=timezone.now())


def _mine(ways: list[joining.Way], business: Business) -> joining.Way:
    """The way in the business's own language is shown first."""
    return next((way for way in ways if business.locale.startswith(way.wording.locale)), ways[0])


def _qr(link: str) -> str:
    """Return an SVG that is as large as its place; a quarter of it may be damaged and it still reads."""
    drawing: str = segno.make(link, error="q", micro=False).svg_inline(omitsize=True, border=2, svgclass="qr")
    return mark_safe(drawing)  # noqa: S308 — drawn here, from an address that is no markup in it
