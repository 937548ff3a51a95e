"""Somebody with a browser of their own, and what they bring along."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.utils import timezone

from businesses.models import User
from tests import make

PASSWORD = "a long walk in the town"
N_PEOPLE = 30
HEADING = "phone,name,language,country,city,interaction,interaction_date,evidence,opt_out_offered"


class Visitor:
    """A browser window. ``complaints`` is what its console said, and every answer that was a failure of ours."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.complaints: list[str] = []
        self.page = browser.new_context(base_url=url, **context).new_page()
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._look_at)

    def _look_at(self, answer: Any) -> None:
        if answer.status >= 500:
            self.complaints.append(f"{answer.status} {answer.url}")

    def sign_in(self, user: User) -> None:
        self.page.goto("/accounts/login/")
        self.page.fill("[name=login]", user.email)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(lambda url: "/login/" not in url)


def make_person(*, email: str) -> User:
    """Somebody who can sign in: with a password and an address that was verified."""
    user = make.make_user(email=email, password=PASSWORD)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def contact_file() -> bytes:
    """Thirty people of whom half read French, and one line that is wrong."""
    today = timezone.now().date().isoformat()
    people = [
        f"+3363998{i:04},Inès Lefèvre {i},{'fr' if i % 2 else 'en'},FR,Lyon,purchase,{today},order {i},yes"
        for i in range(N_PEOPLE)
    ]
    return "\n".join([HEADING, *people, "12,Nobody,fr,FR,,purchase,2026-01-01,order x,yes"]).encode()
