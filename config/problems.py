"""Problems: how the API words a refusal (RFC 9457), always as JSON, always saying how to mend it."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as Refusal
from django.core.signals import got_request_exception
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from businesses import idempotency
from businesses.rest import errors_of

PROBLEM_JSON = "application/problem+json"

log = structlog.get_logger(__name__)

PROBLEMS = {
    "malformed": (400, gettext_lazy("The request cannot be read")),
    "invalid": (400, gettext_lazy("Some fields are not valid")),
    "unauthenticated": (401, gettext_lazy("No valid key came with the request")),
    "forbidden": (403, gettext_lazy("The key may not do this")),
    "not_found": (404, gettext_lazy("There is nothing here")),
    "method_not_allowed": (405, gettext_lazy("This address does not know this method")),
    "not_acceptable": (406, gettext_lazy("Answers are given as JSON only")),
    "still_running": (409, gettext_lazy("The same request is still running")),
    "too_large": (413, gettext_lazy("The body is too large")),
    "unsupported_media_type": (415, gettext_lazy("Bodies are taken as JSON only")),
    "refused": (422, gettext_lazy("The rules do not allow this now")),
    "idempotency_key_reused": (422, gettext_lazy("The key came with another body before")),
    "throttled": (429, gettext_lazy("Too many requests")),
    "internal": (500, gettext_lazy("Something went wrong on our side")),
}
KIND_OF_STATUS = {http: kind for kind, (http, _title) in reversed(PROBLEMS.items())} | {400: "malformed"}


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The body is larger than 1 MB. Send fewer things at a time.")
    default_code = "too_large"


def problem_url(kind: str) -> str:
    """Return the address that explains this kind of problem: RFC 9457's ``type``."""
    return f"{settings.PUBLIC_URL}{reverse('api-problems')}#{kind}"


class ProblemRenderer(JSONRenderer):
    media_type = PROBLEM_JSON


def problem_response(exc: Exception, context: dict[str, Any]) -> Response:
    """Turn whatever a resource raised into a problem of RFC 9457, in the language that the program asked for."""
    headers: dict[str, str] = {}
    if isinstance(exc, Refusal):
        body = _refused(exc)
    elif isinstance(exc, exceptions.ValidationError):
        body = _problem(
            "invalid",
            _("Mend the fields named under “errors” and send the request again."),
            errors=list(errors_of(exc.detail)),
        )
    else:
        error = _as_api_exception(exc, context)
        headers = _headers(error)
        body = _problem(KIND_OF_STATUS.get(error.status_code, "malformed"), str(error.detail))
    response = Response(body, status=body["status"], headers=headers)
    request = context["request"]
    # The renderer was negotiated for the answer that is not given now.
    request.accepted_renderer, request.accepted_media_type = (ProblemRenderer(), PROBLEM_JSON)
    return response


def _as_api_exception(exc: Exception, context: dict[str, Any]) -> exceptions.APIException:
    match exc:
        case exceptions.APIException():
            return exc
        case Http404():
            return exceptions.NotFound(_("There is no such object, or it is not yours."))
        case PermissionDenied():
            return exceptions.PermissionDenied(str(exc) or None)
        case RequestDataTooBig():
            return TooLarge()
    # As Django does when nobody catches an exception: logged with its traceback, told to the test client.
    got_request_exception.send(sender=None, request=context["request"]._request)
    log.exception("request failed", path=context["request"].path, exc_info=exc)
    return exceptions.APIException(_("The request has had no effect. Tell the operator the number under “instance”."))


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _refused(exc: Refusal) -> dict[str, Any]:
    """A sentence of the domain, which says how to mend it; ``code`` is the sentence's class, like ``cannot_launch``."""
    if isinstance(exc, idempotency.StillRunning):
        return _problem("still_running", exc.messages[0])
    if isinstance(exc, idempotency.KeyReused):
        return _problem("idempotency_key_reused", exc.messages[0])
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(exc).__name__).lower()
    return _problem("refused", " ".join(exc.messages), code=code, errors=list(_findings(exc)))


def _findings(exc: Refusal) -> Iterator[dict[str, str]]:
    by_field = exc.error_dict.items() if hasattr(exc, "error_dict") else [("", exc.error_list)]
    for field, errors in by_field:
        for error in errors:
            yield {
                "pointer": f"/{field}" if field not in ("", "__all__") else "",
                "code": error.code or "refused",
                "detail": error.messages[0],
            }


def _problem(kind: str, detail: str, *, code: str = "", errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    http, title = PROBLEMS[kind]
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    problem = {
        "type": problem_url(kind),
        "title": str(title),
        "status": http,
        "detail": detail,
        "instance": uuid.UUID(hex=request_id).urn if request_id else "",
        "code": code or kind,
    }
    return problem | {"errors": errors} if errors else problem
