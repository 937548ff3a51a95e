"""The doors of the emergency stop: a business's page, its programs, and the operator's desk."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from broadcasts import emergency
from broadcasts.models import Broadcast, EmergencyStop
from businesses.models import AuditEvent, Business, Member, User
from tests import make
from tests.broadcasts.test_api import Program

pytestmark = pytest.mark.django_db
ADD = "/admin/broadcasts/emergencystop/add/"


@pytest.fixture
def broadcast() -> Broadcast:
    business = make.make_business(money=100 * make.EURO)
    make.make_people(business=business, n=5, now=timezone.now())
    return make.make_launched(business=business, now=timezone.now())


@pytest.fixture
def business(broadcast: Broadcast) -> Business:
    return broadcast.business


@pytest.fixture
def marketer(client: Client, business: Business) -> Client:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    return client


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator@example.org", "x"))
    return client


def placed_by_operator(**target: Any) -> EmergencyStop:
    at = emergency.target(**target)
    return emergency.stop(at=at, reason="an outage", by=None, now=timezone.now(), is_operators=True)


# --- The business's page -----------------------------------------------------------------------------


def test_one_press_with_a_reason_stops_and_one_lifts(marketer: Client, broadcast: Broadcast) -> None:
    stops = f"/b/{broadcast.business.code}/stops/"
    page = marketer.get(f"/b/{broadcast.business.code}/broadcasts/{broadcast.code}/").content.decode()
    assert f"{stops}new/?what=broadcast:{broadcast.code}" in page
    form = marketer.get(f"{stops}new/?what=broadcast:{broadcast.code}").content.decode()
    assert f'<option value="broadcast:{broadcast.code}" selected>' in form

    answer = marketer.post(f"{stops}new/", {"what": f"broadcast:{broadcast.code}", "reason": "wrong price"})
    assert answer.headers["Location"] == stops
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.state_reason) == ("paused", "Arrêt d’urgence\u202f: wrong price")
    page = marketer.get(f"/b/{broadcast.business.code}/broadcasts/{broadcast.code}/").content.decode()
    assert "wrong price" in page
    assert "/resume/" not in page, "a button that is always refused"
    assert "lift/" in marketer.get(stops).content.decode()

    stop = EmergencyStop.objects.get()
    assert "What it paused goes on" in marketer.get(f"{stops}{stop.code}/lift/").content.decode()
    marketer.post(f"{stops}{stop.code}/lift/", {"goes_on": "on"})
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.SENDING
    assert [line.actor is not None for line in AuditEvent.objects.filter(object_code=stop.code)] == [True, True]


@pytest.mark.parametrize("what", ["sender", "template", "business"])
def test_senders_templates_and_everything_can_be_stopped(marketer: Client, broadcast: Broadcast, what: str) -> None:
    code = broadcast.business.code if what == "business" else getattr(broadcast, what).code
    answer = marketer.post(f"/b/{broadcast.business.code}/stops/new/", {"what": f"{what}:{code}", "reason": "x"})
    assert answer.status_code == 302
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": "platform:", "reason": "x"},
        {"what": "country:FR", "reason": "x"},
        {"what": "broadcast:brd_0000000000000000", "reason": "x"},
        {"what": "", "reason": "x"},
        {"reason": "x"},
        {"what": "business:{}", "reason": " "},
        {"what": "business:{}", "reason": "x" * 251},
    ],
)
def test_a_wrong_stop_is_refused(marketer: Client, business: Business, wrong: dict[str, str]) -> None:
    given = {name: value.format(business.code) for name, value in wrong.items()}
    assert marketer.post(f"/b/{business.code}/stops/new/", given).status_code == 422
    assert not EmergencyStop.objects.exists()


def test_an_analyst_looks_and_does_not_press(client: Client, business: Business) -> None:
    client.force_login(make.make_member(business=business, role=Member.Role.ANALYST))
    assert client.get(f"/b/{business.code}/stops/").status_code == 200
    assert client.post(f"/b/{business.code}/stops/new/", {"what": "x", "reason": "x"}).status_code == 403


def test_the_operators_stop_is_shown_and_cannot_be_lifted(marketer: Client, broadcast: Broadcast) -> None:
    stop = placed_by_operator(scope="country", reference="FR")
    page = marketer.get(f"/b/{broadcast.business.code}/broadcasts/{broadcast.code}/").content.decode()
    assert "Emergency stop by the operator" in page
    assert "a country: France" in page
    assert "an outage" in page
    page = marketer.get(f"/b/{broadcast.business.code}/stops/").content.decode()
    assert "by the operator only" in page
    assert marketer.post(f"/b/{broadcast.business.code}/stops/{stop.code}/lift/").status_code == 404
    assert EmergencyStop.objects.holding().exists()


def test_what_the_operator_stops_elsewhere_is_nobody_elses_business(marketer: Client, business: Business) -> None:
    other = make.make_business(name="Somebody Else")
    placed_by_operator(scope="business", reference=other.code)
    assert "Nothing is stopped" in marketer.get(f"/b/{business.code}/stops/").content.decode()


# --- Its programs ------------------------------------------------------------------------------------


def test_a_program_stops_reads_and_lifts(broadcast: Broadcast) -> None:
    program = Program(broadcast.business)
    asked = {"scope": "template", "reference": broadcast.template.code, "reason": "wrong price"}
    answer = program.post("stops", asked)
    assert answer.status_code == 201
    stop = answer.json()
    assert (stop["reference"], stop["is_operators"], stop["lifted_at"]) == (broadcast.template.code, False, None)
    assert program.get(f"broadcasts/{broadcast.code}").json()["state"] == "paused"
    refused = program.post(f"broadcasts/{broadcast.code}/resume", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "cannot_resume")

    assert program.post("stops", asked).json()["code"] == stop["code"]
    assert [each["code"] for each in program.get("stops").json()["data"]] == [stop["code"]]
    lifted = program.post(f"stops/{stop['code']}/lift", {}).json()
    assert lifted["n_broadcasts"] == 1
    assert lifted["lifted_at"] is not None
    assert program.post(f"stops/{stop['code']}/lift", {}).status_code == 422
    assert program.get(f"broadcasts/{broadcast.code}").json()["state"] == "sending"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"scope": "platform"}, 400),
        ({"scope": "country", "reference": "FR"}, 400),
        ({"reference": "tpl_0000000000000000"}, 422),
        ({"reference": ""}, 400),
        ({"reason": ""}, 400),
        ({"reason": "x" * 251}, 400),
        ({"reasons": "x"}, 400),
    ],
)
def test_a_program_that_asks_wrongly_is_told(broadcast: Broadcast, wrong: dict[str, str], status: int) -> None:
    asked = {"scope": "template", "reference": broadcast.template.code, "reason": "x"} | wrong
    assert Program(broadcast.business).post("stops", asked).status_code == status
    assert not EmergencyStop.objects.exists()


def test_a_program_needs_the_right_to_write(broadcast: Broadcast) -> None:
    program = Program(broadcast.business, "broadcasts:read")
    asked = {"scope": "template", "reference": broadcast.template.code, "reason": "x"}
    assert program.post("stops", asked).status_code == 403
    assert program.get("stops").status_code == 200


def test_a_program_cannot_lift_the_operators(broadcast: Broadcast) -> None:
    stop = placed_by_operator(scope="platform", reference="")
    program = Program(broadcast.business)
    assert program.get("stops").json()["data"][0]["is_operators"] is True
    answer = program.post(f"stops/{stop.code}/lift", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "cannot_lift")


# --- The operator's desk -----------------------------------------------------------------------------


def test_the_operator_stops_everything_and_lifts_it(operator: Client, broadcast: Broadcast) -> None:
    assert "Stop now" in operator.get(ADD).content.decode()
    answer = operator.post(ADD, {"scope": "platform", "reference": "", "reason": "an outage"})
    assert answer.status_code == 302
    stop = EmergencyStop.objects.get()
    assert (stop.is_operators, stop.created_by and stop.created_by.email) == (True, "operator@example.org")
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.PAUSED

    lift = f"/admin/broadcasts/emergencystop/{stop.pk}/lift/"
    assert lift in operator.get("/admin/broadcasts/emergencystop/").content.decode()
    assert operator.get(lift).status_code == 200
    operator.post(lift, {"goes_on": "on"})
    broadcast.refresh_from_db()
    assert broadcast.state == Broadcast.State.SENDING


def test_the_operator_comes_from_a_broadcast_or_a_business(operator: Client, broadcast: Broadcast) -> None:
    page = operator.get("/admin/broadcasts/broadcast/").content.decode()
    assert f"scope=broadcast&amp;reference={broadcast.code}" in page
    form = operator.get(f"{ADD}?scope=broadcast&reference={broadcast.code}").content.decode()
    assert broadcast.code in form
    page = operator.get(f"/admin/businesses/business/{broadcast.business_id}/change/").content.decode()
    assert f"scope=business&amp;reference={broadcast.business.code}" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "country", "reference": "France"},
        {"scope": "sender", "reference": "snd_0000000000000000"},
        {"scope": "everything", "reference": ""},
        {"scope": "platform", "reason": ""},
    ],
)
def test_the_operator_is_told_what_is_wrong(operator: Client, wrong: dict[str, str]) -> None:
    assert operator.post(ADD, {"reason": "x", **wrong}).status_code == 422
    assert not EmergencyStop.objects.exists()


def test_staff_without_the_right_may_not(client: Client, broadcast: Broadcast) -> None:
    client.force_login(make.make_user(is_staff=True))
    stop = placed_by_operator(scope="platform", reference="")
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, {"scope": "country", "reference": "FR", "reason": "x"}).status_code == 403
    assert client.post(f"/admin/broadcasts/emergencystop/{stop.pk}/lift/", {}).status_code == 403
    assert EmergencyStop.objects.holding().count() == 1
