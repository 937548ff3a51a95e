"""The business's guard for client programs."""

from typing import ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from broadcasts import guards
from broadcasts.models import Guard
from businesses.rest import StrictSerializer, business_of, maker_of


class GuardSerializer(StrictSerializer):
    failed_percent = serializers.IntegerField(
        min_value=0, max_value=100, help_text=_("Broadcasts pause by themselves when so many per 100 fail. 0: never.")
    )
    refused_permille = serializers.IntegerField(
        min_value=0, max_value=1000, help_text=_("And when so many per 1,000 stop or block you. 0: never.")
    )
    after_n = serializers.IntegerField(
        min_value=20, max_value=1_000_000, help_text=_("Not before so many were handed over.")
    )


@extend_schema(tags=["broadcasts"])
class Guards(GenericViewSet[Guard]):
    """What holds for every broadcast that says nothing else."""

    scopes: ClassVar = {"retrieve": "broadcasts:read", "put": "broadcasts:write"}
    serializer_class = GuardSerializer
    filter_backends = ()

    @extend_schema(summary="Read your guard", responses=GuardSerializer)
    def retrieve(self, request: Request) -> Response:
        return Response(GuardSerializer(guards.of_business(business_of(request))).data)

    @extend_schema(
        summary="Set your guard",
        description="It holds at once, for what is being sent, too.",
        request=GuardSerializer,
        responses=GuardSerializer,
    )
    def put(self, request: Request) -> Response:
        sent = GuardSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        guard = guards.set_limits(
            business=business_of(request), by=maker_of(request), now=timezone.now(), **sent.validated_data
        )
        return Response(GuardSerializer(guard).data)
