"""What nobody knows is decided by a person: sent, again at the price of a duplicate, or not at all."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from broadcasts import attention, chunks, counts, gate, plan, settle
from broadcasts.attention import Decision
from broadcasts.channels.base import Message, Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast, Chunk, CountDelta, Delivery
from businesses.models import AuditEvent, Business, Member
from consent import refusals
from tests import make
from tests.promises import forgetful, oracle

pytestmark = pytest.mark.django_db
N = 6


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def business() -> Iterator[Business]:
    make.open_policy()
    with forgetful.in_use():
        yield make.make_business(money=100 * make.EURO)


@pytest.fixture
def unknown(business: Business, now: datetime) -> Broadcast:
    """A broadcast over a channel without keys, complete, of which every outcome is open."""
    make.make_people(business=business, n=N, now=now)
    sender = make.make_sandbox_sender(business=business)
    broadcast = make.make_launched(business=business, sender=sender, now=now)
    type(sender).objects.filter(pk=sender.pk).update(channel=forgetful.CHANNEL)
    broadcast.refresh_from_db()
    hand_over(broadcast, OutcomeKind.UNKNOWN)
    broadcast = Broadcast.objects.select_related("sender", "business").get(pk=broadcast.pk)
    assert broadcast.state == Broadcast.State.COMPLETED
    return broadcast


def hand_over(broadcast: Broadcast, kind: OutcomeKind) -> list[Message]:
    owner, sent = uuid4(), []
    while claim := chunks.claim(owner=owner, busy=[], now=timezone.now()):
        told = plan.read(broadcast.pk)
        passed = gate.pass_batch(
            chunk_id=claim.chunk_id, owner=owner, plan=told, recipient_ids=claim.recipient_ids, now=timezone.now()
        )
        results = [(m, Outcome(kind, provider_id=m.code, error_code="timeout")) for m in passed.messages]
        settle.outcomes(broadcast_id=broadcast.pk, sender_id=broadcast.sender_id, results=results, now=timezone.now())
        chunks.finish(claim=claim, owner=owner, waiting=passed.waiting, now=timezone.now())
        sent += passed.messages
    return sent


def ids(broadcast: Broadcast) -> list[int]:
    return list(attention.waiting(broadcast).values_list("recipient_id", flat=True))


def assert_true(broadcast: Broadcast) -> None:
    assert oracle.faults(broadcast) + oracle.money_faults() + oracle.slot_faults() == []


def test_what_was_sent_waits_for_its_receipt(unknown: Broadcast, now: datetime) -> None:
    first = ids(unknown)[:2]
    assert attention.decide(broadcast=unknown, decision=Decision.SENT, recipient_ids=first, by=None, now=now) == 2
    assert counts.funnel(unknown).states == {"unknown": N - 2, "accepted": 2}
    note = AuditEvent.objects.filter(action="broadcast.outcomes_decided").get()
    assert note.after == {"decision": "sent", "n": 2}
    assert_true(unknown)


def test_sent_again_passes_the_gate_once_more_under_another_key(unknown: Broadcast, now: datetime) -> None:
    everybody = ids(unknown)
    refusals.stop(recipient_id=everybody[0], business=unknown.business, via="page", now=now)
    told: dict[str, Any] = {"broadcast": unknown, "decision": Decision.SEND_AGAIN, "recipient_ids": None, "by": None}
    with pytest.raises(attention.CannotDecide, match="twice"):
        attention.decide(**told, now=now)
    assert counts.funnel(unknown).states == {"unknown": N}

    assert attention.decide(**told, now=now, accepts_duplicates=True) == N
    unknown.refresh_from_db()
    assert unknown.state == Broadcast.State.SENDING
    assert_true(unknown)

    sent = hand_over(unknown, OutcomeKind.ACCEPTED)
    assert {message.attempt for message in sent} == {2}
    assert counts.funnel(unknown).states == {"accepted": N - 1, "skipped": 1}
    assert counts.funnel(unknown).reasons == {"opted_out": 1}
    unknown.refresh_from_db()
    assert unknown.state == Broadcast.State.COMPLETED
    assert_true(unknown)


def test_a_receipt_that_comes_before_their_turn_spares_the_duplicate(unknown: Broadcast, now: datetime) -> None:
    everybody = ids(unknown)
    attention.decide(
        broadcast=unknown, decision=Decision.SEND_AGAIN, recipient_ids=None, by=None, now=now, accepts_duplicates=True
    )
    from broadcasts import codes

    code = codes.delivery_code(unknown.pk, everybody[0], 1)
    late = ReceiptUpdate(status=ReceiptStatus.DELIVERED, at=now, sender_id=unknown.sender_id, message_code=code)
    settle.fold_receipts(updates=[late], now=now)
    assert everybody[0] not in {message.recipient_id for message in hand_over(unknown, OutcomeKind.ACCEPTED)}
    assert counts.funnel(unknown).states == {"accepted": N - 1, "delivered": 1}
    assert_true(unknown)


def test_nothing_is_sent_again_after_the_offers_life(unknown: Broadcast, now: datetime) -> None:
    Broadcast.objects.filter(pk=unknown.pk).update(ends_at=now - timedelta(minutes=1))
    unknown.refresh_from_db()
    with pytest.raises(attention.CannotDecide, match="life is over"):
        attention.decide(
            broadcast=unknown, decision=Decision.SEND_AGAIN, recipient_ids=None, by=None, now=now,
            accepts_duplicates=True,
        )  # fmt: skip
    assert counts.funnel(unknown).states == {"unknown": N}
    assert attention.decide(broadcast=unknown, decision=Decision.LEAVE, recipient_ids=None, by=None, now=now) == N
    assert counts.funnel(unknown).states == {"unknown": N}
    assert not Chunk.objects.filter(done_at__isnull=True).exists()


def test_what_is_still_being_resolved_is_nobodys_to_decide(business: Business, now: datetime) -> None:
    make.make_people(business=business, n=2, now=now)
    broadcast = make.make_launched(business=business, now=now)
    with pytest.raises(attention.CannotDecide, match="by itself"):
        attention.decide(broadcast=broadcast, decision=Decision.SENT, recipient_ids=None, by=None, now=now)


# --- The page and the API -----------------------------------------------------------------------


def at(broadcast: Broadcast, page: str = "attention/") -> str:
    return f"/b/{broadcast.business.code}/broadcasts/{broadcast.code}/{page}"


def test_the_page_decides_about_those_that_are_ticked(client: Client, unknown: Broadcast) -> None:
    client.force_login(make.make_member(business=unknown.business, role=Member.Role.MARKETER))
    page = client.get(at(unknown))
    delivery_codes = [code for _, _, code, _ in page.context["rows"]]
    assert "get the same offer twice" in page.content.decode()

    decide = at(unknown, "attention/decide/")
    refused = client.post(decide, {"decision": "send_again", "delivery": delivery_codes[:2]})
    assert refused.status_code == 422
    assert "Tick this if you want them sent again" in refused.content.decode()
    assert refused.content.decode().count(" checked") >= 2
    assert client.post(decide, {"decision": "sent"}).status_code == 422
    assert client.post(decide, {"decision": "sent", "delivery": ["dlv_nonsense"]}).status_code == 422
    assert counts.funnel(unknown).states == {"unknown": N}

    done = client.post(decide, {"decision": "sent", "delivery": delivery_codes[:2]}, follow=True)
    assert "Noted for 2 people" in done.content.decode()
    client.post(decide, {"decision": "send_again", "everybody": "on", "accepts_duplicates": "on"})
    assert counts.funnel(unknown).states == {"accepted": 2, "queued": N - 2}


def test_an_analyst_sees_the_list_and_decides_nothing(client: Client, unknown: Broadcast) -> None:
    client.force_login(make.make_member(business=unknown.business, role=Member.Role.ANALYST))
    assert "attention/decide" not in client.get(at(unknown)).content.decode()
    assert client.post(at(unknown, "attention/decide/"), {"decision": "sent", "everybody": "on"}).status_code == 403


def test_programs_list_and_decide(unknown: Broadcast) -> None:
    _, key = make.make_key(business=unknown.business)
    client, address = Client(), f"/api/v1/broadcasts/{unknown.code}/attention"
    headers = {"authorization": f"Bearer {key}"}
    told = client.get(address, headers=headers).json()
    assert (told["n_open"], told["is_still_asking"], told["may_send_again"], len(told["outcomes"])) == (
        N,
        False,
        True,
        N,
    )
    assert {line["error_code"] for line in told["outcomes"]} == {"timeout"}
    behind = client.get(address, {"after": told["outcomes"][3]["delivery"]}, headers=headers).json()
    assert behind["outcomes"] == told["outcomes"][4:]
    assert client.get(address, {"after": "dlv_x"}, headers=headers).status_code == 422

    def post(**body: Any) -> Any:
        return client.post(address, body, content_type="application/json", headers=headers)

    first = [told["outcomes"][0]["delivery"]]
    assert post(decision="send_again", deliveries=first).status_code == 422
    assert post(decision="perhaps").status_code == 400
    assert post(decision="sent", deliveries=["dlv_x"]).status_code == 422
    assert post(decision="sent", deliveries=first).json() == {"n_decided": 1, "n_open": N - 1}
    assert post(decision="send_again", accepts_duplicates=True).json() == {"n_decided": N - 1, "n_open": 0}
    assert set(Delivery.objects.values_list("state", flat=True)) == {Delivery.State.ACCEPTED, Delivery.State.QUEUED}


def test_no_squash_comes_between_what_the_operator_reads(unknown: Broadcast) -> None:
    """Sums and deltas are read at one moment: a squash after any statement of the list changes no number."""
    squashing: list[bool] = []

    def and_squash(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, parameters, many, context)
        if not squashing and "broadcasts_count" in sql:
            squashing.append(True)
            counts.squash()
        return answer

    assert CountDelta.objects.filter(broadcast_id=unknown.pk).exists(), "there is something to squash"
    said = io.StringIO()
    with connection.execute_wrapper(and_squash):
        call_command("attention", stdout=said)
    assert squashing
    assert said.getvalue().split()[:2] == [unknown.code, str(N)]
    assert counts.open_outcomes() == {unknown.pk: N}


def test_the_operator_lists_and_decides_in_a_terminal(unknown: Broadcast) -> None:
    def asked(*arguments: str) -> str:
        said = io.StringIO()
        call_command("attention", *arguments, stdout=said)
        return said.getvalue()

    assert asked().split()[:2] == [unknown.code, str(N)]
    lines = asked(unknown.code).splitlines()
    assert len(lines) == N
    assert all("timeout" in line and line.startswith("dlv_") for line in lines)
    with pytest.raises(CommandError, match="twice"):
        asked(unknown.code, "--decide", "send_again")
    assert asked(unknown.code, "--decide", "sent") == f"Decided about {N}; 0 are left.\n"
    assert asked() == ""
    for wrong in (["brd_nobody"], ["--decide", "sent"], [unknown.code, "--decide", "sent"]):
        with pytest.raises(CommandError):
            asked(*wrong)
    assert_true(unknown)
