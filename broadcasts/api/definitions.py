"""Filters over contacts as programs write them: checked by ``broadcasts.filters``, with a pointer to each fault."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts import audience, segments
from broadcasts.filters import grammar
from broadcasts.filters.grammar import BadDefinition
from broadcasts.filters.parts import Match, Reacted, Test, Was

WHEN = {
    "within_days": {"type": "integer", "minimum": 1, "maximum": grammar.DAYS_MAX},
    "more_than_days_ago": {"type": "integer", "minimum": 1, "maximum": grammar.DAYS_MAX},
    "since": {"type": "string", "format": "date", "description": "That day or later."},
    "before": {"type": "string", "format": "date", "description": "Before that day."},
}
TEXTS = {"type": "array", "items": {"type": "string"}}
PARTS = {
    "type": "array",
    "items": {"type": "object", "description": "The same object again, at most three deep."},
    "maxItems": grammar.CONDITIONS_MAX,
}
DEFINITION = {
    "type": "object",
    "description": "Conditions that all hold together; an empty object is every contact. At most 30 conditions.",
    "properties": {
        **{str(match): PARTS for match in Match},
        "countries": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z]{2}$"}},
        "languages": TEXTS,
        "attributes": {
            "type": "object",
            "additionalProperties": {
                "oneOf": [
                    {"type": "string", "description": "Is exactly this."},
                    {"type": "object", "properties": {str(test): {} for test in Test}, "minProperties": 1},
                ]
            },
        },
        "contacts": TEXTS | {"maxItems": grammar.LIST_MAX},
        "except_contacts": TEXTS | {"maxItems": grammar.LIST_MAX},
        "added": {"type": "object", "properties": WHEN},
        "interaction": {
            "type": "object",
            "properties": {
                "kinds": {"type": "array", "items": {"type": "string", "enum": list(grammar.KINDS)}},
                "provenance": {"type": "string", "enum": list(grammar.PROVENANCES)},
                "at_least": {"type": "integer", "minimum": 1, "maximum": 1_000},
                **WHEN,
            },
        },
        "last_reaction": {"type": "string", "enum": [str(word) for word in Reacted]},
        "broadcast": {
            "type": "object",
            "required": ["code"],
            "properties": {
                "code": {"type": "string"},
                "was": {"type": "string", "enum": [str(word) for word in Was]},
                "reaction": {"type": "string", "enum": [str(word) for word in Reacted]},
            },
        },
        "offers": {
            "type": "object",
            "required": ["within_days"],
            "properties": {
                "within_days": {"type": "integer", "minimum": 1, "maximum": 365},
                "at_least": {"type": "integer", "minimum": 1, "maximum": 100},
            },
        },
    },
    "additionalProperties": False,
    "example": {
        "countries": ["FR"],
        "attributes": {"city": "Lyon", "age": {"between": [18, 30]}},
        "any": [{"interaction": {"kinds": ["purchase"], "within_days": 90}}, {"last_reaction": "interested"}],
    },
}
AUDIENCE = DEFINITION | {
    "properties": {"segment": {"type": "string", "description": "A saved segment."}, **DEFINITION["properties"]},  # type: ignore[dict-item]
}


@extend_schema_field(DEFINITION)
class DefinitionField(serializers.JSONField):
    """The filters of a segment."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            self.check(data)
        except BadDefinition as error:
            raise serializers.ValidationError(_nested(error)) from None
        return data

    def check(self, data: Any) -> None:
        segments.read(business=self.context["business"], definition=data)


@extend_schema_field(AUDIENCE)
class AudienceField(DefinitionField):
    """The filters of a broadcast, which may name segments."""

    def check(self, data: Any) -> None:
        audience.check(business=self.context["business"], definition=data)


def _nested(error: BadDefinition) -> dict[str, Any]:
    """Return the findings as nested errors, from which ``config.problems`` makes pointers into the body."""
    found: dict[str, Any] = {}
    for path, message, code in error.findings:
        here = found
        for step in path.split("/")[1:]:
            here = here.setdefault(step.replace("~1", "/").replace("~0", "~"), {})
        here.setdefault("non_field_errors", []).append(serializers.ErrorDetail(message, code=code))
    return found
