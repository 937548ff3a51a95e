"""What the tests of sending share."""

import pytest


@pytest.fixture(autouse=True)
def _lanes_do_not_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane stays three seconds to see whether more comes; a test that runs one to its end knows that nothing will."""
    monkeypatch.setattr("broadcasts.lanes.IDLE_SECONDS", 1.0)


@pytest.fixture
def lingering(_lanes_do_not_linger: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as in production: for tests in which something is due only after a while."""
    monkeypatch.setattr("broadcasts.lanes.IDLE_SECONDS", 3.0)
