"""The pages of a business's own affairs, as its members meet them."""

import re

import pytest

from businesses import keys, wallet
from businesses.models import ApiKey, Member, User
from tests.make import EURO, NOW, make_business, make_client, make_key, make_member, make_user


def test_the_wallet_shows_its_money_and_its_statement(db: None, django_assert_max_num_queries: object) -> None:
    business = make_business(money=10 * EURO)
    held = wallet.hold(business=business, amount_micro=4 * EURO, purpose="brd_1", now=NOW)
    wallet.capture(hold=held, amount_micro=1_500_000, key="minute 1", now=NOW)
    analyst = make_client(make_member(business=business, role=Member.Role.ANALYST))
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        page = analyst.get(f"/b/{business.code}/wallet/").content.decode()
    for amount in ("€6.00", "€2.50", "€8.50", "-€1.50"):
        assert amount in page
    assert "brd_1" in page


def test_the_statement_is_paged(db: None) -> None:
    business = make_business()
    for n in range(51):
        wallet.top_up(business=business, amount_micro=EURO, key=f"payment {n}", memo=f"payment {n}.", now=NOW)
    owner = make_client(make_member(business=business, role=Member.Role.OWNER))
    assert "payment 0." not in owner.get(f"/b/{business.code}/wallet/").content.decode()
    assert "payment 0." in owner.get(f"/b/{business.code}/wallet/?page=2").content.decode()


def test_a_key_is_shown_once(db: None) -> None:
    business = make_business()
    owner = make_client(make_member(business=business, role=Member.Role.OWNER))
    answer = owner.post(f"/b/{business.code}/keys/", {"name": "shop", "scopes": ["broadcasts:read"], "days": "30"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    secret = re.search(keys.SECRET, answer.content.decode())[0]  # type: ignore[index]
    assert keys.find(secret=secret, now=ApiKey.objects.get().created_at)
    later = owner.get(f"/b/{business.code}/keys/").content.decode()
    assert secret not in later
    assert secret[: keys.PREFIX_LETTERS] in later


def test_a_key_without_scopes_is_refused_with_a_sentence(db: None) -> None:
    business = make_business()
    owner = make_client(make_member(business=business, role=Member.Role.OWNER))
    answer = owner.post(f"/b/{business.code}/keys/", {"name": "shop"})
    assert answer.status_code == 422
    assert "summary-of-errors" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_only_owners_have_to_do_with_keys(db: None) -> None:
    business = make_business()
    marketer = make_client(make_member(business=business, role=Member.Role.MARKETER))
    assert marketer.get(f"/b/{business.code}/keys/").status_code == 403
    assert marketer.post(f"/b/{business.code}/keys/", {"name": "a"}).status_code == 403


def test_a_revoked_key_is_marked(db: None) -> None:
    business = make_business()
    key, secret = make_key(business=business)
    owner = make_client(make_member(business=business, role=Member.Role.OWNER))
    assert owner.get(f"/b/{business.code}/keys/{key.prefix}/revoke/").status_code == 405
    answer = owner.post(f"/b/{business.code}/keys/{key.prefix}/revoke/", follow=True)
    assert "revoked" in answer.content.decode()
    assert keys.find(secret=secret, now=NOW) is None


def test_the_key_of_another_business_is_not_found(db: None) -> None:
    business = make_business()
    key, secret = make_key(business=make_business())
    owner = make_client(make_member(business=business, role=Member.Role.OWNER))
    assert owner.post(f"/b/{business.code}/keys/{key.prefix}/revoke/").status_code == 404
    assert keys.find(secret=secret, now=NOW)


def test_members_are_seen_by_all_and_changed_by_owners(db: None) -> None:
    business = make_business()
    marketer = make_member(business=business, role=Member.Role.MARKETER)
    owner = make_client(make_member(business=business, role=Member.Role.OWNER))
    url = f"/b/{business.code}/members/"
    assert marketer.email in make_client(marketer).get(url).content.decode()
    assert make_client(marketer).post(url + "invite/", {"email": "a@example.org", "role": "analyst"}).status_code == 403

    assert owner.post(url + "invite/", {"email": "a@example.org", "role": "analyst"}).status_code == 302
    assert Member.objects.get(business=business, user__email="a@example.org").role == "analyst"
    assert owner.post(url + "invite/", {"email": "no address", "role": "analyst"}).status_code == 422
    owner.post(url + "change/", {"email": "a@example.org", "role": "marketer"})
    assert Member.objects.get(business=business, user__email="a@example.org").role == "marketer"
    owner.post(url + "change/", {"email": "a@example.org", "role": ""})
    assert not Member.objects.filter(user__email="a@example.org").exists()


@pytest.mark.parametrize("path", ["wallet/", "keys/", "members/"])
def test_pages_follow_the_browser_rules(db: None, path: str) -> None:
    business = make_business()
    owner = make_client(make_member(business=business, role=Member.Role.OWNER))
    page = owner.get(f"/b/{business.code}/{path}").content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)


def test_the_operator_verifies_suspends_and_tops_up(db: None) -> None:
    business = make_business(is_verified=False)
    operator = make_user(is_staff=True)
    operator.is_superuser = True
    operator.save()
    desk = make_client(operator)
    url = f"/admin/businesses/business/{business.pk}/"
    assert "Verify" in desk.get(url + "change/").content.decode()

    desk.post(url + "verify/")
    business.refresh_from_db()
    assert business.may_send

    page = desk.get(url + "top-up/").content.decode()
    key = re.search(r'name="key" value="([^"]+)"', page)[1]  # type: ignore[index]
    for _twice in range(2):
        desk.post(url + "top-up/", {"amount": "12.50", "memo": "transfer 7", "key": key})
    business.wallet.refresh_from_db()
    assert business.wallet.balance_micro == 12_500_000

    assert desk.post(url + "suspend/", {"reason": ""}).status_code == 200
    desk.post(url + "suspend/", {"reason": "Reports upheld"})
    business.refresh_from_db()
    assert (business.may_send, business.suspended_because) == (False, "Reports upheld")


@pytest.mark.parametrize(
    "model",
    ["wallet", "hold", "ledgerentry", "event", "auditevent", "apikey", "legalentity", "price", "business", "user"],
)
def test_the_desk_lists_everything_and_changes_no_money(db: None, model: str) -> None:
    business = make_business(money=10 * EURO)
    wallet.hold(business=business, amount_micro=EURO, purpose="brd_1", now=NOW)
    make_key(business=business)
    desk = make_client(_superuser())
    assert desk.get(f"/admin/businesses/{model}/").status_code == 200
    may_add = model in ("price", "user")
    assert desk.get(f"/admin/businesses/{model}/add/").status_code == (200 if may_add else 403)


def test_staff_without_the_permission_do_not_touch_businesses(db: None) -> None:
    business = make_business(is_verified=False)
    reviewer = make_client(make_user(is_staff=True))
    assert reviewer.post(f"/admin/businesses/business/{business.pk}/verify/").status_code == 403
    assert reviewer.post(f"/admin/businesses/business/{business.pk}/top-up/", {"amount": "5"}).status_code == 403
    business.refresh_from_db()
    assert not business.may_send


def _superuser() -> User:
    return User.objects.create_superuser("operator@example.org", "a long enough secret")
