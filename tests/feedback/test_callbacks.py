"""The providers' door: what is genuine is kept, what is refused leaves no trace, and a stop holds before the answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from broadcasts import courier, secrets, senders
from broadcasts.channels.base import Message
from broadcasts.channels.sandbox import network
from broadcasts.models import Broadcast, Delivery, PhoneMessage, Sender
from businesses.models import Business
from consent.models import Contact, Interaction
from feedback import receipts
from feedback.models import Callback, InboundMessage, Reaction
from tests.feedback.provider import body_of, button, call, has_stopped, receipt, text
from tests.make import EURO, make_business, make_people, make_sandbox_sender, make_sent, open_policy

pytestmark = pytest.mark.django_db
PAYLOADS = Path(__file__).parent.parent / "payloads"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business() -> Business:
    open_policy()
    return make_business(money=100 * EURO)


@pytest.fixture
def sent(business: Business, now: datetime) -> tuple[Broadcast, list[Message]]:
    make_people(business=business, n=3, now=now)
    return make_sent(business=business, now=now)


@pytest.fixture
def message(sent: tuple[Broadcast, list[Message]]) -> Message:
    return sent[1][0]


# --- What is genuine ----------------------------------------------------------------------------


def test_a_signed_call_is_kept_as_it_came(sent: tuple[Broadcast, list[Message]], message: Message) -> None:
    body = body_of([receipt(message, "delivered")])
    answer = call(sent[0].sender, body)
    assert answer.status_code == 200
    kept = Callback.objects.get()
    assert bytes(kept.body) == body
    assert (kept.sender_id, kept.folded_at, kept.failure) == (sent[0].sender_id, None, "")


FORGERIES: dict[str, dict[str, Any]] = {
    "another secret": {"secret": secrets.new_signing_secret()},
    "an edited byte": {"changed": b'{"updates": [ ]}'},
    "six minutes old": {"late": timedelta(minutes=6)},
    "six minutes early": {"late": timedelta(minutes=-6)},
    "no signature": {"webhook-signature": ""},
    "no time": {"webhook-timestamp": ""},
    "no id": {"webhook-id": ""},
    "another id": {"webhook-id": "evt_2"},
    "a time that is no number": {"webhook-timestamp": "yesterday"},
    "a signature that is no base64": {"webhook-signature": "v1,é!"},
    "a signature without a version": {"webhook-signature": "abc"},
    "an unknown version": {"webhook-signature": "v9,AAAA"},
    "an empty signature": {"webhook-signature": "v1,"},
    "a time in other digits": {"webhook-timestamp": "\u0661\u0667"},
    "a time without end": {"webhook-timestamp": "9" * 400},
}


@pytest.mark.promise("P9")
@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused_and_leaves_no_trace(business: Business, forgery: dict[str, Any]) -> None:
    sender = make_sandbox_sender(business=business)
    at = datetime.now(UTC) - forgery.get("late", timedelta(0))
    answer = call(sender, body_of([]), at=at, **{name: value for name, value in forgery.items() if name != "late"})
    assert answer.status_code == 401
    assert not Callback.objects.exists()


@pytest.mark.promise("P9")
def test_another_senders_secret_opens_nothing_and_nobody_learns_which_senders_exist(business: Business) -> None:
    mine, yours = make_sandbox_sender(business=business), make_sandbox_sender(business=make_business())
    wrong = call(mine, body_of([]), secret=secrets.of_sender(yours))
    unknown = call(Sender(code="snd_nobody", secret_encrypted=mine.secret_encrypted), body_of([]))
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    assert wrong.status_code == 401
    assert not Callback.objects.exists()


def test_only_posts_come_in(client: Any, business: Business) -> None:
    sender = make_sandbox_sender(business=business)
    # A GET is a provider that asks whether the address is ours; the sandbox asks no such thing.
    assert client.get(f"/callbacks/{sender.code}/").status_code == 403
    assert client.put(f"/callbacks/{sender.code}/").status_code == 405


def test_three_megabytes_are_too_many(business: Business) -> None:
    sender = make_sandbox_sender(business=business)
    assert call(sender, b" " * (3 * 1024 * 1024 + 1)).status_code == 413
    assert not Callback.objects.exists()
    assert call(sender, b" " * (3 * 1024 * 1024)).status_code == 200


def test_the_signature_is_the_one_of_the_published_standard(business: Business) -> None:
    sender, body, now = make_sandbox_sender(business=business), body_of([]), datetime.now(UTC)
    theirs = Webhook(secrets.of_sender(sender)).sign("evt_1", now, body.decode())
    assert call(sender, body, **{"webhook-signature": f"v1,AAAA {theirs}"}, at=now).status_code == 200
    ours, headers = network.signed(sender=sender, updates=[], now=now)
    assert Webhook(secrets.of_sender(sender)).verify(ours, headers) == {"updates": []}


# --- What is read -------------------------------------------------------------------------------


def test_a_thousand_updates_are_one_call(sent: tuple[Broadcast, list[Message]], now: datetime) -> None:
    messages = sent[1]
    body = body_of([receipt(messages[i % 3], "read") for i in range(999)] + [text(messages[2], "STOP")])
    assert call(sent[0].sender, body).status_code == 200
    assert receipts.fold(now=now, limit=10) == 1
    assert Delivery.objects.filter(broadcast_id=sent[0].pk, state=Delivery.State.READ).count() == 3
    assert has_stopped(messages[2], sent[0].business)


@pytest.mark.promise("P11")
@pytest.mark.parametrize("name", [path.name for path in sorted(PAYLOADS.glob("callback_*"))])
def test_a_signed_call_that_makes_no_sense_is_kept_and_marked(
    sent: tuple[Broadcast, list[Message]], now: datetime, name: str
) -> None:
    broadcast, messages = sent
    assert call(broadcast.sender, (PAYLOADS / name).read_bytes()).status_code == 200
    good = body_of([receipt(messages[0], "delivered")])
    assert call(broadcast.sender, good).status_code == 200
    while receipts.fold(now=now, limit=10):
        pass
    assert Callback.objects.order_by("pk")[0].failure
    assert not Callback.objects.filter(folded_at=None).exists()
    assert Delivery.objects.filter(broadcast_id=broadcast.pk, state=Delivery.State.DELIVERED).count() == 1


@pytest.mark.promise("P11")
def test_a_bad_element_loses_none_of_its_neighbours(sent: tuple[Broadcast, list[Message]], now: datetime) -> None:
    broadcast, (first, second, third) = sent
    bad: list[Any] = [
        None, 7, [], {"type": "voice"}, {"type": "receipt", "status": "delivered"}, {"type": "text", "from": "x\x00"},
        {"type": "receipt", "id": "a\x00b", "status": "read", "at": "2026-01-01T00:00:00Z"},
        {"type": "receipt", "message_code": first.code, "status": "read", "at": "yesterday"},
        text(first, "STOP", key="zero\x00") | {"from": "+4900000000\x00"},
    ]  # fmt: skip
    good = [receipt(first, "delivered"), text(second, "STOP"), button(third, "interested", key="in_2")]
    mixed = [element for pair in zip(bad, good * 3, strict=True) for element in pair]
    assert call(broadcast.sender, body_of(mixed)).status_code == 200
    assert has_stopped(second, broadcast.business)
    assert Reaction.objects.filter(recipient_id=third.recipient_id, kind=1).count() == 1
    receipts.fold(now=now, limit=10)
    assert Delivery.objects.get(pk=(broadcast.pk, first.recipient_id)).state == Delivery.State.DELIVERED
    assert Callback.objects.get().failure.startswith("8 set aside")


def test_unknown_ids_change_nothing(sent: tuple[Broadcast, list[Message]], now: datetime) -> None:
    strange = [
        {"type": "receipt", "message_code": "dlv_" + "a" * 26, "status": "read", "at": now.isoformat()},
        {"type": "receipt", "id": "nobody", "status": "read", "at": now.isoformat()},
    ]
    assert call(sent[0].sender, body_of(strange)).status_code == 200
    receipts.fold(now=now, limit=10)
    assert set(Delivery.objects.filter(broadcast_id=sent[0].pk).values_list("state", flat=True)) == {30}


@pytest.mark.promise("P9")
def test_a_sender_speaks_of_its_own_messages_only(sent: tuple[Broadcast, list[Message]], now: datetime) -> None:
    message = sent[1][0]
    thief = make_sandbox_sender(business=make_business(name="Thief"))
    stolen = [receipt(message, "read"), button(message, "not_interested") | {"from": "+33600000000"}]
    assert call(thief, body_of(stolen)).status_code == 200
    receipts.fold(now=now, limit=10)
    delivery = Delivery.objects.get(pk=(message.broadcast_id, message.recipient_id))
    assert (delivery.state, delivery.reaction) == (Delivery.State.ACCEPTED, None)


def test_the_last_of_two_equal_keys_counts(sent: tuple[Broadcast, list[Message]], message: Message) -> None:
    told = json.dumps(text(message, "STOP"))[:-1] + ', "text": "hello"}'
    assert call(sent[0].sender, b'{"updates": [' + told.encode() + b"]}").status_code == 200
    assert not has_stopped(message, sent[0].business)


# --- What takes effect at once ------------------------------------------------------------------


@pytest.mark.promise("P3")
@pytest.mark.parametrize("words", ["STOP", "stop svp", "Arrêtez de m’écrire", "STOP\x00", "Assez !"])
def test_a_stop_holds_when_the_door_answers(
    sent: tuple[Broadcast, list[Message]], message: Message, words: str
) -> None:
    assert call(sent[0].sender, body_of([text(message, words)])).status_code == 200
    assert has_stopped(message, sent[0].business)
    assert Callback.objects.get().folded_at is not None, "nothing is left for later"


@pytest.mark.parametrize("words", ["Annulez ma commande 12", "L’arrêt de bus ?", "Je n’arrête pas d’en parler"])
def test_what_only_sounds_like_a_stop_is_left_to_the_business(
    sent: tuple[Broadcast, list[Message]], message: Message, words: str
) -> None:
    assert call(sent[0].sender, body_of([text(message, words)])).status_code == 200
    assert not has_stopped(message, sent[0].business)
    assert Callback.objects.get().folded_at is None


@pytest.mark.promise("P3")
def test_a_stop_does_not_wait_behind_ten_thousand_receipts(
    sent: tuple[Broadcast, list[Message]], message: Message, now: datetime
) -> None:
    sender = sent[0].sender
    body = body_of([receipt(message, "sent")] * 100)
    Callback.objects.bulk_create(Callback(sender=sender, body=body, received_at=now) for _ in range(100))
    assert call(sender, body_of([text(message, "STOP")])).status_code == 200
    assert has_stopped(message, sent[0].business)
    assert receipts.n_waiting() == 100


def test_a_stop_is_confirmed_once_in_the_persons_language(
    sent: tuple[Broadcast, list[Message]], message: Message
) -> None:
    for key in ("in_1", "in_2"):
        call(sent[0].sender, body_of([text(message, "STOP", key=key)]))
        courier.carry(now=datetime.now(UTC))
    notices = PhoneMessage.objects.filter(address=message.address, is_inbound=False, delivery_code="")
    assert [notice.content["text"] for notice in notices] == [
        "You will get no more offers from Boulangerie Martin. To get them again, reply START."
    ]


def test_start_lifts_the_stop(sent: tuple[Broadcast, list[Message]], message: Message) -> None:
    call(sent[0].sender, body_of([text(message, "STOP", key="in_1")]))
    call(sent[0].sender, body_of([text(message, "START", key="in_2")]))
    assert not has_stopped(message, sent[0].business)


def test_an_old_stop_that_comes_again_does_not_undo_the_start(
    sent: tuple[Broadcast, list[Message]], message: Message
) -> None:
    stop = body_of([text(message, "STOP", key="in_1")])
    call(sent[0].sender, stop)
    call(sent[0].sender, body_of([text(message, "START", key="in_2")]))
    assert call(sent[0].sender, stop).status_code == 200
    assert not has_stopped(message, sent[0].business)


def test_stop_and_start_in_one_call_count_in_the_order_they_were_said(
    sent: tuple[Broadcast, list[Message]], message: Message, now: datetime
) -> None:
    said = [text(message, "START", key="b", at=now), text(message, "STOP", key="a", at=now - timedelta(seconds=9))]
    call(sent[0].sender, body_of(said))
    assert not has_stopped(message, sent[0].business)


@pytest.mark.parametrize(
    ("pressed", "reaction"),
    [("interested", 1), ("not_interested", 2), ("Interested", 1), ("Pas intéressé", 2), ("reply_1", 2)],
)
def test_a_reaction_counts_at_once(
    sent: tuple[Broadcast, list[Message]], message: Message, pressed: str, reaction: int
) -> None:
    assert call(sent[0].sender, body_of([button(message, pressed)])).status_code == 200
    assert Delivery.objects.get(pk=(message.broadcast_id, message.recipient_id)).reaction == reaction
    contact = Contact.objects.get(recipient_id=message.recipient_id, business=sent[0].business)
    assert contact.last_reaction == reaction


def test_a_stop_from_a_number_nobody_knows_is_noted(business: Business) -> None:
    sender = make_sandbox_sender(business=business)
    stranger = {"type": "text", "from": "+33639980000", "text": "STOP", "id": "x", "at": "2026-01-01T00:00:00Z"}
    assert call(sender, body_of([stranger])).status_code == 200
    assert "nobody known" in Callback.objects.get().failure


# --- Conversation -------------------------------------------------------------------------------


def test_any_other_text_is_an_inquiry_for_the_business(
    sent: tuple[Broadcast, list[Message]], message: Message, now: datetime
) -> None:
    question = body_of([text(message, "Are you open on Sunday?", key="in_7")])
    for _ in range(3):
        call(sent[0].sender, question)
    while receipts.fold(now=now, limit=2):
        pass
    asked = Interaction.objects.get(recipient_id=message.recipient_id, kind=Interaction.Kind.INQUIRY)
    assert (asked.provenance, asked.evidence) == (Interaction.Provenance.OBSERVED, "message in_7")
    assert InboundMessage.objects.count() == 1


def test_words_against_the_offers_are_no_evidence_for_more(
    sent: tuple[Broadcast, list[Message]], message: Message, now: datetime
) -> None:
    for i, words in enumerate(["STOP", "Not interested", "HELP"]):
        call(sent[0].sender, body_of([text(message, words, key=f"in_{i}")]))
    receipts.fold(now=now, limit=10)
    kinds = Interaction.objects.filter(recipient_id=message.recipient_id).values_list("kind", flat=True)
    assert set(kinds) == {Interaction.Kind.OPT_IN}


def test_the_webhook_channel_comes_through_the_same_door(business: Business, now: datetime) -> None:
    make_people(business=business, n=1, now=now)
    sender, secret = senders.connect_webhook(business=business, name="Shop", url="http://127.0.0.1:9/x", now=now)
    _, messages = make_sent(business=business, now=now, sender=sender)
    assert call(sender, body_of([text(messages[0], "STOP")]), secret=secret).status_code == 200
    assert has_stopped(messages[0], business)
