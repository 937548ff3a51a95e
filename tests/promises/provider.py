"""A provider at the other end of the wire, in a process of its own, whose log is the proof."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from broadcasts.models import Sender
from launch import ROOT
from tests.make import NOW
from tests.promises.oracle import Arrival


@dataclass(frozen=True)
class Provider:
    url: str

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def n_arrivals(self) -> int:
        with urllib.request.urlopen(f"{self.url}/summary", timeout=30) as answer:
            return int(json.load(answer)["arrivals"])

    def arrivals(self) -> list[Arrival]:
        with urllib.request.urlopen(f"{self.url}/log", timeout=30) as answer:
            lines = [json.loads(line) for line in answer.read().splitlines()]
        return [Arrival(line["to"], line["key"], line["first_byte_at"]) for line in lines]


@contextmanager
def provider(*, latency_ms: float = 5.0) -> Iterator[Provider]:
    """A service that takes everything and sends no receipts."""
    arguments = ["--open", "--no-receipts", "--latency-ms", str(latency_ms)]
    process = subprocess.Popen(
        [sys.executable, "-m", "config.demo.sink", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield Provider(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def make_sender(
    *, business: object, url: str, messages_per_second: int, channel: str = Sender.Channel.WEBHOOK, now: datetime = NOW
) -> Sender:
    """A sender that POSTs to ``url``, over any channel that can."""
    from broadcasts import senders

    sender, _secret = senders.connect_webhook(
        business=business,  # type: ignore[arg-type]
        name=f"Shop on {channel}",
        url=url,
        now=now,
        messages_per_second=messages_per_second,
    )
    Sender.objects.filter(pk=sender.pk).update(channel=channel)
    sender.refresh_from_db()
    return sender
