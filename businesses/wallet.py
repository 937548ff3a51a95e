"""The wallet: money is held at launch, captured for what was delivered, and released for what was not.

Every movement is one ledger entry that is never changed, so that the two sums on the wallet can always be
recomputed: ``balance = Σ entries.balance_micro`` and ``held = Σ entries.held_micro``. Whoever moves money locks
the hold first and the wallet second.
"""

from datetime import datetime
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import BigIntegerField, Case, ExpressionWrapper, F, Value, When
from django.utils.translation import gettext as _

from businesses import audit
from businesses.models import Business, Hold, LedgerEntry, User, Wallet

DIFFERENCES = (Path(__file__).parent / "sql" / "differences_in_the_books.sql").read_text()


class NotEnoughMoney(ValidationError):
    """The wallet's available money is less than what is to be held or taken."""


class CannotMove(ValidationError):
    """The movement makes no sense: an amount that is not positive, a hold that has less, a key of another movement."""


def open_wallet(*, business: Business) -> Wallet:
    """Give a new business its empty wallet, in the business's currency."""
    return Wallet.objects.create(business=business, currency=business.currency)


def top_up(*, business: Business, amount_micro: int, key: str, now: datetime, memo: str = "") -> LedgerEntry:
    """Add money. The same ``key`` again returns the entry that it made the first time."""
    _must_be_positive(amount_micro)
    return _post(
        business=business, kind=LedgerEntry.Kind.TOP_UP, amount_micro=amount_micro, key=key, memo=memo, now=now
    )


@transaction.atomic
def book(*, business: Business, amount_micro: int, key: str, memo: str, by: User, now: datetime) -> LedgerEntry:
    """Write down what the operator says about a balance: a payment that arrived, or (below zero) a correction.

    A correction takes no money that is held. The same ``key`` again returns the entry that it made the first time.
    """
    if not memo.strip():
        raise CannotMove(_("Say what this money is for."), code="memo_missing")
    if amount_micro == 0:
        raise CannotMove(_("Nothing would move. Enter an amount."), code="zero")
    kind = LedgerEntry.Kind.TOP_UP if amount_micro > 0 else LedgerEntry.Kind.ADJUSTMENT
    entry = _post(business=business, kind=kind, amount_micro=amount_micro, key=key, memo=memo, now=now)
    audit.note(
        action=f"wallet.{kind}",
        object_kind="business",
        object_code=business.code,
        actor=by,
        business=business,
        after={"amount_micro": amount_micro, "memo": memo, "key": key},
        now=now,
    )
    return entry


@transaction.atomic
def _post(
    *, business: Business, kind: LedgerEntry.Kind, amount_micro: int, key: str, memo: str, now: datetime
) -> LedgerEntry:
    wallet = Wallet.objects.select_for_update(no_key=True).get(business=business)
    # Asked after the lock: whoever used the same key before has committed by now.
    earlier = LedgerEntry.objects.filter(idempotency_key=key).first()
    if earlier is not None:
        return _same_movement(earlier, wallet, kind, amount_micro)
    _change(wallet_id=wallet.pk, balance_micro=amount_micro, held_micro=0)
    return LedgerEntry.objects.create(
        wallet=wallet,
        kind=kind,
        balance_micro=amount_micro,
        held_micro=0,
        idempotency_key=key,
        memo=memo,
        created_at=now,
    )


def _same_movement(entry: LedgerEntry, wallet: Wallet, kind: LedgerEntry.Kind, amount_micro: int) -> LedgerEntry:
    if (entry.wallet_id, entry.kind, entry.balance_micro) != (wallet.pk, kind, amount_micro):
        raise CannotMove(_("This key belongs to another movement of money. Use a new one."), code="key_reused")
    return entry


