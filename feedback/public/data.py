"""A person's data, from their own page: to read, a copy of it, the proof of what they agreed to, and its erasure."""

from __future__ import annotations

import json
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation

from consent import proof as proofs
from consent.models import Recipient
from feedback import choices, passcodes, portrait, privacy, relations
from feedback.models import Passcode
from feedback.public import door, manners, mine

EXPORT, ERASE, PROOF = "export", "erase", "proof"


@mine.opened
def page(request: HttpRequest, session: Passcode, recipient: Recipient, now: datetime) -> HttpResponse:
    """Show everything that is kept of this person, in words, to be read and printed."""
    if mine.is_doubtful(session, recipient, now):
        return _back()
    copy = privacy.export(recipient_id=recipient.pk, now=now)
    return mine.show(request, session, "data", {"sections": portrait.of(copy), "made_at": now})


@mine.opened
def export(request: HttpRequest, session: Passcode, recipient: Recipient, now: datetime) -> HttpResponse:
    """Hand over a copy of everything, as a file; asked for by a press, so that no robot fetches it."""
    if not _may(request, session, recipient, EXPORT, now):
        return _back()
    copy = privacy.export(recipient_id=recipient.pk, now=now)
    text = json.dumps(copy, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1) + "\n"
    return as_file(text.encode(), name="tambour-my-data.json")


@mine.opened
def proof(request: HttpRequest, session: Passcode, recipient: Recipient, now: datetime) -> HttpResponse:
    """Hand over the signed proof of everything that this person agreed to, refused and took back."""
    if not _may(request, session, recipient, PROOF, now):
        return _back()
    return as_file(proofs.written(proofs.of_person(recipient=recipient, now=now)), name="tambour-my-proof.json")


@mine.opened
def erase(request: HttpRequest, session: Passcode, recipient: Recipient, now: datetime) -> HttpResponse:
    """Ask from whom, then erase: one business's knowledge of the person, or everybody's."""
    if request.method != "POST":
        return _ask(request, session, recipient, now)
    code = request.POST.get("business", "")
    business = relations.business(recipient=recipient, code=code) if code != "all" else None
    if not _may(request, session, recipient, ERASE, now) or (business is None and code != "all"):
        return _ask(request, session, recipient, now, trouble="stale", status=400)
    privacy.erase(recipient_id=recipient.pk, business=business, via=choices.VIA, now=now)
    if business is None:
        passcodes.close(request=session, now=now)
        return door.leave("erased", now)
    said = manners.say(session.code, ERASE, now, about=business.name)
    query = {"lang": translation.get_language(), "said": said}
    return HttpResponseRedirect(reverse("my-page", query=query), status=303)


def _ask(
    request: HttpRequest,
    session: Passcode,
    recipient: Recipient,
    now: datetime,
    *,
    trouble: str = "",
    status: int = 200,
) -> HttpResponse:
    if mine.is_doubtful(session, recipient, now):
        return _back()
    number = mine.page_number(request)
    known, has_more = relations.of(recipient=recipient, now=now, page=number)
    context = {"relations": known, "number": number, "more": number + 1 if has_more else None, "trouble": trouble}
    return mine.show(request, session, "erase", context, status=status)


def _may(request: HttpRequest, session: Passcode, recipient: Recipient, action: str, now: datetime) -> bool:
    """Say whether this is a press of the page's own button, by whoever said that the number was theirs all along."""
    is_press = request.method == "POST" and manners.is_sealed(request, session.code, action)
    return is_press and not mine.is_doubtful(session, recipient, now)


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("my-page", query={"lang": translation.get_language()}), status=303)


def as_file(content: bytes, *, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type="application/json", headers=headers)
