"""What people answer: a stop or a reaction is obeyed at the door, anything else is a conversation for the business."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

import structlog
from django.db import OperationalError, connection, transaction

from broadcasts import codes, notices
from broadcasts.channels.base import InboundButton, InboundPreference, InboundText, Update
from broadcasts.models import Broadcast, Delivery, Notice, Sender
from consent import interactions, keywords, refusals, suppressions, verdicts
from consent.links import Circumstances
from consent.models import Contact, Interaction, Recipient
from feedback import arrivals, conversation, reactions
from feedback.models import InboundMessage
from templates_approval import components, offer
from templates_approval.models import Version

Meaning = Literal["interested", "not_interested", "stop", "resume", "help", "none"]

# By payload, and by the label that every offer carries in its own language: typing it is as good as pressing it.
BUTTONS: dict[str, Meaning] = {
    offer.INTERESTED: "interested",
    offer.NOT_INTERESTED: "not_interested",
    **{label.casefold(): cast(Meaning, reaction) for label, reaction in offer.REACTIONS.items()},
}
# The payload of a quick reply without a meaning of its own: its place among the buttons.
PLACE = re.compile(r"reply_(\d{1,2})")
OLDEST = arrivals.OLDEST

Inbound = InboundText | InboundButton | InboundPreference

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that somebody said, and what it means."""

    update: Inbound
    meaning: Meaning
    # 0: nobody that is known.
    recipient_id: int
    # The broadcast it answers; None when it answers none of this sender's.
    broadcast_id: int | None
    words: str
    key: str


NOBODY = "nobody known by this address"


def spell_out(*, updates: Sequence[Update]) -> list[Update]:
    """Put the label where a provider gives a quick reply's place only, so that a button "Stop" is read as one."""
    return [_spelled_out(u) if isinstance(u, InboundButton) and PLACE.fullmatch(u.button) else u for u in updates]


def _spelled_out(pressed: InboundButton) -> InboundButton:
    place, key = PLACE.fullmatch(pressed.button), codes.read_delivery_code(pressed.message_code)
    version_id = Delivery.objects.filter(pk=key[:2]).values_list("version_id", flat=True).first() if key else None
    if notices.is_about_one(pressed):
        tests = Notice.objects.tests().filter(code=pressed.message_code)
        version_id = tests.values_list("version_id", flat=True).first()
    version = Version.objects.filter(pk=version_id or 0).first()
    buttons = components.read(version.components).buttons if version else ()
    index = int(place[1]) if place else 0
    return replace(pressed, button=buttons[index].text) if index < len(buttons) else pressed


def meaning_of(update: Inbound, locale: str = "") -> Meaning:
    """Say what somebody wants by writing or pressing this. ``none`` is conversation.

    ``locale`` is that of the business: who it is that writes is not known yet, and most people share its language.
    """
    if isinstance(update, InboundPreference):
        return "stop" if update.is_stop else "resume"
    words = update.button if isinstance(update, InboundButton) else update.text
    if isinstance(update, InboundButton) and notices.is_about_one(update):
        # A member tries their own template: nothing they press there counts, but for a stop.
        return keywords.classify(words, locale)
    return BUTTONS.get(" ".join(words.casefold().split())) or keywords.classify(words, locale)


def is_conversation(update: Update, locale: str = "") -> bool:
    """Say whether this is for the business to read, not for the door to obey."""
    if isinstance(update, InboundButton) and notices.is_about_one(update):
        return False
    return isinstance(update, InboundText | InboundButton) and meaning_of(update, locale) == "none"


def obey(*, sender: Sender, updates: Sequence[Update], now: datetime) -> list[str]:
    """Let every stop, resume and reaction take effect, in the caller's transaction. Return what could not be, in words.

    Each is obeyed in a savepoint of its own. Deliveries are locked first, then people, both in the gate's order and all
    of them before anything is done, so that two calls never wait for each other.
    """
    locale = sender.business.locale
    inbound = [u for u in updates if isinstance(u, Inbound) and not is_conversation(u, locale)]
    if not inbound:
        return []
    faults: list[str] = []
    heard = list(_known(sender, inbound, faults, now))
    heard.sort(key=lambda h: (h.recipient_id, h.update.at, h.key))
    reacting = [h for h in heard if h.meaning in ("interested", "not_interested")]
    reactions.lock_deliveries([(h.broadcast_id, h.recipient_id) for h in reacting if h.broadcast_id is not None])
    with connection.cursor() as cursor:
        verdicts.lock(cursor, recipient_ids=sorted({h.recipient_id for h in heard}))
    for one in heard:
        _carefully(_obey_one, sender, one, now, faults)
    return faults


def take(*, sender: Sender, updates: Sequence[Update], now: datetime) -> list[str]:
    """Hand conversation to the business: each message is an observed inquiry and an event. Return what could not be."""
    locale = sender.business.locale
    inbound = [u for u in updates if isinstance(u, InboundText | InboundButton) and is_conversation(u, locale)]
    faults: list[str] = []
    mine = _broadcasts_answered(sender, inbound)
    heard = [_hear(sender, update, mine) for update in inbound]
    for one in sorted(heard, key=lambda h: (h.recipient_id, h.update.at, h.key)):
        _carefully(_take_one, sender, one, now, faults)
    return faults


def _known(sender: Sender, inbound: Sequence[Inbound], faults: list[str], now: datetime) -> Iterator[Heard]:
    """Yield what known people said. What a number that nobody knows refuses is kept for it, and noted."""
    mine = _broadcasts_answered(sender, inbound)
    for update in inbound:
        heard = _hear(sender, update, mine)
        if heard.recipient_id:
            yield heard
            continue
        faults.append(NOBODY)
        if heard.meaning == "stop":
            arrivals.refuse(sender=sender, address=update.address, now=now)


