"""Dated evidence that a person dealt with a business: what the platform saw itself, and what the business attests."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from consent import ledger, trust
from consent.links import Circumstances
from consent.models import ImportBatch, Interaction, Recipient

# How far the clock of a business's program may be ahead of ours.
CLOCK_SKEW = timedelta(minutes=5)


class CannotNote(ValidationError):
    """The interaction proves nothing as it stands."""


@transaction.atomic
def observe(
    *,
    business: Business,
    recipient: Recipient,
    kind: int,
    occurred_at: datetime,
    evidence: str,
    now: datetime,
    circumstances: Circumstances | None = None,
) -> Interaction | None:
    """Record what the platform itself saw: a click, a message, a reaction. None when it was already known.

    ``circumstances`` go into the proof: the door, the words that were shown, their language.
    """
    return note(
        business=business,
        recipient=Recipient.objects.select_for_update(no_key=True).get(pk=recipient.pk),
        kind=kind,
        provenance=Interaction.Provenance.OBSERVED,
        occurred_at=occurred_at,
        evidence=evidence,
        circumstances=circumstances,
        now=now,
    )


@transaction.atomic
def attest(
    *,
    business: Business,
    recipient: Recipient,
    kind: int,
    occurred_at: datetime,
    evidence: str,
    now: datetime,
    opt_out_offered: bool = False,
) -> Interaction | None:
    """Record what the business says happened, with what proves it. None when it was already known.

    It belongs to the batch of this month, which is on probation like every other one (``trust``). Raises
    ``CannotNote`` without evidence, or for a moment that has not come yet.
    """
    if not evidence.strip():
        raise CannotNote(_("Say what proves it: an order number, a form, a message."))
    batch = trust.batch_of_month(business=business, now=now)
    noted = note(
        business=business,
        recipient=Recipient.objects.select_for_update(no_key=True).get(pk=recipient.pk),
        kind=kind,
        provenance=Interaction.Provenance.ATTESTED,
        occurred_at=occurred_at,
        evidence=evidence,
        opt_out_offered=opt_out_offered,
        batch=batch,
        now=now,
    )
    trust.put_on_probation(batch=batch, now=now)
    return noted


def note(
    *,
    business: Business,
    recipient: Recipient,
    kind: int,
    provenance: int,
    occurred_at: datetime,
    evidence: str,
    now: datetime,
    opt_out_offered: bool = False,
    batch: ImportBatch | None = None,
    circumstances: Circumstances | None = None,
) -> Interaction | None:
    """Write the interaction and its link; the caller holds the recipient's lock. None when it was already known.

    What is attested names its batch. A clock that is a few minutes ahead is forgiven; nobody is told anything on this
    evidence before its moment has come. Of somebody who was erased nothing is noted any more.
    """
    if recipient.erased_at is not None:
        return None
    if occurred_at > now + CLOCK_SKEW:
        raise CannotNote(_("This date has not come yet."))
    interaction, is_new = Interaction.objects.get_or_create(
        business=business,
        recipient=recipient,
        kind=kind,
        occurred_at=occurred_at,
        evidence=evidence[:200],
        withdrawn_at=None,
        defaults={
            "provenance": provenance,
            "opt_out_offered": opt_out_offered,
            "batch": batch,
            "is_probe": batch is not None and _is_in_probe(batch, recipient),
            "created_at": now,
        },
    )
    if not is_new:
        return None
    payload = {
        **({"via": "api", "batch": batch.code} if batch else {}),
        **{name: fact for name, fact in (circumstances or {}).items() if name != "evidence"},
        "provenance": Interaction.Provenance(provenance).name.lower(),
        "interactions": [
            {
                "kind": Interaction.Kind(kind).name.lower(),
                "occurred_at": occurred_at.isoformat(),
                "evidence": evidence[:200],
                "opt_out_offered": opt_out_offered,
            }
        ],
    }
    ledger.append(recipient=recipient, business=business, kind="interaction", payload=payload, now=now)
    return interaction


def _is_in_probe(batch: ImportBatch, recipient: Recipient) -> bool:
    return Interaction.objects.filter(batch=batch, recipient=recipient, is_probe=True).exists()
