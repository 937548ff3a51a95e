"""The life of a version, and its promise: what was approved is what was submitted, by somebody from outside, once."""

from __future__ import annotations

import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from businesses import onboarding
from businesses.models import AuditEvent, Business, Event, Member, User
from templates_approval import review, reviewers
from templates_approval.components import BadComponents
from templates_approval.models import Review, Template, Version
from templates_approval.reasons import Reason
from tests.conftest import OwnDatabase
from tests.make import NOW, make_business, make_draft, make_member, make_reviewer, make_submitted, make_user

LATER = NOW + timedelta(hours=1)
REASONS = [Reason.INVALID_FORMAT]


def owner_of(business: Business) -> User:
    return Member.objects.of(business).filter(role=Member.Role.OWNER).select_related("user")[0].user


# --- Draft -------------------------------------------------------------------------------------


def test_a_draft_is_rewritten_in_place(db: None) -> None:
    business = make_business()
    first = make_draft(business=business)
    again = make_draft(business=business, body="Hello, a quite different offer.")
    assert (again.pk, again.number, again.state) == (first.pk, 1, Version.State.DRAFT)
    assert again.components[0]["text"] == "Hello, a quite different offer."


def test_editing_what_was_submitted_makes_the_next_version(db: None) -> None:
    business = make_business()
    submitted = make_submitted(business=business)
    edited = make_draft(business=business, body="Hello, a quite different offer.")
    submitted.refresh_from_db()
    assert (submitted.number, edited.number) == (1, 2)
    assert submitted.state == Version.State.SUBMITTED
    assert review.is_untouched(submitted)


def test_each_language_has_its_own_numbers(db: None) -> None:
    business = make_business()
    make_submitted(business=business)
    assert make_draft(business=business, language="fr").number == 1
    assert Template.objects.of(business).count() == 1


def test_another_business_may_use_the_same_name(db: None) -> None:
    one, other = make_draft(business=make_business()), make_draft(business=make_business())
    assert one.template != other.template


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"name": "Spring Sale"}, "name_wrong"),
        ({"name": ""}, "name_wrong"),
        ({"language": "english"}, "language_unknown"),
    ],
)
def test_a_draft_needs_a_name_and_a_language(db: None, changed: dict[str, str], code: str) -> None:
    with pytest.raises(review.CannotDraft) as caught:
        make_draft(business=make_business(), **changed)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_what_the_database_would_not_keep_is_refused(db: None) -> None:
    with pytest.raises(BadComponents):
        make_draft(business=make_business(), body="null \x00 byte")


def test_the_category_is_fixed_once_submitted(db: None) -> None:
    business = make_business()
    version = make_draft(business=business)
    changed = {
        "business": business, "name": "spring_sale", "language": "en", "components": version.components,
        "fallbacks": {}, "category": Template.Category.UTILITY, "by": owner_of(business), "now": NOW,
    }  # fmt: skip
    assert review.draft(**changed).template.category == Template.Category.UTILITY  # type: ignore[arg-type]
    make_submitted(business=business)
    with pytest.raises(review.CannotDraft) as caught:
        review.draft(**changed)  # type: ignore[arg-type]
    assert caught.value.code == "category_fixed"


# --- Submission --------------------------------------------------------------------------------


def test_submission_freezes_hashes_and_promises_a_time(db: None, settings: object) -> None:
    settings.TEMPLATE_REVIEW_HOURS = 6  # type: ignore[attr-defined]
    version = make_submitted(business=make_business())
    assert version.state == Version.State.SUBMITTED
    assert version.content_hash == review.content_hash(version.components, version.fallbacks, "marketing", "en")
    assert len(version.content_hash) == 64
    assert version.review_due_at == NOW + timedelta(hours=6)
    assert review.is_untouched(version)


def test_a_draft_promises_nothing_yet(db: None) -> None:
    assert not review.is_untouched(make_draft(business=make_business()))


