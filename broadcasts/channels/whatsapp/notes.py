"""What a hand-over or a call teaches about a sender is written down at once: the gate reads it within a second."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Greatest

from broadcasts.channels.whatsapp import account, errors, wording
from broadcasts.models import ProviderTemplate, Sender, SenderMedia, Standing
from consent import contacts, refusals
from consent.models import Address

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


def lose_file(*, sender: Sender, name: str, language: str, now: datetime) -> None:
    """WhatsApp does not find the file of a template's header: nothing leaves with it until it is uploaded anew."""
    known = ProviderTemplate.objects.filter(account=account.account_id(sender), name=name, language=language)
    for row in known.select_related("version"):
        lost = SenderMedia.objects.filter(
            sender=sender, source_hash=wording.hash_of(wording.media_address(row.version))
        )
        lost.update(media_id="", fault="media_lost", due_at=now)


def slow_down(*, sender: Sender, now: datetime) -> None:
    """Take a quarter off the sender's rate; the clock gives it back little by little (``standing.speed_up``)."""
    Standing.objects.get_or_create(sender=sender)
    due = Q(slowed_at=None) | Q(slowed_at__lt=now - SLOWER_EVERY)
    if Standing.objects.filter(due, sender=sender).update(slowed_at=now):
        Sender.objects.filter(pk=sender.pk).update(messages_per_second=Greatest(F("messages_per_second") * 3 / 4, 1))
