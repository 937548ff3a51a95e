"""The public page on which people join: a chat to open, or a number to enter. No login, no cookie, no script."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from consent import fiction, joining, phones
from consent.lines import LineType
from consent.models import JoinPage
from feedback import joining as joining_by_message
from feedback.public import manners

WINDOW_SECONDS = 3600
# From one place, and for one number: so many in an hour.
PER_VISITOR, PER_NUMBER = 20, 3
JOIN = "join"


@manners.public
def page(request: HttpRequest, code: str) -> HttpResponse:
    """Show what joining means, word by word; take a number, and tell everybody the same about it."""
    found = joining.public_page(code=code)
    with translation.override(manners.language(request)):
        if found is None:
            return manners.show(request, "join_closed", status=404)
        if request.method == "POST":
            return _take(request, found, timezone.now())
        return _show(request, found, is_asked=request.GET.get("asked") == "1")


def _take(request: HttpRequest, found: JoinPage, now: datetime) -> HttpResponse:
    typed = request.POST.get("number", "")
    if not manners.is_sealed(request, found.code, JOIN):
        sentence = _("This page had been open for too long. Please press the button again.")
        return _show(request, found, typed=typed, error=sentence, status=400)
    try:
        number = _read(found, typed)
    except ValidationError as fault:
        return _show(request, found, typed=typed, error=fault.messages[0], status=422)
    if _is_too_often(f"from {manners.visitor(request)}", PER_VISITOR):
        sentence = _("Many numbers were entered from here. Please try again in an hour, or write to us yourself.")
        return _show(request, found, typed=typed, error=sentence, status=429)
    if not _is_too_often(f"{found.pk} {number.e164}", PER_NUMBER):
        joining_by_message.ask(page=found, number=number, locale=_locale(), now=now)
    query = {"asked": 1, "lang": translation.get_language()}
    return HttpResponseRedirect(reverse("join", args=[found.code], query=query), status=303)


def _read(found: JoinPage, typed: str) -> phones.Phone:
    """Judge the number by itself alone: nothing that is known of its owner may change the answer."""
    business = found.business
    number = phones.parse(typed, default_country=business.country, allow_fiction=fiction.is_allowed(business))
    reached = joining_by_message.lines_reached(business)
    if reached is None or number.line_type in reached:
        return number
    if number.line_type == LineType.LANDLINE:
        raise ValidationError(_("This is a landline: messages do not reach it. Enter the number of a mobile phone."))
    raise ValidationError(_("This number is no mobile phone's: messages may not reach it. Enter one that is."))


def _show(
    request: HttpRequest,
    found: JoinPage,
    *,
    is_asked: bool = False,
    typed: str = "",
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    way = joining.way(page=found, locale=_locale(), now=timezone.now())
    context = {
        "business": found.business,
        "page": found,
        "wording": way.wording,
        "words": way.words,
        "chat": way.link if found.display_number else "",
        "can_ask": joining_by_message.voice_of(found.business) is not None,
        "is_asked": is_asked,
        "typed": typed[: phones.MAX_LETTERS],
        "error": error,
        "seals": manners.seals(found.code, [JOIN]),
    }
    return manners.show(request, "join", context, status=status)


def _locale() -> str:
    """The page's language as wordings are filed: one of the two."""
    language = (translation.get_language() or "en")[:2]
    return language if language in joining.JOIN else "en"


def _is_too_often(who: str, most: int) -> bool:
    """Count in the cache, under a keyed hash: neither numbers nor addresses of visitors are kept anywhere."""
    name = "join:" + hmac.digest(settings.SECRET_KEY.encode(), who.encode(), hashlib.sha256).hex()[:40]
    try:
        cache.add(name, 0, WINDOW_SECONDS)
        return bool(cache.incr(name) > most)
    except (RedisError, ValueError):  # ValueError: flushed between the two commands.
        return False
