"""Answers whoever watches over the installation: `/healthz` (the process runs), `/readyz` (so does the rest)."""

from collections.abc import Callable

import structlog
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError

from config import heartbeats

BEAT_SILENT_SECONDS = 10.0

log = structlog.get_logger(__name__)


@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when messages can flow, else 503; the body names each part and what is wrong with it."""
    parts = {name: _verdict(name, check) for name, check in CHECKS.items()}
    return JsonResponse(parts, status=200 if set(parts.values()) == {"ok"} else 503)


def _verdict(name: str, check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, RedisError, OSError) as error:
        log.warning("not ready", part=name, error=str(error))
        return "cannot be reached"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _redis() -> str:
    cache.get("readyz")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(pending)} not applied: run `migrate`" if pending else "ok"


def _beat() -> str:
    age = heartbeats.age_seconds("beat")
    if age is None or age > BEAT_SILENT_SECONDS:
        return f"no sign of life for {BEAT_SILENT_SECONDS:.0f} s: start the `beat` service"
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "migrations": _migrations,
    "beat": _beat,
}
