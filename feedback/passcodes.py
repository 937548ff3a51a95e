"""Passcodes: who holds the phone may do more. A code goes to a number; whoever reads it there opens their page.

Asking looks nothing up: a number that is known and one that is not cost the same statements, with the same answer. The
clock finds out whom it concerns, a second later, and has the code sent as a notice by whoever wrote to them last.
"""

from __future__ import annotations

import hmac
import secrets as randomness
from datetime import datetime, timedelta
from functools import cache

from django.core.signing import BadSignature, TimestampSigner
from django.db import transaction
from django.db.models import F, Q

from broadcasts import codes, notices, secrets, windows
from broadcasts.channels import KINDS
from broadcasts.models import Broadcast, Notice, Sender
from businesses.secrets import derive
from consent.models import Address, CapEntry, Contact, Recipient
from feedback import choices
from feedback.models import Passcode

DIGITS = 6
LIFE = timedelta(minutes=10)
SESSION = timedelta(minutes=15)
MOST_ATTEMPTS = 5
# The right code may come twice: a double press, a second tab.
AGAIN = timedelta(minutes=1)
OF_ONE_NUMBER = ((3, timedelta(minutes=15)), (8, timedelta(hours=24)))
OF_ONE_VISITOR = ((20, timedelta(hours=1)),)
AT_ONCE = 100
KEPT = timedelta(days=2)
Wish = Passcode.Wish


class TooOften(Exception):
    """Too many codes were asked for; ``wait`` says for how long none will be sent."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


class WrongCode(Exception):
    """Not this code, or not any more, or nobody was ever sent one: deliberately not said which."""


def ask(*, number: str, visitor: str, language: str, now: datetime) -> Passcode:
    """Ask for a code to ``number`` (E.164), whoever has it. Raises ``TooOften``."""
    return _ask(secrets.encrypt(number), f"number {number}", visitor, now, language=language)


def ask_for(
    *,
    recipient_id: int,
    visitor: str,
    language: str,
    now: datetime,
    broadcast_id: int | None = None,
    wish: Passcode.Wish = Wish.NOTHING,
    limit: int | None = None,
) -> Passcode:
    """Ask for a code to the person whose link was opened, with what it is wanted for. Raises ``TooOften``."""
    return _ask(
        None,
        f"person {recipient_id}",
        visitor,
        now,
        language=language,
        recipient_id=recipient_id,
        broadcast_id=broadcast_id,
        wish=wish,
        limit=limit,
    )


def _ask(number_encrypted: bytes | None, whose: str, visitor: str, now: datetime, **facts: object) -> Passcode:
    # Where nobody can say where visitors come from, each is one of their own.
    visitor = visitor or randomness.token_hex(8)
    hashes = {"number_hash": _hash(whose), "visitor_hash": _hash(f"visitor {visitor}")}
    _refuse_if_too_often(hashes, now)
    return Passcode.objects.create(
        **hashes,
        **facts,
        number_encrypted=number_encrypted,
        # No digits have this hash: until a code is on its way, none is right.
        code_hash=randomness.token_bytes(32),
        created_at=now,
        expires_at=now + LIFE,
    )


def _refuse_if_too_often(hashes: dict[str, bytes], now: datetime) -> None:
    for name, limits in (("visitor_hash", OF_ONE_VISITOR), ("number_hash", OF_ONE_NUMBER)):
        for most, window in limits:
            if Passcode.objects.filter(**{name: hashes[name]}, created_at__gt=now - window).count() >= most:
                raise TooOften(window)


def send_waiting(*, now: datetime) -> int:
    """Find out whom the waiting requests concern, and have each code sent; return how many codes are on their way."""
    waiting = Passcode.objects.filter(resolved_at=None).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    return sum(_send(pk, now) for pk in list(waiting))


@transaction.atomic
def _send(pk: int, now: datetime) -> bool:
    request = Passcode.objects.select_for_update(skip_locked=True).filter(pk=pk, resolved_at=None).first()
    if request is None:
        return False
    address = _find(request) if request.expires_at > now else None
    sender = _last_sender(address, now) if address else None
    digits = f"{randomness.randbelow(10**DIGITS):0{DIGITS}}"
    notice = address and sender and notices.tell(
        sender=sender,
        recipient_id=address.recipient_id,
        kind=Notice.Kind.CODE,
        cause=request.code,
        language=_language(request, address),
        address=address.value,
        code=digits,
        now=now,
    )  # fmt: skip
    request.resolved_at, request.number_encrypted = now, None
    if address and notice:
        request.recipient_id, request.address_id = address.recipient_id, notice.address_id
        request.code_hash = _hash(f"code {request.code} {digits}")
    request.save(update_fields=["resolved_at", "number_encrypted", "recipient", "address", "code_hash"])
    return bool(notice)


def _find(request: Passcode) -> Address | None:
    """The number that was typed, as a phone or as a sandbox phone; for a person, their first address."""
    known = Address.objects.filter(recipient__erased_at=None).order_by("kind", "pk")
    if request.number_encrypted is not None:
        value = secrets.decrypt(request.number_encrypted)
        return known.filter(value=value, scope="", kind__in=[Address.Kind.E164, Address.Kind.SANDBOX]).first()
    return known.filter(recipient_id=request.recipient_id or 0).first()


def _last_sender(address: Address, now: datetime) -> Sender | None:
    """The sender that wrote to them last, else the newest one of a business that knows them, if it reaches them.

    Where free words are answers only, a sender needs a template for codes, or that they wrote to it lately.
    """
    kinds = [(kind, c.traits) for kind, c in KINDS.items() if address.kind in c.traits.address_kinds]
    may_begin = Q(channel__in=[kind for kind, traits in kinds if not traits.only_answers])
    may_begin |= Q(channel__in=[kind for kind, _ in kinds], settings__code_template__name__gt="")
    may_begin |= Q(pk__in=windows.open_at(address_id=address.pk, now=now), channel__in=[kind for kind, _ in kinds])
    reaching = Sender.objects.select_related("business").filter(may_begin, is_active=True)
    # Slots that came with somebody who was merged name no broadcast.
    written = CapEntry.objects.filter(recipient_id=address.recipient_id, broadcast_id__gt=0).order_by("-reserved_at")
    for broadcast_id in written.values_list("broadcast_id", flat=True)[:5]:
        senders = Broadcast.objects.filter(pk=broadcast_id).values("sender")
        if (sender := reaching.filter(pk__in=senders).first()) is not None:
            return sender
    knowing = Contact.objects.filter(recipient_id=address.recipient_id).values("business")
    return reaching.filter(business__in=knowing).order_by("-created_at", "-pk").first()


def _language(request: Passcode, address: Address) -> str:
    chosen = Recipient.objects.filter(pk=address.recipient_id).values_list("locale", flat=True).first()
    return chosen or request.language


def enter(*, code: str, digits: str, now: datetime) -> tuple[Passcode, bool]:
    """Take the digits for the request ``code``; return it, open, and whether this was the first time.

    Each try counts, and after ``MOST_ATTEMPTS`` none is right any more. Raises ``WrongCode``.
    """
    may_try = Q(opened_at=None, expires_at__gt=now) | Q(opened_at__gt=now - AGAIN)
    tried = Passcode.objects.filter(may_try, code=code, closed_at=None, n_attempts__lt=MOST_ATTEMPTS)
    has_try = bool(tried.update(n_attempts=F("n_attempts") + 1))
    request = Passcode.objects.filter(code=code).first()
    given = "".join(letter for letter in digits[:40] if letter.isdecimal())
    expected = bytes(request.code_hash) if request else randomness.token_bytes(32)
    is_right = hmac.compare_digest(_hash(f"code {code} {_in_ascii(given)}"), expected)
    if request is None or not (has_try and is_right):
        raise WrongCode
    is_first = bool(Passcode.objects.filter(pk=request.pk, opened_at=None).update(opened_at=now))
    request.refresh_from_db()
    return request, is_first


def grant(*, request: Passcode, now: datetime) -> str:
    """Do what the code was asked for; return the token of the message's page that asked, or ''."""
    if request.wish and request.recipient_id:
        broadcast = Broadcast.objects.select_related("business").filter(pk=request.broadcast_id or 0).first()
        choices.carry_out(
            action=choices.Action(request.wish),
            recipient_id=request.recipient_id,
            business=broadcast.business if broadcast else None,
            limit=request.limit,
            now=now,
        )
    return token_of(request=request)


