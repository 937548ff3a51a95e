"""The hour of a broadcast: on the business's clock, or on each person's own."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from broadcasts import chunks, clock, estimate, freeze, hours, lifecycle, panel, quote
from broadcasts.models import Broadcast, Chunk
from businesses.models import Business, Member
from tests import make
from tests.broadcasts.test_api import Program, draft_of

# Noon in Paris, two months ahead of what tests call now.
NOW = make.NOW
NOON = datetime(2026, 6, 20, 12, 0, tzinfo=ZoneInfo("Europe/Paris"))


def said(at: datetime, zone: str = "Europe/Paris", is_local: bool = True) -> Any:
    business = SimpleNamespace(timezone=zone)
    return SimpleNamespace(scheduled_at=at, is_local_time=is_local, business=business)


@pytest.mark.parametrize(
    ("zone", "utc"),
    [
        ("Europe/Paris", "2026-06-20T10:00"),
        ("Pacific/Kiritimati", "2026-06-19T22:00"),
        ("Asia/Kolkata", "2026-06-20T06:30"),
        ("America/Los_Angeles", "2026-06-20T19:00"),
        ("America/New_York America/Chicago", "2026-06-20T16:00"),  # of several, that of most people
        ("", "2026-06-20T10:00"),
        ("No/Where", "2026-06-20T12:00"),
    ],
)
def test_noon_is_noon_on_every_clock(zone: str, utc: str) -> None:
    assert hours.start_for(said(NOON), zone, NOW) == datetime.fromisoformat(f"{utc}+00:00")


def test_every_zone_lies_between_the_first_and_the_last_start() -> None:
    broadcast = said(NOON)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12", "Europe/Paris", "America/St_Johns"):
        assert hours.first_start(broadcast, NOW) <= hours.start_for(broadcast, zone, NOW)
        assert hours.start_for(broadcast, zone, NOW) <= hours.last_start(broadcast, NOW)


def test_clocks_that_are_changed_show_the_hour_all_the_same() -> None:
    # 2:30 does not exist in Paris on that night, and exists twice in autumn: the first time counts.
    spring = said(datetime(2027, 3, 28, 2, 30, tzinfo=ZoneInfo("Asia/Tokyo")), zone="Asia/Tokyo")
    assert hours.start_for(spring, "Europe/Paris", NOW) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    autumn = said(datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Asia/Tokyo")), zone="Asia/Tokyo")
    assert hours.start_for(autumn, "Europe/Paris", NOW) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_where_the_hour_is_over_it_begins_at_once() -> None:
    late = NOON.astimezone(UTC) - timedelta(hours=1)
    assert hours.start_for(said(NOON), "Asia/Tokyo", late) == late


def test_one_moment_for_everybody_stays_one_moment() -> None:
    broadcast = said(NOON, is_local=False)
    assert hours.first_start(broadcast, NOW) == hours.last_start(broadcast, NOW) == NOON
    assert hours.start_for(broadcast, "Asia/Tokyo", NOW) == NOON


# --- The whole way -----------------------------------------------------------------------------------


@pytest.fixture
def business(db: None) -> Business:
    business = make.make_business(money=100 * make.EURO)
    make.make_people(business=business, n=3)
    make.make_people(business=business, n=2, first=100, country="JP", timezone="Asia/Tokyo")
    make.make_people(business=business, n=1, first=200, country="US", timezone="America/New_York America/Chicago")
    return business


def launched(business: Business, **fields: Any) -> Broadcast:
    local = {"scheduled_at": NOON, "is_local_time": True, "life_hours": 4, **fields}
    draft = make.make_broadcast(business=business, now=NOW, **local)
    token = estimate.estimate(broadcast=draft, now=NOW).token
    return lifecycle.launch(broadcast=draft, token=token, by=None, now=NOW)


def test_each_zone_has_its_turn_at_its_own_noon(business: Business) -> None:
    make.open_policy()
    broadcast = launched(business)
    assert broadcast.state == Broadcast.State.SCHEDULED
    assert broadcast.begins_at == datetime(2026, 6, 19, 22, 0, tzinfo=UTC)

    early = datetime(2026, 6, 19, 22, 0, tzinfo=UTC)
    clock.begin(now=early - timedelta(seconds=1))
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.SCHEDULED
    clock.begin(now=early)
    clock.freeze_waiting(now=early)
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.SENDING
    # The life counts from the last hour that anybody waits for: noon in New York.
    assert broadcast.ends_at == datetime(2026, 6, 20, 20, 0, tzinfo=UTC)

    due = dict(Chunk.objects.filter(broadcast=broadcast).values_list("country", "due_at"))
    assert due == {
        "JP": datetime(2026, 6, 20, 3, 0, tzinfo=UTC),
        "FR": datetime(2026, 6, 20, 10, 0, tzinfo=UTC),
        "US": datetime(2026, 6, 20, 16, 0, tzinfo=UTC),
    }
    for hour, zone, begins in ((1, "Asia/Tokyo", 3), (3, "Europe/Paris", 10), (12, "America/New_York", 16)):
        turn = hours.next_turn(broadcast, datetime(2026, 6, 20, hour, 0, tzinfo=UTC))
        assert turn == hours.Turn(datetime(2026, 6, 20, begins, 0, tzinfo=UTC), [zone])
    assert hours.next_turn(broadcast, datetime(2026, 6, 20, 16, 0, tzinfo=UTC)) is None, "nobody waits for an hour"
    for hour, countries in ((2, []), (3, ["JP"]), (9, []), (10, ["FR"]), (15, []), (16, ["US"])):
        at = datetime(2026, 6, 20, hour, 0, tzinfo=UTC)
        assert clock.lanes_wanted(most=9, now=at) == len(countries), hour
        taken = iter(lambda at=at: chunks.claim(owner=uuid4(), busy=[], now=at), None)  # type: ignore[misc]
        assert [claim.country for claim in taken] == countries, hour


def test_page_and_program_say_whose_turn_is_next(client: Client, business: Business) -> None:
    broadcast = launched(business, scheduled_at=datetime.now(UTC) + timedelta(days=2))
    clock.begin(now=datetime.now(UTC) + timedelta(days=2))
    clock.freeze_waiting(now=NOW)
    program = Program(business)
    told = program.get(f"broadcasts/{broadcast.code}").json()
    broadcast.refresh_from_db()
    turn = hours.next_turn(broadcast, datetime.now(UTC))
    assert turn is not None
    assert datetime.fromisoformat(told["next_turn"]["begins_at"]) == turn.begins_at
    assert told["next_turn"]["timezones"] == turn.timezones == ["Asia/Tokyo"]
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    assert "Asia/Tokyo" in client.get(f"/b/{business.code}/broadcasts/{broadcast.code}/").content.decode()

    plain = make.make_broadcast(business=business)
    assert program.get(f"broadcasts/{plain.code}").json()["next_turn"] is None


def test_without_it_all_leave_together(business: Business) -> None:
    broadcast = launched(business, is_local_time=False)
    assert broadcast.begins_at == NOON
    clock.begin(now=NOON)
    clock.freeze_waiting(now=NOON)
    assert set(Chunk.objects.filter(broadcast=broadcast).values_list("due_at", flat=True)) == {NOON}
    broadcast.refresh_from_db()
    assert broadcast.ends_at == NOON + timedelta(hours=4)


def test_the_estimate_says_when_it_leaves_where_and_its_token_binds_it(business: Business) -> None:
    draft = make.make_broadcast(business=business, now=NOW, scheduled_at=NOON, is_local_time=True)
    told = estimate.estimate(broadcast=draft, now=NOW)
    assert {each.country: each.until for each in panel.of(told).clocks}["JP"] == datetime(2026, 6, 20, 3, 0, tzinfo=UTC)
    lifecycle.edit(broadcast=draft, by=None, now=NOW, is_local_time=False)
    with pytest.raises(quote.CannotQuote) as refusal:
        lifecycle.launch(broadcast=draft, token=told.token, by=None, now=NOW)
    assert refusal.value.code == "token_stale"
    draft.refresh_from_db()
    assert panel.of(estimate.estimate(broadcast=draft, now=NOW)).clocks == []


def test_a_local_hour_needs_an_hour(business: Business) -> None:
    with pytest.raises(lifecycle.CannotCreate) as refusal:
        make.make_broadcast(business=business, now=NOW, is_local_time=True)
    assert set(refusal.value.message_dict) == {"is_local_time"}
    draft = make.make_broadcast(business=business, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Broadcast.objects.filter(pk=draft.pk).update(is_local_time=True)


def test_a_launch_that_is_taken_back_begins_anew(business: Business) -> None:
    broadcast = launched(business)
    make.make_people(business=business, n=1, first=300)
    Broadcast.objects.filter(pk=broadcast.pk).update(n_confirmed=1)
    clock.begin(now=NOON)
    freeze.next_slice(broadcast_id=broadcast.pk, now=NOON)
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.begins_at, broadcast.is_local_time) == ("draft", None, True)


def test_the_page_and_the_program_choose_it(client: Client, business: Business) -> None:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    draft = make.make_broadcast(business=business)
    here = f"/b/{business.code}/broadcasts/{draft.code}/"
    in_two_days = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d")
    given = {"start": "local", "scheduled_at": f"{in_two_days}T10:00", "life_hours": "24"}
    assert client.post(f"{here}compose/when/", given).status_code == 302
    draft.refresh_from_db()
    assert draft.is_local_time
    assert 'value="local"' in client.get(f"{here}compose/when/").content.decode()
    assert "on each person’s own clock" in client.get(f"{here}review/").content.decode()
    assert client.post(f"{here}compose/when/", given | {"scheduled_at": ""}).status_code == 422
    assert client.post(f"{here}compose/when/", {"start": "now", "life_hours": "24"}).status_code == 302
    draft.refresh_from_db()
    assert (draft.is_local_time, draft.scheduled_at) == (False, None)

    program = Program(business)
    wanted = {"scheduled_at": f"{in_two_days}T10:00:00Z", "is_local_time": True}
    created = program.post("broadcasts", draft_of(business, **wanted)).json()
    assert created["is_local_time"] is True
    refused = program.post("broadcasts", draft_of(business, name="x", is_local_time=True))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/is_local_time")
