"""`make bench`: measures the figures below, prints a table, writes `.local/bench.json`. ``--quick``: a tenth of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from benchmarks import (  # noqa: E402 — models can be imported from here on
    checking,
    estimating,
    fairness,
    figures,
    freezing,
    growing,
    importing,
    receiving,
    segments,
    sending,
    world,
)
from benchmarks.figures import Figure  # noqa: E402

RESULT = Path(__file__).parent.parent / ".local" / "bench.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="100,000 instead of 1,000,000 people, 20,000 of them sent to"
    )
    parser.add_argument("--only", choices=[*PARTS, *ON_DEMAND], action="append", help="measure this one (repeatable)")
    options = parser.parse_args()
    parts = PARTS | ON_DEMAND
    # In one order, however they were asked for: the later ones leave people who have had enough, or stopped.
    asked = [name for name in parts if name in (options.only or PARTS)]
    n_people, n_sent = (100_000, 20_000) if options.quick else (1_000_000, 200_000)
    machine = figures.machine()
    world.prepare()
    if not set(asked) <= {"B5", "T1"}:
        with _said(f"{n_people:,} people made"):
            world.make_people(first=1, last=n_people)
    measured: list[Figure] = []
    for name in asked:
        with _said(name):
            world.forget_offers()
            found = parts[name](n_people, n_sent, measured)
        measured += found
        for figure in found:
            print(f"  {figures.in_one_line(figure)}", flush=True)
    figures.print_table(measured, machine)
    figures.write_json(measured, machine, RESULT)
    return 0 if all(figure.ok for figure in measured) else 1


Part = Callable[[int, int, list[Figure]], list[Figure]]
PARTS: dict[str, Part] = {
    "B1": lambda n, sent, known: freezing.measure(n=n),
    "B2": lambda n, sent, known: sending.measure(first=1, n=sent),
    "B2slow": lambda n, sent, known: sending.measure_slow(first=1, n=sent // 2),
    "B2r": lambda n, sent, known: sending.measure_with_receipts(first=1, n=sent // 2),
    "B2s": lambda n, sent, known: sending.measure_many_senders(first=1, n=sent, at_once=_b2(known, sent)),
    "F1": lambda n, sent, known: fairness.measure(n=n),
    "B7": lambda n, sent, known: growing.measure_memory(n=n),
    "B8": lambda n, sent, known: growing.measure_time(n=sent // 2) + growing.measure_buffers(n=n // 10),
    "B4": lambda n, sent, known: receiving.measure(first=1, n=sent),
    "T1": lambda n, sent, known: checking.measure(),
    "S1": lambda n, sent, known: segments.measure(n=n),
    "B3": lambda n, sent, known: estimating.measure(n=n),
    "B5": lambda n, sent, known: importing.measure(n=n),
}
# Too long for every run: ten times the deliveries stored.
ON_DEMAND: dict[str, Part] = {"B8full": lambda n, sent, known: growing.measure_buffers(n=n)}


def _b2(known: list[Figure], n: int) -> float:
    """Return B2 of this run; measured now when it was not asked for."""
    rates = [figure.value for figure in known if figure.id == "B2"]
    if not rates:
        rates = [sending.send(n_processes=2, first=1, n=n).rate]
        world.forget_offers()
    return rates[0]


class _said:
    """Print how long something took."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        print(f"· {self.what}: {time.monotonic() - self.began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
