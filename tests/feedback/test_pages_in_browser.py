"""The recipient's page and the sandbox phone as people hold them: small, large, light, dark, in both languages.

SCREENSHOTS=<folder> keeps a picture of each.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection

from broadcasts.channels.base import Message
from broadcasts.models import Broadcast
from businesses.models import Member
from consent.models import Address, Contact
from tests.feedback.visitor import carry, read_code
from tests.make import EURO, make_business, make_member, make_people, make_sent, make_user, open_policy

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
LOOKS = [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")]
PASSWORD = "a long enough password"


@pytest.fixture
def sent(site: Any) -> tuple[Broadcast, list[Message]]:
    open_policy()
    now, business = datetime.now(UTC), make_business(name="Maison Tournesol", money=100 * EURO)
    make_people(business=business, n=3, language="fr", now=now)
    return make_sent(business=business, now=now)


@pytest.fixture
def page(site: Any, browser: Any, sent: Any) -> Iterator[Any]:
    context = browser.new_context(base_url=site.url, locale="en-GB", has_touch=True, reduced_motion="reduce")
    page = context.new_page()
    page.faults = []
    page.on("console", lambda said: page.faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("requestfailed", lambda request: page.faults.append(request.url))
    yield page
    assert page.faults == []
    context.close()


def look(page: Any, name: str) -> None:
    """Check what is on the screen in every size and light, and keep pictures when they are wanted."""
    for width, light in LOOKS:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=light, reduced_motion="reduce")
        # Colours fade over; what is measured is where they arrive.
        page.evaluate("Promise.all(document.getAnimations().map(each => each.finished.catch(() => null)))")
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == [], f"{name} {width} {light}"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} {width} scrolls"
        if folder := os.environ.get("SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{folder}/{name}-{width}-{light}.png", full_page=True)


def small_targets(page: Any) -> list[str]:
    """What a thumb would miss: buttons, choices and summaries less than 44 px high."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('button, .choice, summary, nav a')]"
        ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML)"
    )
    return found


def test_the_recipients_page(page: Any, sent: Any) -> None:
    path = urlsplit(sent[1][0].preference_url).path
    for language in ("fr", "en"):
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto(f"{path}?lang={language}")
        assert page.locator("html").get_attribute("lang") == language
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert small_targets(page) == []
        look(page, f"preferences-{language}")
    page.locator("button", has_text="Not interested").click()
    look(page, "preferences-reacted")
    page.locator("button", has_text="Stop their offers").click()
    page.get_by_role("status").wait_for()
    look(page, "preferences-stopped")
    page.locator("button", has_text="Block Maison Tournesol").click()
    page.get_by_text("You blocked Maison Tournesol on").wait_for()
    assert small_targets(page) == []
    look(page, "preferences-reasons")
    page.get_by_label("Too many messages").check()
    page.get_by_label("In your own words").fill("Every day.")
    page.locator("button", has_text="Send this").click()
    page.get_by_text("Would fewer be enough?").wait_for()
    look(page, "preferences-fewer")


def carry_codes() -> None:
    """In a thread of its own: the browser's event loop lives in this one."""
    thread = threading.Thread(target=_carry_and_close)
    thread.start()
    thread.join()


def _carry_and_close() -> None:
    try:
        carry()
    finally:
        connection.close()


def test_a_persons_own_page(page: Any, sent: Any) -> None:
    number = "+33639980001"
    person = sent[1][0].recipient_id
    Address.objects.filter(recipient=person).update(value=number)
    for i in range(2):
        other = make_business(name=f"Librairie Sirius {i}")
        make_people(business=other, n=1, now=datetime.now(UTC))
    page.goto("/p/?lang=fr")
    assert small_targets(page) == []
    look(page, "number-fr")
    page.goto("/p/?lang=en")
    page.locator("#number").fill("12")
    page.locator("button", has_text="Send me a code").click()
    look(page, "number-wrong")
    page.locator("#number").fill(number)
    page.locator("button", has_text="Send me a code").click()
    look(page, "code")
    page.locator("#digits").fill("000000")
    page.locator("button", has_text="Go on").click()
    look(page, "code-wrong")
    carry_codes()
    page.locator("#digits").fill(read_code(number))
    page.locator("button", has_text="Go on").click()
    page.get_by_text("Librairie Sirius 1").first.wait_for()
    assert small_targets(page) == []
    look(page, "mine-en")
    page.locator("button", has_text="Stop Librairie Sirius 0").click()
    page.get_by_role("status").wait_for()
    page.goto("/p/mine/?lang=fr")
    look(page, "mine-fr")
    for name in ("history", "erase", "not-me"):
        page.goto(f"/p/mine/{name}/?lang=fr")
        look(page, f"mine-{name}-fr")
    Contact.objects.filter(recipient=person).update(created_at=datetime(2025, 3, 1, tzinfo=UTC))
    page.goto("/p/mine/?lang=fr")
    look(page, "yours-fr")
    page.locator("button", has_text="Non, j’ai eu ce numéro plus tard").click()
    page.get_by_role("status").wait_for()
    look(page, "not-me-done-fr")
    page.faults.clear()  # the browser reports the 400s itself


def test_a_wrong_link(page: Any) -> None:
    page.goto("/p/wrong/")
    look(page, "unknown")
    page.faults.clear()  # the browser reports the 404 itself


def test_the_phone(page: Any, sent: Any) -> None:
    broadcast, messages = sent
    member = make_member(business=broadcast.business, role=Member.Role.ANALYST, user=make_user(password=PASSWORD))
    member.emailaddress_set.create(email=member.email, verified=True, primary=True)
    page.goto(f"/accounts/login/?next=/phone/{broadcast.sender.code}/")
    page.fill("input[name=login]", member.email)
    page.fill("input[name=password]", PASSWORD)
    page.locator("form button[type=submit], form button:not([type])", has_text="").last.click()
    page.wait_for_url(f"**/phone/{broadcast.sender.code}/")
    look(page, "phones")
    page.get_by_role("link", name=messages[0].address).click()
    look(page, "phone")
    page.get_by_role("button", name="Interested", exact=True).click()
    page.get_by_label("Your answer").fill("STOP")
    page.get_by_role("button", name="Send").click()
    carry_codes()
    page.reload()
    page.get_by_text("Vous ne recevrez plus").or_(page.get_by_text("You will get no more")).wait_for()
    look(page, "phone-answered")
