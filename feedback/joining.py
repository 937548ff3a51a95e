"""Joining over a channel: a number from the form is asked once, and a keyword or a yes that comes in is a yes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.db import OperationalError, transaction

from broadcasts import notices
from broadcasts.channels import lines_known
from broadcasts.channels.base import InboundText, Update
from broadcasts.models import Notice, Sender
from businesses.models import Business
from consent import contacts, joiners, joining, phones, suppressions
from consent.lines import MOBILES, LineType
from consent.models import Address, Contact, JoinPage, Refusal, Wording
from feedback import arrivals, replies

# Whoever enters a number again so soon has been asked already.
ASKED_AGAIN_AFTER = timedelta(minutes=10)

log = structlog.get_logger(__name__)


class Yes(NamedTuple):
    """A message by which somebody joins: what they had read, and how they said it."""

    update: InboundText
    page: JoinPage
    wording: Wording
    via: str
    evidence: str


# --- The form ------------------------------------------------------------------------------------------


def voice_of(business: Business) -> Sender | None:
    """Return the sender that asks for a confirmation: one that reaches real phones, if there is one."""
    active = Sender.objects.of(business).filter(is_active=True).order_by("-pk")
    return active.exclude(channel=Sender.Channel.SANDBOX).first() or active.first()


def lines_reached(business: Business) -> frozenset[LineType] | None:
    """Return which telephone lines the question whether it was them is known to reach; None: any."""
    sender = voice_of(business)
    return MOBILES if sender is None else lines_known(sender)


@transaction.atomic
def ask(*, page: JoinPage, number: phones.Phone, locale: str, now: datetime) -> None:
    """Ask the owner of a number that was entered whether it was them.

    Whatever comes of it, the visitor is told the same: to somebody who stopped, blocked, paused everything or was
    erased nothing is sent, because anybody could have entered their number. They come back by writing themselves.
    """
    kind = Address.Kind.SANDBOX if page.business.is_test else Address.Kind.E164
    sender = voice_of(page.business)
    if sender is None or suppressions.has_any(
        hashed=suppressions.hash_address(number.e164, kind), legal_entity_id=page.business.legal_entity_id
    ):
        return
    is_new_person = contacts.find_by_address(kind=kind, value=number.e164) is None
    recipient = contacts.meet(kind=kind, value=number.e164, country=number.country, timezone=number.timezone, now=now)
    if not joiners.is_welcome_to_be_asked(recipient=recipient, business=page.business):
        return
    waiting = joiners.open_request(business=page.business, recipient_id=recipient.pk, now=now)
    if waiting is not None and waiting.created_at > now - ASKED_AGAIN_AFTER:
        return
    request = joiners.ask(
        page=page,
        recipient=recipient,
        wording=joining.promise(page=page, locale=locale, now=now),
        is_new_person=is_new_person or (waiting is not None and waiting.is_new_person),
        now=now,
    )
    notices.tell(
        sender=sender,
        recipient_id=recipient.pk,
        kind=Notice.Kind.CONFIRM,
        cause=request.code,
        language=locale,
        now=now,
    )


# --- What comes in ---------------------------------------------------------------------------------------


def hear(*, sender: Sender, updates: Sequence[Update], now: datetime) -> tuple[list[Update], list[str]]:
    """Take in whoever asks to join; return the other updates, and what could not be done, in words.

    Each is a transaction of its own that locks one person, before those who stop or react are locked together.
    """
    others: list[Update] = []
    faults: list[str] = []
    if not any(isinstance(update, InboundText) for update in updates):
        return list(updates), faults
    page = (
        JoinPage.objects.select_related("business__legal_entity").filter(business=sender.business, is_open=True).first()
    )
    for update in updates:
        said = _yes(sender, page, update, now) if page is not None and isinstance(update, InboundText) else None
        if said is None:
            others.append(update)
            continue
        try:
            _take_in(sender, said, now)
        except OperationalError:
            raise
        except Exception as fault:
            log.exception("join.failed", sender=sender.code)
            faults.append(f"join: {type(fault).__name__}")
    return others, faults


def _yes(sender: Sender, page: JoinPage, update: InboundText, now: datetime) -> Yes | None:
    asked = joining.read(update.text)
    if asked is not None and asked.keyword == page.keyword:
        wording = joining.wording_of(page=page, asked=asked, now=now)
        evidence = f"join by keyword {page.keyword}, message {update.provider_id}, {_named(wording)}"
        return Yes(update, page, wording, "keyword", evidence)
    person = arrivals.person_at(sender, update.address) if joining.is_yes(update.text) else None
    waiting = person and joiners.open_request(business=sender.business, recipient_id=person, now=now)
    if not waiting:
        return None
    evidence = f"join request {waiting.code}, message {update.provider_id}, {_named(waiting.wording)}"
    return Yes(update, waiting.page, waiting.wording, "page", evidence)


def _named(wording: Wording) -> str:
    return f"wording {wording.code} {wording.locale} {wording.version}"


@transaction.atomic
def _take_in(sender: Sender, said: Yes, now: datetime) -> None:
    if not replies.is_first_to_hear(sender, said.update.provider_id, now):
        return
    said_at = min(max(said.update.at, now - replies.OLDEST), now)
    contact = arrivals.welcome(sender=sender, address=said.update.address, said_at=said_at, now=now)
    if contact is None:
        return
    joiners.take_in(
        page=said.page,
        contact=contact,
        wording=said.wording,
        via=said.via,
        evidence=said.evidence,
        said_at=said_at,
        now=now,
    )
    if not _refuses(sender.business, contact):
        notices.tell(
            sender=sender,
            recipient_id=contact.recipient_id,
            kind=Notice.Kind.JOIN,
            cause=said.update.provider_id,
            address=said.update.address,
            language=said.wording.locale,
            now=now,
        )


def _refuses(business: Business, contact: Contact) -> bool:
    standing = Refusal.objects.filter(legal_entity=business.legal_entity, lifted_at=None)
    return standing.filter(recipient=contact.recipient_id).exists()
