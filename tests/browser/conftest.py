"""Playwright keeps an event loop running in the thread in which the tests speak to the database."""

import pytest


@pytest.fixture(autouse=True)
def _databases_beside_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
