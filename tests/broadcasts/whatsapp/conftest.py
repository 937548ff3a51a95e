"""WhatsApp's API and our door, both up; and a shop that went through both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from tests.broadcasts.whatsapp import emulator

if TYPE_CHECKING:  # Imported by pytest before the settings are known.
    from templates_approval.models import Version
    from templates_approval.rules import Finding, Rejected
    from tests.broadcasts.whatsapp.shop import Shop
    from tests.conftest import OwnDatabase


@pytest.fixture
def meta(settings: Any) -> Iterator[emulator.Emulator]:
    with emulator.running() as api:
        settings.WHATSAPP_API_URL = api.url
        settings.TRUSTED_HOSTS = [api.url.removeprefix("http://")]
        yield api


@pytest.fixture
def door(own_database: OwnDatabase, settings: Any) -> Iterator[str]:
    from tests.broadcasts.whatsapp.shop import open_door

    with open_door() as url:
        settings.PUBLIC_URL = url
        yield url


@pytest.fixture
def shop(door: str, meta: emulator.Emulator) -> Shop:
    from tests.broadcasts.whatsapp.shop import open_shop

    return open_shop(meta)


@pytest.fixture
def _rules_let_pictures_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own rules refuse files in headers as long as the reviewers' desk does not show them."""
    from templates_approval import review

    found = review.findings_of

    def but_pictures(version: Version, rejected: Sequence[Rejected] = ()) -> list[Finding]:
        return [finding for finding in found(version, rejected) if finding.code != "header_not_carried"]

    monkeypatch.setattr(review, "findings_of", but_pictures)
