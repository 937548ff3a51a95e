"""Was anything promised that did not hold? Reads the service's log, the list of stops and the database.

Imports nothing of Tambour, on purpose: what it says must not depend on what it judges.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

QUEUED, SKIPPED, SENDING, UNKNOWN, UNCONFIRMED, ACCEPTED, NO_RECEIPT, FAILED, DELIVERED, READ = (
    0, 5, 10, 20, 25, 30, 55, 60, 70, 80,
)  # fmt: skip
WITH_A_REASON = {SKIPPED, UNCONFIRMED, NO_RECEIPT, FAILED}
STOP_SECONDS = 1.0

ROWS = """
SELECT b.name, d.broadcast_id, d.recipient_id, a.value, d.state, d.reason, b.n_audience, b.completed_at IS NOT NULL,
       d.gated_at IS NOT NULL AND d.interaction_id IS NOT NULL AND d.basis IS NOT NULL AND d.version_id IS NOT NULL
           AND d.cap_counts IS NOT NULL,
       EXISTS (SELECT 1 FROM consent_refusal r WHERE r.recipient_id = d.recipient_id AND r.lifted_at IS NULL)
FROM broadcasts_delivery d
JOIN broadcasts_broadcast b ON b.id = d.broadcast_id
JOIN consent_address a ON a.recipient_id = d.recipient_id AND a.kind = 'e164'
"""
UNFOLDED = "SELECT count(*) FROM feedback_callback WHERE folded_at IS NULL"
SLOTS = """
SELECT count(*)
FROM (SELECT broadcast_id, recipient_id, count(*) AS n FROM consent_capentry GROUP BY 1, 2) held
FULL JOIN (SELECT broadcast_id, recipient_id FROM broadcasts_delivery WHERE state >= 10 AND state <> 60) reached
    USING (broadcast_id, recipient_id)
