"""What a person refuses, and takes back: one business's offers, everybody's offers, or more than so many of them.

Every function here locks the person first, so that nothing is decided about them meanwhile, writes the proof into
their chain, and commits before it returns: from then on the gate cannot let an offer through. A refusal is given to
the legal entity and holds for all of its accounts. Somebody who was erased changes nothing: what they refused is kept
in ``suppressions``.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

from businesses import events
from businesses.models import Business
from consent import interactions, ledger, suppressions
from consent.links import Circumstances
from consent.models import Contact, Interaction, Recipient, Refusal

MAX_OWN_LIMIT = 100


@transaction.atomic
def stop(
    *, recipient_id: int, business: Business, via: str, now: datetime, circumstances: Circumstances | None = None
) -> bool:
    """End this business's offers to the person. Returns whether something changed."""
    return _refuse(recipient_id, business, Refusal.Kind.STOPPED, via, now, circumstances)


@transaction.atomic
def block(
    *, recipient_id: int, business: Business, via: str, now: datetime, circumstances: Circumstances | None = None
) -> bool:
    """End everything this business sends to the person. Returns whether something changed."""
    return _refuse(recipient_id, business, Refusal.Kind.BLOCKED, via, now, circumstances)


@transaction.atomic
def resume(
    *, recipient_id: int, business: Business, via: str, now: datetime, circumstances: Circumstances | None = None
) -> bool:
    """Lift the person's stop; a block stays. Returns whether something changed."""
    return _lift(recipient_id, business, Refusal.Kind.STOPPED, via, now, circumstances)


@transaction.atomic
def unblock(
    *, recipient_id: int, business: Business, via: str, now: datetime, circumstances: Circumstances | None = None
) -> bool:
    """Lift the person's block; a stop stays. Returns whether something changed."""
    return _lift(recipient_id, business, Refusal.Kind.BLOCKED, via, now, circumstances)


@transaction.atomic
def pause_all(*, recipient_id: int, via: str, now: datetime, circumstances: Circumstances | None = None) -> bool:
    """End the offers of all businesses. Returns whether something changed."""
    recipient = locked(recipient_id)
    if recipient.paused_all_at is not None or recipient.erased_at is not None:
        return False
    recipient.paused_all_at = now
    recipient.save(update_fields=["paused_all_at"])
    ledger.append(recipient=recipient, business=None, kind="paused_all", payload=_said(via, circumstances), now=now)
    return True


@transaction.atomic
def unpause_all(*, recipient_id: int, via: str, now: datetime, circumstances: Circumstances | None = None) -> bool:
    """Let the businesses that the person has not stopped make offers again. Returns whether something changed."""
    recipient = locked(recipient_id)
    if recipient.paused_all_at is None:
        return False
    recipient.paused_all_at = None
    recipient.save(update_fields=["paused_all_at"])
    suppressions.drop(recipient=recipient, kind=suppressions.PAUSED_ALL, legal_entity_id=None)
    ledger.append(recipient=recipient, business=None, kind="unpaused_all", payload=_said(via, circumstances), now=now)
    return True


class BadLimit(ValidationError):
    """The limit is no number of offers that somebody could choose."""


@transaction.atomic
def set_own_limit(
    *, recipient_id: int, limit: int | None, via: str, now: datetime, circumstances: Circumstances | None = None
) -> bool:
    """Accept at most ``limit`` offers per 7 days over all businesses; None leaves it to the rules.

    Returns whether something changed. Raises ``BadLimit``.
    """
    if limit is not None and not 0 <= limit <= MAX_OWN_LIMIT:
        raise BadLimit(_("Choose a number of offers between 0 and 100."))
    recipient = locked(recipient_id)
    if recipient.own_limit == limit or recipient.erased_at is not None:
        return False
    before, recipient.own_limit = recipient.own_limit, limit
    recipient.save(update_fields=["own_limit"])
    payload = _said(via, circumstances) | {"before": before, "after": limit}
    ledger.append(recipient=recipient, business=None, kind="own_limit", payload=payload, now=now)
    return True


@transaction.atomic
def void_links(*, recipient_id: int, via: str, now: datetime) -> None:
    """Make the links in all messages that the person was sent until now open nothing."""
    recipient = locked(recipient_id)
    recipient.links_valid_from = now
    recipient.save(update_fields=["links_valid_from"])
    ledger.append(recipient=recipient, business=None, kind="links_void", payload={"via": via}, now=now)


