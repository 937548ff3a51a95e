"""What the documentation says beyond the resources: the key, its scopes, every error answer, repeatable POSTs."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from businesses import idempotency
from config.problems import PROBLEM_JSON, PROBLEMS, problem_url
from config.rest import operation_of, scope_of


class KeySecurity(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular's metaclass
    target_class = "config.rest.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key from the API keys page: `tmb_live_…` or `tmb_test_…`.",
        }

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        scope = scope_of(auto_schema.view, operation_of(auto_schema.view, auto_schema.method) or "")
        return {self.name: [scope] if scope else []}


ALWAYS = ("unauthenticated", "forbidden", "not_acceptable", "throttled", "internal")
WITH_CODE = ("not_found",)
WITH_BODY = ("malformed", "too_large", "unsupported_media_type", "refused")
REPEATABLE = ("still_running",)

PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Explains this kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "Says how to mend it, in the language of `Accept-Language`."},
        "instance": {"type": "string", "description": "Names this one request in the operator's logs."},
        "code": {"type": "string", "description": "Stable, for programs. The list is open."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
IDEMPOTENCY_HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": idempotency.KEY_MAX},
    "description": "The same key and body get the first answer again for 24 hours; the effect happens once.",
}


def document_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Write every error answer and the idempotency header into the OpenAPI document."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for kind in _problems_of(path, method):
                http, title = PROBLEMS[kind]
                operation["responses"].setdefault(str(http), _problem_answer(kind, str(title)))
            if method == "post":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_HEADER)
    return result


def _problems_of(path: str, method: str) -> tuple[str, ...]:
    kinds = ALWAYS + (WITH_CODE if "{" in path else ())
    if method in ("post", "patch", "put"):
        kinds += WITH_BODY
    elif method == "get":
        kinds += ("malformed",)
    return kinds + (REPEATABLE if method == "post" else ())


def _problem_answer(kind: str, title: str) -> dict[str, Any]:
    http, _title = PROBLEMS[kind]
    example = {
        "type": problem_url(kind),
        "title": title,
        "status": http,
        "detail": title + ".",
        "instance": "urn:uuid:6f2c3c56-2f43-4b0c-9a53-0d6b1f9e4c11",
        "code": kind,
    }
    return {
        "description": title,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }
