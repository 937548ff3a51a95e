"""Says of each reply in a file whether it is a stop, a resume, a call for help, or none of these. Needs no database."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consent import keywords

MAX_LINE = 100_000


class Command(BaseCommand):
    help = (
        'Reads a line of JSON for each reply, {"text": "stop svp", "locale": "fr"}, and writes one for each in'
        ' the same order, {"verdict": "stop"}: stop, resume, help or none. A line that cannot be read is named on'
        " stderr; the others are answered, and the exit code is 1."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a file of JSON lines, or - for standard input")
        parser.add_argument(
            "--score",
            action="store_true",
            help='compare with the "expected" verdict of each line, and print the sums on stderr',
        )

    def handle(self, *, file: str, score: bool, **options: Any) -> None:
        tally, n_bad = Counter[tuple[str, str]](), 0
        for number, line in _lines(file):
            try:
                reply = _read(line)
            except ValueError as fault:
                n_bad += 1
                self.stderr.write(f"line {number}: {fault}")
                continue
            verdict = keywords.classify(reply["text"], reply["locale"])
            self.stdout.write(json.dumps({"verdict": verdict}))
            if score:
                if reply["expected"] is None:
                    n_bad += 1
                    self.stderr.write(f'line {number}: nothing "expected" to compare with')
                    continue
                tally[reply["expected"], verdict] += 1
                if reply["expected"] != verdict:
                    self.stderr.write(f"line {number}: expected {reply['expected']}, is {verdict}: {reply['text']!r}")
        if score:
            self.stderr.write(summary(tally))
        if n_bad:
            raise CommandError(f"{n_bad} of the lines could not be judged")


def summary(tally: Counter[tuple[str, str]]) -> str:
    """Return in one line how many replies were understood; ``tally`` counts (expected, verdict)."""
    n_stops = sum(n for (expected, _), n in tally.items() if expected == "stop")
    n_others = tally.total() - n_stops
    n_found = tally["stop", "stop"]
    n_false = sum(n for (expected, verdict), n in tally.items() if expected != "stop" and verdict == "stop")
    n_right = sum(n for (expected, verdict), n in tally.items() if expected == verdict)
    found = f" ({100 * n_found / n_stops:.1f} %)" if n_stops else ""
    return (
        f"{tally.total()} replies: {n_found} of {n_stops} stops found{found}, {n_false} false stops among {n_others}"
        f" others, {n_right} of all understood as expected"
    )


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Return the numbered lines of a file, without those that hold nothing."""
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else open(file, "rb") as lines:
            yield from ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    except OSError as fault:
        raise CommandError(f"{file} cannot be read: {fault.strerror}") from None


def _read(line: bytes) -> dict[str, Any]:
    """Return text, locale and expected verdict of one line. Raises ``ValueError`` with a sentence."""
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} bytes")
    try:
        reply = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(reply, dict) or not isinstance(reply.get("text"), str):
        raise ValueError('needs a "text", as in {"text": "stop svp", "locale": "fr"}')
    locale, expected = reply.get("locale") or "", reply.get("expected")
    if not isinstance(locale, str):
        raise ValueError('"locale" is a language code, as in "fr"')
    if expected is not None and expected not in keywords.MEANINGS:
        raise ValueError(f'"expected" is one of {", ".join(keywords.MEANINGS)}')
    return {"text": reply["text"], "locale": locale, "expected": expected}
