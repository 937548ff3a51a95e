"""Template versions for client programs: keep a wording, hand it to the reviewers, see what they said."""

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
from templates_approval import review
from templates_approval.models import Template, Version

WRITE = "templates:write"


class WordingSerializer(StrictSerializer):
    """WhatsApp's own component JSON; ``fallbacks`` are said when a contact has no value for a variable."""

    name = serializers.CharField(max_length=512)
    language = serializers.CharField(max_length=8)
    category = serializers.ChoiceField(choices=Template.Category.choices, default=Template.Category.MARKETING)
    components = serializers.ListField(child=serializers.DictField(), max_length=20)
    fallbacks = serializers.DictField(child=serializers.CharField(max_length=1024), default=dict)


class FindingSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    severity = serializers.CharField()
    path = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField()


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

    scopes: ClassVar = {"list": WRITE, "retrieve": WRITE, "create": WRITE, "submit": WRITE}
    serializer_class = VersionSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Version]:
        return Version.objects.of(business_of(self.request)).select_related("template__business")

    @extend_schema(summary="List versions, newest first", responses=VersionSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
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
        wording = WordingSerializer(data=request.data)
        wording.is_valid(raise_exception=True)
        version = review.draft(
            business=business_of(request), by=_author(request), now=timezone.now(), **wording.validated_data
        )
        return Response(VersionSerializer(version).data, status=201)

    @extend_schema(summary="Hand a draft to the reviewers", request=NothingSerializer, responses=VersionSerializer)
    @repeatable
    def submit(self, request: Request, code: str) -> Response:
        draft = self.get_object()
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        version = review.submit(version=draft, by=_author(request), now=timezone.now())
        return Response(VersionSerializer(version).data)


def _author(request: Request) -> User:
    """Somebody must stand for the words, so that no reviewer ever approves their own."""
    author = maker_of(request)
    if author is None:
        raise PermissionDenied(_("The account of the member who made this key is gone. Make a new key."))
    return author
