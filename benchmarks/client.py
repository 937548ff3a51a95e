"""The raw ceiling: the same client posting the same bytes to the same sink, with nothing else to do.

    python -m benchmarks.client URL N

waits for a line on its standard input, posts, and prints what it used.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

import uvloop
from pyreqwest.client import ClientBuilder

from benchmarks.example import BODY, HEADERS

IN_FLIGHT = 128


async def post(url: str, n: int) -> None:
    client = ClientBuilder().no_proxy().follow_redirects(False).build()
    turns = iter(range(n))

    async def one_after_another() -> None:
        for _ in turns:
            response = await client.post(url).headers(HEADERS).body_bytes(BODY).build().send()
            await response.bytes()

    await asyncio.gather(*[one_after_another() for _ in range(IN_FLIGHT)])
    await client.close()


def main() -> None:
    url, n = sys.argv[1], int(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    uvloop.run(post(url, n))
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"n": n, "seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}), flush=True)


if __name__ == "__main__":
    main()
