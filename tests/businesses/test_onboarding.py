"""A business appears whole: twin, wallets, owner; and only the operator's word lets it send."""

import pytest

from businesses import onboarding, wallet
from businesses.models import AuditEvent, Business, Event, LegalEntity, Member, Wallet
from tests.make import NOW, make_business, make_user


def test_a_business_opens_with_its_twin_its_wallets_and_its_owner(db: None) -> None:
    owner = make_user()
    business = make_business(owner=owner, is_verified=False)
    assert (business.mode, business.state, business.may_send) == ("live", "pending", False)
    assert business.contact_email == owner.email

    twin = business.twin
    assert (twin.mode, twin.state, twin.may_send) == ("test", "verified", True)
    assert twin.legal_entity == business.legal_entity
    assert Wallet.objects.get(business=business).balance_micro == 0
    assert Wallet.objects.get(business=twin).balance_micro == onboarding.PLAY_MONEY_MICRO
    assert list(Member.objects.filter(user=owner).values_list("business", "role").order_by("business")) == [
        (business.pk, "owner"),
        (twin.pk, "owner"),
    ]
    assert AuditEvent.objects.get(action="business.opened").actor == owner
    assert Event.objects.get(business=business).kind == "business.opened"
    assert wallet.verify_books() == []


def test_accounts_of_one_company_share_its_legal_entity(db: None) -> None:
    one = make_business(registration_number="552 081 317")
    other = make_business(registration_number="552.081.317")
    abroad = make_business(registration_number="552081317", country="BE")
    assert one.legal_entity == other.legal_entity
    assert one.legal_entity != abroad.legal_entity


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"country": "ZZ"}, "two-letter"),
        ({"country": "fr"}, "two-letter"),
        ({"currency": "XXX"}, "EUR, USD"),
        ({"timezone": "Mars/Olympus"}, "Europe/Paris"),
        ({"registration_number": " . "}, "registered"),
    ],
)
def test_a_business_that_cannot_be_is_not_half_made(db: None, changed: dict[str, str], said: str) -> None:
    described = {"country": "FR", "currency": "EUR", "timezone": "Europe/Paris", "registration_number": "1"} | changed
    with pytest.raises(onboarding.CannotOpen, match=said):
        onboarding.open_business(name="A", legal_name="A", owner=make_user(), now=NOW, **described)
    assert not Business.objects.exists()
    assert not LegalEntity.objects.exists()


def test_verified_suspended_reinstated(db: None) -> None:
    operator = make_user(is_staff=True)
    business = make_business(is_verified=False)
    onboarding.verify(business=business, by=operator, now=NOW)
    assert business.may_send
    assert business.verified_at == NOW

    onboarding.suspend(business=business, reason="Reports upheld", by=operator, now=NOW)
    assert (business.may_send, business.suspended_because) == (False, "Reports upheld")

    onboarding.reinstate(business=business, by=operator, now=NOW)
    assert (business.may_send, business.suspended_because) == (True, "")
    kinds = Event.objects.filter(business=business).order_by("sequence").values_list("sequence", "kind")
    assert list(kinds) == [
        (1, "business.opened"),
        (2, "business.verified"),
        (3, "business.suspended"),
        (4, "business.reinstated"),
    ]


def test_a_business_that_was_never_verified_is_not_verified_by_ending_its_suspension(db: None) -> None:
    operator = make_user(is_staff=True)
    business = make_business(is_verified=False)
    onboarding.suspend(business=business, reason="Strange papers", by=operator, now=NOW)
    onboarding.reinstate(business=business, by=operator, now=NOW)
    assert business.state == "pending"


def test_what_cannot_happen_says_so(db: None) -> None:
    operator, business = make_user(is_staff=True), make_business()
    with pytest.raises(onboarding.CannotVerify):
        onboarding.verify(business=business, by=operator, now=NOW)
    with pytest.raises(onboarding.CannotReinstate):
        onboarding.reinstate(business=business, by=operator, now=NOW)
    with pytest.raises(onboarding.CannotSuspend, match="reason"):
        onboarding.suspend(business=business, reason=" ", by=operator, now=NOW)
    onboarding.suspend(business=business, reason="x", by=operator, now=NOW)
    with pytest.raises(onboarding.CannotSuspend, match="already"):
        onboarding.suspend(business=business, reason="x", by=operator, now=NOW)
