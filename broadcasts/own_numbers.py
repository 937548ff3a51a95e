"""A member's own number: shown to be theirs by a code that goes there over the very sender that tests will use."""

from __future__ import annotations

import hmac
import secrets as randomness
from datetime import datetime, timedelta
from functools import cache

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from broadcasts import notices
from broadcasts.channels import KINDS
from broadcasts.models import Notice, OwnNumber, Sender
from businesses.models import User
from businesses.secrets import derive
from consent import contacts, fiction, joiners, phones, suppressions
from consent.models import Address, Recipient

DIGITS = 6
LIFE = timedelta(minutes=10)
MOST_ATTEMPTS = 5
# Anybody's number can be entered: few codes of one member, wherever they go.
MOST_OF_ONE_MEMBER = 5
KEPT_UNVERIFIED = timedelta(hours=24)


class CannotAsk(ValidationError):
    """No code goes to this number; the sentence says why."""


class WrongCode(ValidationError):
    """Not this code, or not any more."""


def of(*, user: User, sender: Sender) -> OwnNumber | None:
    """Return the member's number at ``sender``, shown to be theirs, as long as it is still the same person's."""
    own = OwnNumber.objects.select_related("recipient").filter(user=user, sender=sender, verified_at__isnull=False)
    return next((one for one in own if value_of(one) and one.recipient and one.recipient.erased_at is None), None)


def waiting(*, user: User, sender: Sender, now: datetime) -> OwnNumber | None:
    """Return what was asked for and waits for its code."""
    return OwnNumber.objects.filter(user=user, sender=sender, verified_at=None, expires_at__gt=now).first()


def value_of(own: OwnNumber) -> str:
    """Return the number itself; '' when it is gone or another person's by now."""
    theirs = Address.objects.filter(pk=own.address_id or 0, recipient_id=own.recipient_id or 0)
    return theirs.values_list("value", flat=True).first() or ""


@transaction.atomic
def ask(*, sender: Sender, user: User, number: str, language: str, now: datetime) -> None:
    """Have a code sent to ``number``, in the place of any number the member had at ``sender``.

    Somebody who stopped, blocked, paused everything or was erased gets none, and that is not said: the number may be
    anybody's. Raises ``CannotAsk`` for what is no number, for too many codes, and where nobody may be written to first.
    """
    phone = _read(sender, number)
    # Two requests of one member wait for each other.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    asked = Notice.objects.filter(kind=Notice.Kind.NUMBER, by=user, created_at__gt=now - timedelta(hours=24))
    if asked.count() >= MOST_OF_ONE_MEMBER:
        raise CannotAsk(_("You asked for five codes today. Ask again tomorrow."), code="too_often")
    kind = Address.Kind.SANDBOX if sender.business.is_test else Address.Kind.E164
    known = Address.objects.filter(kind=kind, value=phone.e164, scope="").first()
    _must_be_allowed_to_begin(sender, known, now)
    hashed = suppressions.hash_address(phone.e164, kind)
    person, address = None, None
    if not suppressions.has_any(hashed=hashed, legal_entity_id=sender.business.legal_entity_id):
        person = contacts.meet(kind=kind, value=phone.e164, country=phone.country, timezone=phone.timezone, now=now)
        address = Address.objects.get(kind=kind, value=phone.e164, scope="")
    own, _made = OwnNumber.objects.update_or_create(
        sender=sender,
        user=user,
        defaults={
            "recipient": person,
            "address": address,
            "is_new_person": known is None,
            "code_hash": randomness.token_bytes(32),
            "n_attempts": 0,
            "asked_at": now,
            "expires_at": now + LIFE,
            "verified_at": None,
        },
    )
    if person is not None:
        _send_code(own, person, phone.e164, language, now)


def _send_code(own: OwnNumber, person: Recipient, number: str, language: str, now: datetime) -> None:
    digits = f"{randomness.randbelow(10**DIGITS):0{DIGITS}}"
    sender = own.sender
    if joiners.is_welcome_to_be_asked(recipient=person, business=sender.business) and notices.tell(
        sender=sender,
        recipient_id=person.pk,
        kind=Notice.Kind.NUMBER,
        cause=f"own number {own.pk} {now.isoformat()}",
        language=language,
        address=number,
        code=digits,
        by=own.user,
        now=now,
    ):
        OwnNumber.objects.filter(pk=own.pk).update(code_hash=_hash(own, digits))


def _read(sender: Sender, number: str) -> phones.Phone:
    business = sender.business
    try:
        return phones.parse(number, default_country=business.country, allow_fiction=fiction.is_allowed(business))
    except phones.BadNumber as refusal:
        raise CannotAsk({"number": refusal.messages}) from None


def _must_be_allowed_to_begin(sender: Sender, known: Address | None, now: datetime) -> None:
    is_free = notices.may_be_free(sender=sender, address_id=known.pk if known else 0, now=now)
    if not is_free and must_write_first(sender=sender):
        raise CannotAsk(
            _("Write any word from your phone to %(sender)s first: WhatsApp lets a code leave only as an answer.")
            % {"sender": sender.name},
            code="write_first",
        )


def must_write_first(*, sender: Sender) -> bool:
    """Say whether a code over ``sender`` reaches only members who wrote to it lately."""
    channel = KINDS[sender.channel]
    return channel.traits.only_answers and channel.code_content(sender, code="000000", language="") is None


def enter(*, sender: Sender, user: User, digits: str, now: datetime) -> OwnNumber:
    """Take the digits that came to the phone; the number is the member's from then on. Each try counts.

    Raises ``WrongCode``.
    """
    open_ones = OwnNumber.objects.filter(
        sender=sender, user=user, verified_at=None, expires_at__gt=now, n_attempts__lt=MOST_ATTEMPTS
    )
    has_try = bool(open_ones.update(n_attempts=F("n_attempts") + 1))
    own = OwnNumber.objects.filter(sender=sender, user=user).first()
    given = "".join(str(int(letter)) for letter in digits[:40] if letter.isdecimal())
    if own is None or not has_try or not hmac.compare_digest(bytes(own.code_hash), _hash(own, given)):
        raise WrongCode(_("This code is not right, or not any more. Look again, or ask for another one."))
    OwnNumber.objects.filter(pk=own.pk, verified_at=None).update(verified_at=now)
    own.refresh_from_db()
    return own


def forget(*, sender: Sender, user: User) -> bool:
    """Take the member's number away; return whether there was one."""
    return bool(OwnNumber.objects.filter(sender=sender, user=user).delete()[0])


def forget_of(*, recipient_id: int) -> int:
    """The person is erased: nobody's number is theirs any more."""
    return OwnNumber.objects.filter(recipient_id=recipient_id).delete()[0]


def forget_unverified(*, now: datetime) -> int:
    """Forget numbers that were entered and never shown to be anybody's own; return how many."""
    late = list(OwnNumber.objects.filter(verified_at=None, asked_at__lt=now - KEPT_UNVERIFIED).order_by("pk")[:1_000])
    OwnNumber.objects.filter(pk__in=[own.pk for own in late]).delete()
    strangers = {own.recipient_id for own in late if own.is_new_person and own.recipient_id}
    still = OwnNumber.objects.filter(recipient_id__in=strangers).values_list("recipient_id", flat=True)
    joiners.forget_strangers(recipient_ids=sorted(strangers - set(still)))
    return len(late)


@cache
def _key() -> bytes:
    return derive("own numbers")


def _hash(own: OwnNumber, digits: str) -> bytes:
    return hmac.digest(_key(), f"{own.pk} {own.asked_at.isoformat()} {digits}".encode(), "sha256")
