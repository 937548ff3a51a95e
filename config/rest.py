"""The manners of the REST API: who comes in, what they may do, how often, what they may say, how lists are read.

Django REST framework finds everything here by dotted path (``REST_FRAMEWORK`` in the settings); the resources
themselves are in each floor's ``api.py`` and know nothing of this module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from businesses import keys
from businesses.models import ApiKey, User
from config.problems import TooLarge

if TYPE_CHECKING:  # Imported while rest_framework reads its settings, which name this module.
    from rest_framework.views import APIView

BODY_MAX_BYTES = 1_000_000

log = structlog.get_logger(__name__)


class KeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer tmb_live_…``; the request then acts as the key's business."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, ApiKey] | None:
        scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = keys.find(secret=secret.strip(), now=timezone.now())
        if key is None:
            raise exceptions.AuthenticationFailed(
                gettext_lazy("This key is unknown, revoked or past its end. Create a new one on the API keys page.")
            )
        return key.created_by or AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Tambour"'


class HasScope(BasePermission):
    """The key must have the scope that the view declares for the operation; a view that declares none refuses."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        operation = operation_of(view, request.method)
        if operation is None:
            return True  # No such method here: answered with 405 in a moment.
        scope = scope_of(view, operation)
        if scope is None:
            log.error("view without a scope", view=type(view).__name__, operation=operation)
        self.message = _("This needs a key with the scope “%(scope)s”.") % {"scope": scope}
        return scope in request.auth.scopes


def operation_of(view: APIView, method: str | None) -> str | None:
    """Return a view set's action, or the method in lower case where a view has no actions."""
    operation: str | None = getattr(view, "action", (method or "").lower())
    # OPTIONS is called so by rest_framework; nobody answers it here.
    return None if operation == "metadata" else operation


def scope_of(view: APIView, operation: str) -> str | None:
    scopes: Mapping[str, str] = getattr(view, "scopes", {})
    return scopes.get(operation)


class PerKey(BaseThrottle):
    """``API_REQUESTS_PER_MINUTE`` for each key; who has none counts by address. Without Redis nobody is held back."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        minute, second = divmod(int(time.time()), 60)
        self.seconds_left = 60 - second
        n_requests = self._count(f"api:{self._who(request)}:{minute}")
        limit: int = settings.API_REQUESTS_PER_MINUTE
        request._request.rate_limit = (limit, max(0, limit - n_requests), self.seconds_left)  # type: ignore[attr-defined]
        return n_requests <= limit

    def wait(self) -> float:
        return self.seconds_left

    def _who(self, request: Request) -> str:
        return f"key:{request.auth.pk}" if isinstance(request.auth, ApiKey) else f"address:{self.get_ident(request)}"

    def _count(self, name: str) -> int:
        try:
            cache.add(name, 0, 120)
            return cache.incr(name)
        except (RedisError, ValueError):  # ValueError: flushed between the two commands.
            return 0


class RateLimitHeaders:
    """Middleware: tells a program how much of its minute is left (draft-ietf-httpapi-ratelimit-headers)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if rate_limit := getattr(request, "rate_limit", None):
            limit, remaining, seconds = rate_limit
            response.headers["RateLimit-Policy"] = f'"minute";q={limit};w=60'
            response.headers["RateLimit"] = f'"minute";r={remaining};t={seconds}'
        return response


class StrictJSON(BaseParser):
    """JSON that the database can keep: no NUL, no half characters, no NaN, no bottomless nesting."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        raw = stream.read(BODY_MAX_BYTES + 1)
        if len(raw) > BODY_MAX_BYTES:
            raise TooLarge
        try:
            data = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise exceptions.ParseError(_("The body is not valid JSON: %(error)s.") % {"error": error}) from None
        if rb"\u0000" in raw and any("\0" in text for text in _texts(data)):
            raise exceptions.ParseError(_("The body contains the character NUL, which cannot be kept."))
        return data


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)


class NewestFirst(CursorPagination):
    """``?limit=…&cursor=…``; pages stay stable while rows are added, and nothing is ever counted."""

    ordering = ("-created_at", "-id")
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> tuple[str, ...]:
        return getattr(view, "ordering", self.ordering)

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (exceptions.NotFound, ValidationError, ValueError, OverflowError):
            raise exceptions.ParseError(
                _("The cursor is not one of ours. Follow “next” from a page, or start without a cursor.")
            ) from None

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        header = ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url)
        return Response(
            {"data": data, "next": links["next"], "previous": links["prev"]},
            headers={"Link": header} if header else None,
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        url = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["data", "next", "previous"],
            "properties": {"data": schema, "next": url, "previous": url},
        }
