"""What a hand-over or a call teaches about a sender is written down at once: the gate reads it within a second."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Greatest

from broadcasts.channels.whatsapp import account, errors
from broadcasts.models import ProviderTemplate, Sender, SenderMedia, Standing
from consent import contacts, refusals
from consent.models import Address

# A file that is lost again so soon after it was uploaded anew is not lost: WhatsApp cannot use it.
LOST_AGAIN = timedelta(days=7)
LOST, UNUSABLE = "media_lost", "media_unusable"
# "Too fast" is said by very many answers at once: the rate goes down once in so long.
SLOWER_EVERY = timedelta(seconds=5)
STATE_OF_CODE = {
    "132001": ProviderTemplate.State.GONE,
    "132007": ProviderTemplate.State.REJECTED,
    "132015": ProviderTemplate.State.PAUSED,
    "132016": ProviderTemplate.State.DISABLED,
}


def stop(*, sender: Sender, address: str, now: datetime) -> None:
    """Whoever stopped the business's offers at the provider has stopped them here, too. Twice is once."""
    person = contacts.find_by_address(kind=Address.Kind.E164, value=address)
    if person is not None:
        refusals.stop(
            recipient_id=person.pk,
            business=sender.business,
            via="provider",
            circumstances={"evidence": f"whatsapp {errors.STOPPED}"},
            now=now,
        )


def also_at(*, sender: Sender, address: str, alias: str, now: datetime) -> None:
    """WhatsApp knows the number by another spelling: what comes from there is this person's, a STOP above all."""
    entity_id = sender.business.legal_entity_id
    contacts.also_at(kind=Address.Kind.E164, value=address, alias=alias, legal_entity_id=entity_id)


def restrict(*, sender: Sender, code: str, now: datetime, until: datetime | None = None) -> None:
    """Nothing more leaves over ``sender`` until the restriction is lifted, or ``until``."""
    Standing.objects.get_or_create(sender=sender)
    Standing.objects.filter(sender=sender).exclude(restriction=code, restricted_until=until).update(
        restriction=code[:64], restricted_until=until
    )


def suspend_template(*, sender: Sender, name: str, language: str, code: str, now: datetime) -> None:
    """The provider refuses the template: its state there is what the refusal says, and looked at again in an hour."""
    known = ProviderTemplate.objects.filter(account=account.account_id(sender), name=name, language=language)
    known.filter(state=ProviderTemplate.State.APPROVED).update(
        state=STATE_OF_CODE.get(code, ProviderTemplate.State.PAUSED), due_at=now + timedelta(hours=1)
    )


def lose_file(*, sender: Sender, media_id: str, now: datetime) -> SenderMedia | None:
    """WhatsApp could not use the upload ``media_id``, which a message named: nothing leaves with it any more.

    It is uploaded anew, once; lost again within a week, it is given up. Returns the file, or None where
    another upload has taken its place: what is told late of an old one says nothing of the new one.
    """
    used = SenderMedia.objects.filter(sender=sender, media_id=media_id).exclude(media_id="")
    file = used.first()
    if file is None:
        return None
    is_again = file.lost_at is not None and file.lost_at > now - LOST_AGAIN
    file.fault = UNUSABLE if is_again else LOST
    return file if used.update(media_id="", fault=file.fault, lost_at=now, due_at=now) else None


def slow_down(*, sender: Sender, now: datetime) -> None:
    """Take a quarter off the sender's rate; the clock gives it back little by little (``standing.speed_up``)."""
    Standing.objects.get_or_create(sender=sender)
    due = Q(slowed_at=None) | Q(slowed_at__lt=now - SLOWER_EVERY)
    if Standing.objects.filter(due, sender=sender).update(slowed_at=now):
        Sender.objects.filter(pk=sender.pk).update(messages_per_second=Greatest(F("messages_per_second") * 3 / 4, 1))