WHERE held.n IS DISTINCT FROM 1 OR reached.recipient_id IS NULL
"""


@dataclass(frozen=True)
class Row:
    """One person of one broadcast, as the database has them."""

    broadcast: str
    broadcast_id: int
    recipient_id: int
    to: str
    state: int
    reason: int | None
    n_audience: int
    is_completed: bool
    has_passport: bool
    has_refused: bool


@dataclass
class Verdict:
    """What was found of one promise: figures, and what broke it."""

    promise: str
    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        faults = "".join(f"\n      {fault}" for fault in self.broken[:5])
        return f"{self.promise:<4} {'BROKEN' if self.broken else 'kept':<7} {told}{faults}"


def judge(*, database_url: str, log: Path, receipts: Path, stops: Path, keyless: set[str]) -> list[Verdict]:
    """Compare what the service took with what the database says. ``keyless``: names of broadcasts without keys."""
    with psycopg.connect(database_url) as connection:
        rows = [Row(*row) for row in connection.execute(ROWS)]
        (n_unfolded,) = connection.execute(UNFOLDED).fetchone() or (0,)
        (n_bad_slots,) = connection.execute(SLOTS).fetchone() or (0,)
    arrivals = list(_lines(log))
    return [
        _p1(rows, arrivals, keyless),
        _p3(arrivals, list(_lines(stops))),
        _p6(rows, list(_lines(receipts)), arrivals, n_unfolded),
        _p10(rows, n_bad_slots),
    ]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_bytes().splitlines():
            yield json.loads(line)


def _p1(rows: list[Row], arrivals: list[dict[str, Any]], keyless: set[str]) -> Verdict:
    """Nobody twice, nobody lost, and it ended."""
    seen: dict[str, list[str]] = defaultdict(list)
    for arrival in arrivals:
        seen[arrival["to"]].append(arrival["key"])
    verdict = Verdict("P1")
    twice = lost = unknown = n_repeats = 0
    for row in rows:
        keys = seen.get(row.to, [])
        n = len(keys) if row.broadcast in keyless else len(set(keys))
        n_repeats += len(keys) - len(set(keys))
        twice += n > 1
        was_reached = row.state >= ACCEPTED and row.state != FAILED
        is_open = row.state in (QUEUED, SENDING)
        # Reached as we say, but the service never saw it; or it saw it, and we believe that nothing left.
        is_lost = (was_reached and not keys) or (bool(keys) and row.state in (QUEUED, SKIPPED)) or is_open
        lost += is_lost
        unknown += row.state == UNKNOWN
        if n > 1:
            verdict.broken.append(f"{row.broadcast}: recipient {row.recipient_id} got {n} messages")
        if is_lost:
            verdict.broken.append(f"{row.broadcast}: recipient {row.recipient_id} is {row.state}, {len(keys)} arrived")
        # Asked again under the same key, unless the person refused meanwhile: then nothing may leave any more.
        if row.state == UNKNOWN and row.broadcast not in keyless and not row.has_refused:
            verdict.broken.append(f"{row.broadcast}: recipient {row.recipient_id} is unknown though keys are known")
        if not row.is_completed:
            verdict.broken.append(f"{row.broadcast} has not ended")
    verdict.figures = {
        "people": len(rows), "requests taken": len(arrivals), "repeats under one key": n_repeats,
        "twice": twice, "lost": lost, "on the needs-attention list": unknown,
    }  # fmt: skip
    if not rows or not arrivals:
        verdict.broken.append("nothing was sent: this proved nothing")
    return verdict


def _p3(arrivals: list[dict[str, Any]], stops: list[dict[str, Any]]) -> Verdict:
    """No hand-over began more than a second after a stop was answered."""
    stopped_at = {stop["to"]: stop["answered_at"] for stop in stops}
    late = {a["to"]: a["first_byte_at"] - stopped_at[a["to"]] for a in arrivals if a["to"] in stopped_at}
    after = {to: seconds for to, seconds in late.items() if seconds > 0}
    spared = len(stopped_at.keys() - {arrival["to"] for arrival in arrivals})
    figures = {"stops": len(stopped_at), "spared": spared, "slowest": f"{max(after.values(), default=0.0):.3f} s"}
    broken = [f"{to[:4]}…: {seconds:.3f} s after" for to, seconds in after.items() if seconds > STOP_SECONDS]
    return Verdict("P3", figures, broken)


def _p6(rows: list[Row], receipts: list[dict[str, Any]], arrivals: list[dict[str, Any]], n_unfolded: int) -> Verdict:
    """Every receipt that was answered with 200 shows."""
    to_of = {arrival["code"]: arrival["to"] for arrival in arrivals}
    row_of = {row.to: row for row in rows}
    least = {"failed": FAILED, "delivered": DELIVERED, "read": READ}
    missing = [
        f"{receipt['status']} of recipient {row.recipient_id}, who is {row.state}"
        for receipt in receipts
        if (row := row_of[to_of[receipt["message_code"]]]).state < least[receipt["status"]]
    ]
    broken = missing + ([f"{n_unfolded} calls were never folded"] if n_unfolded else [])
    return Verdict("P6", {"receipts answered": len(receipts), "lost": len(missing)}, broken)


def _p10(rows: list[Row], n_bad_slots: int) -> Verdict:
    """Everybody who was not reached has exactly one reason, everybody who was has a passport, and nobody is missing."""
    n_of: dict[str, int] = defaultdict(int)
    verdict = Verdict("P10")
    for row in rows:
        n_of[row.broadcast] += 1
        if (row.reason is not None) != (row.state in WITH_A_REASON):
            verdict.broken.append(f"recipient {row.recipient_id} is {row.state} with reason {row.reason}")
        if row.state >= SENDING and not row.has_passport:
            verdict.broken.append(f"recipient {row.recipient_id} was reached without a passport")
    for name, n_audience in {row.broadcast: row.n_audience for row in rows}.items():
        if n_of[name] != n_audience:
            verdict.broken.append(f"{name}: {n_of[name]} rows for an audience of {n_audience}")
    if n_bad_slots:
        verdict.broken.append(f"{n_bad_slots} people hold another number of slots than messages")
    reached = sum(row.state >= SENDING for row in rows)
    verdict.figures = {"reached, with a passport": reached, "not reached, with one reason": len(rows) - reached}
    return verdict
