"""Who may be told, right now? The one decision about people, asked by the gate and, read-only, by the estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from django.db import transaction

from consent.reasons import Reason

LONGEST_WINDOW = timedelta(days=30)
SQL = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


def array(values: Iterable[object]) -> str:
    """Return numbers as PostgreSQL writes an array; the driver would look at each, which takes twenty times as long."""
    return "{" + ",".join(map(str, values)) + "}"


def array_of_texts(values: Iterable[str]) -> str:
    """Return texts as PostgreSQL writes an array, each in quotes."""
    return array('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)


def array_of_moments(values: Iterable[datetime | None]) -> str:
    """Return moments, some of them unknown, as PostgreSQL writes an array."""
    return array("NULL" if value is None else value.isoformat() for value in values)


class Cursor(Protocol):
    """What Django's and psycopg's cursors have in common, as far as is needed here."""

    def execute(self, query: Any, params: Any = None, /) -> Any: ...
    def fetchall(self) -> list[Any]: ...


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked about everybody alike: who speaks, over which kind of address, with which control group.

    ``line_types``: the kinds of telephone lines that can be reached (``LineType``); None: all of them.
    """

    business_id: int
    legal_entity_id: int
    address_kinds: Sequence[str]
    salt: str
    holdout_permille: int = 0
    line_types: Collection[int] | None = None


class Verdict(NamedTuple):
    """``reason`` 0 means go; ``cap_counts`` are the offers counted in each window, in the order of scope and width, as
    PostgreSQL writes an array: nobody here looks into it."""

    recipient_id: int
    country: str
    reason: int
    interaction_id: int | None
    basis: int | None
    cap_counts: str | None
    free_at: datetime | None


def fingerprint() -> str:
    """Return what is different when the decision itself is: for whoever remembers its answers."""
    return sha256(statement("decide").encode()).hexdigest()


def lock(cursor: Cursor, *, recipient_ids: Sequence[int]) -> None:
    """Lock people in id order until the transaction ends. Decide in a *second* statement: its snapshot is fresh."""
    cursor.execute(statement("lock_recipients"), {"ids": array(recipient_ids)})
    cursor.fetchall()


class _MergedMeanwhile(Exception):
    """Somebody became part of another while we waited for them, and that one is not locked yet."""


def lock_slot_holders(cursor: Cursor, *, recipient_ids: Sequence[int]) -> None:
    """Lock people and, where they were merged since, the one who holds their slots now. As ``lock`` otherwise.

    Whoever is locked cannot be merged any more: what ``give_back`` and ``arrive`` read of them after this stays so.
    """
    values = {"ids": array(recipient_ids)}
    while True:
        # Undoing the savepoint gives the locks back: holding these and asking for one more would be out of order.
        with suppress(_MergedMeanwhile), transaction.atomic():
            cursor.execute(statement("lock_slot_holders"), values)
            holder_of: dict[int, int | None] = dict(cursor.fetchall())
            if any(holder is not None and holder not in holder_of for holder in holder_of.values()):
                raise _MergedMeanwhile
            return


def decide(
    cursor: Cursor, *, question: Question, recipient_ids: Sequence[int], lacks_variable: Sequence[bool], now: datetime
) -> list[Verdict]:
    """Return one verdict for each of ``recipient_ids``; every call sees what was committed before it began."""
    cursor.execute(statement("decide"), _parameters(question, recipient_ids, lacks_variable, now))
    return [Verdict(*row) for row in cursor.fetchall()]


def tally(
    cursor: Cursor, *, question: Question, recipient_ids: Sequence[int], lacks_variable: Sequence[bool], now: datetime
) -> Counter[tuple[str, int]]:
    """Return how many verdicts of each (country, reason) there are: the same decision, counted where the data is."""
    query = f"SELECT country, reason, count(*) FROM ({statement('decide')}) verdict GROUP BY country, reason"  # noqa: S608 — our own statement
    cursor.execute(query, _parameters(question, recipient_ids, lacks_variable, now))
    return Counter({(country or "", reason): n for country, reason, n in cursor.fetchall()})


