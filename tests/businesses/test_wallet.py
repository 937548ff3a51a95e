"""Money is neither made nor lost, whoever comes first and whatever breaks (P5)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from businesses import wallet
from businesses.models import AuditEvent, Business, Hold, LedgerEntry, Wallet
from tests.at_once import at_once
from tests.make import EURO, NOW, make_business, make_user


def money_of(business: Business) -> tuple[int, int]:
    row = Wallet.objects.get(business=business)
    return row.balance_micro, row.held_micro


def test_money_is_held_then_captured_then_the_rest_released(db: None) -> None:
    business = make_business(money=10 * EURO)
    held = wallet.hold(business=business, amount_micro=4 * EURO, purpose="brd_1", now=NOW)
    assert money_of(business) == (10 * EURO, 4 * EURO)

    assert wallet.capture(hold=held, amount_micro=3 * EURO, key="brd_1:minute 1", now=NOW)
    assert money_of(business) == (7 * EURO, 1 * EURO)

    assert wallet.release(hold=held, amount_micro=1 * EURO, key="brd_1:end", now=NOW)
    assert money_of(business) == (7 * EURO, 0)
    held.refresh_from_db()
    assert (held.captured_micro, held.released_micro, held.remaining_micro, held.closed_at) == (
        3 * EURO,
        1 * EURO,
        0,
        NOW,
    )
    assert wallet.verify_books() == []


def test_a_hold_above_what_is_available_changes_nothing(db: None) -> None:
    business = make_business(money=10 * EURO)
    wallet.hold(business=business, amount_micro=8 * EURO, purpose="brd_1", now=NOW)
    with pytest.raises(wallet.NotEnoughMoney, match="Top it up"):
        wallet.hold(business=business, amount_micro=2 * EURO + 1, purpose="brd_2", now=NOW)
    assert money_of(business) == (10 * EURO, 8 * EURO)
    assert not Hold.objects.filter(purpose="brd_2").exists()


def test_a_purpose_has_one_hold(db: None) -> None:
    business = make_business(money=10 * EURO)
    wallet.hold(business=business, amount_micro=EURO, purpose="brd_1", now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        wallet.hold(business=business, amount_micro=EURO, purpose="brd_1", now=NOW)
    assert money_of(business) == (10 * EURO, EURO)


def test_a_broadcast_that_costs_nothing_has_a_hold_that_is_closed(db: None) -> None:
    held = wallet.hold(business=make_business(), amount_micro=0, purpose="brd_1", now=NOW)
    assert held.closed_at == NOW
    assert wallet.verify_books() == []


@pytest.mark.parametrize("move", [wallet.capture, wallet.release])
def test_the_same_key_moves_money_once(db: None, move: Callable[..., bool]) -> None:
    business = make_business(money=10 * EURO)
    held = wallet.hold(business=business, amount_micro=4 * EURO, purpose="brd_1", now=NOW)
    assert move(hold=held, amount_micro=EURO, key="minute 1", now=NOW)
    before = money_of(business)
    assert not move(hold=held, amount_micro=EURO, key="minute 1", now=NOW)
    assert money_of(business) == before
    assert LedgerEntry.objects.filter(idempotency_key="minute 1").count() == 1


@pytest.mark.parametrize("move", [wallet.capture, wallet.release])
def test_no_more_is_taken_from_a_hold_than_it_has(db: None, move: Callable[..., bool]) -> None:
    business = make_business(money=10 * EURO)
    held = wallet.hold(business=business, amount_micro=4 * EURO, purpose="brd_1", now=NOW)
    with pytest.raises(wallet.CannotMove, match="less money left"):
        move(hold=held, amount_micro=4 * EURO + 1, key="too much", now=NOW)
    assert money_of(business) == (10 * EURO, 4 * EURO)


@pytest.mark.parametrize("amount_micro", [0, -1])
def test_amounts_are_positive(db: None, amount_micro: int) -> None:
    business = make_business(money=EURO)
    held = wallet.hold(business=business, amount_micro=EURO, purpose="brd_1", now=NOW)
    with pytest.raises(wallet.CannotMove):
        wallet.top_up(business=business, amount_micro=amount_micro, key="k", now=NOW)
    with pytest.raises(wallet.CannotMove):
        wallet.capture(hold=held, amount_micro=amount_micro, key="k", now=NOW)
    with pytest.raises(wallet.CannotMove):
        wallet.release(hold=held, amount_micro=amount_micro, key="k", now=NOW)


def test_the_same_top_up_twice_is_the_same_entry(db: None) -> None:
    business = make_business()
    first = wallet.top_up(business=business, amount_micro=EURO, key="payment 7", now=NOW)
    assert wallet.top_up(business=business, amount_micro=EURO, key="payment 7", now=NOW) == first
    assert money_of(business) == (EURO, 0)


def test_a_key_of_another_movement_is_refused(db: None) -> None:
    business, stranger = make_business(), make_business()
    wallet.top_up(business=business, amount_micro=EURO, key="payment 7", now=NOW)
    with pytest.raises(wallet.CannotMove, match="another movement"):
        wallet.top_up(business=stranger, amount_micro=EURO, key="payment 7", now=NOW)
    with pytest.raises(wallet.CannotMove, match="another movement"):
        wallet.top_up(business=business, amount_micro=2 * EURO, key="payment 7", now=NOW)
    assert money_of(stranger) == (0, 0)


def test_the_operator_corrects_what_is_not_held(db: None) -> None:
    business, operator = make_business(money=10 * EURO), make_user(is_staff=True)
    wallet.hold(business=business, amount_micro=4 * EURO, purpose="brd_1", now=NOW)
    wallet.book(business=business, amount_micro=-6 * EURO, key="c1", memo="typed twice", by=operator, now=NOW)
    assert money_of(business) == (4 * EURO, 4 * EURO)
    with pytest.raises(wallet.NotEnoughMoney):
        wallet.book(business=business, amount_micro=-1, key="c2", memo="one more", by=operator, now=NOW)
    with pytest.raises(wallet.CannotMove):
        wallet.book(business=business, amount_micro=0, key="c3", memo="nothing", by=operator, now=NOW)
    assert AuditEvent.objects.filter(action="wallet.adjustment", actor=operator).count() == 1
    assert wallet.verify_books() == []


def test_the_ledger_only_grows(db: None) -> None:
    make_business(money=EURO)
    for change in ("UPDATE businesses_ledgerentry SET memo = 'x'", "DELETE FROM businesses_ledgerentry"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE businesses_wallet SET balance_micro = balance_micro + 1 WHERE business_id = {business}", "balance of"),
        ("UPDATE businesses_wallet SET held_micro = held_micro - 1 WHERE business_id = {business}", "held by"),
        ("UPDATE businesses_wallet SET currency = 'USD' WHERE business_id = {business}", "currency of the wallet"),
        ("UPDATE businesses_hold SET amount_micro = amount_micro + 1", "open holds"),
        ("UPDATE businesses_hold SET captured_micro = captured_micro + 1", "captured from"),
        ("UPDATE businesses_hold SET released_micro = released_micro + 1", "released from"),
        (
            "UPDATE businesses_hold SET closed_at = now(), captured_micro = amount_micro",
            "remaining of",
        ),
        (
            "INSERT INTO businesses_ledgerentry"
            " (wallet_id, kind, balance_micro, held_micro, idempotency_key, memo, created_at)"
            " SELECT id, 'capture', 5, 0, 'forged', '', now() FROM businesses_wallet WHERE business_id = {business}",
            "shape of ledger entry",
        ),
    ],
)
def test_verify_books_sees_tampering(db: None, tampering: str, said: str) -> None:
    business = make_business(money=10 * EURO)
    held = wallet.hold(business=business, amount_micro=4 * EURO, purpose="brd_1", now=NOW)
    wallet.capture(hold=held, amount_micro=EURO, key="minute 1", now=NOW)
    assert wallet.verify_books() == []
    with connection.cursor() as cursor:
        cursor.execute(tampering.format(business=business.pk))
    assert any(difference.startswith(said) for difference in wallet.verify_books())


def test_the_command_says_whether_the_books_add_up(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    business = make_business(money=EURO)
    call_command("verify_books")
    assert "add up" in capsys.readouterr().out
    Wallet.objects.filter(business=business).update(balance_micro=2 * EURO)
    with pytest.raises(CommandError, match="do not add up"):
        call_command("verify_books")


@pytest.mark.promise("P5")
def test_ten_holds_at_once_against_money_for_three(own_database: Any) -> None:
    business = make_business(money=3 * EURO)
    answers = at_once(lambda n: wallet.hold(business=business, amount_micro=EURO, purpose=f"brd_{n}", now=NOW), 10)
    assert sum(isinstance(answer, Hold) for answer in answers) == 3, answers
    assert sum(isinstance(answer, wallet.NotEnoughMoney) for answer in answers) == 7, answers
    assert money_of(business) == (3 * EURO, 3 * EURO)
    assert wallet.verify_books() == []


@pytest.mark.promise("P5")
def test_the_same_capture_at_once_takes_money_once(own_database: Any) -> None:
    business = make_business(money=10 * EURO)
    held = wallet.hold(business=business, amount_micro=10 * EURO, purpose="brd_1", now=NOW)
    answers = at_once(lambda _n: wallet.capture(hold=held, amount_micro=EURO, key="minute 1", now=NOW), 8)
    assert sorted(answers) == [False] * 7 + [True]
    assert money_of(business) == (9 * EURO, 9 * EURO)


@pytest.mark.promise("P5")
def test_captures_and_releases_at_once_never_take_more_than_was_held(own_database: Any) -> None:
    business = make_business(money=10 * EURO)
    held = wallet.hold(business=business, amount_micro=5 * EURO, purpose="brd_1", now=NOW)

    def move(n: int) -> bool:
        act = wallet.capture if n % 2 else wallet.release
        return act(hold=held, amount_micro=EURO, key=f"move {n}", now=NOW)

    answers = at_once(move, 10)
    assert answers.count(True) == 5
    assert sum(isinstance(answer, wallet.CannotMove) for answer in answers) == 5, answers
    held.refresh_from_db()
    assert held.remaining_micro == 0
    assert held.closed_at == NOW
    assert wallet.verify_books() == []


@pytest.mark.promise("P5")
def test_the_same_top_up_at_once_is_one(own_database: Any) -> None:
    business = make_business()
    answers = at_once(lambda _n: wallet.top_up(business=business, amount_micro=EURO, key="payment 7", now=NOW).pk, 8)
    assert len(set(answers)) == 1, answers
    assert money_of(business) == (EURO, 0)


amounts = st.integers(min_value=-1, max_value=5 * EURO)


class MoneyMoves(RuleBasedStateMachine):
    """Random movements against a model in Python; after each step the database agrees with it."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.business = make_business()
        self.balance = 0
        self.holds: list[tuple[Hold, int]] = []
        self.used: list[str] = []
        self.n = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @property
    def held(self) -> int:
        return sum(remaining for _hold, remaining in self.holds)

    def _new_key(self) -> str:
        self.n += 1
        return f"key {self.business.code} {self.n}"

    @rule(amount=amounts)
    def top_up(self, amount: int) -> None:
        if amount <= 0:
            with pytest.raises(wallet.CannotMove):
                wallet.top_up(business=self.business, amount_micro=amount, key=self._new_key(), now=NOW)
            return
        wallet.top_up(business=self.business, amount_micro=amount, key=self._new_key(), now=NOW)
        self.balance += amount

    @rule(amount=amounts)
    def hold(self, amount: int) -> None:
        purpose = self._new_key()[:64]
        if amount < 0 or amount > self.balance - self.held:
            with pytest.raises((wallet.CannotMove, wallet.NotEnoughMoney)):
                wallet.hold(business=self.business, amount_micro=amount, purpose=purpose, now=NOW)
            return
        self.holds.append((wallet.hold(business=self.business, amount_micro=amount, purpose=purpose, now=NOW), amount))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), amount=amounts, is_capture=st.booleans(), is_repeated=st.booleans())
    def move(self, data: st.DataObject, amount: int, is_capture: bool, is_repeated: bool) -> None:
        position = data.draw(st.integers(0, len(self.holds) - 1))
        held, remaining = self.holds[position]
        act = wallet.capture if is_capture else wallet.release
        if is_repeated and self.used and amount > 0:
            assert not act(hold=held, amount_micro=amount, key=data.draw(st.sampled_from(self.used)), now=NOW)
            return
        key = self._new_key()
        if amount <= 0 or amount > remaining:
            with pytest.raises(wallet.CannotMove):
                act(hold=held, amount_micro=amount, key=key, now=NOW)
            return
        assert act(hold=held, amount_micro=amount, key=key, now=NOW)
        self.used.append(key)
        self.holds[position] = (held, remaining - amount)
        self.balance -= amount if is_capture else 0

    @invariant()
    def database_agrees(self) -> None:
        assert money_of(self.business) == (self.balance, self.held)
        assert wallet.verify_books() == []


@pytest.mark.promise("P5")
@pytest.mark.timeout(1800)
def test_any_sequence_of_movements_adds_up(db: None) -> None:
    # A step is several statements: half of the profile's examples, 15 steps each.
    profile = settings(max_examples=settings().max_examples // 2, stateful_step_count=15)
    run_state_machine_as_test(MoneyMoves, settings=profile)


@pytest.mark.parametrize("amount_micro", [1, 10**15, 2**63 - 1])
def test_the_smallest_and_the_largest_amount_stay_whole(db: None, amount_micro: int) -> None:
    business = make_business(money=amount_micro)
    held = wallet.hold(business=business, amount_micro=amount_micro, purpose="all", now=NOW)
    wallet.capture(hold=held, amount_micro=amount_micro, key="all", now=NOW)
    assert money_of(business) == (0, 0)
