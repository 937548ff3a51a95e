"""Who may decide is an office that is given, and it says nothing about one's own company."""

from businesses.models import AuditEvent, Member
from templates_approval import reviewers
from tests.make import NOW, make_business, make_member, make_user


def test_an_appointed_reviewer_may_decide(db: None) -> None:
    operator = make_user(is_staff=True)
    reviewer = reviewers.appoint(user=make_user(), by=operator, now=NOW)
    assert reviewer.is_staff
    assert reviewers.may_decide(reviewer)
    assert AuditEvent.objects.get(action="reviewer.appointed").actor == operator


def test_others_may_not(db: None) -> None:
    assert not reviewers.may_decide(make_user())
    assert not reviewers.may_decide(make_user(is_staff=True))


def test_an_office_ends_with_the_account(db: None) -> None:
    reviewer = reviewers.appoint(user=make_user(), now=NOW)
    reviewer.is_active = False
    reviewer.save()
    assert not reviewers.may_decide(type(reviewer).objects.get(pk=reviewer.pk))


def test_belonging_reaches_over_all_accounts_of_a_company(db: None) -> None:
    business = make_business()
    member = make_member(business=business, role=Member.Role.ANALYST)
    sister = make_business(registration_number=business.legal_entity.registration_number)
    assert business.twin
    assert [reviewers.belongs_to(member, b) for b in (business, business.twin, sister, make_business())] == [
        True,
        True,
        True,
        False,
    ]
