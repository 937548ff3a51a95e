"""The open door, ``/p/``: a number, then the code that was sent to it. It never says whether a number is known."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation

from consent import phones, recycling
from feedback import choices, passcodes
from feedback.models import Passcode
from feedback.passcodes import TooOften, WrongCode
from feedback.public import link, manners

HOLDER = "door"


@manners.public
def number(request: HttpRequest) -> HttpResponse:
    """Ask for the number; send a code to it. Every number gets the same answer after the same statements."""
    now = timezone.now()
    with translation.override(manners.language(request)):
        if request.method == "POST":
            return _send_code(request, now)
        if manners.session(request, now) is not None:
            return HttpResponseRedirect(reverse("my-page", query={"lang": translation.get_language()}))
        return manners.show(request, "number", {"said": manners.read_said(request, HOLDER)})


def _send_code(request: HttpRequest, now: datetime) -> HttpResponse:
    typed = request.POST.get("number", "")
    try:
        phone = phones.parse(typed, default_country=_country(request), allow_fiction=True)
        asked = passcodes.ask(
            number=phone.e164,
            visitor=manners.visitor(request),
            language=translation.get_language() or "",
            now=now,
        )
    except phones.BadNumber as bad:
        return manners.show(request, "number", {"typed": typed[:40], "error": bad.messages[0]}, status=400)
    except TooOften:
        return manners.show(request, "number", {"typed": typed[:40], "trouble": "too-often"}, status=429)
    path = reverse("enter-code", args=[asked.code], query={"lang": translation.get_language()})
    return HttpResponseRedirect(path, status=303)


def _country(request: HttpRequest) -> str:
    """Whose numbers may be written without their country's code: those of the browser's first language, fr-BE, say."""
    wish = request.headers.get("Accept-Language", "").split(",")[0].split(";")[0].strip()
    _, _, country = wish.partition("-")
    if len(country) == 2 and country.isalpha():
        return country.upper()
    return "FR" if translation.get_language() == "fr" else ""


@manners.public
def code(request: HttpRequest, code: str) -> HttpResponse:
    """Take the code. A request that does not exist looks like one whose code was never sent."""
    now = timezone.now()
    with translation.override(manners.language(request)):
        if request.method != "POST":
            return manners.show(request, "code", {"here": f"?lang={translation.get_language()}"})
        try:
            asked, is_first = passcodes.enter(code=code, digits=request.POST.get("digits", ""), now=now)
        except WrongCode:
            context = {"here": f"?lang={translation.get_language()}", "is_wrong": True}
            return manners.show(request, "code", context, status=400)
        return _open(asked, is_first, now)


def _open(asked: Passcode, is_first: bool, now: datetime) -> HttpResponse:
    """Do what the code was asked for, once, and go where it was asked."""
    if asked.wish == Passcode.Wish.NOT_ME:
        return hand_on(asked, now)
    token = passcodes.grant(request=asked, now=now) if is_first else passcodes.token_of(request=asked)
    query = {"lang": translation.get_language()}
    response: HttpResponse = HttpResponseRedirect(reverse("my-page", query=query), status=303)
    if token:
        response = link.back(token, asked.wish, now)
    manners.open_session(response, asked)
    return response


def hand_on(asked: Passcode, now: datetime) -> HttpResponse:
    """Part the number from whoever had it before; the page shows nothing of them any more."""
    if asked.address_id and asked.recipient_id:
        recycling.give_to_new_owner(
            address_id=asked.address_id, recipient_id=asked.recipient_id, via=choices.VIA, now=now
        )
    passcodes.close(request=asked, now=now)
    return leave("not-me", now)


def leave(what: str, now: datetime) -> HttpResponse:
    """Back to the open door, with what was done and without a session."""
    query = {"said": manners.say(HOLDER, what, now), "lang": translation.get_language()}
    response = HttpResponseRedirect(reverse("recipients-door", query=query), status=303)
    manners.close_session(response)
    return response