def test_the_rules_stop_a_bad_draft_and_say_why(db: None) -> None:
    business = make_business()
    version = make_draft(business=business, body="{{first_name}}")
    with pytest.raises(review.CannotSubmit) as caught:
        review.submit(version=version, by=owner_of(business), now=NOW)
    assert {finding.code for finding in caught.value.findings} >= {"variable_at_edge", "example_missing"}
    version.refresh_from_db()
    assert (version.state, version.content_hash) == (Version.State.DRAFT, "")


def test_warnings_go_along_to_the_reviewer(db: None) -> None:
    version = make_submitted(business=make_business(), body="HUGE SALE TODAY IN ALL OF OUR SHOPS, come and see.")
    assert [finding["code"] for finding in version.findings] == ["shouting"]


def test_a_version_is_submitted_once(db: None) -> None:
    business = make_business()
    version = make_submitted(business=business)
    with pytest.raises(review.CannotSubmit) as caught:
        review.submit(version=version, by=owner_of(business), now=NOW)
    assert caught.value.code == "not_a_draft"


def test_the_next_version_waits_for_the_decision_about_the_last(db: None) -> None:
    business = make_business()
    first = make_submitted(business=business)
    with pytest.raises(review.CannotSubmit) as caught:
        make_submitted(business=business, body="Hello, a quite different offer.")
    assert caught.value.code == "another_waits"
    review.approve(version=first, reviewer=make_reviewer(), now=NOW)
    assert make_submitted(business=business, body="Hello, a quite different offer.").number == 2


def test_a_suspended_business_submits_nothing(db: None) -> None:
    business = make_business()
    version = make_draft(business=business)
    onboarding.suspend(business=business, reason="complaints", by=make_user(is_staff=True), now=NOW)
    with pytest.raises(review.CannotSubmit) as caught:
        review.submit(version=version, by=owner_of(business), now=NOW)
    assert caught.value.code == "business_suspended"


# --- Decision ----------------------------------------------------------------------------------


def test_approval_is_written_down_everywhere(db: None) -> None:
    business, reviewer = make_business(), make_reviewer()
    version = review.approve(version=make_submitted(business=business), reviewer=reviewer, now=LATER, note="fine")
    assert version.state == Version.State.APPROVED
    assert review.is_untouched(version)
    decision = version.reviews.get()
    assert (decision.reviewer, decision.decision, decision.note) == (reviewer, "approved", "fine")
    assert decision.content_hash == version.content_hash
    kinds = Event.objects.filter(business=business, kind__startswith="template.").values_list("kind", flat=True)
    assert list(kinds.order_by("sequence")) == ["template.submitted", "template.approved"]
    audited = AuditEvent.objects.filter(object_kind="version", object_code=version.code).order_by("id")
    assert [(line.action, line.actor) for line in audited][-1] == ("template.approved", reviewer)


def test_rejection_carries_reasons_and_words(db: None) -> None:
    business = make_business()
    version = review.reject(
        version=make_submitted(business=business),
        reviewer=make_reviewer(),
        reason_codes=[Reason.SCAM, Reason.SCAM, Reason.INVALID_FORMAT],
        words=" Say who you are. ",
        now=LATER,
    )
    assert version.state == Version.State.REJECTED
    decision = version.reviews.get()
    assert (decision.reason_codes, decision.words) == (["SCAM", "INVALID_FORMAT"], "Say who you are.")
    event = Event.objects.get(business=business, kind="template.rejected")
    assert event.payload["reasons"] == ["SCAM", "INVALID_FORMAT"]
    assert event.payload["words"] == "Say who you are."
    assert "note" not in event.payload


@pytest.mark.parametrize(
    ("reason_codes", "words", "code"),
    [([], "why", "reason_missing"), (["NO_IDEA"], "why", "reason_missing"), (REASONS, "  ", "words_missing")],
)
def test_a_rejection_is_explained(db: None, reason_codes: list[str], words: str, code: str) -> None:
    version = make_submitted(business=make_business())
    with pytest.raises(review.CannotReview) as caught:
        review.reject(version=version, reviewer=make_reviewer(), reason_codes=reason_codes, words=words, now=NOW)
    assert caught.value.code == code
    assert not Review.objects.exists()


