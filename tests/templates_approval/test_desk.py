"""The desk knows what waits, how long it may still wait, and which case comes next for whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.translation import override

from businesses.models import Member
from templates_approval import desk, review, reviewers
from templates_approval.models import Version
from templates_approval.reasons import Reason
from tests.make import NOW, make_business, make_member, make_reviewer, make_submitted


@pytest.mark.parametrize(
    ("hours", "state", "words"),
    [(0, "fine", "24 hours left"), (21, "soon", "3 hours left"), (26, "late", "late by 2 hours")],
)
def test_the_clock_says_it_in_words(db: None, hours: int, state: str, words: str) -> None:
    version = make_submitted(business=make_business())

    with override("en"):
        clock = desk.clock(version, now=NOW + timedelta(hours=hours))

    assert (clock.state, clock.words) == (state, words)


def test_the_next_case_is_the_one_behind_then_the_oldest(db: None) -> None:
    first, second, third = (
        make_submitted(business=make_business(), now=NOW + timedelta(minutes=minute)) for minute in range(3)
    )
    reviewer = make_reviewer()

    assert desk.next_case(after=first, reviewer=reviewer) == second
    assert desk.next_case(after=third, reviewer=reviewer) == first
    assert desk.previous_case(before=third) == second
    assert desk.previous_case(before=first) is None


def test_cases_of_the_same_moment_are_walked_one_by_one(db: None) -> None:
    first, second = make_submitted(business=make_business()), make_submitted(business=make_business())

    assert desk.next_case(after=first, reviewer=make_reviewer()) == second
    assert desk.previous_case(before=second) == first


def test_cases_of_ones_own_company_are_left_out(db: None) -> None:
    business = make_business()
    insider = reviewers.appoint(user=make_member(business=business, role=Member.Role.ANALYST), now=NOW)
    first, _own, third = (
        make_submitted(business=where, now=NOW + timedelta(minutes=minute))
        for minute, where in enumerate([make_business(), business, make_business()])
    )

    assert desk.next_case(after=first, reviewer=insider) == third


def test_resubmissions_are_counted(db: None) -> None:
    business, reviewer = make_business(), make_reviewer()
    first = make_submitted(business=business)
    review.reject(version=first, reviewer=reviewer, reason_codes=[Reason.SCAM], words="No.", now=NOW)
    second = make_submitted(business=business, body="Hello, a quite different offer.")

    counted = desk.with_attempts(Version.objects.all()).order_by("number")

    assert list(counted.values_list("n_rejected", flat=True)) == [None, 1]  # type: ignore[misc]
    assert desk.record_of(business) == {"n_approved": 0, "n_rejected": 1}
    assert [decision.words for decision in desk.decisions_about(second)] == ["No."]


def test_compares_with_the_last_approved_version_else_the_last_decided(db: None) -> None:
    business, reviewer = make_business(), make_reviewer()
    first = make_submitted(business=business)
    assert desk.comparison(first) is None
    review.reject(version=first, reviewer=reviewer, reason_codes=[Reason.SCAM], words="No.", now=NOW)
    second = make_submitted(business=business, body="Hello, the second offer.")
    compared = desk.comparison(second)
    assert compared is not None
    assert (compared.earlier, compared.is_approved) == (first, False)
    review.approve(version=second, reviewer=reviewer, now=NOW)
    third = make_submitted(business=business, body="Hello, the third offer.")
    review.reject(version=third, reviewer=reviewer, reason_codes=[Reason.SCAM], words="No.", now=NOW)
    fourth = make_submitted(business=business, body="Hello, the fourth offer.")
    compared = desk.comparison(fourth)
    assert compared is not None
    assert (compared.earlier, compared.is_approved) == (second, True)
