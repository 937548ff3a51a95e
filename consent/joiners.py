"""People who want in: a number that was entered proves nothing; a message from that number does.

Anybody could have entered it. So what counts is the keyword, or the answer to our question; it is kept as an observed
opt-in together with the wording that was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from businesses import events
from businesses.models import Business
from consent import interactions, refusals, wordings
from consent.links import Circumstances
from consent.models import ConsentEvent, Contact, Interaction, JoinPage, JoinRequest, Recipient, Refusal, Wording

REQUEST_LIFE = timedelta(hours=48)


def is_welcome_to_be_asked(*, recipient: Recipient, business: Business) -> bool:
    """Say whether a question may be sent to a number that anybody could have entered: not against a no of any kind."""
    refused = Refusal.objects.filter(legal_entity=business.legal_entity, recipient=recipient, lifted_at=None).exists()
    return not refused and recipient.paused_all_at is None and recipient.erased_at is None


def ask(*, page: JoinPage, recipient: Recipient, wording: Wording, is_new_person: bool, now: datetime) -> JoinRequest:
    """Remember that this number was entered; by itself it is no basis for anything."""
    return JoinRequest.objects.create(
        page=page,
        recipient=recipient,
        wording=wording,
        is_new_person=is_new_person,
        created_at=now,
        expires_at=now + REQUEST_LIFE,
    )


def open_request(*, business: Business, recipient_id: int, now: datetime) -> JoinRequest | None:
    """Return the newest question that waits for this person's yes."""
    waiting = JoinRequest.objects.select_related("wording", "page__business__legal_entity").filter(
        page__business=business, recipient_id=recipient_id, confirmed_at=None, expires_at__gt=now
    )
    return waiting.order_by("-created_at", "-id").first()


@transaction.atomic
def take_in(
    *, page: JoinPage, contact: Contact, wording: Wording, via: str, evidence: str, said_at: datetime, now: datetime
) -> bool:
    """Keep a person's own yes: an observed opt-in with the words they read; it also lifts an earlier stop.

    A block stays, and so does what they chose for all businesses. Returns False when this message was known already.
    """
    circumstances: Circumstances = {"via": via, "wording": wordings.shown(wording), "locale": wording.locale}
    refusals.locked(contact.recipient_id)
    if not _stopped_since(page.business, contact.recipient_id, said_at):
        refusals.resume(
            recipient_id=contact.recipient_id, business=page.business, via=via, circumstances=circumstances, now=now
        )
    noted = interactions.observe(
        business=page.business,
        recipient=contact.recipient,
        kind=Interaction.Kind.OPT_IN,
        occurred_at=said_at,
        evidence=evidence[:200],
        circumstances=circumstances,
        now=now,
    )
    JoinRequest.objects.filter(page=page, recipient=contact.recipient_id, confirmed_at=None).update(confirmed_at=now)
    if noted is None:
        return False
    if not contact.language:
        Contact.objects.filter(pk=contact.pk, language="").update(language=wording.locale, updated_at=now)
    JoinPage.objects.filter(pk=page.pk).update(n_joined=F("n_joined") + 1)
    payload = {"contact": contact.code, "via": via, "wording": {"locale": wording.locale, "version": wording.version}}
    events.record(business_id=page.business_id, kind="contact.joined", payload=payload, now=now)
    return True


def _stopped_since(business: Business, recipient_id: int, said_at: datetime) -> bool:
    """A yes that comes late must not undo the stop that followed it."""
    return Refusal.objects.filter(
        legal_entity=business.legal_entity,
        recipient=recipient_id,
        kind=Refusal.Kind.STOPPED,
        lifted_at=None,
        refused_at__gt=said_at,
    ).exists()


def forget_unconfirmed(*, now: datetime) -> int:
    """Forget what nobody confirmed, and the numbers that came in by it alone; return how many requests went."""
    late = list(JoinRequest.objects.filter(expires_at__lte=now, confirmed_at=None).order_by("id")[:1_000])
    JoinRequest.objects.filter(pk__in=[request.pk for request in late]).delete()
    forget_strangers(recipient_ids=[request.recipient_id for request in late if request.is_new_person])
    return len(late)


def forget_strangers(*, recipient_ids: Sequence[int]) -> None:
    """Delete those of these people whom nobody has come to know since their numbers were entered somewhere."""
    strangers = Recipient.objects.filter(pk__in=recipient_ids)
    of_them = {"recipient_id": OuterRef("pk")}
    unknown = strangers.filter(contacts=None, interactions=None, refusals=None, own_limit=None, paused_all_at=None)
    unknown.exclude(Exists(JoinRequest.objects.filter(**of_them))).exclude(
        Exists(ConsentEvent.objects.filter(**of_them))
    ).delete()
