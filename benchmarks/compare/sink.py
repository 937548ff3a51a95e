"""A service that takes messages of either shape, tells nobody apart, and counts who got how many."""

from __future__ import annotations

import argparse

import orjson
import uvloop

from config.demo import sink


class Counting(sink.Service):
    """Reads `to` where either of them puts it; Tambour's key, where there is one, is only noted.

    Every ``lies_every``th message is taken and answered with a 500, as a proxy before a provider does it.
    """

    def __init__(self, manners: sink.Manners, lies_every: int) -> None:
        super().__init__(manners)
        self.lies_every = lies_every

    def take(self, *, account: str, key: str, headers: dict[str, str], body: bytes, at: float) -> tuple[int, bytes]:
        told = orjson.loads(body)
        to = str(told.get("to") or told["data"]["to"]).lstrip("+")
        number = len(self.arrivals)
        self.arrivals.append(sink.Arrival(key or f"none {number}", "", to, f"m{number}", at, 0))
        if self.lies_every and number % self.lies_every == 0:
            return 500, b'{"error":{"code":131000,"message":"Something went wrong"}}'
        return 200, orjson.dumps({"id": f"m{number}", "messages": [{"id": f"m{number}"}]})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--lies-every", type=int, default=0)
    options = parser.parse_args()
    manners = sink.Manners(latency_seconds=options.latency_ms / 1000, is_open=True, has_receipts=False)
    uvloop.run(sink.serve(host="127.0.0.1", port=0, service=Counting(manners, options.lies_every)))


if __name__ == "__main__":
    main()
