"""A messaging service to try things out with: takes messages over HTTP, remembers every one, and sends receipts back.

It plays the provider at the other end of the webhook channel and knows nothing of the house: it reads the wire only.
Its log is the proof that nobody was handed the same message twice.

    python -m config.demo.sink --port 0

prints its address. Messages come to ``POST /messages/<account>``; accounts are opened by ``POST /accounts``.
``GET /log`` returns every arrival, ``GET /summary`` the sums.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import heapq
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, cast

import aiohttp
import orjson
import uvloop
from standardwebhooks import Webhook, WebhookVerificationError

MAX_BODY_BYTES = 1_000_000
RECEIPTS_PER_BODY = 100
TURN_SECONDS = 0.05
CALLBACK_ATTEMPTS = 40
# What providers answer when a phone cannot be reached; the first is the usual one.
ERROR_CODES = ("131026", "131026", "131053")


@dataclass(frozen=True)
class Manners:
    """How this service behaves; the same seed gives every message the same fate."""

    latency_seconds: float = 0.0
    seed: int = 0
    fail_rate: float = 0.02
    read_rate: float = 0.6
    is_open: bool = False
    has_receipts: bool = True

    def fate_of(self, key: str) -> random.Random:
        return random.Random(hashlib.sha256(f"{self.seed}:{key}".encode()).digest())


@dataclass
class Account:
    """One customer of the service: how its requests are signed and where its receipts go."""

    signer: Webhook
    callback_url: str
    owed: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Arrival:
    """One request that was taken. Two of them with one key are one message; ``repeat`` counts the later ones."""

    key: str
    code: str
    to: str
    provider_id: str
    first_byte_at: float
    repeat: int

    def as_line(self) -> bytes:
        return orjson.dumps(self) + b"\n"


class Service:
    """Memory and behaviour; ``Connection`` below speaks HTTP for it."""

    def __init__(self, manners: Manners, log: IO[bytes] | None = None) -> None:
        self.manners = manners
        self.accounts: dict[str, Account] = {}
        self.arrivals: list[Arrival] = []
        self.times_seen: Counter[str] = Counter()
        self.later: list[tuple[float, int, str, dict[str, Any]]] = []
        self.n_receipts = 0
        self.n_refused = 0
        self._log = log
        self._n_logged = 0

    def open_account(self, *, name: str, secret: str, callback_url: str) -> None:
        self.accounts[name] = Account(signer=Webhook(secret), callback_url=callback_url)

    def take(self, *, account: str, key: str, headers: dict[str, str], body: bytes, at: float) -> tuple[int, bytes]:
        """One message: (status, answer). The same key is answered with the same id and delivered once."""
        if not self.manners.is_open and not self._is_genuine(account, headers, body):
            self.n_refused += 1
            return 401, b'{"error":"signature"}'
        try:
            event = orjson.loads(body)
            data = event["data"]
            if event.get("type") == "notice.send":
                # Words of service: nobody owes a receipt for them, and no figure counts them.
                return 200, orjson.dumps({"id": "msg_" + str(data["notice_code"])})
            code, to = str(data["message_code"]), str(data["to"])
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            self.n_refused += 1
            return 400, b'{"error":"body"}'
        key = key or code
        provider_id = "msg_" + hashlib.sha256(key.encode()).hexdigest()[:20]
        repeat = self.times_seen[key]
        self.times_seen[key] += 1
        self.arrivals.append(Arrival(key, code, to, provider_id, at, repeat))
        if not repeat and self.manners.has_receipts and account in self.accounts:
            self._plan_receipts(account, key, code, provider_id)
        return 200, orjson.dumps({"id": provider_id})

    def _is_genuine(self, account: str, headers: dict[str, str], body: bytes) -> bool:
        known = self.accounts.get(account)
        if known is None:
            return False
        try:
            known.signer.verify(body, headers)
        except (WebhookVerificationError, ValueError):
            return False
        return True

    def _plan_receipts(self, account: str, key: str, code: str, provider_id: str) -> None:
        fate = self.manners.fate_of(key)
        update: dict[str, Any] = {"type": "receipt", "message_code": code, "id": provider_id}
        due = time.monotonic() + fate.uniform(0.05, 0.8)
        if fate.random() < self.manners.fail_rate:
            self._plan(due, account, update | {"status": "failed", "error_code": fate.choice(ERROR_CODES)})
            return
        self._plan(due, account, update | {"status": "delivered"})
        if fate.random() < self.manners.read_rate:
            self._plan(due + fate.uniform(0.2, 3.0), account, update | {"status": "read"})

    def _plan(self, due: float, account: str, update: dict[str, Any]) -> None:
        heapq.heappush(self.later, (due, self.n_receipts, account, update))
        self.n_receipts += 1

    def due_bodies(self) -> Iterator[tuple[Account, list[dict[str, Any]]]]:
        """Everything that is due by now, in bodies of at most ``RECEIPTS_PER_BODY``."""
        while self.later and self.later[0][0] <= time.monotonic():
            _, _, name, update = heapq.heappop(self.later)
            update["at"] = datetime.now(UTC).isoformat()
            self.accounts[name].owed.append(update)
        for account in self.accounts.values():
            while account.owed:
                body, account.owed = account.owed[:RECEIPTS_PER_BODY], account.owed[RECEIPTS_PER_BODY:]
                yield account, body

    def note_answered(self, updates: list[dict[str, Any]]) -> None:
        """The house has answered these receipts with 200."""

    def write_log(self) -> None:
        if self._log is not None:
            self._log.writelines(a.as_line() for a in self.arrivals[self._n_logged :])
            self._log.flush()
            self._n_logged = len(self.arrivals)

    def summary(self) -> dict[str, int]:
        return {
            "arrivals": len(self.arrivals),
            "messages": len(self.times_seen),
            "people": len({a.to for a in self.arrivals}),
            "repeats": len(self.arrivals) - len(self.times_seen),
            "refused": self.n_refused,
            "receipts_waiting": len(self.later) + sum(len(a.owed) for a in self.accounts.values()),
        }


class Connection(asyncio.Protocol):
    """Just enough HTTP/1.1 for clients that send a Content-Length and wait for each answer."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.buffer = bytearray()
        self.first_byte_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio's, not their class.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.buffer:
            self.first_byte_at = time.time()
        self.buffer += data
        while (head_end := self.buffer.find(b"\r\n\r\n")) >= 0:
            method, path, headers = read_head(bytes(self.buffer[:head_end]))
            length = int(headers.get("content-length", "0")) if "transfer-encoding" not in headers else -1
            if not 0 <= length <= MAX_BODY_BYTES:
                self.answer(411 if length < 0 else 413, b"{}")
                self.transport.close()
                return
            if headers.get("expect") == "100-continue" and len(self.buffer) == head_end + 4:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self.buffer) < head_end + 4 + length:
                return
            body = bytes(self.buffer[head_end + 4 : head_end + 4 + length])
            del self.buffer[: head_end + 4 + length]
            self.respond(method, path, headers, body)

    def respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        match method, *path.strip("/").split("/"):
            case "POST", "messages", *account:
                key = headers.get("idempotency-key", "")
                status, answer = self.service.take(
                    account="/".join(account), key=key, headers=headers, body=body, at=self.first_byte_at
                )
                if latency := self.service.manners.latency_seconds:
                    asyncio.get_running_loop().call_later(latency, self.answer, status, answer)
                else:
                    self.answer(status, answer)
            case "POST", "accounts":
                self.service.open_account(**orjson.loads(body))
                self.answer(200, b"{}")
            case "GET", "log":
                self.answer(200, b"".join(a.as_line() for a in self.service.arrivals))
            case "GET", "summary":
                self.answer(200, orjson.dumps(self.service.summary()))
            case _:
                self.answer(404, b"{}")

    def answer(self, status: int, body: bytes) -> None:
        if not self.transport.is_closing():
            phrase = HTTPStatus(status).phrase
            head = (
                f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            self.transport.write(head.encode() + body)


def read_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return method, path, {name.lower(): value.strip() for name, _, value in pairs}


async def send_receipts(service: Service) -> None:
    """For ever: post what is due. A callback that is not answered 200 is tried again, so that a restart loses none."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        waiting: set[asyncio.Task[None]] = set()
        while True:
            for account, updates in service.due_bodies():
                task = asyncio.create_task(post_receipts(session, service, account, updates))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
                if len(waiting) >= 8:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(TURN_SECONDS)


async def keep_log(service: Service) -> None:
    """Write arrivals down as they come, whether or not anybody takes the receipts."""
    while True:
        service.write_log()
        await asyncio.sleep(TURN_SECONDS)


async def post_receipts(
    session: aiohttp.ClientSession, service: Service, account: Account, updates: list[dict[str, Any]]
) -> None:
    body = orjson.dumps({"updates": updates})
    key = "evt_" + hashlib.sha256(body).hexdigest()[:24]
    for attempt in range(CALLBACK_ATTEMPTS):
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": account.signer.sign(key, now, body.decode()),
        }
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.post(account.callback_url, data=body, headers=headers) as response:
                if response.status == 200:
                    service.note_answered(updates)
                    return
        await asyncio.sleep(min(0.1 * 2**attempt, 5.0))
    print(f"sink: gave up on {len(updates)} receipts for {account.callback_url}", file=sys.stderr, flush=True)


async def serve(*, host: str, port: int, service: Service, connection: type[Connection] = Connection) -> None:
    """Listen until told to stop, having printed the address."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: connection(service), host, port, backlog=1024)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    at_work = [asyncio.create_task(send_receipts(service)), asyncio.create_task(keep_log(service))]
    print(f"http://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()
    for task in at_work:
        task.cancel()
    service.write_log()


def main() -> None:
    about = "A messaging service to try things out with."
    parser = argparse.ArgumentParser(prog="python -m config.demo.sink", description=about)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, help="also write every arrival to this file, one JSON object a line")
    parser.add_argument("--secret", help="opens the account 'default' at /messages/default")
    parser.add_argument("--callback-url", default="", help="where the receipts of 'default' go")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="wait so long before answering")
    parser.add_argument("--seed", type=int, default=0, help="decides which messages fail and which are read")
    parser.add_argument("--fail-rate", type=float, default=0.02)
    parser.add_argument("--read-rate", type=float, default=0.6)
    parser.add_argument("--open", action="store_true", help="check no signature (benchmarks)")
    parser.add_argument("--no-receipts", action="store_true")
    options = parser.parse_args()
    manners = Manners(
        latency_seconds=options.latency_ms / 1000,
        seed=options.seed,
        fail_rate=options.fail_rate,
        read_rate=options.read_rate,
        is_open=options.open,
        has_receipts=not options.no_receipts,
    )
    with options.log.open("ab") if options.log else contextlib.nullcontext() as log:
        service = Service(manners, log)
        if options.secret:
            service.open_account(name="default", secret=options.secret, callback_url=options.callback_url)
        uvloop.run(serve(host=options.host, port=options.port, service=service))


if __name__ == "__main__":
    main()
