"""A person's own page, opened by a code: everybody who writes to them, and everything they may decide about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation

from consent import refusals, zones
from consent.models import Recipient
from feedback import choices, passcodes, preferences, relations
from feedback.choices import Action
from feedback.models import Passcode
from feedback.public import door, manners

P = ParamSpec("P")
Mine = Callable[Concatenate[HttpRequest, Passcode, Recipient, datetime, P], HttpResponse]
# Besides what may be wanted of businesses: to say that one is who one is, to leave, to make old links worthless.
CONFIRM, LEAVE, VOID_LINKS = "confirm", "leave", "void-links"
OF_ONE_BUSINESS = frozenset({Action.STOP, Action.RESUME, Action.BLOCK, Action.UNBLOCK})
OF_ALL = frozenset({Action.PAUSE_ALL, Action.UNPAUSE_ALL, Action.FEWER})
ACTIONS = [*sorted(OF_ONE_BUSINESS | OF_ALL), Action.NOT_ME.value, CONFIRM, LEAVE, VOID_LINKS]
# Pressed on this page, answered by others (``data``).
ELSEWHERE = ["export", "erase", "proof"]


def opened(page: Mine[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let whoever entered a code in, as themselves and for a while; anybody else is led to the door."""

    @wraps(page)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        now = timezone.now()
        session = manners.session(request, now)
        wishes = [session.language] if session else []
        with translation.override(manners.language(request, *wishes)):
            if session is None:
                query = {"lang": translation.get_language()}
                return HttpResponseRedirect(reverse("recipients-door", query=query), status=303)
            recipient = cast(Recipient, session.recipient)
            with timezone.override(zones.first(recipient.timezone)):
                return page(request, session, recipient, now, *args, **kwargs)

    return manners.public(guarded)


@opened
def page(request: HttpRequest, session: Passcode, recipient: Recipient, now: datetime) -> HttpResponse:
    """Everybody who writes to this person. GET shows, POST acts."""
    if request.method == "POST":
        return _act(request, session, recipient, now)
    if is_doubtful(session, recipient, now):
        since = relations.is_known_since(recipient=recipient)
        return show(request, session, "yours", {"since": since})
    return _show_all(request, session, recipient, now)


def is_doubtful(session: Passcode, recipient: Recipient, now: datetime) -> bool:
    """Say whether what is kept may be about an earlier owner of the number, and nobody has said that it is not."""
    return session.confirmed_at is None and relations.may_be_another_persons(recipient=recipient, now=now)


def _show_all(
    request: HttpRequest,
    session: Passcode,
    recipient: Recipient,
    now: datetime,
    *,
    trouble: str = "",
    status: int = 200,
) -> HttpResponse:
    number = page_number(request)
    known, has_more = relations.of(recipient=recipient, now=now, page=number)
    context = {
        "person": recipient,
        "relations": known,
        "number": number,
        "more": number + 1 if has_more else None,
        "limits": choices.LIMITS,
        "most_a_week": preferences.most_a_week(country=recipient.country),
        "got": relations.count_all(recipient=recipient, now=now),
        "trouble": trouble,
    }
    return show(request, session, "mine", context, status=status)


def _act(request: HttpRequest, session: Passcode, recipient: Recipient, now: datetime) -> HttpResponse:
    action = request.POST.get("action", "")
    business = relations.business(recipient=recipient, code=request.POST.get("business", ""))
    is_odd = action not in ACTIONS or (action in OF_ONE_BUSINESS and business is None)
    if is_odd or not manners.is_sealed(request, session.code, action):
        return _show_all(request, session, recipient, now, trouble="stale", status=400)
    match action:
        case "leave":
            passcodes.close(request=session, now=now)
            return door.leave("left", now)
        case Action.NOT_ME:
            return door.hand_on(session, now)
        case "confirm":
            passcodes.confirm(request=session, now=now)
        case "void-links":
            refusals.void_links(recipient_id=recipient.pk, via=choices.VIA, now=now)
        case _:
            limit = choices.read_limit(request.POST.get("limit", ""))
            choices.carry_out(action=Action(action), recipient_id=recipient.pk, business=business, limit=limit, now=now)
    said = manners.say(session.code, action, now, about=business.name if business else "")
    query = {"lang": translation.get_language()} | ({"said": said} if action != CONFIRM else {})
    return HttpResponseRedirect(reverse("my-page", query=query), status=303)


@opened
def not_me(request: HttpRequest, session: Passcode, recipient: Recipient, now: datetime) -> HttpResponse:
    """Ask once more before a number is parted from everything that was kept about it."""
    return show(request, session, "not_me", {})


@opened
def history(request: HttpRequest, session: Passcode, recipient: Recipient, now: datetime) -> HttpResponse:
    """The offers that were sent to this person, newest first."""
    if is_doubtful(session, recipient, now):
        return HttpResponseRedirect(reverse("my-page", query={"lang": translation.get_language()}))
    number = page_number(request)
    offers, has_more = relations.history(recipient=recipient, page=number)
    context = {"offers": offers, "number": number, "more": number + 1 if has_more else None}
    return show(request, session, "history", context)


def show(
    request: HttpRequest, session: Passcode, name: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    shared = {
        "said": manners.read_said(request, session.code),
        "here": f"{reverse('my-page')}?lang={translation.get_language()}",
        "until": (session.opened_at or timezone.now()) + passcodes.SESSION,
        "seals": manners.seals(session.code, ACTIONS + ELSEWHERE),
    }
    return manners.show(request, name, shared | context, status=status)


def page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "")
    return max(1, min(int(text), 1000)) if text.isascii() and text.isdecimal() and len(text) < 5 else 1
