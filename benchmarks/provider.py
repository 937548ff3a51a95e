"""A provider that tells: posts prepared bodies to the callback door, signed, as fast as the door takes them.

    SENDER_SECRET=whsec_… python -m benchmarks.provider URL PATH

reads one body a line from PATH, signs them, waits for a line on its standard input, posts, and prints what came of it.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop
from pyreqwest.client import Client, ClientBuilder

# Somewhat more than the door has threads: providers do not wait for each other.
IN_FLIGHT = 16


def signed(secret: str, key: str, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks 1.0 for ``body``; written once more: this side is not the product."""
    timestamp = str(int(time.time()))
    said = f"{key}.{timestamp}.".encode() + body
    digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), said, "sha256")
    return {
        "content-type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


async def tell(client: Client, url: str, headers: dict[str, str], body: bytes) -> None:
    """Post one body; anything but 200 is the end: a figure of refused calls is no figure."""
    response = await client.post(url).headers(headers).body_bytes(body).build().send()
    await response.bytes()
    if response.status != 200:
        raise RuntimeError(f"the door answered {response.status}")


async def tell_all(url: str, calls: list[tuple[dict[str, str], bytes]]) -> None:
    client = ClientBuilder().no_proxy().follow_redirects(False).build()
    turns: Iterator[tuple[dict[str, str], bytes]] = iter(calls)

    async def one_after_another() -> None:
        for headers, body in turns:
            await tell(client, url, headers, body)

    await asyncio.gather(*[one_after_another() for _ in range(IN_FLIGHT)])
    await client.close()


def main() -> None:
    url, path = sys.argv[1:3]
    secret = os.environ["SENDER_SECRET"]
    bodies = Path(path).read_bytes().splitlines()
    calls = [(signed(secret, f"evt_{i}", body), body) for i, body in enumerate(bodies)]
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    uvloop.run(tell_all(url, calls))
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}), flush=True)


if __name__ == "__main__":
    main()
