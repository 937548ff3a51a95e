"""The messaging service of `config.demo.sink` on a very bad day; what it really took is in its log all the same.

    python -m tests.chaos.bad_sink --log FILE --receipts FILE --trouble 0.01 --seed 7

Some requests are answered with 500, 429, rubbish, HTML with 200, half an answer, late, or not at all.
A request that was refused with 429 was not taken; every other one was, whatever it was told. Receipts that the house
answered with 200 are written to ``--receipts``, one JSON object a line.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from pathlib import Path
from typing import Any

import orjson
import uvloop

from config.demo import sink

TROUBLES = ("http_500", "throttled", "garbage", "html", "half", "silence", "hung_up", "late")
LATE_SECONDS = 1.2


class Moody(sink.Connection):
    """One connection to a service that misbehaves by chance."""

    chance = random.Random()
    trouble = 0.0
    troubles = TROUBLES

    def respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        if method != "POST" or not path.startswith("/messages") or self.chance.random() >= self.trouble:
            super().respond(method, path, headers, body)
            return
        account = path.strip("/").removeprefix("messages/")
        match self.chance.choice(self.troubles):
            case "throttled":
                self._write("429 Too Many Requests", b"{}", "Retry-After: 1\r\n")
                return
            case kind:
                key = headers.get("idempotency-key", "")
                _, answer = self.service.take(
                    account=account, key=key, headers=headers, body=body, at=self.first_byte_at
                )
        match kind:
            case "http_500":
                self._write("500 Internal Server Error", b"{}")
            case "garbage":
                self._write("200 OK", b"\x00\xff{")
            case "html":
                self._write("200 OK", b"<html><body>Welcome to our portal</body></html>")
            case "half":
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + answer)
                self.transport.close()
            case "hung_up":
                self.transport.abort()
            case "late":
                asyncio.get_running_loop().call_later(LATE_SECONDS, self.answer, 200, answer)
            case _:
                pass  # silence: the client gives up by itself

    def _write(self, status: str, body: bytes, more: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self.transport.write(head.encode() + body)


class Witness(sink.Service):
    """Writes every arrival down at once, and each receipt that was answered with 200."""

    def __init__(self, manners: sink.Manners, log: Any, receipts: Any) -> None:
        super().__init__(manners, log)
        self._receipts = receipts

    def note_answered(self, updates: list[dict[str, Any]]) -> None:
        self._receipts.writelines(orjson.dumps(update) + b"\n" for update in updates)
        self._receipts.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.bad_sink")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--receipts", type=Path, required=True)
    parser.add_argument("--trouble", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=5.0)
    parser.add_argument("--only", choices=TROUBLES)
    parser.add_argument("--never-silent", action="store_true", help="whoever is not answered at all waits 15 s")
    options = parser.parse_args()
    Moody.chance, Moody.trouble = random.Random(options.seed), options.trouble
    Moody.troubles = tuple(kind for kind in TROUBLES if kind != "silence" or not options.never_silent)
    if options.only:
        Moody.troubles = (options.only,)
    manners = sink.Manners(
        latency_seconds=options.latency_ms / 1000,
        seed=options.seed,
        is_open=True,
    )
    with options.log.open("ab") as log, options.receipts.open("ab") as receipts:
        service = Witness(manners, log, receipts)
        uvloop.run(sink.serve(host="127.0.0.1", port=0, service=service, connection=Moody))


if __name__ == "__main__":
    main()
