"""Watching: the list, the live page with and without htmx, and steering after being told what each step will do."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from broadcasts import counts, lifecycle
from broadcasts.models import Broadcast, Delivery
from businesses.models import Business, Member, Wallet
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    business = make.make_business(money=100 * make.EURO)
    make.make_people(business=business, n=12, now=timezone.now())
    return business


@pytest.fixture
def marketer(client: Client, business: Business) -> Client:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    return client


@pytest.fixture
def sending(business: Business) -> Broadcast:
    return make.make_launched(business=business, now=timezone.now())


def _at(broadcast: Broadcast, page: str = "") -> str:
    return f"/b/{broadcast.business.code}/broadcasts/{broadcast.code}/{page}"


def test_the_list_pages_without_gap_or_overlap_within_its_queries(
    marketer: Client, business: Business, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    version = make.make_approved_version(business=business)
    sender = make.make_sandbox_sender(business=business)
    codes = [make.make_broadcast(business=business, version=version, sender=sender).code for _ in range(25)]
    with django_assert_max_num_queries(12):
        first = marketer.get(f"/b/{business.code}/broadcasts/")
    shown = [broadcast.code for broadcast in first.context["broadcasts"]]
    second = marketer.get(f"/b/{business.code}/broadcasts/?after={shown[-1]}")
    shown += [broadcast.code for broadcast in second.context["broadcasts"]]
    assert shown == codes[::-1]


def test_a_draft_leads_to_its_review(marketer: Client, business: Business) -> None:
    draft = make.make_broadcast(business=business)
    assert marketer.get(_at(draft)).headers["Location"] == _at(draft, "review/")


def test_the_live_page_shows_the_funnel_and_asks_again_by_itself(
    marketer: Client, sending: Broadcast, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_max_num_queries(12):
        page = marketer.get(_at(sending)).content.decode()
    assert "12 people" in page
    assert 'hx-trigger="every 2s"' in page
    assert "Look again" in page  # without JavaScript


def test_htmx_gets_the_live_part_alone(marketer: Client, sending: Broadcast) -> None:
    part = marketer.get(_at(sending), {"state": "sending"}, headers={"hx-request": "true"})
    assert b"<html" not in part.content
    assert b"Waiting for their turn" in part.content
    words = marketer.get(_at(sending), {"state": "sending", "part": "words"}, headers={"hx-request": "true"})
    assert words.content.decode().strip() == "0 sent, 0 delivered, 12 waiting."


def test_a_change_of_state_reloads_the_whole_page(marketer: Client, sending: Broadcast) -> None:
    lifecycle.pause(broadcast=sending, reason="typo", by=None, now=timezone.now())
    answer = marketer.get(_at(sending), {"state": "sending"}, headers={"hx-request": "true"})
    assert answer.headers["HX-Refresh"] == "true"
    assert "typo" in marketer.get(_at(sending)).content.decode()


def test_pausing_says_what_it_will_do_and_needs_a_reason(marketer: Client, sending: Broadcast) -> None:
    assert (
        "12 people still waiting get nothing until you resume" in marketer.get(_at(sending, "pause/")).content.decode()
    )
    assert marketer.post(_at(sending, "pause/"), {"reason": " "}).status_code == 422
    marketer.post(_at(sending, "pause/"), {"reason": "The price is wrong"})
    sending.refresh_from_db()
    assert (sending.state, sending.state_reason) == (Broadcast.State.PAUSED, "The price is wrong")


def test_what_is_paused_can_go_on(marketer: Client, sending: Broadcast) -> None:
    marketer.post(_at(sending, "pause/"), {"reason": "wait"})
    assert "Nobody who has it already gets it again" in marketer.get(_at(sending, "resume/")).content.decode()
    marketer.post(_at(sending, "resume/"))
    sending.refresh_from_db()
    assert sending.state == Broadcast.State.SENDING


def test_cancelling_says_what_it_will_do_and_a_look_changes_nothing(marketer: Client, sending: Broadcast) -> None:
    page = marketer.get(_at(sending, "cancel/")).content.decode()
    assert "12 people still waiting will never get it" in page
    sending.refresh_from_db()
    assert sending.state == Broadcast.State.SENDING
    marketer.post(_at(sending, "cancel/"))
    sending.refresh_from_db()
    assert sending.state == Broadcast.State.CANCELLED


def test_a_draft_is_discarded_without_money(marketer: Client, business: Business) -> None:
    draft = make.make_broadcast(business=business)
    assert "Nothing has left and nothing was paid" in marketer.get(_at(draft, "cancel/")).content.decode()
    marketer.post(_at(draft, "cancel/"))
    assert marketer.get(_at(draft)).status_code == 200
    assert Wallet.objects.get(business=business).held_micro == 0


def test_what_cannot_be_done_any_more_is_said(marketer: Client, sending: Broadcast) -> None:
    marketer.post(_at(sending, "cancel/"))
    for page, sentence in (
        ("cancel/", "has ended already"),
        ("resume/", "Only a paused broadcast"),
        ("pause/", "that is being sent"),
    ):
        answer = marketer.post(_at(sending, page), {"reason": "x"}, follow=True)
        assert sentence in answer.content.decode()


def test_unknown_outcomes_are_listed_with_their_people(marketer: Client, sending: Broadcast) -> None:
    assert "every outcome is known" in marketer.get(_at(sending, "attention/")).content.decode()
    passport = {"interaction_id": 1, "basis": 1, "cap_counts": [0], "gated_at": timezone.now()}
    Delivery.objects.filter(broadcast_id=sending.pk).update(state=Delivery.State.UNKNOWN, **passport)
    answer = marketer.get(_at(sending, "attention/"))
    assert len(answer.context["rows"]) == 12
    assert "Ana 1" in answer.content.decode()


def test_reasons_of_others_are_never_named(
    marketer: Client, sending: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    funnel = counts.funnel(sending)
    rough = counts.Funnel(**{**vars(funnel), "skipped": 3, "reasons": {"cap_platform": 2, "opted_out": 1}})
    monkeypatch.setattr(counts, "funnel", lambda broadcast: rough)
    page = marketer.get(_at(sending)).content.decode()
    assert "Some of them may not be reachable at the moment" in page
    assert "not told" in page
    assert "over all businesses." not in page


def test_an_analyst_watches_but_does_not_steer(client: Client, sending: Broadcast) -> None:
    client.force_login(make.make_member(business=sending.business, role=Member.Role.ANALYST))
    page = client.get(_at(sending))
    assert page.status_code == 200
    assert "/pause/" not in page.content.decode()
    for steer in ("pause/", "resume/", "cancel/"):
        assert client.get(_at(sending, steer)).status_code == 403
        assert client.post(_at(sending, steer), {"reason": "x"}).status_code == 403


def test_a_stranger_finds_nothing(client: Client, sending: Broadcast) -> None:
    owner = make.make_user()
    other = make.make_business(owner=owner, name="Other")
    client.force_login(owner)
    for page in ("", "pause/", "resume/", "cancel/", "attention/", "review/"):
        assert client.get(_at(sending, page)).status_code == 404
        assert client.get(f"/b/{other.code}/broadcasts/{sending.code}/{page}").status_code == 404