@transaction.atomic
def react(
    *,
    recipient_id: int,
    business: Business,
    interested: bool,
    via: str,
    now: datetime,
    circumstances: Circumstances | None = None,
) -> bool:
    """Note Interested or Not interested. Interested is evidence of its own; neither lifts a stop.

    Returns whether the person's last word to this business changed.
    """
    recipient = locked(recipient_id)
    if recipient.erased_at is not None:
        return False
    reaction = Contact.Reaction.INTERESTED if interested else Contact.Reaction.NOT_INTERESTED
    changed = (
        Contact.objects.of(business)
        .filter(recipient=recipient)
        .exclude(last_reaction=reaction)
        .update(last_reaction=reaction, updated_at=now)
    )
    if interested:
        interactions.note(
            business=business,
            recipient=recipient,
            kind=Interaction.Kind.INTERESTED,
            provenance=Interaction.Provenance.OBSERVED,
            occurred_at=now,
            evidence=via,
            circumstances=Circumstances(**_said(via, circumstances)),  # type: ignore[typeddict-item]
            now=now,
        )
    elif changed:
        ledger.append(
            recipient=recipient, business=business, kind="not_interested", payload=_said(via, circumstances), now=now
        )
    return bool(changed)


class _MergedMeanwhile(Exception):
    """The person became part of another while we waited for them."""


def locked(recipient_id: int) -> Recipient:
    """Return the person, locked until the transaction ends (``FOR NO KEY UPDATE``, like the gate).

    Somebody who was merged into another is that other, and only that one is locked.
    """
    while True:
        # Undoing the savepoint gives the lock back: holding one and asking for the other would be out of order.
        with suppress(_MergedMeanwhile), transaction.atomic():
            is_today = Recipient.objects.filter(pk=recipient_id).values(today=Coalesce("merged_into_id", "pk"))
            person = Recipient.objects.select_for_update(no_key=True).get(pk__in=is_today)
            if person.merged_into_id is not None:
                raise _MergedMeanwhile
            return person


def current(recipient_id: int) -> int:
    """Return the id of the person whom ``recipient_id`` is today, after any merging."""
    merged_into = Recipient.objects.filter(pk=recipient_id).values_list("merged_into_id", flat=True).first()
    return merged_into or recipient_id


def _refuse(
    recipient_id: int,
    business: Business,
    kind: Refusal.Kind,
    via: str,
    now: datetime,
    circumstances: Circumstances | None,
) -> bool:
    recipient = locked(recipient_id)
    if recipient.erased_at is not None:
        return False
    refusal, is_new = Refusal.objects.get_or_create(
        legal_entity_id=business.legal_entity_id,
        recipient=recipient,
        kind=kind,
        defaults={"via": via, "refused_at": now},
    )
    if not is_new and refusal.lifted_at is None:
        return False
    if not is_new:
        standing = Refusal.objects.filter(pk=refusal.pk)
        standing.update(via=via, refused_at=now, lifted_at=None, written_at=Now())
    _tell(recipient, business, "stopped" if kind == Refusal.Kind.STOPPED else "blocked", via, now, circumstances)
    return True


def _lift(
    recipient_id: int,
    business: Business,
    kind: Refusal.Kind,
    via: str,
    now: datetime,
    circumstances: Circumstances | None,
) -> bool:
    recipient = locked(recipient_id)
    lifted = Refusal.objects.filter(
        legal_entity_id=business.legal_entity_id, recipient=recipient, kind=kind, lifted_at=None
    ).update(lifted_at=now)
    if lifted:
        kept = suppressions.KIND_OF_REFUSAL[kind]
        suppressions.drop(recipient=recipient, kind=kept, legal_entity_id=business.legal_entity_id)
        _tell(recipient, business, "resumed" if kind == Refusal.Kind.STOPPED else "unblocked", via, now, circumstances)
    return bool(lifted)


def _tell(
    recipient: Recipient, business: Business, what: str, via: str, now: datetime, circumstances: Circumstances | None
) -> None:
    """Seal the proof, and tell the business's programs about the contact they know."""
    ledger.append(recipient=recipient, business=business, kind=what, payload=_said(via, circumstances), now=now)
    code = Contact.objects.of(business).filter(recipient=recipient).values_list("code", flat=True).first()
    if code is not None:
        events.record(business_id=business.pk, kind=f"contact.{what}", payload={"contact": code, "via": via}, now=now)


def _said(via: str, circumstances: Circumstances | None) -> dict[str, Any]:
    return {**(circumstances or {}), "via": via}
