"""What all pages for recipients share: they keep to themselves, speak the reader's language, and seal their forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import wraps
from ipaddress import IPv6Address, ip_address
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from feedback import passcodes
from feedback.models import Passcode

# A page may lie open for so long before its buttons are asked to be pressed on a fresh one.
SEAL_AGE = timedelta(days=7)
SAID_AGE = timedelta(minutes=10)
SESSION_COOKIE = "tambour_page"
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def public(page: View[P]) -> View[P]:
    """Keep the page to its holder: nothing stored, passed on or indexed.

    Whoever may press is known by the link or by a strict cookie, and every form is sealed for it and for one action:
    there is nothing that another site could make a browser do.
    """

    @wraps(page)
    def quietly(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = page(request, *args, **kwargs)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    allowed: View[P] = require_http_methods(["GET", "HEAD", "POST"])(quietly)
    return csrf_exempt(allowed)


def show(request: HttpRequest, page: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
    """Render a page in the language that is active."""
    others = [code for code, _ in settings.LANGUAGES if code != translation.get_language()]
    languages = [(code, translation.get_language_info(code)["name_local"]) for code in others]
    shared = {"other_languages": languages, "lang": translation.get_language()}
    response = render(request, f"public/{page}.html", shared | (context or {}), status=status)
    response["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
    return response


def language(request: HttpRequest, *known: str) -> str:
    """The switch on the page, else what the person or their business has said, else what the browser asks for."""
    for wish in (request.GET.get("lang", ""), *known):
        try:
            return translation.get_supported_language_variant(wish)
        except LookupError:
            continue
    return translation.get_language_from_request(request)


def signer(purpose: str, holder: str) -> TimestampSigner:
    return TimestampSigner(salt=f"feedback.public {purpose} {holder}")


def seals(holder: str, actions: Iterable[str]) -> dict[str, str]:
    """Return a seal for each form of a page: for this holder, for this action, for a while."""
    return {action: signer(action, holder).sign("") for action in actions}


def is_sealed(request: HttpRequest, holder: str, action: str) -> bool:
    try:
        return signer(action, holder).unsign(request.POST.get("seal", ""), max_age=SEAL_AGE) == ""
    except BadSignature:
        return False


def say(holder: str, what: str, now: datetime, *, about: str = "") -> str:
    """Return what an address carries so that the next page can say what was done."""
    return signer("said", holder).sign(f"{what}.{int(now.timestamp())}.{about}")


def read_said(request: HttpRequest, holder: str) -> tuple[str, datetime, str] | None:
    """What the last press did, when, and about what; an address that was made up says nothing."""
    try:
        said = signer("said", holder).unsign(request.GET.get("said", ""), max_age=SAID_AGE)
    except BadSignature:
        return None
    what, seconds, about = said.split(".", 2)
    return what, datetime.fromtimestamp(int(seconds), tz=timezone.get_current_timezone()), about


def visitor(request: HttpRequest) -> str:
    """Return where a request comes from, as far as the proxies in front can be believed; '' when nobody can say.

    Of the newer kind of address, somebody at home has 2⁶⁴.
    """
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    n = settings.PROXIES_IN_FRONT
    text = forwarded[-n] if 0 < n <= len(forwarded) else request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else str(address)


def session(request: HttpRequest, now: datetime) -> Passcode | None:
    """Return the open request behind the visitor's cookie."""
    kept = request.COOKIES.get(SESSION_COOKIE, "")
    return passcodes.read_session(session=kept, now=now) if kept else None


def open_session(response: HttpResponse, request: Passcode) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        passcodes.session_of(request),
        max_age=passcodes.SESSION,
        path="/p/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )


def close_session(response: HttpResponse) -> None:
    response.delete_cookie(SESSION_COOKIE, path="/p/", samesite="Strict")