def _broadcasts_answered(sender: Sender, inbound: Sequence[Inbound]) -> set[int]:
    """A code is worth something only to the sender whose broadcast it belongs to."""
    keys = [codes.read_delivery_code(u.message_code) for u in inbound if not isinstance(u, InboundPreference)]
    named = {key[0] for key in keys if key}
    return set(Broadcast.objects.filter(pk__in=named, sender=sender).values_list("pk", flat=True)) if named else set()


def _hear(sender: Sender, update: Inbound, mine: set[int]) -> Heard:
    code = "" if isinstance(update, InboundPreference) else update.message_code
    key = codes.read_delivery_code(code)
    broadcast_id, recipient_id = None, None
    if key and key[0] in mine:
        broadcast_id, recipient_id = key[0], arrivals.still_there(key[1])
    recipient_id = recipient_id or arrivals.person_at(sender, update.address)
    meaning = meaning_of(update, sender.business.locale)
    return Heard(update, meaning, recipient_id or 0, broadcast_id, _words_of(update), _key_of(update))


def _words_of(update: Inbound) -> str:
    if isinstance(update, InboundPreference):
        return "stop" if update.is_stop else "resume"
    return update.button if isinstance(update, InboundButton) else update.text


def _key_of(update: Inbound) -> str:
    if not isinstance(update, InboundPreference):
        return update.provider_id
    said = f"{update.address}:{update.is_stop}:{update.at.isoformat()}"
    return "preference:" + suppressions.hash_address(said).hex()[:40]


def _carefully(
    act: Callable[[Sender, Heard, datetime], None], sender: Sender, heard: Heard, now: datetime, faults: list[str]
) -> None:
    """One element's fault stays its own; a fault of the database is everybody's, and the provider will call again."""
    try:
        with transaction.atomic():
            if is_first_to_hear(sender, heard.key, now):
                act(sender, heard, now)
    except OperationalError:
        raise
    except Exception as fault:
        log.exception("callback.element_failed", sender=sender.code, meaning=heard.meaning)
        faults.append(f"{heard.meaning}: {type(fault).__name__}")


def is_first_to_hear(sender: Sender, key: str, now: datetime) -> bool:
    """Providers repeat themselves: an old STOP that comes again must not undo the START that followed it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {InboundMessage._meta.db_table} (sender_id, provider_id, heard_at)"  # noqa: S608
            " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [sender.pk, key, now],
        )
        return bool(cursor.rowcount)


def _obey_one(sender: Sender, heard: Heard, now: datetime) -> None:
    via = "button" if isinstance(heard.update, InboundButton) else "keyword"
    if isinstance(heard.update, InboundPreference):
        via = "provider"
    match heard.meaning:
        case "stop":
            if refusals.stop(
                recipient_id=heard.recipient_id,
                business=sender.business,
                via=via,
                now=now,
                circumstances=_proven(heard),
            ):
                _confirm(sender, heard, now)
        case "resume":
            if refusals.resume(
                recipient_id=heard.recipient_id,
                business=sender.business,
                via=via,
                now=now,
                circumstances=_proven(heard),
            ):
                _confirm(sender, heard, now)
        case "interested" | "not_interested":
            _react(sender, heard, via, now)
        case "help":
            _confirm(sender, heard, now)


def _react(sender: Sender, heard: Heard, via: str, now: datetime) -> None:
    is_interested = heard.meaning == "interested"
    if heard.broadcast_id is None:
        # "Not interested", typed: said of the business, of no message in particular.
        refusals.react(
            recipient_id=heard.recipient_id,
            business=sender.business,
            interested=is_interested,
            via=via,
            now=now,
            circumstances=_proven(heard),
        )
        return
    reactions.react(
        broadcast_id=heard.broadcast_id, recipient_id=heard.recipient_id, interested=is_interested, via=via, now=now
    )


def _proven(heard: Heard) -> Circumstances:
    """What proves it is the message in which they said so."""
    return {"evidence": f"message {heard.key}"[:200]}


def _confirm(sender: Sender, heard: Heard, now: datetime) -> None:
    """One notice, without a word of marketing, to the address that asked; it leaves once this has been committed."""
    if isinstance(heard.update, InboundPreference):
        return
    notices.tell(
        sender=sender,
        recipient_id=heard.recipient_id,
        kind=Notice.Kind(heard.meaning),
        cause=heard.key,
        address=heard.update.address,
        language=_language(sender, heard.recipient_id),
        now=now,
    )


def _language(sender: Sender, recipient_id: int) -> str:
    chosen = Recipient.objects.filter(pk=recipient_id).values_list("locale", flat=True).first()
    contact = Contact.objects.of(sender.business).filter(recipient_id=recipient_id)
    return chosen or contact.values_list("language", flat=True).first() or sender.business.locale


def _take_one(sender: Sender, heard: Heard, now: datetime) -> None:
    at = min(max(heard.update.at, now - OLDEST), now)
    contact = Contact.objects.of(sender.business).filter(recipient_id=heard.recipient_id).first()
    if contact is None and isinstance(heard.update, InboundText):
        contact = arrivals.welcome(sender=sender, address=heard.update.address, said_at=at, now=now)
    if contact is None:
        return
    interactions.observe(
        business=sender.business,
        recipient=contact.recipient,
        kind=Interaction.Kind.INQUIRY,
        occurred_at=at,
        evidence=f"message {heard.key}"[:200],
        now=now,
    )
    conversation.keep(sender=sender, contact=contact, text=heard.words, said_at=at, now=now)