def test_fix_and_resubmit(db: None) -> None:
    business, reviewer = make_business(), make_reviewer()
    first = make_submitted(business=business)
    review.reject(version=first, reviewer=reviewer, reason_codes=REASONS, words="Mend it.", now=NOW)
    second = make_submitted(business=business, body="Hello, a quite different offer.")
    assert second.number == 2
    assert review.approve(version=second, reviewer=reviewer, now=LATER).state == Version.State.APPROVED


def test_four_eyes(db: None) -> None:
    business = make_business()
    version = make_submitted(business=business)
    colleague = reviewers.appoint(user=make_member(business=business, role=Member.Role.ANALYST), now=NOW)
    assert business.twin
    of_the_twin = reviewers.appoint(user=make_member(business=business.twin, role=Member.Role.ANALYST), now=NOW)
    sister = make_business(registration_number=business.legal_entity.registration_number)
    of_a_sister = reviewers.appoint(user=make_member(business=sister, role=Member.Role.ANALYST), now=NOW)
    for insider in (colleague, of_the_twin, of_a_sister):
        with pytest.raises(review.CannotReview) as caught:
            review.approve(version=version, reviewer=insider, now=NOW)
        assert caught.value.code == "four_eyes"
    version.refresh_from_db()
    assert version.state == Version.State.SUBMITTED


def test_who_left_the_business_still_does_not_decide_about_what_they_submitted(db: None) -> None:
    business = make_business()
    author = reviewers.appoint(user=make_member(business=business, role=Member.Role.MARKETER), now=NOW)
    version = review.submit(version=make_draft(business=business), by=author, now=NOW)
    Member.objects.filter(user=author).delete()
    with pytest.raises(review.CannotReview) as caught:
        review.approve(version=version, reviewer=author, now=NOW)
    assert caught.value.code == "four_eyes"


@pytest.mark.parametrize("is_staff", [False, True])
def test_only_reviewers_decide(db: None, is_staff: bool) -> None:
    version = make_submitted(business=make_business())
    with pytest.raises(review.CannotReview) as caught:
        review.approve(version=version, reviewer=make_user(is_staff=is_staff), now=NOW)
    assert caught.value.code == "not_a_reviewer"


def test_a_decision_is_taken_once(db: None) -> None:
    version, first = make_submitted(business=make_business()), make_reviewer()
    review.approve(version=version, reviewer=first, now=NOW)
    with pytest.raises(review.CannotReview, match=f"Already decided by {first.email}: approved") as caught:
        review.reject(version=version, reviewer=make_reviewer(), reason_codes=REASONS, words="No.", now=NOW)
    assert caught.value.code == "not_waiting"


def test_a_draft_is_not_decided_about(db: None) -> None:
    with pytest.raises(review.CannotReview) as caught:
        review.approve(version=make_draft(business=make_business()), reviewer=make_reviewer(), now=NOW)
    assert caught.value.code == "not_waiting"


# --- Several at once, and tampering: real connections, committed rows ----------------------------


def test_two_reviewers_at_once_one_wins_and_the_other_is_told(own_database: OwnDatabase) -> None:
    version = make_submitted(business=make_business())
    one, other = make_reviewer(), make_reviewer()
    outcomes: dict[str, str] = {}
    with psycopg.connect(own_database.url) as holder:
        # Both reviewers reach the version while somebody else holds its row, so that they meet at the UPDATE itself.
        holder.execute("SELECT 1 FROM templates_approval_version WHERE id = %s FOR UPDATE", [version.pk])
        threads = [threading.Thread(target=_decide, args=(version, who, outcomes)) for who in (one, other)]
        for thread in threads:
            thread.start()
        _wait_for_waiters(own_database, 2)
        holder.commit()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(outcomes.values()) == ["not_waiting", "won"]
    winner = next(email for email, outcome in outcomes.items() if outcome == "won")
    assert Review.objects.get().reviewer.email == winner
    assert Event.objects.filter(kind__in=["template.approved", "template.rejected"]).count() == 1


def _decide(version: Version, reviewer: User, outcomes: dict[str, str]) -> None:
    try:
        review.approve(version=version, reviewer=reviewer, now=NOW)
        outcomes[reviewer.email] = "won"
    except review.CannotReview as refusal:
        outcomes[reviewer.email] = str(refusal.code)
    finally:
        connection.close()


