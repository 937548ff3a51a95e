"""What every REST resource shares: serializers that refuse unknown fields, and POSTs that may be repeated.

The rest of the API's manners (keys, scopes, paging, problems) is plugged in by ``config.rest``; it stands on the top
floor, where resources must not reach.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar, cast

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from businesses import idempotency
from businesses.models import ApiKey, Business, User

IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"

P = ParamSpec("P")
V = TypeVar("V")


def business_of(request: Request) -> Business:
    """Return the business whose key came with the request; whatever a resource looks up, it looks up ``.of`` it."""
    return cast("ApiKey", request.auth).business


def maker_of(request: Request) -> User | None:
    """Return the member who made the key, or None when their account is gone: they answer for what it does."""
    return cast("ApiKey", request.auth).created_by


class CodeField(serializers.SlugRelatedField[Any]):
    """Names an object of the key's business by its code; one of somebody else is as unknown as one of nobody."""

    default_error_messages: ClassVar = {"does_not_exist": _("You have nothing with this code here.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="code", **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        everybodys: Any = super().get_queryset()
        mine: QuerySet[Any] = everybodys.of(self.context["business"])
        return mine


class StrictSerializer(serializers.Serializer[Any]):
    """Tells a program about its typing errors: a field nobody knows is an error, not silence."""

    default_error_messages: ClassVar = {"unknown_field": _("There is no field of this name here.")}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            known = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := [name for name in data if name not in known]:
                detail = serializers.ErrorDetail(str(self.error_messages["unknown_field"]), code="unknown_field")
                raise serializers.ValidationError(dict.fromkeys(unknown, detail))
        return super().to_internal_value(data)


class NothingSerializer(StrictSerializer):
    """An empty object, or no body at all."""


def repeatable(
    handler: Callable[Concatenate[V, Request, P], Response],
) -> Callable[Concatenate[V, Request, P], Response]:
    """Wrap a POST handler: with an ``Idempotency-Key``, its effect and its stored answer commit in one transaction.

    It runs after authentication, scopes and rate limits, so that a replay passes the same doors. What fails is not
    stored: the program mends its request and may use the same key again.
    """

    @wraps(handler)
    def once(view: V, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get(IDEMPOTENCY_KEY)
        if key is None:
            return handler(view, request, *args, **kwargs)
        now = timezone.now()
        route = f"{request.method} {request.path}"
        with idempotency.once(
            business=business_of(request), route=route, key=_sane(key), body=_fingerprint(request), now=now
        ) as this:
            if this.earlier is not None:
                return Response(this.earlier.body, status=this.earlier.status, headers={REPLAYED: "true"})
            response = handler(view, request, *args, **kwargs)
            this.store(status=response.status_code, body=_plain(response.data), now=now)
            return response

    return once


def _fingerprint(request: Request) -> bytes:
    """Return what two requests must share to be one: the body, or of a form its fields and the files' content."""
    if not (request.content_type or "").startswith("multipart/"):
        return request.body
    digest = hashlib.sha256()
    fields = cast("dict[str, Any]", request.data)
    for name, value in sorted(fields.items()):
        digest.update(f"{name}\n".encode())
        for chunk in value.chunks() if hasattr(value, "chunks") else [str(value).encode()]:
            digest.update(chunk)
        digest.update(b"\n")
    return digest.digest()


def _sane(key: str) -> str:
    if not (0 < len(key) <= idempotency.KEY_MAX and key.isascii() and key.isprintable()):
        raise serializers.ValidationError(
            {IDEMPOTENCY_KEY: _("Use 1 to 255 printable ASCII characters, for example a UUID.")}
        )
    return key


def _plain(data: Any) -> Any:
    return json.loads(json.dumps(data, cls=JSONEncoder))


def errors_of(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """Walk the nested errors of a serializer and yield one line each, with a JSON pointer into the body (RFC 6901)."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else "/" + str(name).replace("~", "~0").replace("/", "~1")
            yield from errors_of(inner, pointer + step)
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            yield from errors_of(inner, f"{pointer}/{position}" if isinstance(inner, dict | list) else pointer)
    else:
        yield {"pointer": pointer, "code": str(getattr(detail, "code", "invalid")), "detail": str(detail)}
