"""Out over a channel, back through the door: the real channels, a real web server, real receivers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from broadcasts import counts, senders
from broadcasts.channels.base import Message, Outcome, OutcomeKind
from broadcasts.channels.sandbox import network
from broadcasts.channels.webhook import Webhook
from broadcasts.models import Broadcast, Delivery, PhoneMessage, Sender
from businesses import wallet
from businesses.models import Business
from feedback import receipts
from feedback.models import Callback
from launch import ROOT
from launch.verbs import free_port
from tests.conftest import wait_for
from tests.make import EURO, make_business, make_people, make_sent, open_policy

pytestmark = pytest.mark.slow

Start = Callable[..., str]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a service of ours and return its address; all of them end with the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **environment: str) -> str:
        command = [sys.executable, "-u", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip() if "--port" in arguments else ""

    yield begin
    for process in running:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def business(site: Any) -> Business:
    open_policy()
    business = make_business(money=1000 * EURO)
    make_people(business=business, n=40, now=datetime.now(UTC))
    return business


def hand_over(sender: Sender, messages: list[Message]) -> list[Outcome]:
    outcomes: list[Outcome] = []

    async def go() -> None:
        channel = Webhook()
        await channel.send(sender, messages, lambda _, outcome: outcomes.append(outcome))
        await channel.close()

    asyncio.run(go())
    return outcomes


def fresh(messages: list[Message]) -> list[Message]:
    """As if the gate had let them through this moment."""
    return [replace(message, gated_at=time.monotonic()) for message in messages]


def fold() -> None:
    while receipts.fold(now=datetime.now(UTC), limit=100):
        pass


def n_in(broadcast: Broadcast, *states: int) -> int:
    return Delivery.objects.filter(broadcast_id=broadcast.pk, state__in=states).count()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def post(url: str, body: Any) -> int:
    try:
        with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


def test_the_sandbox_network_reports_through_the_real_door(site: Any, business: Business, settings: Any) -> None:
    broadcast, messages = make_sent(business=business, now=datetime.now(UTC))
    settings.INTERNAL_URL, settings.PUBLIC_URL = "http://127.0.0.1:9", site.url
    assert network.report_deliveries(now=datetime.now(UTC)) == 0, "nobody answered, so nothing counts as reported"
    settings.INTERNAL_URL = site.url
    assert network.report_deliveries(now=datetime.now(UTC)) == len(messages) == 40
    assert network.report_deliveries(now=datetime.now(UTC)) == 0
    assert not PhoneMessage.objects.filter(is_delivery_reported=False).exists()
    fold()
    assert n_in(broadcast, Delivery.State.DELIVERED) == 40
    assert counts.verify(broadcast) == []
    assert wallet.verify_books() == []


def test_the_sink_takes_every_message_once_and_sends_receipts(
    site: Any, business: Business, start: Start, settings: Any
) -> None:
    url = start("-m", "config.demo.sink", "--port", "0", "--seed", "3", "--fail-rate", "0.2")
    settings.TRUSTED_HOSTS = [urlsplit(url).netloc]
    now = datetime.now(UTC)
    sender, secret = senders.connect_webhook(business=business, name="Shop", url=f"{url}/messages/shop", now=now)
    account = {"name": "shop", "secret": secret, "callback_url": f"{site.url}/callbacks/{sender.code}/"}
    assert post(f"{url}/accounts", account) == 200

    broadcast, messages = make_sent(business=business, now=now, sender=sender)
    for _ in range(2):  # the second time is a repeat with the same keys
        assert {outcome.kind for outcome in hand_over(sender, fresh(messages))} == {OutcomeKind.ACCEPTED}

    assert post(f"{url}/messages/shop", {"data": {"message_code": "x", "to": "+336"}}) == 401
    log = [json.loads(line) for line in get(f"{url}/log").splitlines()]
    assert sorted(entry["to"] for entry in log if not entry["repeat"]) == sorted(m.address for m in messages)
    assert all(now.timestamp() < entry["first_byte_at"] for entry in log)
    wait_for(lambda: json.loads(get(f"{url}/summary"))["receipts_waiting"] == 0, what="the last receipt")
    told = json.loads(get(f"{url}/summary"))
    assert (told["messages"], told["people"], told["repeats"], told["refused"]) == (40, 40, 40, 1)

    def all_told() -> bool:
        fold()
        return n_in(broadcast, Delivery.State.ACCEPTED) == 0

    wait_for(all_told, what="the last state")
    n_failed = n_in(broadcast, Delivery.State.FAILED)
    assert 1 <= n_failed <= 20
    assert n_in(broadcast, Delivery.State.DELIVERED, Delivery.State.READ) == 40 - n_failed
    assert n_in(broadcast, Delivery.State.READ) >= 10
    assert counts.verify(broadcast) == []
    assert wallet.verify_books() == []


def test_the_example_of_the_documentation_works(site: Any, business: Business, start: Start, settings: Any) -> None:
    port = free_port("18080")
    url = f"http://127.0.0.1:{port}/"
    settings.TRUSTED_HOSTS = [urlsplit(url).netloc]
    now = datetime.now(UTC)
    sender, secret = senders.connect_webhook(business=business, name="Shop", url=url, now=now)
    callback = f"{site.url}/callbacks/{sender.code}/"
    start("examples/receiver.py", str(port), SECRET=secret, CALLBACK=callback)
    wait_for(lambda: _listens(url), what="the example")

    broadcast, messages = make_sent(business=business, now=now, sender=sender)
    first = hand_over(sender, fresh(messages))
    again = hand_over(sender, fresh(messages))
    assert {outcome.kind for outcome in first + again} == {OutcomeKind.ACCEPTED}
    assert sorted(o.provider_id for o in first) == sorted(o.provider_id for o in again)
    assert post(url, {"data": {}}) == 401
    wait_for(lambda: Callback.objects.count() == 40, what="the last receipt")
    fold()
    assert n_in(broadcast, Delivery.State.DELIVERED) == 40


def _listens(url: str) -> bool:
    try:
        return post(url, {}) == 401
    except urllib.error.URLError:
        return False
