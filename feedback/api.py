"""What came back, for client programs: the words of a message by its code, and all that is known of a contact."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from businesses.rest import business_of
from consent.models import Contact
from feedback import privacy
from feedback.models import Reply

SCOPE = "contacts:write"


class ReplySerializer(serializers.ModelSerializer[Reply]):
    class Meta:
        model = Reply
        fields = ("code", "text", "said_at")
        read_only_fields = fields


class ExportSerializer(serializers.Serializer[Any]):
    """Everything that the business knows of one of its contacts, to be handed to the person or to another system."""

    format = serializers.CharField()
    made_at = serializers.DateTimeField()
    person = serializers.DictField()
    addresses = serializers.ListField(child=serializers.DictField())
    contacts = serializers.ListField(child=serializers.DictField())
    interactions = serializers.ListField(child=serializers.DictField())
    refusals = serializers.ListField(child=serializers.DictField())
    messages = serializers.ListField(child=serializers.DictField())
    written = serializers.ListField(child=serializers.DictField())


@extend_schema(tags=["contacts"])
class Exports(GenericViewSet[Contact]):
    scopes: ClassVar = {"retrieve": SCOPE}
    serializer_class = ExportSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Contact]:
        return Contact.objects.of(business_of(self.request)).select_related("recipient", "business")

    @extend_schema(
        summary="Export all you know of a contact",
        description="What the person asked you for, as one document. What other businesses know is not in it.",
        responses=ExportSerializer,
    )
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(privacy.export_contact(contact=self.get_object(), now=timezone.now()))


@extend_schema(tags=["contacts"])
class Messages(GenericViewSet[Reply]):
    scopes: ClassVar = {"retrieve": SCOPE}
    serializer_class = ReplySerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Reply]:
        return Reply.objects.of(business_of(self.request))

    @extend_schema(
        summary="Read what a person wrote to you",
        description="The event “message.received” names it. It is gone once the person was erased, and after a year.",
        responses=ReplySerializer,
    )
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(ReplySerializer(self.get_object()).data)
