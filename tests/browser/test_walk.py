"""The business's way in a real browser, with real servers and workers; whatever the console complains of fails it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from businesses.models import Business, User
from consent import quiet_hours
from templates_approval import reviewers
from tests import make
from tests.browser.visitor import N_PEOPLE, Visitor, contact_file, make_person
from tests.conftest import House, wait_for

pytestmark = [pytest.mark.timeout(600), pytest.mark.browser]


@pytest.fixture
def running(house: House, browser: Any, django_db_blocker: Any) -> Iterator[House]:
    """Web, workers and clock; offers may leave at any hour, for walks are taken at night, too."""
    with django_db_blocker.unblock():
        make.open_policy()
        quiet_hours.forget()
        house.start("web", "send", "desk", "beat")
        yield house


def test_from_an_empty_account_to_a_message_on_a_phone(running: House, browser: Any) -> None:
    """Sign in, connect the sandbox, bring people, write a template, have it approved, compose, count, launch, watch."""
    owner = make_person(email="owner@example.org")
    reviewer = reviewers.appoint(user=make_person(email="reviewer@example.org"), now=timezone.now())
    business = make.make_business(owner=owner, name="Maison Lumen", money=50 * make.EURO, now=timezone.now())
    visitor, desk = Visitor(browser, running.url, locale="en"), Visitor(browser, running.url, locale="en")
    page = visitor.page

    visitor.sign_in(owner)
    page.get_by_role("link", name="Connect a sender").click()
    page.get_by_role("button", name="Connect the sandbox").click()
    page.get_by_text("The sandbox is connected").wait_for()

    bring_people(page, business)
    write_template(page, business)
    approve(desk, reviewer)
    compose(page, business)
    launch_and_watch(page)
    answer_on_the_phone(page, business)

    assert visitor.complaints == []
    assert desk.complaints == []


def bring_people(page: Any, business: Business) -> None:
    page.goto(f"/b/{business.code}/contacts/import/")
    page.set_input_files("[name=file]", {"name": "people.csv", "mimeType": "text/csv", "buffer": contact_file()})
    page.get_by_role("button", name="Look into this file").click()
    page.get_by_role("button", name="Read it for trial").click()
    page.get_by_role("button", name="Take it in").click(timeout=60_000)  # the page turns by itself
    page.get_by_role("link", name="Compose a broadcast").wait_for(timeout=60_000)
    figure = page.locator(".figures > div", has_text="New contacts").locator("dd")
    assert figure.inner_text() == str(N_PEOPLE)


def write_template(page: Any, business: Business) -> None:
    page.goto(f"/b/{business.code}/templates/new/")
    page.fill("[name=name]", "winter_lamps")
    page.select_option("select[name=language]", "en")
    page.fill("[name=body]", "Hello {{first_name}}, this week all our *lamps* are 20 percent off. Reply STOP to stop.")
    page.locator("#preview .bubble", has_text="lamps").wait_for()  # the phone beside follows the typing
    page.get_by_role("button", name="Preview").click()
    page.fill("[name='example:first_name']", "Camille")
    page.fill("[name='fallback:first_name']", "there")
    page.get_by_role("button", name="Submit for review").click()
    page.get_by_text("in review").first.wait_for()


def approve(desk: Visitor, reviewer: User) -> None:
    desk.sign_in(reviewer)
    desk.page.goto("/admin/templates_approval/version/")
    desk.page.get_by_role("link", name="winter_lamps").first.click()
    desk.page.click("#decide-approve")
    desk.page.wait_for_load_state()


def compose(page: Any, business: Business) -> None:
    page.goto(f"/b/{business.code}/broadcasts/new/")
    page.fill("[name=name]", "Winter lamps")
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url("**/compose/message/")  # the template has a variable: the same step asks for its value
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("heading", name="To whom?").wait_for()
    page.locator("#estimate", has_text=f"of {N_PEOPLE} people will get it").wait_for()
    page.get_by_label("English").check()  # counted anew without a button
    page.locator("#estimate", has_text=f"of {N_PEOPLE // 2} people will get it").wait_for()
    page.get_by_label("français").check()
    page.locator("#estimate", has_text=f"of {N_PEOPLE} people will get it").wait_for()
    for heading in ("When?", "For how much at most?", "Ready?"):
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_role("heading", name=heading).wait_for()


def launch_and_watch(page: Any) -> None:
    page.locator("#estimate", has_text="As of").wait_for()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Confirm and launch").click()
    page.locator(".head .badge", has_text="completed").wait_for(timeout=90_000)  # nobody reloads
    delivered = page.locator(".funnel li", has_text="Delivered").locator(".number")
    wait_for(lambda: delivered.inner_text().split()[0] == str(N_PEOPLE), seconds=60, what="every delivery")


def answer_on_the_phone(page: Any, business: Business) -> None:
    page.goto(f"/b/{business.code}/senders/")
    page.get_by_role("link", name="Open the sandbox phones").click()
    page.locator("main a[href*='/phone/']", has_text="+33").first.click()
    page.get_by_text("20 percent off").wait_for()
    page.get_by_role("button", name="Interested", exact=True).first.click()
    page.wait_for_load_state()
