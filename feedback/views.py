"""The sandbox phone: a member sees what test recipients see, and answers as they would, through the providers' door."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from broadcasts.channels.sandbox import network
from broadcasts.models import Sender
from businesses import access
from businesses.models import Business, User
from feedback import inbox

LAST_MESSAGES = 60


@login_required
@require_GET
def phones(request: HttpRequest, sender_code: str) -> HttpResponse:
    """The phones that this sender has written to, newest first."""
    business, sender = _of_member(request, sender_code)
    search = request.GET.get("q", "").strip()
    context = {"business": business, "sender": sender, "q": search}
    context["phones"] = network.phones(sender=sender, search=search)
    return render(request, "feedback/phones.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def phone(request: HttpRequest, sender_code: str, address: str) -> HttpResponse:
    """One phone. Opening the chat marks messages read; a press or a text goes the way of every provider's call."""
    business, sender = _of_member(request, sender_code)
    now = timezone.now()
    if request.method == "POST":
        _tell_door(sender, [_answer(request.POST, sender, address)])
        return HttpResponseRedirect(reverse("phone", args=[sender.code, address]) + "#now")
    chat = network.chat(sender=sender, address=address, last=LAST_MESSAGES)
    if not chat:
        raise Http404
    _tell_door(sender, network.look(sender=sender, address=address, now=now))
    context = {"business": business, "sender": sender, "address": address, "chat": chat}
    with timezone.override(ZoneInfo(business.timezone)):
        return render(request, "feedback/phone.html", context)


def _of_member(request: HttpRequest, sender_code: str) -> tuple[Business, Sender]:
    """The sender and its business, if the visitor is a member of it; to a stranger there is no such phone."""
    sender = network.sender(code=sender_code)
    if sender is None:
        raise Http404(_("There is no such page."))
    return access.business_for(user=cast(User, request.user), code=sender.business.code), sender


def _answer(form: Any, sender: Sender, address: str) -> dict[str, Any]:
    now = timezone.now()
    message = network.message(sender=sender, address=address, provider_id=form.get("message", ""))
    place = form.get("place", "")
    if message is not None and place.isdecimal() and int(place) < len(message.content.get("buttons", [])):
        return network.press(message=message, place=int(place), now=now)
    return network.write(sender=sender, address=address, text=form.get("text", "").strip()[:1000] or "…", now=now)


def _tell_door(sender: Sender, updates: list[dict[str, Any]]) -> None:
    """Sign and hand over as the sandbox's network does; only the wire between the two is left out."""
    now = timezone.now()
    for first in range(0, len(updates), network.UPDATES_PER_BODY):
        some = updates[first : first + network.UPDATES_PER_BODY]
        body, headers = network.signed(sender=sender, updates=some, now=now)
        inbox.accept(sender_code=sender.code, headers=headers, body=body, now=now)
