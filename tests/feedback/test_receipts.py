"""Receipts are folded in bulk, once, by as many folders as there are, and a bad one stops none of the others."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections

from broadcasts import counts, secrets, settle
from broadcasts.channels import wire
from broadcasts.channels.base import Message, ReceiptUpdate
from broadcasts.models import Broadcast, Delivery, Sender
from businesses import wallet
from consent.models import Interaction
from feedback import receipts
from feedback.models import Callback, Reaction
from tests.feedback.provider import body_of, button, call, has_stopped, receipt, text
from tests.make import EURO, make_business, make_people, make_sandbox_sender, make_sent, open_policy


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def make_sent_to(n: int, now: datetime) -> tuple[Broadcast, list[Message]]:
    open_policy()
    business = make_business(money=1000 * EURO)
    make_people(business=business, n=n, now=now)
    return make_sent(business=business, now=now)


def keep(sender: Sender, updates: list[Any], now: datetime) -> Callback:
    return Callback.objects.create(sender=sender, body=body_of(updates), received_at=now)


def states(broadcast: Broadcast) -> dict[int, int]:
    rows = Delivery.objects.filter(broadcast_id=broadcast.pk).values_list("state", flat=True)
    found = list(rows)
    return {state: found.count(state) for state in set(found)}


@pytest.mark.django_db
def test_nothing_waits_and_nothing_is_folded(now: datetime) -> None:
    assert receipts.fold(now=now, limit=10) == 0


@pytest.mark.django_db
def test_a_call_is_folded_once(now: datetime) -> None:
    broadcast, messages = make_sent_to(2, now)
    kept = keep(broadcast.sender, [receipt(m, "delivered") for m in messages], now)
    assert receipts.fold(now=now, limit=10) == 1
    assert receipts.fold(now=now, limit=10) == 0
    kept.refresh_from_db()
    assert (kept.folded_at, kept.claimed_until, kept.failure) == (now, None, "")
    assert states(broadcast) == {Delivery.State.DELIVERED: 2}


@pytest.mark.django_db
def test_receipts_in_any_order_never_go_backwards(now: datetime) -> None:
    broadcast, (message,) = make_sent_to(1, now)
    for status in ("read", "sent", "delivered", "failed", "read"):
        keep(broadcast.sender, [receipt(message, status)], now)
        receipts.fold(now=now, limit=10)
    assert states(broadcast) == {Delivery.State.READ: 1}
    assert counts.verify(broadcast) == []
    assert wallet.verify_books() == []


@pytest.mark.django_db
@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2031-05-05T05:05:05Z"])
def test_a_providers_clock_may_be_wrong(now: datetime, when: str) -> None:
    broadcast, (message,) = make_sent_to(1, now)
    keep(broadcast.sender, [receipt(message, "delivered") | {"at": when}], now)
    receipts.fold(now=now, limit=10)
    at = Delivery.objects.get(broadcast_id=broadcast.pk).delivered_at
    assert at is not None
    assert now - receipts.OLDEST <= at <= now


@pytest.mark.django_db
@pytest.mark.promise("P11")
def test_the_bad_element_is_found_by_halves(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    broadcast, messages = make_sent_to(8, now)
    bad, fold_receipts = messages[5].code, settle.fold_receipts

    def choke(*, updates: list[ReceiptUpdate], now: datetime) -> int:
        if any(update.message_code == bad for update in updates):
            raise ZeroDivisionError
        return fold_receipts(updates=updates, now=now)

    monkeypatch.setattr(settle, "fold_receipts", choke)
    first = keep(broadcast.sender, [receipt(m, "delivered") for m in messages[:3]], now)
    second = keep(broadcast.sender, [receipt(m, "delivered") for m in messages[3:]], now)
    assert receipts.fold(now=now, limit=10) == 2
    assert states(broadcast) == {Delivery.State.DELIVERED: 7, Delivery.State.ACCEPTED: 1}
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.failure, second.failure) == ("", "1 set aside: receipt: ZeroDivisionError")
    assert second.folded_at == now


@pytest.mark.django_db
def test_a_crashed_folders_calls_are_folded_by_another(now: datetime) -> None:
    broadcast, (message,) = make_sent_to(1, now)
    kept = keep(broadcast.sender, [receipt(message, "read")], now)
    Callback.objects.filter(pk=kept.pk).update(claimed_until=now + timedelta(seconds=receipts.CLAIM_SECONDS))
    assert receipts.fold(now=now, limit=10) == 0
    assert receipts.fold(now=now + timedelta(seconds=receipts.CLAIM_SECONDS + 1), limit=10) == 1
    assert states(broadcast) == {Delivery.State.READ: 1}


@pytest.mark.django_db
def test_so_many_bytes_at_once_but_always_one_call(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    broadcast, (message,) = make_sent_to(1, now)
    monkeypatch.setattr(receipts, "BYTES_AT_ONCE", 100)
    for _ in range(3):
        keep(broadcast.sender, [receipt(message, "delivered")] * 3, now)
    assert [receipts.fold(now=now, limit=10) for _ in range(4)] == [1, 1, 1, 0]


# --- With real connections and real processes ---------------------------------------------------


def in_threads(n: int, act: Any) -> list[Any]:
    """Do the same thing ``n`` times at the same moment, each with a connection of its own."""
    together = threading.Barrier(min(n, 16))

    def one(i: int) -> Any:
        try:
            if i < 16:
                together.wait()
            return act(i)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(one, range(n)))


@pytest.mark.usefixtures("own_database")
def test_many_folders_fold_every_call_once(now: datetime) -> None:
    broadcast, messages = make_sent_to(200, now)
    for i in range(0, 200, 5):
        keep(broadcast.sender, [receipt(m, "delivered") for m in messages[i : i + 5]], now)

    def work(_: int) -> int:
        n = 0
        while folded := receipts.fold(now=now, limit=3):
            n += folded
        return n

    assert sum(in_threads(4, work)) == 40
    assert states(broadcast) == {Delivery.State.DELIVERED: 200}
    assert counts.verify(broadcast) == []
    assert wallet.verify_books() == []


@pytest.mark.promise("P9")
@pytest.mark.usefixtures("own_database")
def test_a_hundred_replays_at_once_have_one_effect(now: datetime) -> None:
    broadcast, (first, second, third) = make_sent_to(3, now)
    body = body_of([text(first, "STOP"), button(second, "interested", key="b"), text(third, "Open today?", key="c")])
    answers = in_threads(100, lambda _: call(broadcast.sender, body).status_code)
    assert set(answers) == {200}
    while receipts.fold(now=datetime.now(UTC), limit=50):
        pass
    assert has_stopped(first, broadcast.business)
    assert Reaction.objects.count() == 1
    assert Interaction.objects.filter(kind=Interaction.Kind.INTERESTED).count() == 1
    assert Interaction.objects.filter(kind=Interaction.Kind.INQUIRY).count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM consent_consentevent WHERE kind = 'stopped'")
        assert cursor.fetchone() == (1,)
    assert Callback.objects.exclude(failure="").count() == 0


@pytest.mark.usefixtures("own_database")
def test_calls_about_the_same_people_in_other_orders_do_not_wait_for_each_other_for_ever(now: datetime) -> None:
    broadcast, messages = make_sent_to(6, now)

    def press(i: int) -> int:
        some = messages if i % 2 else messages[::-1]
        kind = "interested" if i % 3 else "not_interested"
        updates = [button(m, kind, key=f"{i}-{m.recipient_id}") for m in some] + [text(some[0], "STOP", key=f"s{i}")]
        return int(call(broadcast.sender, body_of(updates)).status_code)

    assert set(in_threads(32, press)) == {200}
    assert Callback.objects.exclude(failure="").count() == 0


@pytest.mark.slow
@pytest.mark.promise("P6")
def test_every_200_of_a_killed_web_server_is_a_row(house: Any, now: datetime) -> None:
    """The real server, killed with -9 under fire: as many rows as 200s at least, and not a body that was not sent."""
    sender = make_sandbox_sender(business=make_business())
    secret = secrets.of_sender(sender)
    house.start("web")
    host = house.url.removeprefix("http://")
    n_answered = threading.Semaphore(0)
    answered: list[bytes] = []

    def fire(i: int) -> None:
        n = 0
        while True:
            body = body_of([{"type": "receipt", "id": f"{i}-{n}", "status": "read", "at": now.isoformat()}])
            headers = wire.sign(secret, message_id=f"{i}-{n}", body=body, now=datetime.now(UTC))
            try:
                wires = http.client.HTTPConnection(host, timeout=5)
                wires.request("POST", f"/callbacks/{sender.code}/", body, headers)
                status = wires.getresponse().status
                wires.close()
            except (OSError, http.client.HTTPException):
                return
            assert status == 200
            answered.append(body)
            n_answered.release()
            n += 1

    threads = [threading.Thread(target=fire, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(60):
        assert n_answered.acquire(timeout=30)
    os.killpg(house.pid("web"), signal.SIGKILL)
    for thread in threads:
        thread.join(30)
    kept = {bytes(body) for body in Callback.objects.values_list("body", flat=True)}
    assert len(answered) >= 60
    assert set(answered) <= kept
