"""Reports: the block stands whatever becomes of the report; the desk decides each once, with words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from businesses.models import AuditEvent, Business, Event, Member, User
from consent.models import Refusal
from feedback import reports
from feedback.models import Callback, Report
from tests.make import NOW, make_business, make_member, make_people, make_sandbox_sender, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def recipient_id(business: Business) -> int:
    return make_people(business=business, n=1)[0]


@pytest.fixture
def reviewer() -> User:
    return make_user(is_staff=True)


def make_report(business: Business, recipient_id: int, **fields: Any) -> Report:
    told = {"broadcast_id": None, "reason": "spam", "words": "Again!", "via": "page", "now": NOW, **fields}
    report = reports.block_and_report(recipient_id=recipient_id, business=business, **told)
    assert report is not None
    return report


def test_the_block_holds_and_the_report_waits(business: Business, recipient_id: int) -> None:
    report = make_report(business, recipient_id)
    assert Refusal.objects.get().kind == Refusal.Kind.BLOCKED
    assert (report.state, list(Report.objects.open())) == (Report.State.OPEN, [report])


def test_the_block_holds_even_when_the_report_fails(
    business: Business, recipient_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(Report.objects, "get_or_create", fail)
    with pytest.raises(RuntimeError):
        make_report(business, recipient_id)
    assert Refusal.objects.filter(kind=Refusal.Kind.BLOCKED, lifted_at=None).count() == 1


def test_the_same_report_twice_is_one_with_the_later_words(business: Business, recipient_id: int) -> None:
    make_report(business, recipient_id, words="First")
    make_report(business, recipient_id, words="Second")
    make_report(business, recipient_id, words="")
    assert Report.objects.get().words == "Second"


def test_the_business_is_not_told_who_reported_it(business: Business, recipient_id: int) -> None:
    make_report(business, recipient_id)
    told = " ".join(f"{kind} {payload}" for kind, payload in Event.objects.values_list("kind", "payload"))
    assert "report" not in told
    assert "Again!" not in told


def test_a_decision_is_kept_with_its_words(business: Business, recipient_id: int, reviewer: User) -> None:
    report = make_report(business, recipient_id)
    reports.decide(report=report, by=reviewer, state="upheld", words=" They bought a list. ", now=NOW)
    report.refresh_from_db()
    assert (report.state, report.decided_by, report.decided_at) == ("upheld", reviewer, NOW)
    audit = AuditEvent.objects.get(action="report.decided")
    assert (audit.object_code, audit.actor) == (report.code, reviewer)
    # The words stay with the report: they may speak of a person, and the trail only grows.
    assert audit.after == {"state": "upheld"}


@pytest.mark.parametrize(
    ("state", "words", "says"), [("open", "x", "Choose"), ("", "x", "Choose"), ("upheld", "  ", "Write down why")]
)
def test_a_decision_needs_a_verdict_and_words(
    business: Business, recipient_id: int, reviewer: User, state: str, words: str, says: str
) -> None:
    report = make_report(business, recipient_id)
    with pytest.raises(reports.CannotDecide, match=says):
        reports.decide(report=report, by=reviewer, state=state, words=words, now=NOW)
    assert not AuditEvent.objects.filter(action="report.decided").exists()


def test_nobody_decides_twice(business: Business, recipient_id: int, reviewer: User) -> None:
    report = make_report(business, recipient_id)
    reports.decide(report=report, by=reviewer, state="dismissed", words="Fine.", now=NOW)
    with pytest.raises(reports.CannotDecide, match="already"):
        reports.decide(report=report, by=make_user(is_staff=True), state="upheld", words="No!", now=NOW)
    report.refresh_from_db()
    assert report.state == "dismissed"


def test_nobody_decides_about_their_own_company(business: Business, recipient_id: int) -> None:
    report = make_report(business, recipient_id)
    twin = Business.objects.get(twin_of=business)
    insider = make_member(business=twin, role=Member.Role.ANALYST, user=make_user(is_staff=True))
    with pytest.raises(reports.CannotDecide, match="member"):
        reports.decide(report=report, by=insider, state="dismissed", words="We are nice.", now=NOW)


def test_history_weighs_thirty_days(business: Business, reviewer: User) -> None:
    people = make_people(business=business, n=3)
    make_report(business, people[0], now=NOW - timedelta(days=31))
    report = make_report(business, people[1])
    make_report(business, people[2])
    reports.decide(report=report, by=reviewer, state="upheld", words="Yes.", now=NOW)
    assert reports.history(business=business, now=NOW) == {"open": 1, "upheld": 1}


# --- The desk -----------------------------------------------------------------------------------


@pytest.fixture
def desk(client: Client) -> Client:
    operator = User.objects.create_superuser("operator@example.org", "a long enough password")
    client.force_login(operator)
    return client


def test_the_desk_shows_open_reports_oldest_first(desk: Client, business: Business) -> None:
    people = make_people(business=business, n=3)
    late = make_report(business, people[0], now=NOW)
    early = make_report(business, people[1], now=NOW - timedelta(hours=1))
    done = make_report(business, people[2], now=NOW - timedelta(hours=2))
    reports.decide(report=done, by=make_user(is_staff=True), state="dismissed", words="Fine.", now=NOW)
    page = desk.get("/admin/feedback/report/").content.decode()
    assert page.index(early.code) < page.index(late.code)
    assert done.code not in page
    assert done.code in desk.get("/admin/feedback/report/?state=dismissed").content.decode()
    assert done.code in desk.get("/admin/feedback/report/?state=all").content.decode()


def test_a_report_is_decided_on_its_page(desk: Client, business: Business, recipient_id: int) -> None:
    report = make_report(business, recipient_id, now=datetime.now(UTC))
    address = f"/admin/feedback/report/{report.pk}/change/"
    page = desk.get(address).content.decode()
    assert "Again!" in page
    assert "1, of them 1 open" in page
    refused = desk.post(address, {"state": "upheld", "decision_words": ""}).content.decode()
    assert "Write down why" in refused
    desk.post(address, {"state": "upheld", "decision_words": "A bought list."})
    report.refresh_from_db()
    assert (report.state, report.decision_words) == ("upheld", "A bought list.")
    closed = desk.get(address).content.decode()
    assert "<textarea" not in closed
    assert "A bought list." in closed


def test_a_closed_report_cannot_be_opened_again(desk: Client, business: Business, recipient_id: int) -> None:
    report = make_report(business, recipient_id)
    reports.decide(report=report, by=make_user(is_staff=True), state="dismissed", words="Fine.", now=datetime.now(UTC))
    desk.post(f"/admin/feedback/report/{report.pk}/change/", {"state": "upheld", "decision_words": "No!"})
    report.refresh_from_db()
    assert (report.state, report.decision_words) == ("dismissed", "Fine.")


@pytest.mark.parametrize("page", ["add/", "{pk}/delete/"])
def test_reports_are_neither_made_nor_removed_here(
    desk: Client, business: Business, recipient_id: int, page: str
) -> None:
    report = make_report(business, recipient_id)
    assert desk.post(f"/admin/feedback/report/{page.format(pk=report.pk)}", {"post": "yes"}).status_code == 403
    assert Report.objects.count() == 1


def test_callbacks_that_were_set_aside_can_be_read(desk: Client, business: Business) -> None:
    sender = make_sandbox_sender(business=business)
    good, bad = (Callback.objects.create(sender=sender, body=b"<b>x", received_at=NOW, failure=f) for f in ("", "why"))
    page = desk.get("/admin/feedback/callback/").content.decode()
    assert "why" in page
    assert f"/callback/{good.pk}/" not in page
    shown = desk.get(f"/admin/feedback/callback/{bad.pk}/change/").content.decode()
    assert "&lt;b&gt;x" in shown
