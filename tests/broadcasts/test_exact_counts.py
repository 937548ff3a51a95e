"""The first answer comes from a sample; the exact one follows by itself, and stands beside it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from broadcasts import estimate, lifecycle
from broadcasts.models import Broadcast, Estimate
from businesses.models import Business, Member
from consent import refusals
from consent.models import Contact
from tests.broadcasts.test_api import Program
from tests.conftest import OwnDatabase
from tests.make import NOW, make_broadcast, make_business, make_launched, make_member, make_people, open_policy

N_PEOPLE, N_STOPPED = 300, 30


@pytest.fixture
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "EXACT_UP_TO", 100)
    monkeypatch.setattr(estimate, "SAMPLE_ROWS", 60)


def told(now: datetime = NOW) -> Business:
    open_policy()
    business = make_business(money=1_000_000_000)
    make_people(business=business, n=N_PEOPLE, now=now)
    for pk in Contact.objects.of(business).order_by("pk").values_list("recipient_id", flat=True)[:N_STOPPED]:
        refusals.stop(recipient_id=pk, business=business, via="test", now=now)
    return business


@pytest.mark.usefixtures("db", "_few_are_many")
def test_the_exact_answer_follows_a_sample() -> None:
    draft = make_broadcast(business=told())
    first = estimate.estimate(broadcast=draft, now=NOW)
    assert (first.is_exact, first.exact_due_at) == (False, NOW)
    assert first.n_eligible + sum(first.reasons.values()) == first.n_audience == N_PEOPLE
    assert 150 < first.n_eligible <= N_PEOPLE
    assert estimate.count_due(now=NOW) == 1
    exact, again = Estimate.objects.order_by("-pk")
    assert (exact.is_exact, exact.n_eligible, exact.reasons) == (True, 270, {"opted_out": N_STOPPED})
    assert (again.exact_due_at, exact.exact_due_at) == (None, None)
    assert estimate.count_due(now=NOW) == 0
    assert lifecycle.launch(broadcast=draft, token=exact.token, by=None, now=NOW).state == Broadcast.State.PREPARING


@pytest.mark.usefixtures("db", "_few_are_many")
def test_what_nobody_waits_for_is_not_counted() -> None:
    business = told()
    draft = make_broadcast(business=business)
    estimate.estimate(broadcast=draft, now=NOW)
    newest = estimate.estimate(broadcast=draft, now=NOW)
    lifecycle.launch(broadcast=draft, token=newest.token, by=None, now=NOW)
    assert estimate.count_due(now=NOW) == 0, "launched meanwhile"
    other = make_broadcast(business=business)
    for _twice in range(2):
        estimate.estimate(broadcast=other, now=NOW)
    assert estimate.count_due(now=NOW) == 1, "the newest of two"


@pytest.mark.usefixtures("db", "_few_are_many")
def test_whoever_is_ended_in_the_middle_leaves_it_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = make_broadcast(business=told())
    estimate.estimate(broadcast=draft, now=NOW)
    with monkeypatch.context() as broken:
        broken.setattr(estimate, "_is_latest", lambda asked: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            estimate.count_due(now=NOW)
    assert estimate.count_due(now=NOW) == 0, "somebody has it"
    assert estimate.count_due(now=NOW + estimate.CLAIM) == 1


@pytest.mark.usefixtures("db", "_few_are_many")
def test_a_refusal_meanwhile_ends_it() -> None:
    draft = make_broadcast(business=told())
    estimate.estimate(broadcast=draft, now=NOW)
    Business.objects.update(state=Business.State.SUSPENDED)
    assert estimate.count_due(now=NOW) == 0
    assert Estimate.objects.get().exact_due_at is None


@pytest.mark.usefixtures("_few_are_many")
def test_page_and_program_show_the_latest(client: Client, db: None) -> None:
    now = datetime.now(UTC)
    business = told(now)
    draft = make_broadcast(business=business, now=now)
    program = Program(business)
    assert program.get(f"broadcasts/{draft.code}/estimate").status_code == 404
    assert program.post(f"broadcasts/{draft.code}/estimate", {}).json()["is_exact"] is False
    client.force_login(make_member(business=business, role=Member.Role.MARKETER))
    where = f"/b/{business.code}/broadcasts/{draft.code}/estimate/"
    shown = client.get(where, {"step": "review"}, headers={"HX-Request": "true"}).content.decode()
    assert "every 2s" in shown
    assert "from a sample" in shown
    estimate.count_due(now=now + timedelta(seconds=1))
    shown = client.get(where, {"step": "review"}, headers={"HX-Request": "true"}).content.decode()
    assert "every 2s" not in shown
    assert "from a sample" not in shown
    exact = program.get(f"broadcasts/{draft.code}/estimate").json()
    assert exact["is_exact"] is True
    assert exact["token"] in shown
    assert client.get(where).status_code == 302


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.usefixtures("db", "_few_are_many")
def test_a_sample_is_drawn_from_all_over(monkeypatch: pytest.MonkeyPatch, sparse: bool) -> None:
    if sparse:
        monkeypatch.setattr(estimate, "MOST_DRAWN", 10)
    business = told()
    mine = Contact.objects.of(business)
    drawn: Counter[int] = Counter()
    for _many in range(60):
        drawn.update(estimate._sample(business, mine, N_PEOPLE).values_list("pk", flat=True))
    assert len(drawn) > N_PEOPLE * 0.95, "everybody may be drawn"
    assert 6 < drawn.total() / len(drawn) < 18, "one in five, sixty times"


def test_two_connections_find_what_one_finds(own_database: OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    business = told(now)
    make_launched(business=business, now=now)
    draft = make_broadcast(business=business, now=now, holdout_permille=200)
    alone = estimate.estimate(broadcast=draft, now=now)
    monkeypatch.setattr(estimate, "SLICE_ROWS", 70)
    monkeypatch.setattr("broadcasts.own_caps.STRETCH", 20)
    both = estimate.estimate(broadcast=draft, now=now)
    assert both.is_exact
    assert (both.n_eligible, both.reasons) == (alone.n_eligible, alone.reasons)
    assert both.reasons["cap_business"] + both.reasons["holdout"] == N_PEOPLE - N_STOPPED
