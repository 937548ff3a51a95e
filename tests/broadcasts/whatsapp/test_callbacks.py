"""WhatsApp's calls: forged ones leave no trace, strange ones are kept, restrictions hold before the answer."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from broadcasts import approvals, plan, senders, standing
from broadcasts.channels.whatsapp import account
from broadcasts.models import Broadcast, Delivery, Sender, Standing
from consent.models import Refusal
from feedback import receipts
from feedback.models import Callback
from tests.broadcasts.whatsapp.emulator import ACCOUNT, NUMBER, Emulator, signature
from tests.broadcasts.whatsapp.shop import Shop
from tests.make import make_business, make_launched, make_people, make_whatsapp_sender

SECRET = "hush"
RESTRICTED = {
    "event": "ACCOUNT_RESTRICTION",
    "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": None}],
}


@pytest.fixture
def sender(db: None) -> Sender:
    return make_whatsapp_sender(business=make_business(), number=NUMBER)


def call(sender: Sender, changes: Any, *, at: float | None = None, number: str = NUMBER, **headers: str) -> Any:
    for change in changes if isinstance(changes, list) else []:
        if isinstance(change, dict) and isinstance(change.get("value"), dict) and change.get("field") == "messages":
            change["value"].setdefault("metadata", {"phone_number_id": number})
    entry = {"id": ACCOUNT, "time": int(at or time.time()), "changes": changes}
    return post(sender, json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode(), **headers)


def post(sender: Sender, body: bytes, **headers: str) -> Any:
    signed = {"X-Hub-Signature-256": signature(body, SECRET), **headers}
    return Client(raise_request_exception=False).post(
        f"/callbacks/{sender.code}/", data=body, content_type="application/json", headers=signed
    )


def messages(*said: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"field": "messages", "value": {"messages": list(said), **more}}]


def status(**more: Any) -> dict[str, Any]:
    return {
        "id": "wamid.1",
        "status": "read",
        "timestamp": str(int(time.time())),
        "recipient_id": "33639980001",
        **more,
    }


# --- What is genuine ----------------------------------------------------------------------------

FORGERIES = {
    "another secret": lambda body: signature(body, "another"),
    "no signature": lambda body: "",
    "another body's": lambda body: signature(body + b" ", SECRET),
    "without its name": lambda body: signature(body, SECRET).removeprefix("sha256="),
    "sha1": lambda body: "sha1=" + "0" * 40,
    "in capitals": lambda body: signature(body, SECRET).upper(),
    "no letters at all": lambda body: "sha256=é",
}


@pytest.mark.promise("P9")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_refused_and_leaves_no_trace(sender: Sender, forgery: str) -> None:
    body = b'{"entry": []}'
    assert post(sender, body, **{"X-Hub-Signature-256": FORGERIES[forgery](body)}).status_code == 401
    assert not Callback.objects.exists()
    assert post(sender, body).status_code == 200


def test_the_operators_own_app_signs_for_senders_that_bring_none(sender: Sender, settings: Any) -> None:
    settings.WHATSAPP_APP_SECRET = "the house's"
    keys = account.new_keys(token="EAAG", app_secret="")
    Sender.objects.filter(pk=sender.pk).update(secret_encrypted=account.sealed(keys))
    body = b'{"entry": []}'
    assert post(sender, body).status_code == 401
    assert post(sender, body, **{"X-Hub-Signature-256": signature(body, "the house's")}).status_code == 200


def test_the_handshake_repeats_the_challenge_to_whoever_knows_our_word(sender: Sender, client: Client) -> None:
    word = account.keys_of(sender).verify_token
    question = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": word}
    answer = client.get(f"/callbacks/{sender.code}/", question)
    assert (answer.status_code, answer.content) == (200, b"1158201444")
    assert answer.headers["Content-Type"] == "text/plain"
    for wrong in ({"hub.verify_token": "guess"}, {"hub.mode": "x"}, {"hub.challenge": ""}, {"hub.challenge": "a\nb"}):
        assert client.get(f"/callbacks/{sender.code}/", question | wrong).status_code == 403
    assert client.get("/callbacks/snd_nobody/", question).status_code == 403
    assert client.put(f"/callbacks/{sender.code}/").status_code == 405


# --- What is read -------------------------------------------------------------------------------


def test_a_thousand_updates_in_three_megabytes(sender: Sender) -> None:
    statuses = [status(id=f"wamid.{i}", note="x" * 2_800) for i in range(1_000)]
    assert call(sender, messages(statuses=statuses)).status_code == 200
    assert len(bytes(Callback.objects.get().body)) > 2_900_000
    assert receipts.fold(now=datetime.now(UTC), limit=10) == 1
    assert Callback.objects.get().failure == ""


STRANGE: dict[str, Any] = {
    "a field nobody knows": [{"field": "brain_waves", "value": {}}],
    "no field": [{"value": {}}],
    "a value that is no object": [{"field": "messages", "value": 7}],
    "no changes": 7,
    "a status nobody knows": messages(statuses=[status(status="levitated")]),
    "a status without a time": messages(statuses=[{"id": "1", "status": "read"}]),
    "a time out of this world": messages(statuses=[status(timestamp="9" * 30)]),
    "a status that is a number": messages(statuses=[7]),
    "a message without a kind": messages({"id": "1", "from": "33639980001", "timestamp": "1"}),
    "a kind nobody knows": messages({"id": "1", "from": "1", "timestamp": "1", "type": "hologram"}),
    "a preference nobody knows": [
        {"field": "user_preferences", "value": {"user_preferences": [
            {"wa_id": "1", "category": "marketing_messages", "value": "maybe", "timestamp": "1"}]}}
    ],
    "a restriction without its kind": [{"field": "account_update", "value": {}}],
    "an end that is no time": [{"field": "account_update", "value": RESTRICTED | {
        "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": "soon"}]}}],
    "another number": [{"field": "messages", "value": {"metadata": {"phone_number_id": "1"}, "statuses": [status()]}}],
}  # fmt: skip


@pytest.mark.promise("P11")
@pytest.mark.parametrize("what", STRANGE)
def test_what_makes_no_sense_is_kept_and_noted_and_never_fails(sender: Sender, what: str) -> None:
    assert call(sender, STRANGE[what]).status_code == 200
    receipts.fold(now=datetime.now(UTC), limit=10)
    kept = Callback.objects.get()
    assert kept.failure
    assert bytes(kept.body)
    assert kept.folded_at is not None


UNDERSTOOD = {
    "played": messages(statuses=[status(status="played")]),
    "a reaction to a message": messages({"id": "1", "from": "1", "timestamp": "1", "type": "reaction", "reaction": {}}),
    "components": [{"field": "message_template_components_update", "value": {}}],
    "an alert": [{"field": "account_alerts", "value": {"alert_info": {"alert_severity": "INFORMATIONAL"}}}],
    "a sign-up": [
        {"field": "user_preferences", "value": {"user_preferences": [
            {"wa_id": "1", "category": "marketing_messages", "value": "signup", "timestamp": "1"}]}}
    ],
}  # fmt: skip


@pytest.mark.parametrize("what", UNDERSTOOD)
def test_what_needs_nothing_done_is_kept_by_nobody(sender: Sender, what: str) -> None:
    assert call(sender, UNDERSTOOD[what]).status_code == 200
    kept = Callback.objects.get()
    assert (kept.failure, bytes(kept.body)) == ("", b"")


@pytest.mark.promise("P11")
def test_a_bad_element_loses_none_of_its_neighbours(sender: Sender) -> None:
    people = make_people(business=sender.business, n=2)
    said = [
        7,
        {"id": "in_1", "from": "33639980000001", "timestamp": "1", "type": "text", "text": {"body": "STOP"}},
        {"id": "in_2", "from": "33639980000002", "timestamp": "1", "type": "text", "text": None},
    ]
    assert call(sender, messages(*said, statuses=[None, status()])).status_code == 200  # type: ignore[arg-type]
    assert Refusal.objects.filter(recipient_id=people[0], lifted_at=None).exists()
    assert Callback.objects.get().failure.startswith("3 set aside")


def test_one_accounts_calls_may_be_about_another_number_of_the_same_business(sender: Sender) -> None:
    sibling = make_whatsapp_sender(business=sender.business, number="555555")
    stranger = make_whatsapp_sender(business=make_business(name="Rival"), number="666666")
    parsed = account_receipts(sender, sibling.settings["phone_number_id"])
    assert [update.sender_id for update in parsed] == [sibling.pk]
    assert account_receipts(sender, stranger.settings["phone_number_id"]) == []


def account_receipts(sender: Sender, number: str) -> list[Any]:
    from broadcasts.channels import channel_for
    from broadcasts.channels.base import ReceiptUpdate

    value = {"metadata": {"phone_number_id": number}, "statuses": [status()]}
    body = json.dumps({"entry": [{"id": "1", "time": 1, "changes": [{"field": "messages", "value": value}]}]})
    return [u for u in channel_for(sender).parse(sender, body.encode()) if isinstance(u, ReceiptUpdate)]


@pytest.mark.parametrize(
    ("wa_id", "number"),
    [
        ("5215512345678", "+525512345678"),
        ("525512345678", "+525512345678"),
        ("551187654321", "+5511987654321"),
        ("5511987654321", "+5511987654321"),
        ("551133334444", "+551133334444"),
        ("5491123456789", "+5491123456789"),
        ("33639980001", "+33639980001"),
    ],
)
def test_a_number_is_spelt_as_its_country_spells_it_today(sender: Sender, wa_id: str, number: str) -> None:
    from broadcasts.channels import channel_for

    said = {"id": "1", "from": wa_id, "timestamp": "1", "type": "text", "text": {"body": "STOP"}}
    entry = {"id": "1", "time": 1, "changes": [{"field": "messages", "value": {"messages": [said]}}]}
    [update] = channel_for(sender).parse(sender, json.dumps({"entry": [entry]}).encode())
    assert update.address == number  # type: ignore[union-attr]


# --- How the account stands ---------------------------------------------------------------------


def test_a_restriction_ends_by_itself_or_by_word(sender: Sender) -> None:
    now = datetime.now(UTC)
    info = [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": int(now.timestamp()) + 3600}]
    assert (
        call(sender, [{"field": "account_update", "value": RESTRICTED | {"restriction_info": info}}]).status_code == 200
    )
    assert "begin no conversations" in approvals.restriction(sender=sender, now=now)
    assert approvals.restriction(sender=sender, now=now + timedelta(hours=2)) == ""

    later = now.timestamp() + 5
    call(sender, [{"field": "account_update", "value": {"event": "ACCOUNT_REINSTATED"}}], at=later)
    assert approvals.restriction(sender=sender, now=now) == ""
    # The old call again: it is older than what was heard since.
    call(sender, [{"field": "account_update", "value": RESTRICTED}], at=later - 5)
    assert approvals.restriction(sender=sender, now=now) == ""


@pytest.mark.parametrize("kind", ["RESTRICTED_UTILITY_TEMPLATES", "RESTRICTED_ADD_PHONE_NUMBER_ACTION"])
def test_what_does_not_concern_offers_restricts_nothing(sender: Sender, kind: str) -> None:
    call(
        sender, [{"field": "account_update", "value": RESTRICTED | {"restriction_info": [{"restriction_type": kind}]}}]
    )
    assert approvals.restriction(sender=sender, now=datetime.now(UTC)) == ""


def test_all_numbers_of_the_account_are_restricted_and_nobody_elses(sender: Sender) -> None:
    sibling = make_whatsapp_sender(business=sender.business, number="555555")
    elsewhere = make_whatsapp_sender(business=sender.business, number="777777", account_id="999999")
    stranger = make_whatsapp_sender(business=make_business(name="Rival"), number="666666")
    call(sender, [{"field": "account_update", "value": {"event": "ACCOUNT_VIOLATION"}}])
    now = datetime.now(UTC)
    restricted = [s for s in (sender, sibling, elsewhere, stranger) if approvals.restriction(sender=s, now=now)]
    assert restricted == [sender, sibling]


def test_limits_and_quality_are_noted(sender: Sender) -> None:
    call(sender, [{"field": "phone_number_quality_update", "value": {"event": "FLAGGED", "current_limit": "TIER_10K"}}])
    known = Standing.objects.get(sender=sender)
    assert (known.tier, known.quality) == ("TIER_10K", "red")


def test_a_slowed_sender_recovers_little_by_little(sender: Sender) -> None:
    now = datetime.now(UTC)
    Standing.objects.create(sender=sender, allowed_per_second=80, slowed_at=now - timedelta(minutes=2))
    Sender.objects.filter(pk=sender.pk).update(messages_per_second=40)
    rates = []
    for minute in range(6):
        standing.speed_up(now=now + timedelta(minutes=2 * minute))
        rates.append(Sender.objects.get(pk=sender.pk).messages_per_second)
    assert rates == [50, 62, 77, 80, 80, 80]


@pytest.mark.promise("P3")
def test_an_account_that_is_gone_ends_its_broadcasts(shop: Shop, meta: Emulator) -> None:
    make_people(business=shop.business, n=3, now=datetime.now(UTC))
    broadcast = make_launched(business=shop.business, version=shop.version, sender=shop.sender, now=datetime.now(UTC))
    assert meta.tell("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}}) == 200
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.HALTED
    assert "désactivé le compte" in broadcast.state_reason
    assert plan.read(broadcast.pk).obstacle is not None


def test_a_payment_problem_told_later_stops_and_a_look_lifts_it(shop: Shop, meta: Emulator) -> None:
    make_people(business=shop.business, n=3, now=datetime.now(UTC))
    broadcast = make_launched(business=shop.business, version=shop.version, sender=shop.sender, now=datetime.now(UTC))
    failed = status(status="failed", errors=[{"code": 131042, "title": "…"}])
    assert meta.tell("messages", {"metadata": {"phone_number_id": NUMBER}, "statuses": [failed]}) == 200
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED
    assert "moyen de paiement" in broadcast.state_reason
    senders.check(sender=shop.sender, by=None, now=datetime.now(UTC))
    assert approvals.restriction(sender=shop.sender, now=datetime.now(UTC)) == ""
    assert Delivery.objects.filter(state=Delivery.State.QUEUED).count() == 3
