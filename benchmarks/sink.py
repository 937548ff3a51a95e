"""The fastest provider that Python can play: takes every message, answers with an id, and counts.

    python -m benchmarks.sink LATENCY_MS

prints its port, answers each request after so long until its standard input closes, and then prints what it saw.
With CALLBACK_URL and SENDER_SECRET in its environment it also tells what becomes of each message: *sent* at once,
*delivered* and *read* later, in bodies of up to 100 updates, each signed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import sys
from datetime import UTC, datetime
from typing import cast

import uvloop
from pyreqwest.client import ClientBuilder

from benchmarks import provider

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
KEY = re.compile(rb"\r\nidempotency-key: *([^\r]+)", re.IGNORECASE)
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n{"id":"%b"}'
UPDATES_PER_BODY = 100
GATHER_SECONDS = 0.1
# After the hand-over. They are folded once a second: most of a message's receipts come to different folds.
STATUSES = (("sent", 0.0), ("delivered", 1.2), ("read", 2.4))


class Sink(asyncio.Protocol):
    n_requests = 0
    latency_seconds = 0.0
    is_telling = False
    # One memory for all connections is what is meant.
    keys: set[bytes] = set()  # noqa: RUF012
    to_tell: list[bytes] = []  # noqa: RUF012

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        while (head_end := data.find(b"\r\n\r\n")) >= 0:
            head = data[: head_end + 2]
            length = LENGTH.search(head)
            end = head_end + 4 + (int(length[1]) if length else 0)
            if len(data) < end:
                break
            self.take(head)
            data = data[end:]
        self.rest = data

    def take(self, head: bytes) -> None:
        key = KEY.search(head)
        code = key[1] if key else b"none"
        if Sink.latency_seconds:
            asyncio.get_running_loop().call_later(Sink.latency_seconds, self.answer, code)
        else:
            self.answer(code)

    def answer(self, code: bytes) -> None:
        Sink.n_requests += 1
        Sink.keys.add(code)
        if Sink.is_telling:
            Sink.to_tell.append(code)
        self.transport.write(ANSWER % (len(code) + 9, code))


class Teller:
    """Tells the door what became of the messages."""

    def __init__(self, url: str, secret: str) -> None:
        self.url, self.secret = url, secret
        self.client = ClientBuilder().no_proxy().follow_redirects(False).build()
        self.room = asyncio.Semaphore(provider.IN_FLIGHT)
        self.n_bodies = self.n_updates = 0
        self.on_their_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        Sink.is_telling = True
        while True:
            await asyncio.sleep(GATHER_SECONDS)
            taken, Sink.to_tell = Sink.to_tell, []
            for at in range(0, len(taken), UPDATES_PER_BODY):
                for status, after in STATUSES:
                    task = asyncio.create_task(self._tell(taken[at : at + UPDATES_PER_BODY], status, after))
                    self.on_their_way.add(task)
                    task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self.on_their_way.discard(task)
        if not task.cancelled() and task.exception():
            # Whoever measures finds receipts missing.
            print(f"a body was not taken: {task.exception()}", file=sys.stderr)

    async def _tell(self, codes: list[bytes], status: str, after: float) -> None:
        await asyncio.sleep(after)
        now = datetime.now(UTC).isoformat()
        updates = [
            {"type": "receipt", "message_code": code.decode(), "id": code.decode(), "status": status, "at": now}
            for code in codes
        ]
        body = json.dumps({"updates": updates}).encode()
        self.n_bodies += 1
        headers = provider.signed(self.secret, f"evt_{self.n_bodies}", body)
        async with self.room:
            await provider.tell(self.client, self.url, headers, body)
        self.n_updates += len(codes)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    Sink.latency_seconds = int(sys.argv[1]) / 1_000
    server = await loop.create_server(Sink, "127.0.0.1", 0, backlog=1024)
    teller = None
    if url := os.environ.get("CALLBACK_URL"):
        teller = Teller(url, os.environ["SENDER_SECRET"])
        talk = loop.create_task(teller.run())
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "requests": Sink.n_requests,
        "keys": len(Sink.keys),
        "updates": teller.n_updates if teller else 0,
        "cpu_seconds": used.ru_utime + used.ru_stime,
    }
    print(json.dumps(told), flush=True)
    if teller:
        talk.cancel()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
