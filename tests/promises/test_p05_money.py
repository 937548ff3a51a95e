"""P5: the wallet never goes below zero and always adds up, whatever happens in whatever order."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from broadcasts import chunks, clock, estimate, freeze, gate, in_flight, lifecycle, plan, settle
from broadcasts.channels.base import Message, Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast, Chunk
from businesses import wallet
from businesses.models import Business, Wallet
from consent.reasons import Reason
from launch import ROOT
from templates_approval.models import Version
from tests.conftest import OwnDatabase
from tests.make import NOW, make_approved_version, make_broadcast, make_business, make_people, make_sandbox_sender
from tests.promises import oracle

LONG = bool(os.environ.get("PROMISES"))
N_SEQUENCES = 500 if LONG else 40
N_PEOPLE = 9

pytestmark = [pytest.mark.promise("P5"), pytest.mark.slow, pytest.mark.timeout(1800)]


# --- Many at once ---------------------------------------------------------------------------------


def test_a_wallet_that_can_pay_for_three_pays_for_three(own_database: OwnDatabase) -> None:
    """Six processes launch at the same moment; one of the broadcasts is launched by two of them."""
    now = datetime.now(UTC)
    business = make_business(money=1, now=now)
    make_people(business=business, n=20, now=now)
    version = make_approved_version(business=business)
    drafts = [make_broadcast(business=business, version=version, now=now) for _ in range(5)]
    estimates = [estimate.estimate(broadcast=draft, now=now) for draft in drafts]
    price = estimates[0].max_micro
    wallet.top_up(business=business, amount_micro=3 * price + price // 2, key="for three and a half", now=now)

    pairs = [(draft.code, made.token) for draft, made in zip(drafts, estimates, strict=True)]
    answers = Counter(_launch_at_once(own_database, [*pairs, pairs[0]]))

    assert answers["launched"] == 3
    assert answers["launched"] + answers["not enough money"] + answers["launched already"] == 6
    purse = Wallet.objects.get(business=business)
    assert (purse.held_micro, purse.balance_micro) == (3 * price, 3 * price + price // 2 + 1)
    assert Broadcast.objects.filter(state=Broadcast.State.PREPARING).count() == 3
    assert oracle.money_faults() == []


def _launch_at_once(database: OwnDatabase, pairs: list[tuple[str, str]]) -> list[str]:
    command = [sys.executable, "-m", "tests.promises.launcher"]
    processes = [
        subprocess.Popen(
            [*command, *pair],
            env=database.environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for pair in pairs
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    return [process.communicate("go\n", timeout=60)[0].strip() for process in processes]


# --- Anything in any order -------------------------------------------------------------------------


@dataclass
class Stage:
    """What every sequence begins with: one business with some money, its words, and people who know it."""

    business: Business
    version: Version
    sender: Any
    price_micro: int


@dataclass
class Play:
    """One sequence of events; each step does what can be done, and nothing when there is nothing to do."""

    stage: Stage
    now: datetime = NOW
    broadcasts: list[Broadcast] = field(default_factory=list)
    handed_over: list[tuple[Broadcast, Message]] = field(default_factory=list)

    def launch(self, number: int) -> None:
        waits, people = bool(number % 2), number % 3
        draft = make_broadcast(
            business=self.stage.business,
            version=self.stage.version,
            sender=self.stage.sender,
            now=self.now,
            waits_for_cap=waits,
            budget_micro=self.stage.price_micro * 4 if people == 2 else None,
        )
        try:
            token = estimate.estimate(broadcast=draft, now=self.now).token
            lifecycle.launch(broadcast=draft, token=token, by=None, now=self.now)
        except (wallet.NotEnoughMoney, estimate.quote.CannotQuote):
            return
        while freeze.next_slice(broadcast_id=draft.pk, now=self.now):
            pass
        self.broadcasts.append(draft)

    def send(self, number: int) -> None:
        """A lane carries one chunk; on some days it dies before it has written down what came of it."""
        owner = uuid4()
        claim = chunks.claim(owner=owner, busy=[], now=self.now)
        if claim is None:
            return
        broadcast = Broadcast.objects.get(pk=claim.broadcast_id)
        the_plan = plan.read(broadcast.pk)
        messages = in_flight.again(claim=claim, owner=owner, plan=the_plan, now=self.now) if claim.attempts > 1 else []
        if end := plan.end_of(the_plan, self.now):
            chunks.drain(claim=claim, owner=owner, reason=end, now=self.now)
            chunks.finish(claim=claim, owner=owner, waiting=[], now=self.now)
            return
        passed = gate.pass_batch(
            chunk_id=claim.chunk_id, owner=owner, plan=the_plan, recipient_ids=claim.recipient_ids, now=self.now
        )
        messages += passed.messages
        self.handed_over += [(broadcast, message) for message in messages]
        if number % 5 == 0:
            Chunk.objects.filter(pk=claim.chunk_id).update(lease_until=self.now - timedelta(days=365))
            return
        waiting = passed.waiting + self._outcomes(broadcast, messages, number)
        chunks.finish(claim=claim, owner=owner, waiting=waiting, now=self.now)

    def _outcomes(self, broadcast: Broadcast, messages: list[Message], number: int) -> list[tuple[datetime, int]]:
        kinds = list(OutcomeKind)
        results = [
            (message, Outcome(kinds[(number + n * n) % len(kinds)], provider_id=message.code, error_code="x"))
            for n, message in enumerate(messages)
        ]
        for _ in range(1 + number % 2):  # an outcome told twice is one outcome
            settle.outcomes(broadcast_id=broadcast.pk, sender_id=broadcast.sender_id, results=results, now=self.now)
        again = (OutcomeKind.NOT_STARTED, OutcomeKind.UNKNOWN)
        return [(self.now, message.recipient_id) for message, outcome in results if outcome.kind in again]

    def receipts(self, number: int) -> None:
        """Some of what was ever handed over is reported on, in any order, early, late, twice."""
        statuses = list(ReceiptStatus)
        chosen = self.handed_over[number % 3 :: 1 + number % 4]
        updates = [
            ReceiptUpdate(
                status=statuses[(number + n) % len(statuses)],
                at=self.now,
                sender_id=broadcast.sender_id,
                message_code=message.code,
            )
            for n, (broadcast, message) in enumerate(chosen)
        ]
        settle.fold_receipts(updates=updates, now=self.now)

    def cancel(self, number: int) -> None:
        for broadcast in self.broadcasts[number % 4 :: 4]:
            try:
                lifecycle.cancel(broadcast=broadcast, by=None, now=self.now)
            except lifecycle.CannotCancel:
                pass

    def resume(self, number: int) -> None:
        """A broadcast that ran out of budget is paused by the lane; here somebody presses on, or pauses another."""
        for broadcast in self.broadcasts[number % 2 :: 2]:
            try:
                lifecycle.pause(broadcast=broadcast, reason=str(Reason.BUDGET_EXHAUSTED.label), by=None, now=self.now)
                lifecycle.resume(broadcast=broadcast, by=None, now=self.now)
            except (lifecycle.CannotPause, lifecycle.CannotResume):
                pass

    def wait(self, number: int) -> None:
        self.now += (timedelta(minutes=2), timedelta(hours=7), timedelta(hours=25), timedelta(days=4))[number % 4]

    def close(self, number: int) -> None:
        clock.close_books(now=self.now)

    def pay_in(self, number: int) -> None:
        wallet.top_up(
            business=self.stage.business, amount_micro=self.stage.price_micro * 7, key=f"step {number}", now=self.now
        )


STEPS = ("launch", "send", "send", "receipts", "receipts", "cancel", "resume", "wait", "close", "close", "pay_in")
BEGINNING = [("launch", 0), ("send", 1)]
END = [("wait", 3), ("send", 1), ("send", 1), ("close", 0)]
sequences = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 59)), min_size=4, max_size=24)


@pytest.mark.django_db
def test_after_every_step_the_books_add_up(tell_cases: Callable[[str], None]) -> None:
    business = make_business(now=NOW)
    make_people(business=business, n=N_PEOPLE, now=NOW)
    version, sender = make_approved_version(business=business), make_sandbox_sender(business=business)
    price = _price_of_one(business, version)
    wallet.top_up(business=business, amount_micro=price * N_PEOPLE * 2, key="to begin with", now=NOW)
    stage = Stage(business, version, sender, price)
    seen: Counter[str] = Counter()

    # No shrinking: a sequence says what happened well enough, and looking for a shorter one takes minutes.
    @settings(max_examples=N_SEQUENCES, phases=[Phase.generate])
    @given(steps=sequences)
    def whatever_happens(steps: list[tuple[str, int]]) -> None:
        with transaction.atomic():
            play = Play(stage)
            for step, number in [*BEGINNING, *steps, *END]:
                getattr(play, step)(number)
                assert oracle.money_faults() == [], step
                assert oracle.slot_faults() == [], step
            for broadcast in play.broadcasts:
                assert oracle.faults(broadcast) == []
                broadcast.refresh_from_db()
                seen[broadcast.state] += 1
                seen["settled"] += broadcast.settled_at is not None
                seen["paid"] += broadcast.budget.captured_micro > 0
                seen["written off"] += broadcast.budget.written_off_micro > 0
            transaction.set_rollback(True)

    whatever_happens()
    tell_cases(f"{N_SEQUENCES:,} sequences of steps: " + ", ".join(f"{what} {n:,}" for what, n in seen.items()))
    for what in ("completed", "cancelled", "settled", "paid"):
        assert seen[what], f"never {what}: this proved nothing ({seen})"


def _price_of_one(business: Business, version: Version) -> int:
    draft = make_broadcast(business=business, version=version)
    try:
        return estimate.estimate(broadcast=draft, now=NOW).max_micro // N_PEOPLE
    finally:
        draft.estimates.all().delete()
        draft.delete()