def token_of(*, request: Passcode) -> str:
    if not (request.wish and request.broadcast_id and request.recipient_id):
        return ""
    return codes.preference_token(request.broadcast_id, request.recipient_id)


def session_of(request: Passcode) -> str:
    """Return what the holder's browser keeps while their page is open."""
    return _signer().sign(request.code)


def read_session(*, session: str, now: datetime) -> Passcode | None:
    """Return the open request behind ``session``; None as soon as it is over, or the number is another person's."""
    try:
        code = _signer().unsign(session, max_age=SESSION)
    except BadSignature:
        return None
    request = Passcode.objects.select_related("recipient").filter(code=code).first()
    if request is None or request.opened_at is None or request.closed_at is not None:
        return None
    address = Address.objects.filter(pk=request.address_id or 0, recipient_id=request.recipient_id or 0).first()
    if address is None or request.recipient is None or request.recipient.erased_at is not None:
        return None
    return request if request.opened_at > now - SESSION else None


def confirm(*, request: Passcode, now: datetime) -> None:
    """Note that the holder says that the number was theirs all along."""
    Passcode.objects.filter(pk=request.pk, confirmed_at=None).update(confirmed_at=now)


def close(*, request: Passcode, now: datetime) -> None:
    """End the session at once, on every tab."""
    Passcode.objects.filter(pk=request.pk, closed_at=None).update(closed_at=now)


def forget(*, recipient_id: int) -> int:
    """Delete whatever this person asked for; open pages close. Return how many requests."""
    return Passcode.objects.filter(recipient_id=recipient_id).delete()[0]


def forget_old(*, now: datetime) -> int:
    """Delete what is too old to count for any limit; return how many."""
    return Passcode.objects.filter(created_at__lt=now - KEPT).delete()[0]


def _in_ascii(digits: str) -> str:
    """People type the digits of their own script."""
    return "".join(str(int(digit)) for digit in digits)


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="feedback.passcodes session")


@cache
def _key() -> bytes:
    return derive("passcodes")


def _hash(text: str) -> bytes:
    return hmac.digest(_key(), text.encode(), "sha256")
