"""Notices: the few words that answer somebody (stopped, resumed, help, joined, a code, a question), and test sends.

Never a word of marketing to anybody but the member who tries it on their own phone (``trial``).

A notice is written down in the caller's transaction and carried after its commit (``courier``). It has a table and
limits of its own, costs nothing, takes no slot of the person's patience, and is never answered twice for one cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from broadcasts import secrets, windows
from broadcasts.channels import KINDS, line_types_of
from broadcasts.channels.base import ReceiptStatus, ReceiptUpdate
from broadcasts.models import Notice, Sender
from businesses.models import User
from consent.models import Address, Recipient
from templates_approval.models import Version

Kind = Notice.Kind

# After this time it is no answer any more. A stop has to be confirmed within five minutes or not at all
# (47 CFR 64.1200(a)(12)); a code that comes later than it holds would only confuse.
LIFE = {
    Kind.STOP: timedelta(minutes=5),
    Kind.RESUME: timedelta(minutes=5),
    Kind.HELP: timedelta(minutes=5),
    Kind.JOIN: timedelta(minutes=30),
    Kind.CONFIRM: timedelta(minutes=30),
    Kind.CODE: timedelta(minutes=8),
    Kind.NUMBER: timedelta(minutes=8),
    Kind.TEST: timedelta(minutes=10),
    Kind.REPLY: timedelta(minutes=30),
}
# So many of one kind for one person. Over it nothing is said, whatever was asked for holds all the same.
LIMITS = {
    Kind.STOP: (5, timedelta(hours=24)),
    Kind.RESUME: (5, timedelta(hours=24)),
    Kind.HELP: (3, timedelta(hours=1)),
    Kind.JOIN: (5, timedelta(hours=24)),
    # Anybody can enter anybody's number.
    Kind.CONFIRM: (3, timedelta(hours=24)),
    Kind.CODE: (8, timedelta(hours=24)),
    Kind.NUMBER: (5, timedelta(hours=24)),
    # Beside the limit of the business (``trial``): somebody may be a member of several.
    Kind.TEST: (30, timedelta(hours=24)),
    Kind.REPLY: (30, timedelta(hours=1)),
}
# From one sender, of these kinds, one in so long: who changes their mind four times reads one confirmation of each.
APART = {Kind.STOP: timedelta(minutes=5), Kind.RESUME: timedelta(minutes=5), Kind.HELP: timedelta(minutes=1)} | {
    Kind.CONFIRM: timedelta(minutes=10)
}
# Said to people who need not have written: on WhatsApp a code then travels in a template, a question not at all.
BEGINNING = (Kind.CODE, Kind.NUMBER, Kind.CONFIRM)
KEPT = timedelta(days=30)


def tell(
    *,
    sender: Sender,
    recipient_id: int,
    kind: Notice.Kind,
    cause: str,
    language: str,
    now: datetime,
    address: str = "",
    code: str = "",
    text: str = "",
    content: Mapping[str, Any] | None = None,
    version: Version | None = None,
    by: User | None = None,
    latest: datetime | None = None,
) -> Notice | None:
    """Have the person told, once for each ``cause``, in the caller's transaction; it leaves after the commit.

    ``address`` is where they wrote from; without it, or when it is not theirs, their best address for the channel is
    taken. ``code`` stands in the words of ``Kind.CODE``; ``text`` are the words of a reply, ``content`` is what a test
    shows, as the channel takes it. After ``latest`` it is not said, however long it would live.
    Returns None when nothing will be said: no address that the channel reaches, said already, over the limit, or an
    erased person. Locks the person.
    """
    recipient = Recipient.objects.select_for_update(no_key=True).get(pk=recipient_id)
    where = _address(recipient, sender, address)
    if recipient.erased_at is not None or where is None or _is_too_much(recipient, sender, kind, cause, now):
        return None
    if kind in BEGINNING and not may_be_free(sender=sender, address_id=where.pk, now=now):
        content = KINDS[sender.channel].code_content(sender, code=code, language=language) if code else None
        if content is None:
            return None
    return Notice.objects.create(
        sender=sender,
        recipient=recipient,
        address=where,
        kind=kind,
        cause=cause[:160],
        language=supported(language),
        text_encrypted=_sealed(
            text or wording(kind, language=language, business=sender.business.name, code=code), content
        ),
        version=version,
        by=by,
        due_at=now,
        expires_at=min(now + LIFE[kind], latest or now + LIFE[kind]),
        created_at=now,
    )


def may_be_free(*, sender: Sender, address_id: int, now: datetime) -> bool:
    """Say whether free words reach this address: always, but for a channel where they are answers only."""
    return not KINDS[sender.channel].traits.only_answers or windows.is_open(
        sender=sender, address_id=address_id, now=now
    )


def _sealed(text: str, content: Mapping[str, Any] | None) -> bytes:
    said = {"content": content} if content is not None else {"text": text}
    return secrets.encrypt(orjson.dumps(said).decode())


def unsealed(notice: Notice) -> tuple[str, Mapping[str, Any] | None]:
    """Return the words of a notice that waits, and its content if it is more than words."""
    said = orjson.loads(secrets.decrypt(notice.text_encrypted or b""))
    return said.get("text", ""), said.get("content")


CODE_PREFIX = "ntc_"


def is_about_one(update: object) -> bool:
    """Say whether an update of a provider names a notice: it is about no offer, and no reaction to one."""
    return str(getattr(update, "message_code", "")).startswith(CODE_PREFIX)


def hear(*, updates: Sequence[ReceiptUpdate]) -> int:
    """Note what providers told of notices that they had taken; return how many changed. Repeats change nothing."""
    n = 0
    for update in updates:
        sent = Notice.objects.filter(code=update.message_code, sender_id=update.sender_id, state=Notice.State.SENT)
        if update.status == ReceiptStatus.FAILED:
            failed = sent.filter(delivered_at=None)
            n += failed.update(state=Notice.State.FAILED, error_code=(update.error_code or "failed")[:32])
        elif update.status in (ReceiptStatus.DELIVERED, ReceiptStatus.READ):
            n += sent.filter(delivered_at=None).update(delivered_at=update.at)
    return n


def wording(kind: Notice.Kind, *, language: str, business: str = "", code: str = "") -> str:
    """Return the words of a notice in ``language``, or in English where we do not speak it."""
    with translation.override(supported(language)):
        match kind:
            case Kind.STOP:
                words = _("You will get no more offers from %(business)s. To get them again, reply START.")
            case Kind.RESUME:
                words = _("You will get offers from %(business)s again. To stop them, reply STOP.")
            case Kind.JOIN:
                words = _("You asked %(business)s for offers, and will get them here. To stop them, reply STOP.")
            case Kind.CONFIRM:
                words = _(
                    "Is it you who asked %(business)s for offers? Then reply YES, and you will get them here. If not,"
                    " do nothing."
                )
            case Kind.CODE:
                words = _("%(code)s is the code for your page of offers. It holds for 10 minutes. Give it to nobody.")
            case Kind.NUMBER:
                words = _(
                    "%(code)s is the code that shows %(business)s that this is your number. It holds for 10 minutes."
                )
            case _:
                words = _("You get offers from %(business)s because you dealt with them. To stop them, reply STOP.")
        return words % {"business": business, "code": code}


def forget(*, recipient_id: int) -> int:
    """Take the words from whatever still waits for this person: it will not be said. Return how many notices."""
    waiting = Notice.objects.filter(recipient_id=recipient_id, state=Notice.State.WAITING)
    return waiting.update(state=Notice.State.EXPIRED, text_encrypted=None, error_code="forgotten")


def forget_old(*, now: datetime) -> int:
    """Delete what was said a month ago; return how many."""
    return Notice.objects.filter(created_at__lt=now - KEPT).exclude(state=Notice.State.WAITING).delete()[0]


def _address(recipient: Recipient, sender: Sender, value: str) -> Address | None:
    """The one they wrote from if it is theirs, else the first that the sender reaches, of the kind it likes best."""
    kinds = list(KINDS[sender.channel].traits.address_kinds) if sender.channel in KINDS else []
    theirs = list(Address.objects.filter(recipient=recipient, kind__in=kinds))
    reached = line_types_of(sender) if kinds else None
    misses = {a.pk: reached is not None and a.line_type not in reached for a in theirs}
    theirs.sort(key=lambda a: (a.value != value, misses[a.pk], kinds.index(a.kind), a.pk))
    return theirs[0] if theirs else None


def _is_too_much(recipient: Recipient, sender: Sender, kind: Notice.Kind, cause: str, now: datetime) -> bool:
    said = Notice.objects.filter(recipient=recipient, kind=kind)
    is_said = Q(cause=cause[:160])
    if kind in APART:
        is_said |= Q(created_at__gt=now - APART[kind])
    if said.filter(is_said, sender=sender).exists():
        return True
    most, window = LIMITS[kind]
    return said.filter(created_at__gt=now - window).count() >= most


def supported(language: str) -> str:
    """Return the language that we speak for ``language``: itself, its general form, or English."""
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return "en"
