"""A real lane speaks to the emulator, and the emulator to our real door."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.utils.translation import override

from broadcasts import codes, counts, lanes, lifecycle, submissions
from broadcasts.channels import http
from broadcasts.channels.base import Message, Outcome
from broadcasts.channels.whatsapp import WhatsApp, errors, wording
from broadcasts.models import Broadcast, Delivery, ProviderTemplate, Sender, SenderMedia, Standing
from businesses import wallet
from businesses.models import Member
from consent.models import Address, CapEntry, Refusal
from feedback import receipts
from feedback.models import Callback, Reply
from tests.broadcasts.whatsapp.emulator import Emulator, Fate
from tests.broadcasts.whatsapp.shop import Shop, open_shop, open_shop_with_picture, with_own_page
from tests.make import make_client, make_launched, make_member, make_people

State = Delivery.State


def launched(shop: Shop, n: int, **fields: object) -> Broadcast:
    now = datetime.now(UTC)
    make_people(business=shop.business, n=n, now=now)
    return make_launched(business=shop.business, now=now, version=shop.version, sender=shop.sender, **fields)


def run_lane(seconds: float = 30) -> int:
    return asyncio.run(lanes.Lane(life_seconds=seconds).run())


def fold() -> None:
    while receipts.fold(now=datetime.now(UTC), limit=100):
        pass


def states(broadcast: Broadcast) -> dict[str, int]:
    assert counts.verify(broadcast) == []
    assert wallet.verify_books() == []
    return counts.funnel(broadcast).states


def number(n: int) -> str:
    return f"+3363998{n:07}"


def delivery(broadcast: Broadcast, n: int) -> Delivery:
    return Delivery.objects.get(
        broadcast_id=broadcast.pk, recipient_id=Address.objects.get(value=number(n)).recipient_id
    )


def test_all_the_way_in_both_directions(shop: Shop, meta: Emulator) -> None:
    broadcast = launched(shop, 1_200)
    assert run_lane() == 1_200

    assert len({told["to"] for told in meta.taken}) == len(meta.taken) == 1_200
    told = next(one for one in meta.taken if one["to"] == number(7))
    template = told["template"]
    assert template["name"] == ProviderTemplate.objects.get().name
    assert template["language"] == {"code": "en"}
    body, interested, not_interested = template["components"]
    assert body == {
        "type": "body",
        "parameters": [
            {"type": "text", "parameter_name": "first_name", "text": "Ana"},
            {"type": "text", "parameter_name": "discount", "text": "20"},
        ],
    }
    code = told["biz_opaque_callback_data"]
    assert interested["parameters"] == [{"type": "payload", "payload": f"interested|{code}"}]
    assert (not_interested["sub_type"], not_interested["index"]) == ("quick_reply", "1")

    meta.tell_statuses()
    assert set(meta.answers) == {200}
    fold()
    assert states(broadcast) == {"read": 1_200}
    assert not Callback.objects.exclude(failure="").exists()


def test_a_button_leads_everybody_to_their_own_page(door: str, meta: Emulator) -> None:
    shop = open_shop(meta, with_own_page(door))
    broadcast = launched(shop, 3)
    assert run_lane() == 3
    told = next(one for one in meta.taken if one["to"] == number(2))
    *_, button = told["template"]["components"]
    assert (button["sub_type"], button["index"]) == ("url", "2")
    [parameter] = button["parameters"]
    theirs = delivery(broadcast, 2).recipient_id
    assert codes.read_preference_token(parameter["text"]) == (broadcast.pk, theirs)

    # As the phone does it: the approved address, and at its end what we gave.
    link = with_own_page(door)[-1]["buttons"][-1]["url"].replace("{{1}}", parameter["text"])
    visitor = make_client()
    page = visitor.get(urlsplit(link).path, follow=True)
    assert page.status_code == 200
    assert shop.business.name in page.content.decode()
    found = re.search(r'<form[^>]*>(?:(?!</form>).)*value="stop".*?</form>', page.content.decode(), re.DOTALL)
    assert found, "it offers to stop"


@pytest.mark.usefixtures("door", "_rules_let_pictures_pass")
@pytest.mark.parametrize(
    ("kind", "name", "sent"),
    [
        ("IMAGE", "picture.png", {"type": "image", "image": {"id": "media1"}}),
        ("VIDEO", "film.mp4", {"type": "video", "video": {"id": "media1"}}),
        (
            "DOCUMENT",
            "our menu.pdf",
            {"type": "document", "document": {"id": "media1", "filename": "our menu.pdf"}},
        ),
    ],
)
def test_what_is_uploaded_once_leaves_with_every_message(
    meta: Emulator, kind: str, name: str, sent: dict[str, object]
) -> None:
    shop = open_shop_with_picture(meta, kind, name)
    broadcast = launched(shop, 50)
    assert run_lane() == 50
    assert states(broadcast) == {"accepted": 50}
    headers = [told["template"]["components"][0] for told in meta.taken]
    assert headers == [{"type": "header", "parameters": [sent]}] * 50
    assert len(meta.media) == 1


@pytest.mark.usefixtures("door", "_rules_let_pictures_pass", "lingering")
def test_a_file_that_whatsapp_lost_pauses_and_is_uploaded_again(meta: Emulator) -> None:
    shop = open_shop_with_picture(meta)
    broadcast = launched(shop, 60)
    meta.forget_media()
    run_lane()
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED
    assert "ne trouve plus le fichier de l’en-tête" in broadcast.state_reason
    assert states(broadcast) == {"queued": 60}, "nobody is failed for it"

    submissions.carry(now=datetime.now(UTC))
    lifecycle.resume(broadcast=broadcast, by=None, now=datetime.now(UTC))
    run_lane()
    assert states(broadcast) == {"accepted": 60}
    used = {told["template"]["components"][0]["parameters"][0]["image"]["id"] for told in meta.taken}
    assert used == {"media2"}


@pytest.mark.usefixtures("door", "_rules_let_pictures_pass", "lingering")
def test_a_file_that_whatsapp_loses_again_is_not_uploaded_for_ever(meta: Emulator) -> None:
    shop = open_shop_with_picture(meta)
    broadcast = launched(shop, 10)
    for _ in range(2):
        if broadcast.state == Broadcast.State.PAUSED:
            lifecycle.resume(broadcast=broadcast, by=None, now=datetime.now(UTC))
            broadcast.refresh_from_db()
        meta.forget_media()
        while broadcast.state == Broadcast.State.SENDING:
            run_lane()
            broadcast.refresh_from_db()
        submissions.carry(now=datetime.now(UTC))
        assert len(meta.media) == 2
    assert "c’est le fichier lui-même qui ne va pas" in broadcast.state_reason
    assert states(broadcast) == {"queued": 10}


def file_in_use() -> str:
    return SenderMedia.objects.get().media_id


@pytest.mark.usefixtures("door", "_rules_let_pictures_pass", "lingering")
def test_a_status_about_the_file_pauses_too_and_one_about_an_old_file_says_nothing(meta: Emulator) -> None:
    """WhatsApp takes the messages, and tells later that it could not use the picture."""
    shop = open_shop_with_picture(meta)
    broadcast = launched(shop, 60, messages_per_second=5)
    meta.everybody = Fate(fails=131053)
    run_lane(1)
    told = list(meta.waiting_statuses())
    assert 0 < len(told) < 60
    meta.tell_statuses()
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED, "in the door's own transaction"
    assert "ne trouve plus le fichier de l’en-tête" in broadcast.state_reason
    fold()
    assert states(broadcast) == {"failed": len(told), "queued": 60 - len(told)}
    assert set(Delivery.objects.filter(state=State.FAILED).values_list("error_code", flat=True)) == {"131053"}

    submissions.carry(now=datetime.now(UTC))
    lifecycle.resume(broadcast=broadcast, by=None, now=datetime.now(UTC))
    meta.waiting_statuses().extend(told)
    meta.tell_statuses()
    broadcast.refresh_from_db()
    assert (file_in_use(), broadcast.state) == ("media2", Broadcast.State.SENDING), "they had been sent with media1"

    run_lane(1)
    meta.tell_statuses()
    submissions.carry(now=datetime.now(UTC))
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED
    assert "c’est le fichier lui-même qui ne va pas" in broadcast.state_reason
    assert (file_in_use(), len(meta.media)) == ("", 2), "the same bytes are not uploaded a third time"


@pytest.mark.usefixtures("door", "_rules_let_pictures_pass", "lingering")
def test_an_answer_about_an_old_file_says_nothing_of_the_new_one(meta: Emulator) -> None:
    shop = open_shop_with_picture(meta)
    broadcast = launched(shop, 5)
    old = wording.of_version(shop.sender, shop.version).content({})
    SenderMedia.objects.update(media_id="media2", lost_at=datetime.now(UTC))
    meta.media.append({})
    message = Message(broadcast.pk, 1, 1, "dlv_a", number(1), "en", old, "", 0, time.monotonic())
    meta.forget_media()

    async def hand_over() -> list[Outcome]:
        channel, outcomes = WhatsApp(), list[Outcome]()
        await channel.send(shop.sender, [message], lambda message, outcome: outcomes.append(outcome))
        await channel.close()
        return outcomes

    assert [outcome.error_code for outcome in asyncio.run(hand_over())] == ["131053"]
    assert file_in_use() == "media2"


def test_statuses_come_twice_and_in_any_order(shop: Shop, meta: Emulator) -> None:
    meta.everybody = Fate(statuses=("read", "delivered", "sent"), copies=3)
    broadcast = launched(shop, 50)
    run_lane()
    meta.tell_statuses()
    fold()
    assert states(broadcast) == {"read": 50}


@pytest.mark.parametrize(
    ("code", "state", "error"),
    [
        (131026, "failed", "131026"),
        (132005, "failed", "132005"),
        (131000, "unknown", "131000"),
        (999999, "unknown", "999999"),
    ],
)
def test_a_refusal_is_what_its_code_proves(shop: Shop, meta: Emulator, code: int, state: str, error: str) -> None:
    meta.everybody = Fate(refused=code)
    broadcast = launched(shop, 20)
    run_lane()
    assert states(broadcast) == {state: 20}
    assert set(Delivery.objects.values_list("error_code", flat=True)) == {error}
    assert CapEntry.objects.count() == (0 if state == "failed" else 20)
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.COMPLETED


def test_each_refused_person_has_a_reason_in_words(shop: Shop, meta: Emulator) -> None:
    meta.meets[number(1)] = Fate(refused=131026)
    meta.meets[number(2)] = Fate(fails=131049)
    meta.meets[number(3)] = Fate(refused=131000)
    broadcast = launched(shop, 4)
    run_lane()
    meta.tell_statuses()
    fold()
    analyst = make_client(make_member(business=shop.business, role=Member.Role.ANALYST))
    where = f"/b/{shop.business.code}/broadcasts/{broadcast.code}/"
    refused = analyst.get(where + "refused/").content.decode()
    assert "This number cannot be reached over WhatsApp." in refused
    assert "this person has had enough offers for now" in refused
    assert "had a fault of its own" in analyst.get(where + "attention/").content.decode()
    french = analyst.get(where + "refused/", headers={"Accept-Language": "fr"}).content.decode()
    assert "Ce numéro n’est pas joignable sur WhatsApp." in french


@pytest.mark.parametrize("instead", ["html", "garbage", "half", "close", "server_error", "hang"])
def test_an_answer_that_proves_nothing_is_unknown_and_never_sent_again(
    shop: Shop, meta: Emulator, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", timedelta(seconds=1))
    meta.everybody = Fate(instead=instead, statuses=("delivered",))
    broadcast = launched(shop, 20)
    run_lane()
    assert states(broadcast) == {"unknown": 20}
    assert len(meta.taken) == 20, "each of them once"
    # The receipt settles it, by our own code: the provider's id never reached us.
    meta.tell_statuses()
    fold()
    assert states(broadcast) == {"delivered": 20}


@pytest.mark.usefixtures("lingering")
def test_too_fast_is_heard_and_the_sender_becomes_slower(shop: Shop, meta: Emulator) -> None:
    meta.everybody = Fate(refused=130429, status=429, times=30)
    broadcast = launched(shop, 100)
    run_lane()
    assert len(meta.taken) == 100
    assert states(broadcast) == {"accepted": 100}
    slowed = Sender.objects.get(pk=shop.sender.pk).messages_per_second
    assert slowed < 1_000


@pytest.mark.usefixtures("lingering")
def test_one_persons_pair_rate_holds_up_nobody_else(shop: Shop, meta: Emulator) -> None:
    meta.meets[number(3)] = Fate(refused=131056, times=1)
    broadcast = launched(shop, 200)
    began = datetime.now(UTC)
    while Broadcast.objects.get(pk=broadcast.pk).state == Broadcast.State.SENDING:
        run_lane()
    assert states(broadcast) == {"accepted": 200}
    waited = delivery(broadcast, 3)
    others = Delivery.objects.exclude(recipient_id=waited.recipient_id)
    assert set(others.values_list("attempt", flat=True)) == {1}
    assert max(gated_at for (gated_at,) in others.values_list("gated_at")) - began < timedelta(seconds=4)
    assert waited.attempt == 2
    assert waited.gated_at is not None
    assert waited.gated_at - began >= timedelta(seconds=4)


def test_held_is_held_until_its_receipt(shop: Shop, meta: Emulator) -> None:
    meta.everybody = Fate(message_status="held_for_quality_assessment", statuses=("sent",))
    meta.meets[number(1)] = Fate(message_status="held_for_quality_assessment", fails=132015)
    broadcast = launched(shop, 10)
    run_lane()
    assert states(broadcast) == {"held": 10}
    meta.tell_statuses()
    fold()
    assert states(broadcast) == {"sent": 9, "failed": 1}


def test_a_stop_in_whatsapp_itself_is_a_stop_with_us(shop: Shop, meta: Emulator) -> None:
    meta.meets[number(1)] = Fate(fails=131050)
    meta.meets[number(2)] = Fate(fails=131049)
    broadcast = launched(shop, 3)
    run_lane()
    meta.tell_statuses()
    fold()
    assert states(broadcast) == {"read": 1, "failed": 2}
    stopped = Refusal.objects.filter(lifted_at=None).values_list("recipient_id", flat=True)
    assert list(stopped) == [delivery(broadcast, 1).recipient_id]

    assert meta.prefers(number(1), "resume") == 200
    assert not Refusal.objects.filter(lifted_at=None).exists()
    assert meta.prefers(number(3), "stop") == 200
    assert Refusal.objects.filter(lifted_at=None, recipient_id=delivery(broadcast, 3).recipient_id).exists()


def test_what_people_say_and_press_comes_home(shop: Shop, meta: Emulator) -> None:
    broadcast = launched(shop, 4)
    run_lane()
    wamid = {told["to"]: told["id"] for told in meta.taken}
    payload = {t["to"]: t["template"]["components"][2]["parameters"][0]["payload"] for t in meta.taken}
    assert meta.presses(number(1), payload[number(1)]) == 200
    assert meta.presses(number(2), "Interested", quotes=wamid[number(2)]) == 200
    assert meta.says(number(3), "STOP") == 200
    assert meta.says(number(4), "Open on Sunday?", quotes=wamid[number(4)]) == 200
    fold()
    assert delivery(broadcast, 1).reaction == 2
    assert delivery(broadcast, 2).reaction == 1
    assert Refusal.objects.filter(lifted_at=None, recipient_id=delivery(broadcast, 3).recipient_id).exists()
    assert Reply.objects.get().text == "Open on Sunday?"


@pytest.mark.parametrize("code", [131042, 368, 190])
def test_an_account_that_cannot_send_pauses_instead_of_burning_its_audience(
    shop: Shop, meta: Emulator, code: int
) -> None:
    meta.everybody = Fate(refused=code)
    broadcast = launched(shop, 300)
    run_lane()
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED
    with override("fr"):
        assert broadcast.state_reason == errors.sentence(str(code))
    assert states(broadcast) == {"queued": 300}
    assert Standing.objects.get().restriction == str(code)
    assert not meta.taken


def test_a_template_that_whatsapp_pauses_pauses_its_broadcasts(shop: Shop, meta: Emulator) -> None:
    broadcast = launched(shop, 100)
    name = ProviderTemplate.objects.get().name
    assert meta.decides(name, "PAUSED", other_info={"title": "FIRST_PAUSE", "description": "3 hours"}) == 200
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED, "in the door's own transaction"
    assert "suspendu par le prestataire" in broadcast.state_reason, "in the business's language"
    assert "FIRST_PAUSE" in broadcast.state_reason
    assert run_lane(5) == 0


@pytest.mark.usefixtures("lingering")
def test_a_template_refused_at_the_hand_over_pauses_too(shop: Shop, meta: Emulator) -> None:
    meta.everybody = Fate(refused=132015)
    broadcast = launched(shop, 100)
    run_lane()
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED
    assert states(broadcast) == {"queued": 100}
    assert ProviderTemplate.objects.get().state == ProviderTemplate.State.PAUSED


def test_a_restriction_stops_a_running_broadcast_before_it_is_answered(shop: Shop, meta: Emulator) -> None:
    broadcast = launched(shop, 2_000, messages_per_second=200)

    async def restrict_in_the_middle() -> None:
        lane = lanes.Lane(life_seconds=20)
        run = asyncio.create_task(lane.run())
        while lane.n_handed_over < 100:
            await asyncio.sleep(0.02)
        info = [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": None}]
        answered = await asyncio.to_thread(
            meta.tell, "account_update", {"event": "ACCOUNT_RESTRICTION", "restriction_info": info}
        )
        assert answered == 200
        n_at_answer = len(meta.taken)
        await run
        assert len(meta.taken) - n_at_answer <= 200, "no more than a second's worth was on its way"

    asyncio.run(restrict_in_the_middle())
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED
    assert "commencer aucune conversation" in broadcast.state_reason


def test_a_stop_told_in_the_answer_itself_is_a_stop(shop: Shop, meta: Emulator) -> None:
    meta.meets[number(2)] = Fate(refused=131050)
    broadcast = launched(shop, 3)
    run_lane(5)
    assert delivery(broadcast, 2).state == State.FAILED
    refusal = Refusal.objects.get(lifted_at=None)
    assert (refusal.recipient_id, refusal.via) == (delivery(broadcast, 2).recipient_id, "provider")
    # WhatsApp's own resume takes it back like any other.
    meta.prefers(number(2), "resume")
    assert not Refusal.objects.filter(lifted_at=None).exists()


def test_who_is_known_by_another_number_is_heard_under_it(shop: Shop, meta: Emulator) -> None:
    """Argentina's 9 and the like: WhatsApp answers with the number that STOP will come from."""
    known, taken = "33639981999001", number(3)
    meta.meets[number(1)] = Fate(wa_id=known)
    meta.meets[number(2)] = Fate(wa_id=taken.lstrip("+"))
    # They said it before anybody knew whose number it is.
    meta.says("+" + known, "STOP")
    broadcast = launched(shop, 3)
    owner = Address.objects.get(value=taken).recipient_id
    run_lane(5)
    person = delivery(broadcast, 1).recipient_id
    assert Address.objects.get(value="+" + known).recipient_id == person
    assert Refusal.objects.filter(recipient_id=person, lifted_at=None).exists()
    assert Address.objects.get(value=taken).recipient_id == owner
    meta.says("+" + known, "START")
    assert not Refusal.objects.filter(recipient_id=person, lifted_at=None).exists()
    assert states(broadcast)["accepted"] == 3