def tally_alone(
    cursor: Cursor,
    *,
    question: Question,
    recipient_ids: Sequence[int],
    lacks_variable: Sequence[bool],
    held_back: Iterable[int],
    now: datetime,
) -> Counter[tuple[str, int]]:
    """Return ``tally`` as it would be if this business were the only one: what a business may know to the last person.

    No choice that a person made for all businesses and no other business's offer changes an answer. ``held_back`` are
    those whom the business has written to as often as it may, by its own account.
    """
    reason = "CASE WHEN reason = 0 AND id = ANY(%(held_back)s::bigint[]) THEN %(cap_business)s ELSE reason END"
    verdict = f"({statement('decide')}) verdict"
    query = f"{statement('as_if_alone')} SELECT country, {reason}, count(*) FROM {verdict} GROUP BY 1, 2"  # noqa: S608 — our own statements
    own = {"held_back": array(held_back), "cap_business": Reason.CAP_BUSINESS}
    cursor.execute(query, _parameters(question, recipient_ids, lacks_variable, now) | own)
    return Counter({(country or "", reason): n for country, reason, n in cursor.fetchall()})


def alone(cursor: Cursor, *, question: Question, recipient_ids: Sequence[int], now: datetime) -> dict[int, int]:
    """Return each person's reason (0 = none) as it would be if this business were the only one, without its own cap."""
    query = f"{statement('as_if_alone')} SELECT id, reason FROM ({statement('decide')}) verdict"  # noqa: S608 — our own statements
    cursor.execute(query, _parameters(question, recipient_ids, [False] * len(recipient_ids), now))
    return dict(cursor.fetchall())


def reserve(
    cursor: Cursor,
    *,
    recipient_ids: Sequence[int],
    broadcast_id: int,
    business_id: int,
    may_arrive_until: datetime,
    now: datetime,
) -> None:
    """Take one slot of each person's patience. Call under the lock, in the transaction that decided.

    The slot counts in every window until its offer has arrived (``arrive``) or cannot arrive any more.
    """
    cursor.execute(
        statement("reserve"),
        {
            "ids": array(recipient_ids),
            "broadcast_id": broadcast_id,
            "business_id": business_id,
            "may_arrive_until": may_arrive_until,
            "now": now,
        },
    )


def arrive(
    cursor: Cursor,
    *,
    recipient_ids: Sequence[int],
    arrived_ats: Sequence[str],
    broadcast_id: int,
    business_id: int,
    now: datetime,
) -> None:
    """Note when offers arrived (as PostgreSQL writes it): from there on their slots count. A slot that had been given
    back is taken again.

    Needs no lock where the slot is there: knowing when it arrived only ever makes room.
    """
    cursor.execute(
        statement("arrive"),
        {
            "ids": array(recipient_ids),
            "arrived_ats": array_of_texts(arrived_ats),
            "broadcast_id": broadcast_id,
            "business_id": business_id,
            "now": now,
        },
    )


def give_back(cursor: Cursor, *, recipient_ids: Sequence[int], broadcast_id: int) -> None:
    """Free the slots again; only on the provider's explicit failure, never on our expiry or on *unknown*."""
    cursor.execute(statement("give_back"), {"ids": array(recipient_ids), "broadcast_id": broadcast_id})


def addresses(cursor: Cursor, *, question: Question, recipient_ids: Sequence[int]) -> dict[int, str]:
    """Return where each person can be reached; addresses are read at hand-over and never copied into deliveries."""
    where = {"kinds": list(question.address_kinds), "line_types": _line_types(question)}
    cursor.execute(statement("addresses"), {"ids": array(recipient_ids), **where})
    return dict(cursor.fetchall())


def forget_spent(cursor: Cursor, *, now: datetime) -> None:
    """Forget slots that no rule can count any more; a rule's window is 30 days at most (``CapRule``)."""
    cursor.execute(statement("forget_spent"), {"before": now - LONGEST_WINDOW})


def _parameters(
    question: Question, recipient_ids: Sequence[int], lacks_variable: Sequence[bool], now: datetime
) -> dict[str, Any]:
    return {
        "ids": array(recipient_ids),
        "lacks_variable": array(lacks_variable),
        "business_id": question.business_id,
        "legal_entity_id": question.legal_entity_id,
        "address_kinds": list(question.address_kinds),
        "line_types": _line_types(question),
        "salt": question.salt,
        "holdout_permille": question.holdout_permille,
        "now": now,
    }


def _line_types(question: Question) -> list[int] | None:
    return None if question.line_types is None else sorted(int(line) for line in question.line_types)
