"""The recipient's page: why a message came, and what its reader wants from now on. No login, no cookie, no script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consent import zones
from feedback import preferences
from feedback.models import Report
from feedback.preferences import Action, Preferences

# A page may lie open for so long before its buttons are asked to be pressed on a fresh one.
SEAL_AGE = timedelta(days=7)
SAID_AGE = timedelta(minutes=10)
UNDO = {
    Action.STOP: Action.RESUME,
    Action.RESUME: Action.STOP,
    Action.BLOCK: Action.UNBLOCK,
    Action.PAUSE_ALL: Action.UNPAUSE_ALL,
    Action.UNPAUSE_ALL: Action.PAUSE_ALL,
}
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}

Page = Callable[[HttpRequest, str], HttpResponse]


def discreet(page: Page) -> Page:
    """Keep the link to its holder: nothing stored, nothing passed on, nothing indexed."""

    @wraps(page)
    def quietly(request: HttpRequest, token: str) -> HttpResponse:
        response = page(request, token)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    return quietly


# The link is the authority, and every form is sealed for it and for one action: there is no cookie to protect.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@discreet
def page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows, POST acts. Whatever is wrong with a link, the answer is the same calm page."""
    now = timezone.now()
    known = preferences.read(token=token, now=now)
    with translation.override(_language(request, known)):
        if known is None:
            return _localised(render(request, "public/unknown.html", _languages(), status=404))
        with timezone.override(zones.first(known.recipient.timezone)):
            if request.method == "POST":
                return _act(request, token, known, now)
            return _show(request, token, known, said=_read_said(token, request.GET.get("said", "")))


def _act(request: HttpRequest, token: str, known: Preferences, now: datetime) -> HttpResponse:
    action = request.POST.get("action", "")
    if action not in Action or not _is_sealed(request.POST.get("seal", ""), token, action):
        return _show(request, token, known, is_stale=True, status=400)
    limit = request.POST.get("limit", "")
    preferences.act(
        preferences=known,
        action=Action(action),
        limit=int(limit) if limit.isdecimal() else None,
        reason=request.POST.get("reason", ""),
        words=request.POST.get("words", ""),
        now=now,
    )
    said = _signer("said", token).sign(f"{action}.{int(now.timestamp())}")
    query = {"said": said, "lang": translation.get_language()}
    return HttpResponseRedirect(reverse("preferences", args=[token], query=query), status=303)


def _show(
    request: HttpRequest,
    token: str,
    known: Preferences,
    *,
    said: tuple[Action, datetime] | None = None,
    is_stale: bool = False,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "known": known,
        "business": known.business,
        "said": said,
        "here": f"?lang={translation.get_language()}",
        "undo": UNDO.get(said[0]) if said else None,
        "is_stale": is_stale,
        "seals": {action.value: _signer(action, token).sign("") for action in Action},
        "limits": preferences.LIMITS,
        "reasons": Report.Reason.choices,
        **_languages(),
    }
    return _localised(render(request, "public/preferences.html", context, status=status))


def _localised(response: HttpResponse) -> HttpResponse:
    response["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
    return response


def _languages() -> dict[str, Any]:
    """The languages that the page could be read in instead, by their own names."""
    others = [code for code, _ in settings.LANGUAGES if code != translation.get_language()]
    return {"other_languages": [(code, translation.get_language_info(code)["name_local"]) for code in others]}


def _language(request: HttpRequest, known: Preferences | None) -> str:
    """The switch on the page, else what the person or their business has said, else what the browser asks for."""
    wishes = [request.GET.get("lang", "")]
    if known is not None:
        wishes += [known.recipient.locale, known.contact.language if known.contact else ""]
    for wish in wishes:
        try:
            return translation.get_supported_language_variant(wish)
        except LookupError:
            continue
    return translation.get_language_from_request(request)


def _signer(purpose: str, token: str) -> TimestampSigner:
    return TimestampSigner(salt=f"feedback.public {purpose} {token}")


def _is_sealed(seal: str, token: str, action: str) -> bool:
    try:
        return _signer(action, token).unsign(seal, max_age=SEAL_AGE) == ""
    except BadSignature:
        return False


def _read_said(token: str, said: str) -> tuple[Action, datetime] | None:
    """What the last press did, and when; an address that was made up says nothing."""
    try:
        action, _, seconds = _signer("said", token).unsign(said, max_age=SAID_AGE).partition(".")
    except BadSignature:
        return None
    return Action(action), datetime.fromtimestamp(int(seconds), tz=timezone.get_current_timezone())
