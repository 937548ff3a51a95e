"""The first answer comes from a sample; the exact one follows by itself, and stands beside it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from broadcasts import estimate, lifecycle
from broadcasts.models import Broadcast, Estimate
from businesses.models import Business, Member
from consent import refusals
from consent.models import Contact
from tests.at_once import at_once
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


def while_counting(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Let something happen after everybody was asked, before the answer is stored; once."""
    ask_everybody, todo = estimate._ask_everybody, [act]

    def and_meanwhile(*facts: Any) -> estimate.Tally:
        tally = ask_everybody(*facts)
        if todo:
            todo.pop()()
        return tally

    monkeypatch.setattr(estimate, "_ask_everybody", and_meanwhile)


@pytest.mark.parametrize("meanwhile", ["edited", "estimated", "launched", "claimed"])
@pytest.mark.usefixtures("db", "_few_are_many")
def test_what_changes_while_it_is_counted_is_not_overwritten(monkeypatch: pytest.MonkeyPatch, meanwhile: str) -> None:
    draft = make_broadcast(business=told())
    sample = estimate.estimate(broadcast=draft, now=NOW)
    acts: dict[str, Callable[[], Any]] = {
        "edited": lambda: lifecycle.edit(broadcast=draft, by=None, now=NOW, variables={"discount": "30"}),
        "estimated": lambda: estimate.estimate(broadcast=draft, now=NOW),
        "launched": lambda: lifecycle.launch(broadcast=draft, token=sample.token, by=None, now=NOW),
        "claimed": lambda: Estimate.objects.update(exact_due_at=NOW + 2 * estimate.CLAIM),
    }
    while_counting(monkeypatch, acts[meanwhile])
    assert estimate.count_due(now=NOW) == 0
    assert not Estimate.objects.filter(is_exact=True).exists()
    sample.refresh_from_db()
    assert sample.exact_due_at == (NOW + 2 * estimate.CLAIM if meanwhile == "claimed" else None)
    if meanwhile == "estimated":
        newer = Estimate.objects.latest("pk")
        assert newer.pk > sample.pk
        assert estimate.count_due(now=NOW) == 1, "the newer one still is"
        newer.refresh_from_db()
        assert newer.exact_due_at is None


@pytest.mark.usefixtures("db", "_few_are_many")
def test_one_turn_counts_once() -> None:
    """A claim is as long as one count: whoever went on with the first one's moment would claim too short."""
    business = told()
    for _each in range(2):
        estimate.estimate(broadcast=make_broadcast(business=business), now=NOW)
    assert estimate.count_due(now=NOW) == 1
    assert Estimate.objects.filter(exact_due_at=NOW).count() == 1
    assert estimate.count_due(now=NOW + timedelta(seconds=1)) == 1
    assert not Estimate.objects.filter(exact_due_at__isnull=False).exists()


@pytest.mark.usefixtures("_few_are_many")
def test_only_one_counts_in_the_whole_house(own_database: OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    business = told(now)
    for _each in range(3):
        estimate.estimate(broadcast=make_broadcast(business=business, now=now), now=now)
    ask_everybody, at_work, most = estimate._ask_everybody, list[int](), list[int]()

    def slowly(*facts: Any) -> estimate.Tally:
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.5)
        at_work.pop()
        return ask_everybody(*facts)

    monkeypatch.setattr(estimate, "_ask_everybody", slowly)
    n = sum(at_once(lambda _number: estimate.count_due(now=now), 3))
    assert n <= 1, "the others went away"
    n += sum(estimate.count_due(now=now) for _turn in range(3 - n))
    assert (n, max(most)) == (3, 1)


@pytest.mark.usefixtures("_few_are_many")
def test_the_answer_that_is_stored_later_is_the_newest(own_database: OwnDatabase) -> None:
    now = datetime.now(UTC)
    draft = make_broadcast(business=told(now), now=now)
    first = estimate.estimate(broadcast=draft, now=now)
    later: list[Estimate] = []

    def ask_again() -> None:
        try:
            later.append(estimate.estimate(broadcast=draft, now=now))
        finally:
            connection.close()

    with transaction.atomic():
        Broadcast.objects.select_for_update().get(pk=draft.pk)
        other = threading.Thread(target=ask_again)
        other.start()
        wait_for_a_waiting_one()
        first.pk, first.token = None, "stored first"
        first.save()
    other.join(timeout=20)
    assert later[0].pk > first.pk


def wait_for_a_waiting_one() -> None:
    here = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at:
        with connection.cursor() as cursor:
            # Within a transaction the first answer would be kept.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(here)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


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
