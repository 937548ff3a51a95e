"""The reviewers' desk through the browser's eyes: queue, case, decision, and who is kept out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from businesses.models import Business, Member, User
from templates_approval import review, reviewers
from templates_approval.models import Review, Version
from templates_approval.reasons import Reason, standard_words
from tests.make import NOW, make_business, make_draft, make_member, make_reviewer, make_submitted, make_user

QUEUE = "/admin/templates_approval/version/"
EVIL = "<script>alert(1)</script>"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def case_of(version: Version) -> str:
    return f"{QUEUE}{version.pk}/change/"


def decide(client: Client, version: Version, **fields: Any) -> Any:
    return client.post(f"{QUEUE}{version.pk}/decide/", fields, follow=True)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def business(db: None) -> Business:
    return make_business(name="Boulangerie Martin")


@pytest.fixture
def reviewer(db: None) -> User:
    return make_reviewer()


@pytest.fixture
def desk(reviewer: User) -> Client:
    return client_of(reviewer)


# --- The queue ---------------------------------------------------------------------------------


def test_the_queue_shows_what_waits_oldest_first(
    business: Business, desk: Client, reviewer: User, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    young = make_submitted(business=business, name="young_one", now=now)
    old = make_submitted(business=business, name="old_one", now=now - timedelta(hours=30))
    decided = make_submitted(business=business, name="decided_one", now=now)
    review.approve(version=decided, reviewer=reviewer, now=now)
    for n in range(10):
        make_submitted(business=business, name=f"offer_{n}", now=now)
    with django_assert_max_num_queries(10):
        page = text_of(desk.get(QUEUE))
    assert 0 < page.index(case_of(old)) < page.index(case_of(young))
    assert "late by 6 hours" in page
    assert "24 hours left" in page
    assert "decided_one" not in page
    assert "decided_one" in text_of(desk.get(f"{QUEUE}?state=approved"))


def test_the_queue_is_filtered(business: Business, desk: Client, reviewer: User) -> None:
    first = make_submitted(business=business, name="again")
    review.reject(version=first, reviewer=reviewer, reason_codes=[Reason.SCAM], words="No.", now=NOW)
    make_submitted(business=business, name="again", body="Hello, a quite different offer.")
    make_submitted(business=business, name="loud", body="HUGE SALE TODAY IN ALL OF OUR SHOPS, come and see.")
    for query, shown, hidden in [
        ("attempt=again", "again", "loud"),
        ("attempt=first", "loud", "again"),
        ("findings=some", "loud", "again"),
        ("findings=none", "again", "loud"),
        ("q=loud", "loud", "again"),
    ]:
        page = text_of(desk.get(f"{QUEUE}?{query}")).partition('id="result_list"')[2]
        assert f">{shown}</a>" in page, query
        assert f">{hidden}</a>" not in page, query
    assert "after 1 rejections" in text_of(desk.get(f"{QUEUE}?attempt=again"))
    assert ">again</a>" not in text_of(desk.get(f"{QUEUE}?language=fr"))


def test_drafts_are_nobodys_business(business: Business, desk: Client) -> None:
    draft = make_draft(business=business)
    assert draft.template.name not in text_of(desk.get(f"{QUEUE}?state=all")).partition('id="result_list"')[2]
    assert desk.get(case_of(draft)).status_code == 404


# --- A case ------------------------------------------------------------------------------------


def test_a_case_shows_what_a_reviewer_should_know(
    business: Business, desk: Client, reviewer: User, django_assert_max_num_queries: Any
) -> None:
    first = make_submitted(business=business, body="Hello, twenty percent off in our shop.")
    review.approve(version=first, reviewer=reviewer, now=NOW, note="Known baker.")
    second = make_submitted(business=business, body="Hello, thirty percent off in our shop.")
    with django_assert_max_num_queries(18):
        page = text_of(desk.get(case_of(second)))
    assert "Hello, thirty percent off in our shop." in page
    assert "Changes since version 1, the last approved" in page
    assert "removed:" in page
    assert "twenty" in page
    assert "Boulangerie Martin SARL" in page
    assert "Known baker." in page
    assert 'value="approved"' in page


def test_approving_leads_to_the_next_case(business: Business, desk: Client, reviewer: User) -> None:
    first = make_submitted(business=business, name="first_one")
    second = make_submitted(business=business, name="second_one", now=NOW + timedelta(minutes=1))
    answer = decide(desk, first, decision="approved", note="Fine.")
    assert answer.redirect_chain == [(case_of(second), 302)]
    assert "Approved: first_one, version 1." in text_of(answer)
    answer = decide(desk, second, decision="approved")
    assert answer.redirect_chain == [(QUEUE, 302)]
    assert "Nothing else waits for you." in text_of(answer)
    assert list(Version.objects.values_list("state", flat=True)) == ["approved", "approved"]
    assert Review.objects.order_by("id")[0].note == "Fine."


def test_rejecting_without_words_uses_the_authors_language(business: Business, desk: Client) -> None:
    version = make_submitted(business=business)
    User.objects.filter(pk=version.submitted_by_id).update(locale="fr")
    decide(desk, version, decision="rejected", reason_codes=["SCAM", "PROMOTIONAL"], words=" ")
    decision = Review.objects.get()
    assert decision.words == standard_words(["SCAM", "PROMOTIONAL"], language="fr")
    assert decision.reason_codes == ["SCAM", "PROMOTIONAL"]


def test_a_rejection_without_reason_stays_on_the_case(business: Business, desk: Client) -> None:
    version = make_submitted(business=business)
    page = text_of(decide(desk, version, decision="rejected", words="I do not like it."))
    assert "Choose at least one reason." in page
    assert "I do not like it." in page
    assert not Review.objects.exists()


def test_who_comes_second_is_told(business: Business, desk: Client) -> None:
    version, other = make_submitted(business=business), make_reviewer()
    review.approve(version=version, reviewer=other, now=NOW)
    page = text_of(decide(desk, version, decision="rejected", reason_codes=["SCAM"], words="No."))
    assert f"Already decided by {other.email}: approved." in page
    assert Review.objects.get().reviewer == other


def test_a_member_of_the_business_is_told_and_cannot_decide(business: Business) -> None:
    version = make_submitted(business=business)
    insider = reviewers.appoint(user=make_member(business=business, role=Member.Role.ANALYST), now=NOW)
    client = client_of(insider)
    page = text_of(client.get(case_of(version)))
    assert "You belong to this business" in page
    assert 'name="decision"' not in page
    assert "You belong to this business" in text_of(decide(client, version, decision="approved"))
    version.refresh_from_db()
    assert version.state == Version.State.SUBMITTED


# --- Who is kept out ---------------------------------------------------------------------------


def test_staff_without_the_office_get_403(business: Business) -> None:
    version = make_submitted(business=business)
    client = client_of(make_user(is_staff=True))
    assert client.get(QUEUE).status_code == 403
    assert client.get(case_of(version)).status_code == 403
    assert decide(client, version, decision="approved").status_code == 403
    version.refresh_from_db()
    assert version.state == Version.State.SUBMITTED


def test_staff_who_may_only_read_cannot_decide(business: Business) -> None:
    version, reader = make_submitted(business=business), make_user(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_version"))
    client = client_of(reader)
    page = text_of(client.get(case_of(version)))
    assert "Only reviewers decide about templates." in page
    assert 'name="decision"' not in page
    assert decide(client, version, decision="approved").status_code == 403


def test_members_and_strangers_are_sent_to_the_log_in(business: Business) -> None:
    version = make_submitted(business=business)
    for client in (Client(), client_of(make_member(business=business, role=Member.Role.OWNER))):
        assert client.get(case_of(version)).status_code == 302
        assert client.post(f"{QUEUE}{version.pk}/decide/", {"decision": "approved"}).status_code == 302
    version.refresh_from_db()
    assert version.state == Version.State.SUBMITTED


def test_a_decision_is_posted(business: Business, desk: Client) -> None:
    version = make_submitted(business=business)
    assert desk.get(f"{QUEUE}{version.pk}/decide/?decision=approved").status_code == 405


def test_nothing_is_added_changed_or_deleted_here(business: Business, reviewer: User) -> None:
    version = make_submitted(business=business)
    operator = User.objects.create_superuser("operator@example.org")
    client = client_of(operator)
    assert client.get(f"{QUEUE}add/").status_code == 403
    assert client.get(f"{QUEUE}{version.pk}/delete/").status_code == 403
    client.post(case_of(version), {"state": "approved", "content_hash": "0"})
    version.refresh_from_db()
    assert version.state == Version.State.SUBMITTED
    review.approve(version=version, reviewer=reviewer, now=NOW)
    log = "/admin/templates_approval/review/"
    assert reviewer.email in text_of(client.get(log))
    assert client.get(f"{log}{Review.objects.get().pk}/change/").status_code == 200
    assert client.get(f"{log}add/").status_code == 403


def test_words_of_the_business_never_become_tags_at_the_desk(desk: Client, reviewer: User) -> None:
    business = make_business(name=f"Martin {EVIL}")
    first = make_submitted(business=business, body=f"Hello {EVIL} this is the first offer.")
    review.approve(version=first, reviewer=reviewer, now=NOW, note=EVIL)
    second = make_submitted(business=business, body=f"Hello {EVIL}{EVIL} this is another {{% debug %}} offer.")
    for page in (desk.get(QUEUE), desk.get(case_of(second))):
        assert page.status_code == 200
        assert EVIL not in text_of(page)
        assert "&lt;script&gt;" in text_of(page)
