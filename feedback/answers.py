"""Answers: a member's own words to somebody who wrote within the last day. For a conversation, never for offers.

What a machine can check is checked: the provider's window, no words of a template, not the same words to many people.
The rest stands beside the field: whoever answers with an advertisement breaks the rules of the house.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import chain

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from broadcasts import notices, windows
from broadcasts.channels import why
from broadcasts.models import Notice, Sender, Window
from businesses.models import Business, User
from businesses.secrets import derive
from consent import refusals
from consent.models import Address, Contact, Refusal
from feedback.models import Answer, AnswerQuerySet, Reply, ReplyQuerySet
from templates_approval import components, placeholders
from templates_approval.models import Template, Version

MOST_LETTERS = 1_000
SHOWN = 50
# The same words to so many people in a day are no answers any more.
MOST_ALIKE = 5
ALIKE_WITHIN = timedelta(hours=24)
# The same words to the same person so soon are a double press.
ONCE_WITHIN = timedelta(minutes=1)
# A shorter piece of a template is said by everybody.
TELLING_LETTERS = 40
TEMPLATES_LOOKED_AT = 200


class CannotAnswer(ValidationError):
    """No answer leaves; the sentence says why, ``code`` is stable."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Through which sender a contact may be answered, at which of their addresses, and until when."""

    sender: Sender
    address: Address
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation. ``state`` and ``outcome`` are of ours."""

    at: datetime
    is_ours: bool
    code: str
    text: str
    state: str = ""
    outcome: str = ""
    by: str = ""


def opening(*, contact: Contact, now: datetime) -> Opening:
    """Return the way to a contact that is open longest. Raises ``CannotAnswer`` when there is none."""
    found = _latest_window(contact)
    if found is None or found.ends_at <= now:
        raise CannotAnswer(
            _("This person has not written to you within the last 24 hours: only an approved template may go now."),
            code="window_closed",
        )
    _must_want_words(contact, now)
    return found


def _latest_window(contact: Contact) -> Opening | None:
    # A window knows its address by number only.
    theirs = Address.objects.filter(recipient_id=contact.recipient_id)
    mine = Window.objects.filter(sender__business=contact.business_id, sender__is_active=True)
    last = mine.filter(address_id__in=theirs.values("pk")).order_by("-heard_at").first()
    if last is None:
        return None
    sender = Sender.objects.select_related("business__legal_entity").get(pk=last.sender_id)
    address = theirs.get(pk=last.address_id)
    return Opening(sender, address, last.heard_at + windows.LENGTH)


def _must_want_words(contact: Contact, now: datetime) -> None:
    """An answer is no offer, so a stop alone does not forbid it; a STOP is no question either, and a block is a no."""
    standing = Refusal.objects.filter(
        legal_entity=contact.business.legal_entity_id, recipient=contact.recipient_id, lifted_at=None
    )
    for kind, refused_at in standing.values_list("kind", "refused_at"):
        if kind == Refusal.Kind.BLOCKED:
            raise CannotAnswer(_("This person blocked you: nothing is sent to them."), code="blocked")
        if not _written(contact).filter(said_at__gt=max(refused_at, now - windows.LENGTH)).exists():
            raise CannotAnswer(
                _("This person stopped your offers and has asked nothing since. They are left in peace."),
                code="stopped",
            )


def send(*, contact: Contact, text: str, by: User | None, now: datetime) -> Answer:
    """Answer a contact in free words; they leave within a second, over the sender that the person wrote to last.

    The same words pressed twice are one answer. Raises ``CannotAnswer``: outside of the window, to somebody who blocked
    or who stopped and asked nothing since, words of a template, the same words to many people, or too many.
    """
    text = text.replace("\x00", "").strip()
    if not text or len(text) > MOST_LETTERS:
        raise CannotAnswer({"text": _("Write between 1 and %(n)s letters.") % {"n": MOST_LETTERS}}, code="length")
    _must_be_no_template(contact.business, text)
    with transaction.atomic():
        way = opening(contact=contact, now=now)
        # Answers of one sender count one after the other; then the person, as everywhere.
        Sender.objects.select_for_update(no_key=True).get(pk=way.sender.pk)
        person = refusals.locked(contact.recipient_id)
        # Asked again behind the lock: a block or a stop may just have been obeyed.
        way = opening(contact=contact, now=now)
        words_hash = _hash(text)
        mine = Answer.objects.of(contact.business).filter(words_hash=words_hash)
        earlier = mine.filter(recipient=person, created_at__gt=now - ONCE_WITHIN).first()
        if earlier is not None:
            return earlier
        _must_be_for_one(mine, person.pk, now)
        answer = Answer(
            business=contact.business,
            sender=way.sender,
            recipient=person,
            by=by,
            text=text,
            words_hash=words_hash,
            created_at=now,
        )
        answer.notice = notices.tell(
            sender=way.sender,
            recipient_id=person.pk,
            kind=Notice.Kind.REPLY,
            cause=answer.code,
            language=contact.language or contact.business.locale,
            address=way.address.value,
            text=text,
            by=by,
            latest=way.ends_at,
            now=now,
        )
        if answer.notice is None:
            raise CannotAnswer(_("You have answered this person very often. Wait an hour."), code="too_many")
        answer.save()
    return answer


def _must_be_for_one(alike: AnswerQuerySet, recipient_id: int, now: datetime) -> None:
    others = alike.filter(created_at__gt=now - ALIKE_WITHIN).exclude(recipient=recipient_id)
    if others.values("recipient").distinct().count() >= MOST_ALIKE:
        raise CannotAnswer(
            _("The same words went to %(n)s people today. An answer is written for one person; offers are broadcasts.")
            % {"n": MOST_ALIKE},
            code="same_words",
        )


def _must_be_no_template(business: Business, text: str) -> None:
    said = _plain(text)
    if len(said) < TELLING_LETTERS:
        return
    offers = Version.objects.of(business).filter(template__category=Template.Category.MARKETING)
    newest = offers.exclude(state=Version.State.DRAFT).select_related("template").order_by("-pk")[:TEMPLATES_LOOKED_AT]
    for version in newest:
        if any(piece in said for piece in _telling_pieces(version)):
            raise CannotAnswer(
                _("These are words of your template “%(name)s”. Offers leave as broadcasts, under the rules of offers.")
                % {"name": version.template.name},
                code="template_words",
            )


def _telling_pieces(version: Version) -> Sequence[str]:
    body = components.read(version.components).body
    pieces = placeholders.TOKEN.sub("\x00", body.text).split("\x00") if body else []
    plain = [_plain(piece) for piece in pieces]
    return [piece for piece in plain if len(piece) >= TELLING_LETTERS]


def conversation(*, contact: Contact, most: int = SHOWN) -> list[Said]:
    """Return the newest ``most`` messages between the business and a contact, the oldest of them first."""
    theirs = [Said(one.said_at, False, one.code, one.text) for one in _written(contact).order_by("-said_at")[:most]]
    answered = _answered(contact).select_related("notice", "sender", "by").order_by("-id")[:most]
    return sorted(chain(theirs, map(ours, answered)), key=lambda said: said.at)[-most:]


def ours(answer: Answer) -> Said:
    """Return an answer as the conversation shows it."""
    state, outcome = outcome_of(answer)
    by = answer.by.email if answer.by else ""
    return Said(answer.created_at, True, answer.code, answer.text, state, outcome, by)


def outcome_of(answer: Answer) -> tuple[str, str]:
    """Return what became of an answer: a stable word, and the reader's. What is a month old is not known any more."""
    notice = answer.notice
    match notice and notice.state:
        case Notice.State.WAITING:
            return "waiting", _("on its way")
        case Notice.State.FAILED:
            code = notice.error_code if notice else ""
            return "failed", why(answer.sender.channel, code) or _("failed")
        case Notice.State.EXPIRED:
            return "expired", _("not sent: they stopped or blocked meanwhile, or it was too late")
        case _:
            return "sent", _("arrived") if notice and notice.delivered_at else _("sent")


def _theirs(contact: Contact) -> Q:
    """Of the person, and of whoever was merged into them."""
    return Q(recipient=contact.recipient_id) | Q(recipient__merged_into=contact.recipient_id)


def _written(contact: Contact) -> ReplyQuerySet:
    return Reply.objects.of(contact.business).filter(_theirs(contact))


def _answered(contact: Contact) -> AnswerQuerySet:
    return Answer.objects.of(contact.business).filter(_theirs(contact))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


@cache
def _key() -> bytes:
    return derive("answers")


def _hash(text: str) -> bytes:
    return hmac.digest(_key(), _plain(text).encode() or text.encode(), "sha256")
