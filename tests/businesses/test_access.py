"""Who may come in, through which door, with which role."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory

from businesses import access
from businesses.models import Business, Member, User
from tests.make import make_business, make_member, make_user


@access.member_view(Member.Role.MARKETER)
def page(request: HttpRequest, business: Business, number: int = 0) -> HttpResponse:
    return HttpResponse(f"{business.code} {number}")


def ask(user: object, code: str) -> HttpResponse:
    request = RequestFactory().get("/b/biz_1/page/?a=1")
    request.user = user  # type: ignore[assignment]
    return page(request, code=code, number=7)


def test_a_member_sees_the_page_of_their_business(db: None) -> None:
    business = make_business()
    marketer = make_member(business=business, role=Member.Role.MARKETER)
    assert ask(marketer, business.code).content.decode() == f"{business.code} 7"


def test_a_role_that_is_too_low_is_told_so(db: None) -> None:
    business = make_business()
    analyst = make_member(business=business, role=Member.Role.ANALYST)
    with pytest.raises(PermissionDenied, match="marketer"):
        ask(analyst, business.code)


def test_to_a_stranger_a_business_does_not_exist(db: None) -> None:
    business, stranger = make_business(), make_user()
    make_business(owner=stranger)
    with pytest.raises(Http404) as theirs:
        ask(stranger, business.code)
    with pytest.raises(Http404) as nobodys:
        ask(stranger, "biz_0000000000000000")
    assert str(theirs.value) == str(nobodys.value)


@pytest.mark.parametrize("code", ["\0", "BIZ", "é", "a" * 1000, "biz' OR 1=1"])
def test_what_is_no_code_is_not_found(db: None, code: str) -> None:
    with pytest.raises(Http404):
        access.business_for(user=make_user(), code=code)


def test_nobody_is_sent_to_the_log_in_page_and_back(db: None) -> None:
    from django.contrib.auth.models import AnonymousUser

    answer = ask(AnonymousUser(), "biz_1")
    assert answer.status_code == 302
    assert answer["Location"].endswith("/accounts/login/?next=/b/biz_1/page/%3Fa%3D1")


def test_roles_are_ordered() -> None:
    ranks = [access.RANKS[role] for role in (Member.Role.ANALYST, Member.Role.MARKETER, Member.Role.OWNER)]
    assert ranks == sorted(ranks)


def test_live_businesses_come_first(db: None) -> None:
    owner: User = make_user()
    business = make_business(owner=owner)
    make_business()
    assert list(access.businesses_of(owner)) == [business, business.twin]
