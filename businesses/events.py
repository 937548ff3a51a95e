"""The outbox: what happened to a business, numbered without gaps in the order in which it was committed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

SQL = Path(__file__).parent / "sql"
RECORD = (SQL / "record_event.sql").read_text()
RECORD_ALL = (SQL / "record_events.sql").read_text()


def record(*, business_id: int, kind: str, payload: dict[str, Any], now: datetime) -> None:
    """Append one event in the caller's transaction.

    The number comes from a row that stays locked until the caller commits, so that readers who follow the
    numbers miss nothing. Call it last: everything else that this business does waits meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"business_id": business_id, "kind": kind, "payload": _as_json(payload), "now": now})


def record_all(happened: Sequence[tuple[int, str, dict[str, Any]]], *, now: datetime) -> None:
    """Append many events (business id, kind, payload) in one statement; of one business in the order given."""
    if not happened:
        return
    business_ids, kinds, payloads = (list(column) for column in zip(*happened, strict=True))
    said = {"business_ids": business_ids, "kinds": kinds, "payloads": [_as_json(payload) for payload in payloads]}
    with connection.cursor() as cursor:
        cursor.execute(RECORD_ALL, {**said, "now": now})


def _as_json(payload: dict[str, Any]) -> str:
    return DjangoJSONEncoder(ensure_ascii=False).encode(payload)
