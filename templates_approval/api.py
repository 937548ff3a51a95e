"""Template versions for client programs: keep a wording, hand it to the reviewers, see what they said."""

import re
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from businesses.models import User
from businesses.rest import NothingSerializer, StrictSerializer, business_of, maker_of, repeatable
from templates_approval import components as reading
from templates_approval import offer, review, rules
from templates_approval.models import Template, Version

WRITE = "templates:write"


class WordingSerializer(StrictSerializer):
    """WhatsApp's own component JSON; ``fallbacks`` are said when a contact has no value for a variable."""

    name = serializers.CharField(max_length=512)
    language = serializers.CharField(max_length=8)
    category = serializers.ChoiceField(choices=Template.Category.choices, default=Template.Category.MARKETING)
    components = serializers.ListField(child=serializers.DictField(), max_length=20)
    fallbacks = serializers.DictField(child=serializers.CharField(max_length=1024), default=dict)
    complete = serializers.BooleanField(
        default=False, help_text=_("Put in what an offer lacks: Interested, Not interested and how to stop.")
    )


class TemplateSerializer(serializers.Serializer[Any]):
    """A template as a client posts it to WhatsApp. Nothing is refused here: what is wrong comes back as findings."""

    name = serializers.CharField(required=False)
    language = serializers.CharField(required=False)
    category = serializers.CharField(required=False)
    parameter_format = serializers.CharField(required=False)
    components = serializers.ListField(child=serializers.DictField(), required=False)
    fallbacks = serializers.DictField(child=serializers.CharField(), required=False)


class AskedSerializer(serializers.Serializer[Any]):
    """Which rules are asked."""

    profile = serializers.ChoiceField(
        choices=rules.PROFILES,
        default=rules.PLATFORM,
        help_text=_("platform: what submission asks for; whatsapp: what the provider refuses."),
    )


class WantedSerializer(serializers.Serializer[Any]):
    """Which versions a list holds; without any, all of them."""

    template = serializers.CharField(required=False, max_length=24, help_text=_("The code of a template."))
    name = serializers.CharField(required=False, max_length=512)
    language = serializers.CharField(required=False, max_length=8)
    state = serializers.ChoiceField(required=False, choices=Version.State.choices)

    PLACES: ClassVar = {"template": "template__code", "name": "template__name"}

    def narrow(self, versions: QuerySet[Version]) -> QuerySet[Version]:
        return versions.filter(**{self.PLACES.get(name, name): value for name, value in self.validated_data.items()})


class FindingSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    rule = serializers.CharField(source="source", help_text=_("Where it comes from: docs/rules.md."))
    severity = serializers.CharField()
    path = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField()


class LintedSerializer(serializers.Serializer[Any]):
    n_errors = serializers.IntegerField(help_text=_("0: it may be submitted."))
    findings = FindingSerializer(many=True)


class VersionSerializer(serializers.ModelSerializer[Version]):
    template = serializers.SlugRelatedField[Any](slug_field="code", read_only=True)
    name = serializers.CharField(source="template.name", read_only=True)
    category = serializers.CharField(source="template.category", read_only=True)
    components = serializers.ListField(child=serializers.DictField(), read_only=True)
    fallbacks = serializers.DictField(child=serializers.CharField(), read_only=True)
    findings = serializers.SerializerMethodField()

    class Meta:
        model = Version
        fields = (
            *("code", "template", "name", "category", "language", "number", "state", "components", "fallbacks"),
            *("findings", "content_hash", "submitted_at", "review_due_at", "created_at"),
        )
        read_only_fields = fields

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, version: Version) -> list[dict[str, Any]]:
        return [dict(FindingSerializer(finding).data) for finding in review.findings_of(version)]


WORDING = {
    "name": "spring_sale",
    "language": "en",
    "category": "marketing",
    "components": [
        {"type": "BODY", "text": "Hello {{1}}, 20% off until Sunday.", "example": {"body_text": [["Ada"]]}},
        {"type": "FOOTER", "text": "Reply STOP to end offers"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Interested"},
                {"type": "QUICK_REPLY", "text": "Not interested"},
            ],
        },
    ],
    "fallbacks": {"1": "there"},
}


@extend_schema(tags=["templates"])
class Versions(GenericViewSet[Version]):
    """One wording in one language; once submitted it never changes."""

    scopes: ClassVar = {"list": WRITE, "retrieve": WRITE, "create": WRITE, "submit": WRITE, "lint": WRITE}
    serializer_class = VersionSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Version]:
        return Version.objects.of(business_of(self.request)).select_related("template__business")

    @extend_schema(
        summary="List versions, newest first",
        description="Of one template, name, language or state, if you say so; its state is where a version stands.",
        parameters=[WantedSerializer],
        responses=VersionSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        named = WantedSerializer().fields.keys() & request.query_params.keys()
        wanted = WantedSerializer(data={name: request.query_params[name] for name in named})
        wanted.is_valid(raise_exception=True)
        page = self.paginate_queryset(wanted.narrow(self.get_queryset()))
        return self.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(summary="Read a version and what the rules say", responses=VersionSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(VersionSerializer(self.get_object()).data)

    @extend_schema(
        summary="Keep a draft",
        description="In the draft of this name and language if there is one, else in a version with the next number.",
        request=WordingSerializer,
        responses={201: VersionSerializer},
        examples=[OpenApiExample("A spring sale", value=WORDING, request_only=True)],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        _must_be_storable(request.data)
        wording = WordingSerializer(data=request.data)
        wording.is_valid(raise_exception=True)
        given = wording.validated_data
        if given.pop("complete"):
            given["components"], given["fallbacks"] = offer.completed(
                given["components"], language=given["language"], fallbacks=given["fallbacks"]
            )
        version = review.draft(business=business_of(request), by=_author(request), now=timezone.now(), **given)
        return Response(VersionSerializer(version).data, status=201)

    @extend_schema(
        summary="Only check a template",
        description="Nothing is kept. The body is what a client posts to WhatsApp to create a template.",
        parameters=[AskedSerializer],
        request=TemplateSerializer,
        responses=LintedSerializer,
        examples=[OpenApiExample("A spring sale", value=WORDING, request_only=True)],
    )
    @repeatable
    def lint(self, request: Request) -> Response:
        asked = AskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        _must_be_storable(request.data)
        findings = rules.check_request(request.data, profile=asked.validated_data["profile"], asks=review.house_lists())
        linted = {"n_errors": len(rules.errors(findings)), "findings": findings}
        return Response(LintedSerializer(linted).data)

    @extend_schema(summary="Hand a draft to the reviewers", request=NothingSerializer, responses=VersionSerializer)
    @repeatable
    def submit(self, request: Request, code: str) -> Response:
        draft = self.get_object()
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        version = review.submit(version=draft, by=_author(request), now=timezone.now())
        return Response(VersionSerializer(version).data)


def _must_be_storable(value: Any) -> None:
    """Refuse what is longer than any template, or what the database would not give back unchanged, and say where."""
    try:
        reading.ensure_storable(value)
        reading.ensure_short(value)
    except reading.BadComponents as fault:
        detail: Any = serializers.ErrorDetail(str(fault.messages[0]), code=str(fault.code))
        for step in reversed(re.findall(r"[^.\[\]]+", fault.path)):
            detail = {step: detail}
        raise serializers.ValidationError(detail) from fault


def _author(request: Request) -> User:
    """Somebody must stand for the words, so that no reviewer ever approves their own."""
    author = maker_of(request)
    if author is None:
        raise PermissionDenied(_("The account of the member who made this key is gone. Make a new key."))
    return author
