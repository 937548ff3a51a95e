"""A person's data over the whole house: all of it shown to them, or all of it gone, and gone again after a restore.

``erase`` takes them away at once (``consent.erasure.begin``) and leaves a request. ``run_waiting`` follows its copies
up on every floor: right away, and once more a minute later, when whatever was on its way at that moment has arrived.
Each step may be repeated, so it does not matter where a crash cuts it off.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from broadcasts import erasure as messages
from broadcasts import takeout as of_messages
from businesses import events, idempotency
from businesses.models import Business, User
from consent import erasure, refusals
from consent import takeout as of_people
from consent.erasure import Traces
from consent.models import Contact, ErasureRequest, Recipient
from feedback import conversation, inbox, journal, passcodes, reactions, reports

# What was handed over, frozen or received in the moment of the erasure has come to rest after so long.
SETTLING = timedelta(minutes=1)
Cause = ErasureRequest.Cause
State = ErasureRequest.State

log = structlog.get_logger(__name__)


def erase(
    *,
    recipient_id: int,
    via: str,
    now: datetime,
    business: Business | None = None,
    cause: ErasureRequest.Cause = Cause.PERSON,
    by: User | None = None,
) -> ErasureRequest | None:
    """Erase a person, everywhere or from one ``business``; from the return on they are unknown there.

    Their copies are gone within two minutes (``feedback.tasks.follow_up_erasures``, which a door may nudge). Stops and
    blocks stay in force. Everywhere: only they themselves can come back, by writing to a business first. Asking twice
    is asking once; None when they were gone already.
    """
    return erasure.begin(recipient_id=recipient_id, business=business, cause=cause, via=via, by=by, now=now)


def run_waiting(*, now: datetime) -> int:
    """Follow up every request that is due, the oldest first; return how many. One bad request stops no other."""
    n = 0
    waiting = ErasureRequest.objects.exclude(state=State.DONE).select_related("recipient", "business")
    for request in waiting.order_by("requested_at", "id")[:100]:
        if request.state == State.SWEPT and not _has_settled(request, now):
            continue
        try:
            run(request=request, now=now)
            n += 1
        except Exception:
            log.exception("erasure.failed", request=request.code)
    return n


def run(*, request: ErasureRequest, now: datetime, is_written: bool = False) -> None:
    """Write the erasure into the journal, unless it comes from there, tell the businesses, and remove the copies."""
    traces = Traces(**request.traces)
    if request.state == State.ASKED:
        if not is_written:
            _write_down(request, traces)
        _tell(request, traces, now)
    has_settled = _has_settled(request, now)
    # What a business deletes itself, it may bring again itself.
    is_swept = request.cause == Cause.BUSINESS or erasure.forget_uploads(traces=traces, now=now)
    sweep(traces=traces)
    if has_settled and is_swept:
        unfinished = ErasureRequest.objects.filter(pk=request.pk).exclude(state=State.DONE)
        unfinished.update(state=State.DONE, done_at=now, traces={})
    else:
        ErasureRequest.objects.filter(pk=request.pk, state=State.ASKED).update(state=State.SWEPT, swept_at=now)


def _has_settled(request: ErasureRequest, now: datetime) -> bool:
    """Say whether whatever was on its way at the erasure has arrived: a file may be read for longer than the rest."""
    settled_at = request.requested_at + SETTLING
    traces = Traces(**request.traces)
    return now >= settled_at and not erasure.may_be_in_a_readers_hands(traces=traces, since_before=settled_at)


def sweep(*, traces: Traces) -> int:
    """Remove every copy by which the person could still be recognised, floor by floor; return how many there were."""
    return (
        conversation.forget_copies(traces=traces)
        + inbox.forget_copies(traces=traces)
        + reactions.forget_copies(traces=traces)
        + reports.forget_copies(traces=traces)
        + sum(passcodes.forget(recipient_id=pk) for pk in traces.recipient_ids if traces.business_id is None)
        + messages.forget_copies(traces=traces)
        + erasure.forget_copies(traces=traces)
        + idempotency.forget_marked(marks=[*traces.values, *traces.contact_codes], business_id=traces.business_id)
    )


def _write_down(request: ErasureRequest, traces: Traces) -> None:
    """Nobody's return after a restore may depend on this database. A business's own deletion is not a person's wish."""
    if request.cause == Cause.BUSINESS:
        return
    entry = {
        "erasure": request.code,
        "person": request.recipient.code,
        "business": request.business.code if request.business else None,
        "cause": request.cause,
        "via": request.via,
        "at": request.requested_at.isoformat(),
        "suppressed": traces.suppressed,
    }
    journal.write(entry, now=request.requested_at)


@transaction.atomic
def _tell(request: ErasureRequest, traces: Traces, now: datetime) -> None:
    """Tell each business that knew the person, once, by the code of its contact and nothing else."""
    if not ErasureRequest.objects.filter(pk=request.pk, told_at=None).update(told_at=now):
        return
    for business_id, code in sorted(traces.contacts):
        events.record(business_id=business_id, kind="contact.erased", payload={"contact": code}, now=now)


def export(*, recipient_id: int, now: datetime) -> dict[str, Any]:
    """Return everything that the house knows of a person, as JSON can hold it; ``portrait`` puts it in words."""
    recipient_id = refusals.current(recipient_id)
    ids = erasure.family(Recipient.objects.get(pk=recipient_id))
    return {
        "format": "tambour.person.1",
        "made_at": now.isoformat(),
        **of_people.export(recipient_id=recipient_id),
        "messages": of_messages.messages(recipient_ids=ids),
        "service_messages": of_messages.notices(recipient_ids=ids),
        "written": conversation.export(recipient_ids=ids),
        "answered": conversation.export_answers(recipient_ids=ids),
        "reactions": reactions.export(recipient_ids=ids),
        "reports": reports.export(recipient_ids=ids),
    }


def export_contact(*, contact: Contact, now: datetime) -> dict[str, Any]:
    """Return what one business knows of its contact: nothing of others, and nothing that it sees as a sum only."""
    ids = erasure.family(contact.recipient)
    return {
        "format": "tambour.contact.1",
        "made_at": now.isoformat(),
        **of_people.export(recipient_id=contact.recipient_id, business=contact.business),
        "messages": of_messages.messages(recipient_ids=ids, business_id=contact.business_id),
        "written": conversation.export(recipient_ids=ids, business=contact.business),
        "answered": conversation.export_answers(recipient_ids=ids, business=contact.business),
    }


def is_erased(*, recipient_id: int) -> bool:
    """Say whether the person is gone everywhere."""
    return Recipient.objects.filter(pk=recipient_id, erased_at__isnull=False).exists()
