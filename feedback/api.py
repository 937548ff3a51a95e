"""What came back, for client programs: the words of a message by its code, and all that is known of a contact."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from broadcasts.tasks import carry_notices
from businesses.rest import StrictSerializer, business_of, maker_of, repeatable
from consent.models import Contact
from feedback import answers, privacy
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
    answered = serializers.ListField(child=serializers.DictField())


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


class AnswerSerializer(StrictSerializer):
    text = serializers.CharField(max_length=answers.MOST_LETTERS, help_text=_("For what they asked, never for offers."))


class SaidSerializer(serializers.Serializer[Any]):
    """One message: ``direction`` is in or out; ``state`` and ``outcome`` are of yours."""

    code = serializers.CharField()
    direction = serializers.SerializerMethodField()
    text = serializers.CharField()
    at = serializers.DateTimeField()
    state = serializers.CharField()
    outcome = serializers.CharField()

    def get_direction(self, said: answers.Said) -> str:
        return "out" if said.is_ours else "in"


class ConversationSerializer(serializers.Serializer[Any]):
    """``open_until`` is empty when nobody may answer now; ``closed_because`` says why."""

    open_until = serializers.DateTimeField(allow_null=True)
    closed_because = serializers.CharField(allow_blank=True)
    messages = SaidSerializer(many=True)


@extend_schema(tags=["contacts"])
class Conversations(GenericViewSet[Contact]):
    scopes: ClassVar = {"retrieve": SCOPE, "answer": "broadcasts:write"}
    serializer_class = ConversationSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Contact]:
        return Contact.objects.of(business_of(self.request)).select_related("recipient", "business")

    @extend_schema(
        summary="Read your conversation with a contact",
        description="The newest 50 messages, the oldest of them first, and until when you may answer.",
        responses=ConversationSerializer,
    )
    def retrieve(self, request: Request, code: str) -> Response:
        contact = self.get_object()
        told: dict[str, Any] = {"open_until": None, "closed_because": ""}
        try:
            told["open_until"] = answers.opening(contact=contact, now=timezone.now()).ends_at
        except answers.CannotAnswer as refusal:
            told["closed_because"] = refusal.messages[0]
        told["messages"] = answers.conversation(contact=contact)
        return Response(ConversationSerializer(told).data)

    @extend_schema(
        summary="Answer a contact in free words",
        description=(
            "Within 24 hours of what they wrote to you last, over the sender they wrote to. For what they asked, never"
            " for offers: words of a template, or the same words to many people, are refused."
        ),
        request=AnswerSerializer,
        responses={201: SaidSerializer},
    )
    @repeatable
    def answer(self, request: Request, code: str) -> Response:
        contact = self.get_object()
        sent = AnswerSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        answer = answers.send(
            contact=contact, text=sent.validated_data["text"], by=maker_of(request), now=timezone.now()
        )
        carry_notices.delay_on_commit()
        return Response(SaidSerializer(answers.ours(answer)).data, status=201)


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
