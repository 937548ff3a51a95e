"""Writing and reviewing in a real browser: the phone follows the keys, the desk obeys them, no console complains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from businesses.models import Member, User
from tests import make
from tests.conftest import House

pytestmark = [pytest.mark.timeout(300), pytest.mark.browser]
EXAMPLE = "[id='id_example:first_name']"


@pytest.fixture
def visit(browser: Any, site: House, django_db_blocker: Any) -> Iterator[Callable[[User, str], Any]]:
    """Open an address of the running site as somebody who has logged in; the console must have nothing to say."""
    complaints: list[str] = []
    with django_db_blocker.unblock():

        def open_as(user: User, address: str) -> Any:
            client = Client()
            client.force_login(user)
            context = browser.new_context(base_url=site.url, locale="en-GB", viewport={"width": 1280, "height": 900})
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
            page = context.new_page()
            page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
            page.goto(address)
            return page

        yield open_as
    assert complaints == []


def test_the_phone_follows_what_is_typed(visit: Callable[[User, str], Any]) -> None:
    business = make.make_business()
    marketer = make.make_member(business=business, role=Member.Role.MARKETER)
    page = visit(marketer, f"/b/{business.code}/templates/new/")
    page.fill("#id_name", "typed_offer")
    page.locator("#id_body").press_sequentially("Hello {{first_name}}, *bread* for half of the price today.")
    page.locator(EXAMPLE).press_sequentially("Zoé <script>alert(1)</script>", delay=20)
    page.locator("#preview", has_text="Zoé <script>alert(1)</script>").wait_for()
    assert page.input_value(EXAMPLE) == "Zoé <script>alert(1)</script>"
    assert page.locator("#preview .body strong").inner_text() == "bread"
    page.fill("#id_footer", "Thank you")
    page.locator("#findings_footer li", has_text="how to stop").wait_for()
    page.select_option("#id_language", "fr")
    page.locator("#preview", has_text="Pas intéressé").wait_for()
    page.fill("#id_footer", "Répondez STOP")
    page.locator("#preview", has_text="Ready to submit").wait_for()
    page.get_by_role("button", name="Submit for review").click()
    page.locator("main", has_text="A reviewer decides by").wait_for()


def test_the_desk_is_walked_with_keys(visit: Callable[[User, str], Any]) -> None:
    now = timezone.now()
    first, _second = (make.make_submitted(business=make.make_business(), name=name, now=now) for name in ("one", "two"))
    page = visit(make.make_reviewer(), f"/admin/templates_approval/version/{first.pk}/change/")
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.name") == "reason_codes"
    page.locator("#id_words").press_sequentially("jakar")
    assert page.locator("h1", has_text="one").is_visible()
    page.locator("h1").last.click()
    page.keyboard.press("j")
    page.locator(".desk-head", has_text="two").wait_for()
    page.keyboard.press("k")
    page.locator(".desk-head", has_text="one").wait_for()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.locator(".messagelist", has_text="Approved: one, version 1.").wait_for()
    page.locator("#desk-keys").uncheck()
    page.reload()
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.id") != "decide-approve"
