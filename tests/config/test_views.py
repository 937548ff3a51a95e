"""The front page, the opening of a business, its home, the language, and what is shown when something is wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from businesses.models import Business, Member
from config import checklist
from tests import make

pytestmark = pytest.mark.django_db
ANSWERS = {
    "name": "Maison Lumen",
    "legal_name": "Lumen SAS",
    "country": "FR",
    "registration_number": "552 081 317",
    "timezone": "Europe/Paris",
    "currency": "EUR",
    "locale": "fr",
}


def test_a_stranger_reads_what_this_is_and_sees_a_message_made_by_the_renderer(client: Client) -> None:
    page = client.get("/").content.decode()
    assert "Call out to people who know you." in page
    assert "<strong>Oslo lamp</strong>" in page  # WhatsApp's *bold*
    assert "Reply STOP" in page


def test_the_front_page_sends_a_member_home_and_a_new_user_to_open_a_business(client: Client) -> None:
    newcomer = make.make_user()
    client.force_login(newcomer)
    assert client.get("/").headers["Location"] == "/open/"
    business = make.make_business(owner=newcomer)
    assert client.get("/").headers["Location"] == f"/b/{business.code}/"


def test_the_language_follows_the_browser_until_the_visitor_switches(client: Client) -> None:
    assert "Interpellez ceux" in client.get("/", headers={"accept-language": "fr"}).content.decode()
    client.post("/language/setlang/", {"language": "en", "next": "/"})
    assert "Call out" in client.get("/", headers={"accept-language": "fr"}).content.decode()


def test_opening_a_business_makes_it_and_its_test_twin(client: Client) -> None:
    owner = make.make_user()
    client.force_login(owner)
    answer = client.post("/open/", ANSWERS)
    live = Business.objects.get(mode="live", name="Maison Lumen")
    assert answer.headers["Location"] == f"/b/{live.code}/"
    assert Member.objects.get(business=live.twin, user=owner).role == Member.Role.OWNER


@pytest.mark.parametrize(
    ("field", "value"),
    [("country", "XX"), ("registration_number", "···"), ("currency", "XAU"), ("name", ""), ("timezone", "Mars")],
)
def test_a_business_that_cannot_be_is_refused_with_a_sentence_and_nothing_is_made(
    client: Client, field: str, value: str
) -> None:
    client.force_login(make.make_user())
    answer = client.post("/open/", ANSWERS | {field: value})
    assert answer.status_code == 422
    assert "This needs mending" in answer.content.decode()
    assert not Business.objects.exists()


def test_nobody_opens_a_business_without_an_account(client: Client) -> None:
    assert client.get("/open/").headers["Location"].startswith("/accounts/login/")


def test_the_checklist_tells_what_is_really_there(client: Client) -> None:
    business = make.make_business(is_verified=False)
    waiting = checklist.steps(business)
    assert [step.is_done for step in waiting] == [False] * 6
    assert waiting[0].is_waiting
    assert waiting[1].is_next  # the first step in the business's own hands

    ready = make.make_business(money=5 * make.EURO)
    make.make_sandbox_sender(business=ready)
    make.make_people(business=ready, n=1)
    make.make_approved_version(business=ready)
    steps = checklist.steps(ready)
    assert [step.is_done for step in steps] == [True] * 5 + [False]
    assert steps[5].is_next


def test_home_shows_the_next_step_within_its_queries(
    client: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    owner = make.make_user()
    business = make.make_business(owner=owner, money=5 * make.EURO)
    client.force_login(owner)
    with django_assert_max_num_queries(12):
        page = client.get(f"/b/{business.code}/").content.decode()
    assert "2 of 6" in page
    assert f"/b/{business.code}/senders/" in page
    assert "€5.00" in page


def test_home_offers_an_analyst_nothing_that_would_be_refused(client: Client) -> None:
    business = make.make_business()
    client.force_login(make.make_member(business=business, role=Member.Role.ANALYST))
    page = client.get(f"/b/{business.code}/").content.decode()
    assert "/contacts/import/" not in page
    assert "/broadcasts/new/" not in page


def test_a_suspended_business_reads_why(client: Client) -> None:
    owner = make.make_user()
    business = make.make_business(owner=owner)
    Business.objects.filter(pk=business.pk).update(state="suspended", suspended_because="Complaints about lamps")
    client.force_login(owner)
    assert "Complaints about lamps" in client.get(f"/b/{business.code}/").content.decode()


def test_a_stranger_finds_nothing_and_a_low_role_reads_why(client: Client) -> None:
    business = make.make_business()
    client.force_login(make.make_user())
    answer = client.get(f"/b/{business.code}/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()

    client.force_login(make.make_member(business=business, role=Member.Role.ANALYST))
    answer = client.get(f"/b/{business.code}/contacts/import/")
    assert answer.status_code == 403
    assert "or above may do this" in answer.content.decode()


def test_the_account_menu_offers_all_of_the_visitors_businesses_in_both_modes(client: Client) -> None:
    owner = make.make_user()
    business = make.make_business(owner=owner)
    client.force_login(owner)
    page = client.get(f"/b/{business.twin.code}/").content.decode()
    assert f'href="/b/{business.code}/"' in page
    assert "Test mode" in page


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
def test_the_account_pages_wear_our_skeleton(client: Client, path: str) -> None:
    page = client.get(path).content.decode()
    assert 'class="masthead"' in page
    assert 'class="form card"' in page


@pytest.mark.parametrize("path", ["/accounts/email/", "/accounts/2fa/", "/accounts/password/change/"])
def test_the_pages_of_ones_own_account_wear_our_skeleton(client: Client, path: str) -> None:
    user = make.make_user(password="tambour-demo-1")
    client.login(email=user.email, password="tambour-demo-1")
    assert 'aria-label="Your account"' in client.get(path).content.decode()
