"""Emergency stops for client programs: stop something of one's own at once, and lift it again."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from broadcasts import emergency, stops
from broadcasts.models import EmergencyStop
from broadcasts.models.stop import REASON_MAX
from broadcasts.tasks import tick
from businesses.rest import StrictSerializer, business_of, maker_of, repeatable

READ, WRITE = "broadcasts:read", "broadcasts:write"


class EmergencyStopSerializer(serializers.ModelSerializer[EmergencyStop]):
    reference = serializers.CharField(help_text=_("The code of what is stopped, a country, or empty for everything."))
    is_operators = serializers.BooleanField(help_text=_("Placed by the operator; only the operator lifts it."))

    class Meta:
        model = EmergencyStop
        fields = ("code", "scope", "reference", "reason", "is_operators", "created_at", "lifted_at")
        read_only_fields = fields


class NewStopSerializer(StrictSerializer):
    scope = serializers.ChoiceField(choices=[(scope, scope.label) for scope in emergency.BUSINESS_SCOPES])
    reference = serializers.CharField(
        max_length=24, help_text=_("The code of your broadcast, template, sender or business.")
    )
    reason = serializers.CharField(max_length=REASON_MAX)


class LiftSerializer(StrictSerializer):
    goes_on = serializers.BooleanField(
        required=False, default=True, help_text=_("What it paused goes on at once; else it stays paused.")
    )


class LiftedStopSerializer(EmergencyStopSerializer):
    n_broadcasts = serializers.IntegerField(help_text=_("How many broadcasts go on."))

    class Meta:
        model = EmergencyStop
        fields = (*EmergencyStopSerializer.Meta.fields, "n_broadcasts")
        read_only_fields = fields


STOP = {"scope": "template", "reference": "tpl_0123456789abcdef", "reason": "The price in it is wrong"}


@extend_schema(tags=["emergency stops"])
class Stops(GenericViewSet[EmergencyStop]):
    """Obeyed within a second: nothing in its scope passes the gate until it is lifted."""

    scopes: ClassVar = {"list": READ, "retrieve": READ, "create": WRITE, "lift": WRITE}
    serializer_class = EmergencyStopSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[EmergencyStop]:
        return stops.shown_to(business_of(self.request))

    @extend_schema(
        summary="List emergency stops, newest first",
        description="Your own, and those of the operator that hold your offers now.",
        responses=EmergencyStopSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(EmergencyStopSerializer(page, many=True).data)

    @extend_schema(summary="Read an emergency stop", responses=EmergencyStopSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(EmergencyStopSerializer(self.get_object()).data)

    @extend_schema(
        summary="Stop at once",
        description="Broadcasts in its scope are paused with the reason, and cannot be launched or resumed while it "
        "holds. Stopping twice is stopping once.",
        request=NewStopSerializer,
        responses={201: EmergencyStopSerializer},
        examples=[OpenApiExample("A template", value=STOP, request_only=True)],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        asked = self._read(NewStopSerializer, request)
        at = emergency.target(scope=asked["scope"], reference=asked["reference"], business=business_of(request))
        stop = emergency.stop(at=at, reason=asked["reason"], by=maker_of(request), now=timezone.now())
        return Response(EmergencyStopSerializer(stop).data, status=201)

    @extend_schema(summary="Lift it", request=LiftSerializer, responses=LiftedStopSerializer)
    @repeatable
    def lift(self, request: Request, code: str) -> Response:
        stop = self.get_object()
        goes_on = self._read(LiftSerializer, request)["goes_on"]
        stop.n_broadcasts = emergency.lift(  # type: ignore[attr-defined]
            stop=stop, by=maker_of(request), now=timezone.now(), goes_on=goes_on
        )
        stop.refresh_from_db(fields=["lifted_at"])
        tick.delay_on_commit()
        return Response(LiftedStopSerializer(stop).data)

    def _read(self, expected: type[StrictSerializer], request: Request) -> dict[str, Any]:
        sent = expected(data=request.data)
        sent.is_valid(raise_exception=True)
        return dict(sent.validated_data)
