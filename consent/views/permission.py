"""What counts as permission, by country: the operator's rules, for businesses to look at."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from businesses.access import member_view
from businesses.models import Business
from consent import histories


@require_safe
@member_view()
def permission_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Show twelve histories with the verdict of the rules as they are, for six countries at a time."""
    is_more = request.GET.get("more") == "1"
    context = {
        "business": business,
        "is_more": is_more,
        "first": histories.COUNTRIES,
        "more": histories.MORE_COUNTRIES,
        "table": histories.table(histories.MORE_COUNTRIES if is_more else histories.COUNTRIES),
    }
    return render(request, "consent/basis.html", context)
