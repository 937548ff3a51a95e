"""What happened to a wording is told newest first, over all of its versions."""

from datetime import timedelta

from templates_approval import history, review
from templates_approval.reasons import Reason
from tests.make import NOW, make_business, make_draft, make_reviewer, make_submitted


def test_tells_all_versions_of_the_language(db: None, django_assert_num_queries: object) -> None:
    business = make_business()
    first = make_submitted(business=business)
    review.reject(
        version=first,
        reviewer=make_reviewer(),
        reason_codes=[Reason.SCAM],
        words="No.",
        now=NOW + timedelta(hours=1),
    )
    second = make_draft(business=business, body="Hello, a quite different offer.", now=NOW + timedelta(hours=2))
    make_draft(business=business, language="fr")

    with django_assert_num_queries(2):  # type: ignore[operator]
        moments = history.of(second)

    assert [(moment.kind, moment.version.number) for moment in moments][:2] == [("drafted", 2), ("rejected", 1)]
    assert {moment.kind for moment in moments[2:]} == {"drafted", "submitted"}
    assert moments[1].review is not None
    assert moments[1].review.words == "No."
