"""What people wrote to businesses: kept where it can be forgotten, for programs to fetch by its code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from broadcasts.models import Sender
from businesses import events
from businesses.models import Business
from consent.erasure import Traces
from consent.models import Contact
from feedback.models import Answer, Reply


def keep(*, sender: Sender, contact: Contact, text: str, said_at: datetime, now: datetime) -> Reply:
    """Keep a message and tell the business that there is one. The event, which stays for good, has only its code."""
    reply = Reply.objects.create(
        business_id=contact.business_id,
        sender=sender,
        recipient_id=contact.recipient_id,
        text=text,
        said_at=said_at,
        created_at=now,
    )
    payload = {"contact": contact.code, "sender": sender.code, "message": reply.code, "at": said_at.isoformat()}
    events.record(business_id=sender.business_id, kind="message.received", payload=payload, now=now)
    return reply


def forget_copies(*, traces: Traces) -> int:
    """Delete what the person wrote and was answered, of one business or of all; return how many messages."""
    theirs = Reply.objects.filter(recipient_id__in=traces.recipient_ids)
    if traces.business_id is not None:
        theirs = theirs.filter(business_id=traces.business_id)
    n, _ = theirs.delete()
    answers = Answer.objects.filter(recipient_id__in=traces.recipient_ids)
    if traces.business_id is not None:
        answers = answers.filter(business_id=traces.business_id)
    return n + answers.delete()[0]


def export(*, recipient_ids: list[int], business: Business | None = None) -> list[dict[str, Any]]:
    """Return what the person wrote, the newest first."""
    theirs = Reply.objects.filter(recipient_id__in=recipient_ids).select_related("business")
    if business is not None:
        theirs = theirs.of(business)
    return [
        {"business": reply.business.name, "code": reply.code, "text": reply.text, "at": reply.said_at.isoformat()}
        for reply in theirs.order_by("-id")
    ]


def export_answers(*, recipient_ids: list[int], business: Business | None = None) -> list[dict[str, Any]]:
    """Return what businesses answered the person, the newest first."""
    theirs = Answer.objects.filter(recipient_id__in=recipient_ids).select_related("business")
    if business is not None:
        theirs = theirs.of(business)
    return [
        {
            "business": answer.business.name,
            "code": answer.code,
            "text": answer.text,
            "at": answer.created_at.isoformat(),
        }
        for answer in theirs.order_by("-id")
    ]
