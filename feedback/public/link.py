"""The page behind a message's link: why it came, and what its reader wants from now on. No login, no script."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation

from consent import zones
from feedback import choices, passcodes, preferences
from feedback.choices import Action
from feedback.models import Passcode, Report
from feedback.passcodes import TooOften
from feedback.preferences import Preferences
from feedback.public import manners

UNDO = {
    Action.STOP: Action.RESUME,
    Action.RESUME: Action.STOP,
    Action.BLOCK: Action.UNBLOCK,
    Action.REPORT: Action.UNBLOCK,
    Action.PAUSE_ALL: Action.UNPAUSE_ALL,
    Action.UNPAUSE_ALL: Action.PAUSE_ALL,
}


@manners.public
def page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows, POST acts. Whatever is wrong with a link, the answer is the same calm page."""
    now = timezone.now()
    known = preferences.read(token=token, now=now)
    with translation.override(manners.language(request, *_languages_of(known))):
        if known is None:
            return manners.show(request, "unknown", status=404)
        with timezone.override(zones.first(known.recipient.timezone)):
            if request.method == "POST":
                return _act(request, token, known, now)
            return _show(request, token, known, now)


def _languages_of(known: Preferences | None) -> list[str]:
    return [known.recipient.locale, known.contact.language if known.contact else ""] if known else []


def _act(request: HttpRequest, token: str, known: Preferences, now: datetime) -> HttpResponse:
    action, limit = request.POST.get("action", ""), choices.read_limit(request.POST.get("limit", ""))
    if action not in Action or not manners.is_sealed(request, token, action):
        return _show(request, token, known, now, trouble="stale", status=400)
    wish = Action(action)
    if choices.needs_code(action=wish, recipient=known.recipient, limit=limit) and not _is_holder(request, known, now):
        return _ask_code(request, token, known, wish, limit, now)
    reason = request.POST.get("reason", "")
    preferences.act(
        preferences=known,
        action=wish,
        limit=limit,
        reason=reason,
        words=request.POST.get("words", ""),
        now=now,
    )
    if wish == Action.NOT_ME:
        return _ask_code(request, token, known, wish, limit, now)
    return back(token, wish, now, about=reason if reason in Report.Reason else "")


def _is_holder(request: HttpRequest, known: Preferences, now: datetime) -> bool:
    """Say whether the visitor has shown, minutes ago, that they hold this person's phone."""
    session = manners.session(request, now)
    return session is not None and session.recipient_id == known.recipient.pk


def _ask_code(
    request: HttpRequest, token: str, known: Preferences, wish: Action, limit: int | None, now: datetime
) -> HttpResponse:
    if _is_holder(request, known, now):
        name = "my-page-not-me" if wish == Action.NOT_ME else "my-page"
        return HttpResponseRedirect(reverse(name, query={"lang": translation.get_language()}), status=303)
    try:
        asked = passcodes.ask_for(
            recipient_id=known.recipient.pk,
            visitor=manners.visitor(request),
            language=translation.get_language() or "",
            broadcast_id=known.broadcast.pk if known.delivery.recipient_id == known.recipient.pk else None,
            wish=Passcode.Wish.NOTHING if wish == Action.ASK_CODE else Passcode.Wish(wish.value),
            limit=limit,
            now=now,
        )
    except TooOften:
        return _show(request, token, known, now, trouble="too-often", status=429)
    path = reverse("enter-code", args=[asked.code], query={"lang": translation.get_language()})
    return HttpResponseRedirect(path, status=303)


def back(token: str, action: str, now: datetime, *, about: str = "") -> HttpResponse:
    """Show the page again, with what was done."""
    query = {"said": manners.say(token, action, now, about=about), "lang": translation.get_language()}
    return HttpResponseRedirect(reverse("preferences", args=[token], query=query), status=303)


def _show(
    request: HttpRequest, token: str, known: Preferences, now: datetime, *, trouble: str = "", status: int = 200
) -> HttpResponse:
    said = manners.read_said(request, token)
    context: dict[str, Any] = {
        "known": known,
        "business": known.business,
        "said": said,
        "undo": UNDO.get(Action(said[0])) if said and said[0] in Action else None,
        "here": f"?lang={translation.get_language()}",
        "trouble": trouble,
        "is_holder": _is_holder(request, known, now),
        "seals": manners.seals(token, Action.values),
        "reasons": Report.Reason.choices,
    }
    return manners.show(request, "preferences", context, status=status)
