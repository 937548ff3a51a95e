"""The business's way in a real browser, against real servers and workers; whatever the console complains of fails it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from businesses.models import Business, User
from consent import quiet_hours
from templates_approval import reviewers
from tests import make
from tests.conftest import House, wait_for

PASSWORD = "a long walk in the town"
N_PEOPLE = 30
HEADING = "phone,name,language,country,city,interaction,interaction_date,evidence,opt_out_offered"
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
pytestmark = [pytest.mark.timeout(600), pytest.mark.browser]


@pytest.fixture
def running(house: House, django_db_blocker: Any) -> Iterator[House]:
    """Web, workers and clock; offers may leave at any hour, for walks are taken at night, too."""
    with django_db_blocker.unblock():
        make.open_policy()
        quiet_hours.forget()
        for name in ("web", "send", "desk", "beat"):
            house.start(name)
        yield house


def make_person(*, email: str) -> User:
    user = make.make_user(email=email, password=PASSWORD)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def contact_file() -> bytes:
    today = timezone.now().date().isoformat()
    people = [
        f"+3363998{i:04},Inès Lefèvre {i},{'fr' if i % 2 else 'en'},FR,Lyon,purchase,{today},order {i},yes"
        for i in range(N_PEOPLE)
    ]
    return "\n".join([HEADING, *people, "12,Nobody,fr,FR,,purchase,2026-01-01,order x,yes"]).encode()


class Visitor:
    """Somebody with a browser of their own. ``complaints`` is what its console said."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.page = browser.new_context(base_url=url, **context).new_page()
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", lambda answer: answer.status >= 500 and self.complaints.append(f"{answer.status} {answer.url}"))

    def sign_in(self, user: User) -> None:
        self.page.goto("/accounts/login/")
        self.page.fill("[name=login]", user.email)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(lambda url: "/login/" not in url)


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
    page.get_by_role("button", name="Import this file").click()
    page.get_by_role("heading", name="Lines to mend").wait_for(timeout=60_000)  # the page turns by itself
    assert page.locator("dt:text-is('New contacts') + dd, div:has(> dt:text-is('New contacts')) dd").first.inner_text() == str(N_PEOPLE)


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


def _pages(business: Business, draft: str, launched: str, batch: str, contact: str) -> list[str]:
    own = f"/b/{business.code}"
    return [
        *("/", "/accounts/login/", "/accounts/signup/", "/accounts/email/", "/accounts/2fa/", "/open/", "/not-here/"),
        *(f"{own}/{page}" for page in ("", "contacts/", "contacts/import/", "senders/", "senders/webhook/")),
        *(f"{own}/contacts/{page}/" for page in (contact, f"imports/{batch}")),
        *(f"{own}/broadcasts/{page}" for page in ("", "new/", f"{launched}/", f"{launched}/cancel/", f"{launched}/attention/")),
        *(f"{own}/broadcasts/{draft}/compose/{step}/" for step in ("message", "audience", "when", "money")),
        f"{own}/broadcasts/{draft}/review/",
        *(f"{own}/{page}" for page in ("templates/", "templates/new/", "wallet/", "members/", "keys/")),
    ]


@pytest.fixture
def furnished(running: House, tmp_path: Any) -> Callable[[], tuple[User, list[str]]]:
    """An account in which every page has something to show."""

    def furnish() -> tuple[User, list[str]]:
        from django.core.files.base import ContentFile

        from consent import imports
        from consent.models import Contact

        now = timezone.now()
        owner = make_person(email="owner@example.org")
        business = make.make_business(owner=owner, name="Maison Lumen", money=50 * make.EURO, now=now)
        batch = imports.receive(
            business=business, file=ContentFile(contact_file(), "people.csv"), filename="people.csv", by=owner, now=now
        )
        imports.run(batch=batch, now=now)
        version = make.make_approved_version(business=business)
        sender = make.make_sandbox_sender(business=business)
        draft = make.make_broadcast(business=business, version=version, sender=sender, now=now)
        launched = make.make_launched(business=business, version=version, sender=sender, now=now)
        contact = Contact.objects.of(business).earliest("id")
        return owner, _pages(business, draft.code, launched.code, batch.code, contact.code)

    return furnish


def test_every_page_is_accessible_in_both_languages_both_lights_and_both_widths(
    furnished: Callable[[], tuple[User, list[str]]], running: House, browser: Any
) -> None:
    """axe finds nothing against WCAG 2.2 AA, nothing is wider than the screen, and the console stays silent."""
    owner, paths = furnished()
    faults: list[str] = []
    for language in ("fr", "en"):
        for light in ("light", "dark"):
            visitor = Visitor(browser, running.url, locale=language, color_scheme=light)
            visitor.sign_in(owner)
            for path in paths:
                visitor.page.goto(path, wait_until="load")
                for width in (390, 1280):
                    visitor.page.set_viewport_size({"width": width, "height": 844})
                    faults += [f"{language} {light} {width} {path}: {fault}" for fault in _faults_of(visitor.page)]
            complaints = [said for said in visitor.complaints if "404" not in said]
            faults += [f"{language} {light}: {said}" for said in complaints]
    assert faults == []


def _faults_of(page: Any) -> list[str]:
    found = Axe().run(page, options=WCAG).response["violations"]
    faults = [f"{violation['id']} at {violation['nodes'][0]['target']}" for violation in found]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        faults.append("wider than the screen")
    return faults
