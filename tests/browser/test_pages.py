"""Every page against WCAG 2.2 AA, in both languages, both lights and both widths, with a silent console."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.files.base import ContentFile
from django.utils import timezone

from broadcasts import senders
from businesses.models import Business, User
from consent import imports
from consent.models import Contact
from tests import make
from tests.browser.visitor import Visitor, contact_file, make_person
from tests.conftest import House

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
ALL_WAYS = list(product(("fr", "en"), ("light", "dark"), (390, 1280)))
# Two opposite ones in everyday runs; all eight with `make promises`.
WAYS = ALL_WAYS if os.environ.get("PROMISES") else [("fr", "light", 390), ("en", "dark", 1280)]
pytestmark = [pytest.mark.timeout(600), pytest.mark.browser]


@pytest.fixture
def furnished(
    site: House, browser: Any, settings: Any, django_db_blocker: Any
) -> Iterator[tuple[House, User, list[str]]]:
    """An account in which every page has something to show, and the addresses of all pages."""
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT = site.environment["MEDIA_ROOT"]
    with django_db_blocker.unblock():
        yield site, *_furnish()


def _furnish() -> tuple[User, list[str]]:
    now = timezone.now()
    owner = make_person(email="owner@example.org")
    business = make.make_business(owner=owner, name="Maison Lumen", money=50 * make.EURO, now=now)
    file = ContentFile(contact_file(), "people.csv")
    batch = imports.receive(business=business, file=file, filename="people.csv", by=owner, now=now)
    imports.run(batch=batch, now=now)
    version = make.make_approved_version(business=business)
    sender = make.make_sandbox_sender(business=business)
    senders.connect_webhook(business=business, name="SMS", url="http://127.0.0.1:9/", mobiles_only=True, now=now)
    draft = make.make_broadcast(business=business, version=version, sender=sender, now=now)
    launched = make.make_launched(business=business, version=version, sender=sender, now=now)
    contact = Contact.objects.of(business).earliest("id")
    return owner, _pages(business, draft.code, launched.code, batch.code, contact.code, sender.code)


def _pages(business: Business, draft: str, launched: str, batch: str, contact: str, sender: str) -> list[str]:
    own = f"/b/{business.code}"
    steer = ("", "pause/", "cancel/", "attention/")
    return [
        *(
            "/accounts/email/",
            "/accounts/password/change/",
            "/accounts/2fa/",
            "/open/",
            "/not-here/",
            f"/phone/{sender}/",
        ),
        *(f"{own}/{page}" for page in ("", "contacts/", "contacts/import/", "senders/", "senders/webhook/")),
        *(f"{own}/contacts/{page}/" for page in (contact, f"imports/{batch}")),
        *(f"{own}/broadcasts/{page}" for page in ("", "new/", *(f"{launched}/{page}" for page in steer))),
        *(f"{own}/broadcasts/{draft}/compose/{step}/" for step in ("message", "audience", "when", "money")),
        f"{own}/broadcasts/{draft}/review/",
        *(f"{own}/{page}" for page in ("templates/", "templates/new/", "wallet/", "members/", "keys/")),
    ]


@pytest.mark.parametrize(("language", "light", "width"), WAYS)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    furnished: tuple[House, User, list[str]], browser: Any, language: str, light: str, width: int
) -> None:
    site, owner, paths = furnished
    visitor = Visitor(browser, site.url, locale=language, color_scheme=light, viewport={"width": width, "height": 844})
    faults = [fault for path in ("/", "/accounts/login/", "/accounts/signup/") for fault in _faults(visitor.page, path)]
    visitor.sign_in(owner)
    faults += [fault for path in paths for fault in _faults(visitor.page, path)]
    # The browser itself reports the page that is meant to be missing.
    faults += [said for said in visitor.complaints if "404" not in said]
    assert not faults, "\n".join(faults)


def _faults(page: Any, path: str) -> list[str]:
    page.goto(path, wait_until="load")
    found = Axe().run(page, options=WCAG).response["violations"]
    faults = [f"{path} {violation['id']} at {node['target']}" for violation in found for node in violation["nodes"]]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        faults.append(f"{path} is wider than the screen")
    return faults
