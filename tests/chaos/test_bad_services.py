"""A service that answers badly, too late, by halves or not at all: each shape becomes a class and a readable reason."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcasts.channels import http
from broadcasts.channels.base import Message, Outcome, OutcomeKind
from broadcasts.channels.webhook import Webhook
from broadcasts.models import Sender
from tests.chaos.storm import Files, bad_sink
from tests.make import make_business
from tests.promises.provider import make_sender

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P1")]

TOLD = {
    "http_500": (OutcomeKind.UNKNOWN, "http_500"),
    "throttled": (OutcomeKind.NOT_STARTED, "throttled"),
    "garbage": (OutcomeKind.UNKNOWN, "unreadable_answer"),
    "html": (OutcomeKind.UNKNOWN, "unreadable_answer"),
    "half": (OutcomeKind.UNKNOWN, None),
    "hung_up": (OutcomeKind.UNKNOWN, None),
    "silence": (OutcomeKind.UNKNOWN, None),
    "late": (OutcomeKind.ACCEPTED, ""),
}


def message(number: int) -> Message:
    code = f"dlv_{number:026}"
    return Message(1, number, 1, code, f"+3363998{number:07}", "en", {}, "", 0, time.monotonic())


def send(sender: Sender, n: int = 3) -> list[Outcome]:
    outcomes: list[Outcome] = []

    async def carry() -> None:
        channel = Webhook()
        await channel.send(sender, [message(i) for i in range(n)], lambda _, outcome: outcomes.append(outcome))
        await channel.close()

    asyncio.run(carry())
    return outcomes


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.parametrize("kind", TOLD)
def test_each_trouble_has_its_class_and_is_handed_over_once(
    kind: str, files: Files, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", timedelta(seconds=2))
    with bad_sink(files, trouble=1.0, seed=1, only=kind) as url:
        settings.TRUSTED_HOSTS = [url.removeprefix("http://")]
        sender = make_sender(business=make_business(), url=f"{url}/messages/0", messages_per_second=100)
        outcomes = send(sender)
    expected, error_code = TOLD[kind]
    assert {outcome.kind for outcome in outcomes} == {expected}
    assert len(outcomes) == 3
    if error_code is not None:
        assert {outcome.error_code for outcome in outcomes} == {error_code}
    else:
        assert all(outcome.error_code for outcome in outcomes)
    assert {outcome.wait_seconds for outcome in outcomes} == ({1.0} if kind == "throttled" else {0.0})
    taken = files.log.read_bytes().splitlines()
    assert len(taken) == (0 if kind == "throttled" else 3), "the client must never repeat a request by itself"


def test_where_nobody_listens_nothing_was_begun(settings: Any) -> None:
    settings.TRUSTED_HOSTS = ["127.0.0.1:9"]
    sender = make_sender(business=make_business(), url="http://127.0.0.1:9/x", messages_per_second=100)
    outcomes = send(sender)
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.NOT_STARTED}
    assert all(outcome.wait_seconds for outcome in outcomes)