@transaction.atomic
def hold(*, business: Business, amount_micro: int, purpose: str, now: datetime) -> Hold:
    """Set money aside for ``purpose`` (say, a broadcast's code), which can have one hold only.

    Raises NotEnoughMoney, and then nothing has changed. An amount of 0 is a hold that is closed at once.
    """
    if amount_micro < 0:
        raise CannotMove(_("An amount of money must be positive."), code="not_positive")
    wallet = Wallet.objects.get(business=business)
    held = Hold.objects.create(
        wallet=wallet,
        purpose=purpose,
        amount_micro=amount_micro,
        created_at=now,
        closed_at=None if amount_micro else now,
    )
    if amount_micro:
        _change(wallet_id=wallet.pk, balance_micro=0, held_micro=amount_micro)
        _write(held, LedgerEntry.Kind.HOLD, balance_micro=0, held_micro=amount_micro, key=f"hold:{held.code}", now=now)
    return held


@transaction.atomic
def capture(*, hold: Hold, amount_micro: int, key: str, now: datetime) -> bool:
    """Take held money for good. False, and nothing changes, when ``key`` was used before."""
    if not _take(hold, amount_micro=amount_micro, column="captured_micro", key=key, now=now):
        return False
    _change(wallet_id=hold.wallet_id, balance_micro=-amount_micro, held_micro=-amount_micro)
    _write(hold, LedgerEntry.Kind.CAPTURE, balance_micro=-amount_micro, held_micro=-amount_micro, key=key, now=now)
    return True


@transaction.atomic
def release(*, hold: Hold, amount_micro: int, key: str, now: datetime) -> bool:
    """Give held money back to the wallet. False, and nothing changes, when ``key`` was used before."""
    if not _take(hold, amount_micro=amount_micro, column="released_micro", key=key, now=now):
        return False
    _change(wallet_id=hold.wallet_id, balance_micro=0, held_micro=-amount_micro)
    _write(hold, LedgerEntry.Kind.RELEASE, balance_micro=0, held_micro=-amount_micro, key=key, now=now)
    return True


def _take(hold: Hold, *, amount_micro: int, column: str, key: str, now: datetime) -> bool:
    """Move ``amount_micro`` from what remains of the hold into ``column``, closing the hold when nothing remains."""
    _must_be_positive(amount_micro)
    Hold.objects.select_for_update(no_key=True).get(pk=hold.pk)
    if LedgerEntry.objects.filter(idempotency_key=key).exists():
        return False
    # Said to be 64 bits wide: Django takes a difference of bigints for an integer, and more than 2,147 € for nothing.
    difference = F("amount_micro") - F("captured_micro") - F("released_micro")
    remaining = ExpressionWrapper(difference, output_field=BigIntegerField())
    n_taken = (
        Hold.objects.alias(remaining=remaining)
        .filter(pk=hold.pk, remaining__gte=amount_micro)
        .update(
            **{column: F(column) + amount_micro},
            closed_at=Case(When(remaining=amount_micro, then=Value(now)), default=None),
        )
    )
    if not n_taken:
        raise CannotMove(_("The hold has less money left than is to be taken from it."), code="hold_too_small")
    return True


def _change(*, wallet_id: int, balance_micro: int, held_micro: int) -> None:
    """Move the wallet's two sums in one statement that refuses to leave less available than nothing."""
    n_changed = (
        Wallet.objects.alias(available=F("balance_micro") + balance_micro - F("held_micro") - held_micro)
        .filter(pk=wallet_id, available__gte=0)
        .update(balance_micro=F("balance_micro") + balance_micro, held_micro=F("held_micro") + held_micro)
    )
    if not n_changed:
        raise NotEnoughMoney(
            _("The wallet does not hold enough money. Top it up or choose a smaller amount."), code="not_enough_money"
        )


def _write(hold: Hold, kind: LedgerEntry.Kind, *, balance_micro: int, held_micro: int, key: str, now: datetime) -> None:
    LedgerEntry.objects.create(
        wallet_id=hold.wallet_id,
        hold=hold,
        kind=kind,
        balance_micro=balance_micro,
        held_micro=held_micro,
        idempotency_key=key,
        created_at=now,
    )


def _must_be_positive(amount_micro: int) -> None:
    if amount_micro <= 0:
        raise CannotMove(_("An amount of money must be positive."), code="not_positive")


def verify_books() -> list[str]:
    """Recompute every wallet and every hold from the ledger and return what differs, in words; [] is good."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES)
        return [
            _("%(what)s: %(found)s instead of %(expected)s.") % {"what": what, "found": found, "expected": expected}
            for what, expected, found in cursor.fetchall()
        ]
