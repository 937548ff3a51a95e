"""The fastest provider that Python can play: takes every message, answers with an id, and counts.

    python -m benchmarks.sink

prints its address, answers until its standard input closes, and then prints what it saw.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import sys
from typing import cast

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
KEY = re.compile(rb"\r\nidempotency-key: *([^\r]+)", re.IGNORECASE)
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n{"id":"%b"}'


class Sink(asyncio.Protocol):
    n_requests = 0
    keys: set[bytes] = set()  # noqa: RUF012 — one memory for all connections is what is meant

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
            self.answer(head)
            data = data[end:]
        self.rest = data

    def answer(self, head: bytes) -> None:
        key = KEY.search(head)
        code = key[1] if key else b"none"
        Sink.n_requests += 1
        Sink.keys.add(code)
        self.transport.write(ANSWER % (len(code) + 9, code))


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"requests": Sink.n_requests, "keys": len(Sink.keys), "cpu_seconds": used.ru_utime + used.ru_stime}
    print(json.dumps(told), flush=True)
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
