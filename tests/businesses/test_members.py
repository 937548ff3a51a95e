"""Who belongs to a business, in both of its modes."""

import pytest
from django.core.exceptions import ValidationError

from businesses import members
from businesses.models import Member, User
from tests.make import NOW, make_business, make_user

OWNER, MARKETER, ANALYST = Member.Role.OWNER, Member.Role.MARKETER, Member.Role.ANALYST


def role_of(user: User) -> list[str]:
    return sorted(Member.objects.filter(user=user).values_list("role", flat=True))


def test_who_joins_joins_both_modes(db: None) -> None:
    owner = make_user()
    business, colleague = make_business(owner=owner), make_user(email="colleague@example.org")
    members.invite(business=business, email="Colleague@example.org", role=MARKETER, by=owner, now=NOW)
    assert role_of(colleague) == ["marketer", "marketer"]
    members.give_role(business=business.twin, email=colleague.email, role=ANALYST, by=owner, now=NOW)
    assert role_of(colleague) == ["analyst", "analyst"]
    members.remove(business=business, email=colleague.email, by=owner, now=NOW)
    assert role_of(colleague) == []


def test_who_has_no_account_gets_one_without_a_password(db: None) -> None:
    owner = make_user()
    business = make_business(owner=owner)
    place = members.invite(business=business, email="new@example.org", role=ANALYST, by=owner, now=NOW)
    assert not place.user.has_usable_password()


def test_inviting_again_changes_nothing(db: None) -> None:
    owner = make_user()
    business = make_business(owner=owner)
    members.invite(business=business, email=owner.email, role=ANALYST, by=owner, now=NOW)
    assert role_of(owner) == ["owner", "owner"]


def test_the_last_owner_stays(db: None) -> None:
    owner = make_user()
    business = make_business(owner=owner)
    with pytest.raises(members.CannotChangeMembers, match="needs an owner"):
        members.remove(business=business, email=owner.email, by=owner, now=NOW)
    with pytest.raises(members.CannotChangeMembers, match="needs an owner"):
        members.give_role(business=business, email=owner.email, role=ANALYST, by=owner, now=NOW)
    members.invite(business=business, email="second@example.org", role=OWNER, by=owner, now=NOW)
    members.give_role(business=business, email=owner.email, role=ANALYST, by=owner, now=NOW)
    assert role_of(owner) == ["analyst", "analyst"]


def test_nobody_changes_the_members_of_another_business(db: None) -> None:
    owner, stranger = make_user(), make_user()
    business = make_business(owner=owner)
    make_business(owner=stranger)
    with pytest.raises(members.CannotChangeMembers, match="Nobody"):
        members.remove(business=business, email=stranger.email, by=owner, now=NOW)
    assert role_of(stranger) == ["owner", "owner"]


def test_an_address_that_is_none_is_refused(db: None) -> None:
    owner = make_user()
    with pytest.raises(ValidationError):
        members.invite(business=make_business(owner=owner), email="not an address", role=ANALYST, by=owner, now=NOW)
