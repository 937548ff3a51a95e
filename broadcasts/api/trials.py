"""Test sends for client programs: to the own number of the member who made the key, and to nobody else."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from broadcasts import own_numbers, trial
from broadcasts.models import Broadcast, Notice, Sender
from broadcasts.tasks import carry_notices
from businesses.models import User
from businesses.rest import CodeField, StrictSerializer, business_of, maker_of, repeatable
from templates_approval.models import Version

READ, WRITE = "broadcasts:read", "broadcasts:write"


class NewTestSerializer(StrictSerializer):
    """Which version, over which sender, and with the values of which broadcast, if any."""

    version = CodeField(queryset=Version.objects.all())
    sender = CodeField(queryset=Sender.objects.all())
    broadcast = CodeField(queryset=Broadcast.objects.all(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        broadcast = attrs.get("broadcast")
        if broadcast is not None and broadcast.template_id != attrs["version"].template_id:
            raise serializers.ValidationError({"broadcast": _("This broadcast has another template.")})
        return attrs


class TestSerializer(serializers.ModelSerializer[Notice]):
    """``outcome`` says in words what became of it."""

    version = serializers.CharField(source="version.code", read_only=True)
    sender = serializers.CharField(source="sender.code", read_only=True)
    state = serializers.CharField(read_only=True)
    outcome = serializers.SerializerMethodField()

    class Meta:
        model = Notice
        fields = ("code", "version", "sender", "state", "outcome", "created_at", "sent_at", "delivered_at")
        read_only_fields = fields

    def get_outcome(self, test: Notice) -> str:
        return trial.outcome(test)


@extend_schema(tags=["tests"])
class Tests(GenericViewSet[Notice]):
    scopes: ClassVar = {"list": READ, "retrieve": READ, "create": WRITE}
    serializer_class = TestSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Notice]:
        return Notice.objects.of(business_of(self.request)).tests().select_related("version", "sender")

    @extend_schema(summary="List test sends, newest first", responses=TestSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(TestSerializer(page, many=True).data)

    @extend_schema(summary="Read what became of a test send", responses=TestSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(TestSerializer(self.get_object()).data)

    @extend_schema(
        summary="Send a test to your own phone",
        description=(
            "To the number that the member who made the key has shown to be theirs over this sender. Ten a day for each"
            " business. It costs nothing, takes no slot and stands in no count."
        ),
        request=NewTestSerializer,
        responses={201: TestSerializer},
    )
    @repeatable
    def create(self, request: Request) -> Response:
        wanted = NewTestSerializer(data=request.data, context={"business": business_of(request)})
        wanted.is_valid(raise_exception=True)
        test = trial.send(by=_member(request), now=timezone.now(), **wanted.validated_data)
        carry_notices.delay_on_commit()
        return Response(TestSerializer(test).data, status=201)


class OwnNumberSerializer(StrictSerializer):
    number = serializers.CharField(max_length=40)


class OwnCodeSerializer(StrictSerializer):
    digits = serializers.CharField(max_length=40)


class OwnNumberStateSerializer(serializers.Serializer[Any]):
    """``state``: none, asked (a code is on its way, if the number may be written to) or verified."""

    state = serializers.ChoiceField(choices=["none", "asked", "verified"])
    number = serializers.CharField(allow_blank=True)


@extend_schema(tags=["tests"])
class OwnNumbers(GenericViewSet[Sender]):
    """The number of the member who made the key, over one sender."""

    scopes: ClassVar = {"retrieve": WRITE, "ask": WRITE, "enter": WRITE, "forget": WRITE}
    serializer_class = OwnNumberStateSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Sender]:
        return Sender.objects.of(business_of(self.request)).select_related("business__legal_entity")

    @extend_schema(summary="Read your own number at a sender", responses=OwnNumberStateSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return self._show(self.get_object(), _member(request))

    @extend_schema(
        summary="Ask for a code to your own number",
        description="It takes the place of any other number of yours at this sender. Five codes a day.",
        request=OwnNumberSerializer,
        responses=OwnNumberStateSerializer,
    )
    def ask(self, request: Request, code: str) -> Response:
        sender, user = self.get_object(), _member(request)
        sent = OwnNumberSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        own_numbers.ask(
            sender=sender,
            user=user,
            number=sent.validated_data["number"],
            language=sender.business.locale,
            now=timezone.now(),
        )
        carry_notices.delay_on_commit()
        return self._show(sender, user)

    @extend_schema(summary="Enter the code that came", request=OwnCodeSerializer, responses=OwnNumberStateSerializer)
    def enter(self, request: Request, code: str) -> Response:
        sender, user = self.get_object(), _member(request)
        sent = OwnCodeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        own_numbers.enter(sender=sender, user=user, digits=sent.validated_data["digits"], now=timezone.now())
        return self._show(sender, user)

    @extend_schema(summary="Forget your own number", request=None, responses={204: None})
    def forget(self, request: Request, code: str) -> Response:
        own_numbers.forget(sender=self.get_object(), user=_member(request))
        return Response(status=204)

    def _show(self, sender: Sender, user: User) -> Response:
        own = own_numbers.of(user=user, sender=sender)
        waits = own_numbers.waiting(user=user, sender=sender, now=timezone.now())
        state = "verified" if own else "asked" if waits else "none"
        told = {"state": state, "number": own_numbers.value_of(own) if own else ""}
        return Response(OwnNumberStateSerializer(told).data)


def _member(request: Request) -> User:
    member = maker_of(request)
    if member is None:
        raise PermissionDenied(_("The account of the member who made this key is gone. Make a new key."))
    return member
