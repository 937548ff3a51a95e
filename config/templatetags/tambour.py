"""How every page writes an icon, an amount, a number or a moment, and which doors its menu shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import format_decimal, format_percent
from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from businesses import access, names, prices
from businesses.models import Business, Member
from templates_approval import markup, render

register = template.Library()


@dataclass(frozen=True)
class Door:
    title: Any
    icon: str
    name: str  # of its address


# Heading → the doors below it. All of them take the business's code.
MENU: dict[Any, tuple[Door, ...]] = {
    "": (
        Door(_("Home"), "house", "home"),
        Door(_("Broadcasts"), "megaphone", "broadcasts"),
        Door(_("Templates"), "message-square-text", "templates"),
        Door(_("Contacts"), "users", "contacts"),
        Door(_("Join page"), "link", "join-page"),
        Door(_("Segments"), "list-filter", "segments"),
    ),
    _("Settings"): (
        Door(_("Senders"), "plug", "senders"),
        Door(_("Wallet"), "wallet", "wallet"),
        Door(_("Members"), "user-round", "members"),
        Door(_("Programs"), "key-round", "keys"),
    ),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon that only decorates: the words beside it say the same."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name)


@register.simple_tag(takes_context=True)
def places(context: Mapping[str, Any]) -> list[Member]:
    """Return the visitor's places in businesses, live ones first: for the account menu, and for ``may``."""
    user = context["request"].user
    if not user.is_authenticated:
        return []
    mine = Member.objects.filter(user=user).select_related("business")
    return list(mine.order_by("business__mode", "business__name", "business_id"))


@register.simple_tag(takes_context=True)
def may(context: Mapping[str, Any], role: str) -> bool:
    """Say whether the visitor's role in this page's business is ``role`` or above."""
    return any(
        place.business_id == context["business"].pk and access.may(place, Member.Role(role))
        for place in context["places"]
    )


@register.simple_tag(takes_context=True)
def menu(context: Mapping[str, Any], business: Business) -> list[dict[str, Any]]:
    """Return the menu's sections with addresses in ``business``, the current one marked."""
    request: HttpRequest = context["request"]
    return [
        {"heading": heading, "doors": [_placed(door, business, request.path) for door in doors]}
        for heading, doors in MENU.items()
    ]


def _placed(door: Door, business: Business, path: str) -> dict[str, Any]:
    url = reverse(door.name, args=[business.code])
    is_here = path == url if door.name == "home" else path.startswith(url)
    return {"title": door.title, "icon": door.icon, "url": url, "is_here": is_here, "is_page": path == url}


@register.filter
def money(amount_micro: int | None, currency: str) -> str:
    """Write micro-units as an amount: ``{{ 80000|money:"EUR" }}`` is 0,08 € in French."""
    return "" if amount_micro is None else prices.format_micro(amount_micro, currency, _locale())


@register.filter
def whole(number: int | None) -> str:
    """Write a count with its thousands apart."""
    return "" if number is None else format_decimal(number, locale=_locale())


@register.filter
def tenth(number: float) -> str:
    """Write a number that need not be whole, to one digit after the sign."""
    return format_decimal(round(number, 1), locale=_locale())


@register.filter
def minus(number: int, other: int) -> int:
    """Return what is left."""
    return number - other


@register.filter
def percent_of(part: int, of: int) -> str:
    """Write a share: ``{{ 3|percent_of:12 }}`` is 25%. Of nothing, everything is 0%."""
    share = part / of if of else 0.0
    if 0 < share < 0.1:
        return format_percent(round(share, 3), locale=_locale(), decimal_quantization=False)
    return format_percent(share, locale=_locale())


@register.filter
def moment(at: datetime | None, zone: str = "") -> SafeString | str:
    """Write when, in the time zone ``zone`` (default: the page's), short enough for a table."""
    if at is None:
        return ""
    tz = ZoneInfo(zone) if zone else timezone.get_current_timezone()
    local = at.astimezone(tz)
    words = (
        f"{format_date(local, 'medium', locale=_locale())}, {format_time(local, 'short', tzinfo=tz, locale=_locale())}"
    )
    return format_html('<time class="time" datetime="{}">{}</time>', at.isoformat(), words)


@register.filter
def duration(seconds: int) -> str:
    """Write how long something takes, in the largest unit that says enough."""
    return format_timedelta(max(1, seconds), threshold=1.5, locale=_locale())


@register.filter
def said(text: str) -> SafeString:
    """Show words without markup, as a phone does in a header; variables that nobody filled are marked."""
    return markup.marked(text)


@register.filter
def whatsapp(text: str) -> SafeString:
    """Show WhatsApp's own markup (*bold*, _italic_, ~struck~, ```code```) as a phone does; all else is escaped."""
    return render.to_html(text)


register.filter("country_name", names.country)
register.filter("language_name", names.language)


def _locale() -> str:
    return to_locale(get_language() or "en")
