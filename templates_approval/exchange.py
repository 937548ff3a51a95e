"""A whole template as WhatsApp's clients post it to create one, and as they read it back from their account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from templates_approval import components as reading
from templates_approval.components import Fault

POSITIONAL, NAMED = "POSITIONAL", "NAMED"
# What a template may say beside its components, when it is made or when it is read; none of it changes the words.
KNOWN = frozenset(
    {
        *("name", "language", "category", "parameter_format", "components"),
        *("message_send_ttl_seconds", "cta_url_link_tracking_opted_out", "sub_category", "allow_category_change"),
        *("degrees_of_freedom_spec", "creative_sourcing_spec", "display_format", "is_primary_device_delivery_only"),
        *("id", "status", "quality_score", "rejected_reason", "rejection_reason", "previous_category"),
        *("correct_category", "last_updated_time", "library_template_name", "bid_spec", "specific_rejection_reason"),
        # Ours: what is said when a contact has no value.
        "fallbacks",
    }
)
KINDS: Mapping[type, str] = {str: "text", list: "list", dict: "object"}


@dataclass(frozen=True, slots=True)
class Request:
    """``category`` is in small letters, as this house keeps it; ``parameter_format`` in capitals, "" when not said."""

    name: str = ""
    language: str = ""
    category: str = ""
    parameter_format: str = ""
    components: Any = None
    fallbacks: Mapping[str, Any] = field(default_factory=dict)
    ttl_seconds: Any = None
    faults: tuple[Fault, ...] = ()


def read(value: Any) -> Request:
    """Read a template from a client's JSON. Never fails: what is missing or of the wrong type becomes a fault."""
    if not isinstance(value, dict):
        return Request(faults=(Fault("request_shape", ""),))
    faults: list[Fault] = []
    name, language, category = (
        _required(value, field_, str, faults) or "" for field_ in ("name", "language", "category")
    )
    components = _required(value, "components", list, faults)
    format_ = _optional(value, "parameter_format", str, faults) or ""
    fallbacks = _optional(value, "fallbacks", dict, faults) or {}
    for unknown in sorted(str(key) for key in value if key not in KNOWN):
        faults.append(Fault("key_unknown", unknown[:40], {"name": unknown[:40]}))
    return Request(
        name=name,
        language=language,
        category=category.lower(),
        parameter_format=format_.upper(),
        components=components,
        fallbacks=fallbacks,
        ttl_seconds=value.get("message_send_ttl_seconds"),
        faults=tuple(faults),
    )


def _required(value: dict[str, Any], name: str, kind: type, faults: list[Fault]) -> Any:
    if value.get(name) is None:
        faults.append(Fault("field_missing", name, {"name": name}))
        return None
    return _optional(value, name, kind, faults)


def _optional(value: dict[str, Any], name: str, kind: type, faults: list[Fault]) -> Any:
    given = value.get(name)
    if given is None or isinstance(given, kind):
        return given
    faults.append(Fault("field_shape", name, {"name": name, "kind": KINDS[kind]}))
    return None


def write(request: Request) -> dict[str, Any]:
    """Write a template as a client posts it: types in capitals, components in WhatsApp's order, nothing of ours."""
    written: dict[str, Any] = {
        "name": request.name,
        "language": request.language,
        "category": request.category.upper(),
        "components": reading.write(reading.read(request.components)),
    }
    if request.parameter_format:
        written["parameter_format"] = request.parameter_format
    if request.ttl_seconds is not None:
        written["message_send_ttl_seconds"] = request.ttl_seconds
    return written