def _wait_for_waiters(database: OwnDatabase, n: int) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as watcher:
        for _ in range(400):
            waiting = watcher.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'", [database.name]
            ).fetchone()
            if waiting and waiting[0] >= n:
                return
            threading.Event().wait(0.025)
    raise AssertionError("the reviewers never met at the row")


def test_two_authors_at_once_share_one_draft(own_database: OwnDatabase) -> None:
    business = make_business()
    make_submitted(business=business)
    start = threading.Barrier(4)

    def write(n: int) -> None:
        start.wait(timeout=10)
        try:
            make_draft(business=business, body=f"Hello, offer number {n} is here.")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert list(Version.objects.order_by("number").values_list("number", "state")) == [(1, "submitted"), (2, "draft")]


@pytest.mark.promise("P8")
@pytest.mark.parametrize(
    "change",
    [
        "components = '[]'",
        "components = jsonb_set(components, '{0,text}', '\"You won a prize\"')",
        'fallbacks = \'{"first_name": "sucker"}\'',
        "language = 'fr'",
        "content_hash = repeat('0', 64)",
    ],
)
@pytest.mark.parametrize("state", ["submitted", "approved", "rejected"])
def test_the_database_refuses_to_reword_what_was_submitted(db: None, change: str, state: str) -> None:
    version = make_submitted(business=make_business())
    if state == "approved":
        review.approve(version=version, reviewer=make_reviewer(), now=NOW)
    elif state == "rejected":
        review.reject(version=version, reviewer=make_reviewer(), reason_codes=REASONS, words="No.", now=NOW)
    with (
        pytest.raises(DatabaseError, match="was submitted: its content never changes"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE templates_approval_version SET {change} WHERE id = %s", [version.pk])
    version.refresh_from_db()
    assert review.is_untouched(version)


@pytest.mark.promise("P8")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE templates_approval_version SET components = jsonb_set(components, '{0,text}', '\"You won\"')",
        'UPDATE templates_approval_version SET fallbacks = \'{"discount": "90"}\'',
        "UPDATE templates_approval_version SET language = 'fr'",
        "UPDATE templates_approval_template SET category = 'utility'",
        "UPDATE templates_approval_version SET content_hash = repeat('0', 64)",
    ],
)
def test_who_forces_it_as_a_superuser_is_found_out(own_database: OwnDatabase, change: str) -> None:
    waiting, approved = make_submitted(business=make_business()), make_submitted(business=make_business())
    review.approve(version=approved, reviewer=make_reviewer(), now=NOW)
    with psycopg.connect(own_database.superuser_url) as tamperer:
        tamperer.execute("SET session_replication_role = replica")
        tamperer.execute(change)
    tampered = Version.objects.select_related("template").get(pk=approved.pk)
    assert not review.is_untouched(tampered)
    with pytest.raises(review.CannotReview) as caught:
        review.approve(version=waiting, reviewer=make_reviewer(), now=NOW)
    assert caught.value.code == "content_changed"


def test_a_decision_is_kept_for_ever(db: None) -> None:
    version = review.approve(version=make_submitted(business=make_business()), reviewer=make_reviewer(), now=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        version.reviews.update(words="something else")
    with pytest.raises(DatabaseError), transaction.atomic():
        version.reviews.all().delete()
    assert version.reviews.get().words == ""


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    one = review.content_hash([{"type": "BODY", "text": "é"}], {"a": "1", "b": "2"}, "marketing", "en")
    assert one == review.content_hash([{"text": "é", "type": "BODY"}], {"b": "2", "a": "1"}, "marketing", "en")
    for other in (
        review.content_hash([{"type": "BODY", "text": "e"}], {"a": "1", "b": "2"}, "marketing", "en"),
        review.content_hash([{"type": "BODY", "text": "é"}], {"a": "1"}, "marketing", "en"),
        review.content_hash([{"type": "BODY", "text": "é"}], {"a": "1", "b": "2"}, "utility", "en"),
        review.content_hash([{"type": "BODY", "text": "é"}], {"a": "1", "b": "2"}, "marketing", "fr"),
    ):
        assert other != one
