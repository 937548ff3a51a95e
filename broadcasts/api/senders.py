"""Senders for client programs: list them, connect a WhatsApp number, check it again, give it another token."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from broadcasts import approvals, checkup, senders
from broadcasts.channels import line_types_of
from broadcasts.channels.whatsapp import account
from broadcasts.models import ProviderTemplate, Sender, Standing
from businesses.rest import NothingSerializer, StrictSerializer, business_of, maker_of
from consent.lines import MOBILES

READ, WRITE = "broadcasts:read", "senders:write"


class ConnectWhatsAppSerializer(StrictSerializer):
    """Token and secret are kept encrypted and never given back."""

    name = serializers.CharField(max_length=80)
    account_id = serializers.CharField(max_length=32, help_text=_("WhatsApp Business Account ID"))
    number_id = serializers.CharField(max_length=32, help_text=_("Phone number ID"))
    token = serializers.CharField(max_length=1000, write_only=True)
    app_secret = serializers.CharField(max_length=1000, write_only=True, required=False, allow_blank=True)
    uses_marketing_api = serializers.BooleanField(required=False)


class KeysSerializer(StrictSerializer):
    """What is left out stays as it is."""

    token = serializers.CharField(max_length=1000, write_only=True, required=False)
    app_secret = serializers.CharField(max_length=1000, write_only=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(_("Paste a new token, a new app secret, or both."))
        return attrs


class CodeTemplateSerializer(StrictSerializer):
    """Empty: codes reach only people who wrote within the last day."""

    name = serializers.CharField(max_length=512, allow_blank=True)


class ReachSerializer(StrictSerializer):
    """Whether what is behind a webhook reaches mobile phones only, as an SMS gateway does."""

    mobiles_only = serializers.BooleanField()


class CheckupFindingSerializer(serializers.Serializer[Any]):
    """``is_good`` is null for what does not stand in the way and should be looked at all the same."""

    code = serializers.CharField()
    is_good = serializers.BooleanField(allow_null=True)
    sentence = serializers.CharField()


class ProviderTemplateSerializer(serializers.ModelSerializer[ProviderTemplate]):
    """One version as WhatsApp sees it: ``state`` is their review, ``version_state`` ours."""

    version = serializers.CharField(source="version.code", read_only=True)
    version_state = serializers.CharField(source="version.state", read_only=True)
    state = serializers.CharField(read_only=True)

    class Meta:
        model = ProviderTemplate
        fields = ("version", "version_state", "name", "language", "state", "words")
        read_only_fields = fields


class SenderSerializer(serializers.ModelSerializer[Sender]):
    mobiles_only = serializers.SerializerMethodField()

    class Meta:
        model = Sender
        fields = ("code", "channel", "name", "is_active", "messages_per_second", "mobiles_only", "created_at")
        read_only_fields = fields

    def get_mobiles_only(self, sender: Sender) -> bool:
        return line_types_of(sender) == MOBILES


class FullSenderSerializer(SenderSerializer):
    """With what the last look at the account found; only WhatsApp senders have that."""

    display_number = serializers.SerializerMethodField()
    quality = serializers.SerializerMethodField()
    tier = serializers.SerializerMethodField()
    restriction = serializers.SerializerMethodField()
    checked_at = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()
    templates = serializers.SerializerMethodField()
    code_template = serializers.SerializerMethodField()

    class Meta:
        model = Sender
        fields = (
            *SenderSerializer.Meta.fields,
            *(
                "display_number",
                "quality",
                "tier",
                "restriction",
                "checked_at",
                "findings",
                "templates",
                "code_template",
            ),
        )
        read_only_fields = fields

    def get_code_template(self, sender: Sender) -> str:
        return str(account.code_template(sender).get("name", ""))

    def _standing(self, sender: Sender) -> Standing:
        standing: Standing = self.context["standing"]
        return standing

    def get_display_number(self, sender: Sender) -> str:
        return self._standing(sender).display_number

    def get_quality(self, sender: Sender) -> str:
        return self._standing(sender).quality

    def get_tier(self, sender: Sender) -> str:
        return self._standing(sender).tier

    def get_restriction(self, sender: Sender) -> str:
        return approvals.restriction(sender=sender, now=timezone.now())

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_checked_at(self, sender: Sender) -> Any:
        return self._standing(sender).checked_at

    @extend_schema_field(CheckupFindingSerializer(many=True))
    def get_findings(self, sender: Sender) -> list[dict[str, Any]]:
        findings = checkup.read(self._standing(sender).findings)
        return [{"code": f.code, "is_good": f.is_good, "sentence": f.sentence} for f in findings]

    @extend_schema_field(ProviderTemplateSerializer(many=True))
    def get_templates(self, sender: Sender) -> Any:
        if sender.channel != Sender.Channel.WHATSAPP:
            return []
        rows = ProviderTemplate.objects.of(sender.business).filter(account=account.account_id(sender))
        newest = rows.select_related("version").order_by("-created_at", "-pk")[:100]
        return ProviderTemplateSerializer(newest, many=True).data


@extend_schema(tags=["senders"])
class Senders(GenericViewSet[Sender]):
    """Connecting and checking ask Meta, and Meta asks our callback address: neither is part of one transaction."""

    scopes: ClassVar = {
        "list": READ,
        "retrieve": READ,
        "connect": WRITE,
        "check": WRITE,
        "reach": WRITE,
        "keys": WRITE,
        "code_template": WRITE,
    }
    serializer_class = SenderSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Sender]:
        return Sender.objects.of(business_of(self.request)).select_related("business")

    @extend_schema(summary="List senders, newest first", responses=SenderSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(SenderSerializer(page, many=True).data)

    @extend_schema(summary="Read a sender and how it stands with its provider", responses=FullSenderSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return self._show(self.get_object())

    @extend_schema(
        summary="Connect a WhatsApp number", request=ConnectWhatsAppSerializer, responses={201: FullSenderSerializer}
    )
    def connect(self, request: Request) -> Response:
        sent = ConnectWhatsAppSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        sender = senders.connect_whatsapp(
            business=business_of(request), by=maker_of(request), now=timezone.now(), **sent.validated_data
        )
        return self._show(sender, status=201)

    @extend_schema(
        summary="Look at a sender's account again", request=NothingSerializer, responses=FullSenderSerializer
    )
    def check(self, request: Request, code: str) -> Response:
        sender = self._whatsapp()
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        return self._show(senders.check(sender=sender, by=maker_of(request), now=timezone.now()))

    @extend_schema(summary="Give a sender another token", request=KeysSerializer, responses=FullSenderSerializer)
    def keys(self, request: Request, code: str) -> Response:
        sender = self._whatsapp()
        sent = KeysSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        given = {"token": "", "app_secret": "", **sent.validated_data}
        return self._show(senders.replace_keys(sender=sender, by=maker_of(request), now=timezone.now(), **given))

    @extend_schema(
        summary="Name the template that carries codes", request=CodeTemplateSerializer, responses=FullSenderSerializer
    )
    def code_template(self, request: Request, code: str) -> Response:
        sender = self._whatsapp()
        sent = CodeTemplateSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return self._show(
            senders.set_code_template(
                sender=sender, by=maker_of(request), now=timezone.now(), name=sent.validated_data["name"]
            )
        )

    @extend_schema(
        summary="Say which telephones a webhook reaches", request=ReachSerializer, responses=FullSenderSerializer
    )
    def reach(self, request: Request, code: str) -> Response:
        sender = self.get_object()
        sent = ReachSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return self._show(
            senders.set_reach(sender=sender, by=maker_of(request), now=timezone.now(), **sent.validated_data)
        )

    def _whatsapp(self) -> Sender:
        sender = self.get_object()
        if sender.channel != Sender.Channel.WHATSAPP:
            raise ValidationError(_("Only WhatsApp senders have an account to look at."), code="not_whatsapp")
        return sender

    def _show(self, sender: Sender, *, status: int = 200) -> Response:
        standing = Standing.objects.filter(sender=sender).first() or Standing(sender=sender)
        return Response(FullSenderSerializer(sender, context={"standing": standing}).data, status=status)
