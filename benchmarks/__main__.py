"""`make bench`: measures B1, B2, B5, S1; prints a table, writes `.local/bench.json`. ``--quick``: a tenth of it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import django

django.setup()

from benchmarks import figures, freezing, importing, segments, sending, world  # noqa: E402 — models can be imported from here on

RESULT = Path(__file__).parent.parent / ".local" / "bench.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="100,000 instead of 1,000,000 people, 20,000 of them sent to"
    )
    parser.add_argument("--only", choices=["B1", "B2", "B5", "S1"], help="measure one of them")
    options = parser.parse_args()
    n_people, n_sent = (100_000, 20_000) if options.quick else (1_000_000, 200_000)
    machine = figures.machine()
    world.prepare()
    measured = []
    if options.only != "B5":
        began = time.monotonic()
        world.make_people(first=1, last=n_people)
        print(f"· {n_people:,} people made in {time.monotonic() - began:.0f} s", flush=True)
    if options.only in (None, "B1"):
        measured.append(freezing.measure(first=1, last=n_people))
    if options.only in (None, "B2"):
        measured += sending.measure(first=1, n=n_sent)
    if options.only in (None, "S1"):
        measured += segments.measure(first=1, last=n_people)
    if options.only in (None, "B5"):
        measured += importing.measure(n=n_people)
    figures.print_table(measured, machine)
    figures.write_json(measured, machine, RESULT)
    return 0 if all(figure.ok for figure in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
