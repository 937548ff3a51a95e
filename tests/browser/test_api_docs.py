"""The API's reference in a real browser: it draws itself and breaks none of the browser's rules."""

from typing import Any

import pytest

from tests.conftest import House

pytestmark = [pytest.mark.timeout(300), pytest.mark.browser]


def test_the_reference_opens_without_a_complaint(site: House, browser: Any) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site.url}/api/v1/docs")
    page.locator("#operations-broadcasts-broadcasts_launch_create, [id*=launch]").first.wait_for(timeout=60_000)
    page.locator("[id*=launch] button").first.click()
    page.get_by_text("Idempotency-Key").first.wait_for()
    assert complaints == []
    page.close()
