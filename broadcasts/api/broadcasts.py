"""Broadcasts for client programs: create, estimate, launch, follow, pause, resume, cancel."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from broadcasts import attention, counts, disclosure, estimate, hours, lifecycle, sequels
from broadcasts.api.definitions import AudienceField
from broadcasts.models import Broadcast, Estimate, Sender
from broadcasts.tasks import tick
from businesses.rest import CodeField, NothingSerializer, StrictSerializer, business_of, maker_of, repeatable
from templates_approval.models import Template

READ, WRITE = "broadcasts:read", "broadcasts:write"


class DraftSerializer(StrictSerializer):
    """What a broadcast is made of. Its rules are ``broadcasts.lifecycle``'s; here types and lengths are checked."""

    name = serializers.CharField(max_length=120)
    template = CodeField(queryset=Template.objects.all())
    sender = CodeField(queryset=Sender.objects.all())
    audience = AudienceField(required=False)
    variables = serializers.DictField(
        child=serializers.CharField(max_length=1024, allow_blank=True),
        required=False,
        help_text=_("The same for everybody; a contact's own attribute of that name goes first."),
    )
    scheduled_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text=_("Empty: as soon as it is launched.")
    )
    is_local_time = serializers.BooleanField(
        required=False,
        help_text=_("What your business's clock shows at `scheduled_at` is meant on each person's own clock."),
    )
    life_hours = serializers.IntegerField(
        min_value=1, max_value=720, required=False, help_text=_("After that nobody is sent it any more.")
    )
    waits_for_cap = serializers.BooleanField(
        required=False, help_text=_("Wait for the next free slot of people who have had enough offers.")
    )
    holdout_permille = serializers.IntegerField(min_value=0, max_value=500, required=False)
    messages_per_second = serializers.IntegerField(min_value=1, max_value=100_000, required=False, allow_null=True)
    pause_at_failed_percent = serializers.IntegerField(
        min_value=0,
        max_value=100,
        required=False,
        allow_null=True,
        help_text=_("It pauses by itself when so many per 100 fail. 0: never; empty: as your business's guard says."),
    )
    pause_at_refused_permille = serializers.IntegerField(
        min_value=0,
        max_value=1000,
        required=False,
        allow_null=True,
        help_text=_("It pauses by itself when so many per 1,000 stop or block you."),
    )
    pause_after_n = serializers.IntegerField(
        min_value=20,
        max_value=1_000_000,
        required=False,
        allow_null=True,
        help_text=_("Not before so many were handed over."),
    )
    budget_micro = serializers.IntegerField(
        min_value=1, max_value=10**15, required=False, allow_null=True, help_text=_("10⁻⁶ of the wallet's currency.")
    )


class StateSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Broadcast.State.choices, required=False)


class LaunchSerializer(StrictSerializer):
    token = serializers.CharField(max_length=64, help_text=_("From the estimate that you agree to."))


class PauseSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=300, required=False, default="API")


class CorrectSerializer(StrictSerializer):
    was = serializers.ChoiceField(
        choices=[str(was) for was in sequels.GOT_IT],
        required=False,
        default=str(sequels.GOT_IT[0]),
        help_text=_("Those who received it, or all to whom it was sent."),
    )


class ReasonSerializer(serializers.Serializer[Any]):
    """So many people, and why. Facts that other businesses have to do with are one reason, ``not_reachable_now``."""

    code = serializers.CharField()
    sentence = serializers.CharField()
    n = serializers.IntegerField(
        allow_null=True, help_text=_("Empty where a number would say too much about one person.")
    )


class BroadcastSerializer(serializers.ModelSerializer[Broadcast]):
    template = serializers.SlugRelatedField[Any](slug_field="code", read_only=True)
    sender = serializers.SlugRelatedField[Any](slug_field="code", read_only=True)
    follows = serializers.SlugRelatedField[Any](
        slug_field="code", read_only=True, help_text=_("The broadcast that it tries again or corrects.")
    )
    currency = serializers.CharField(source="business.currency", read_only=True)
    audience = AudienceField(read_only=True)
    variables = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Broadcast
        fields = (
            *("code", "name", "state", "state_reason", "template", "sender", "audience", "variables"),
            *(
                "scheduled_at",
                "is_local_time",
                "life_hours",
                "waits_for_cap",
                "holdout_permille",
                "messages_per_second",
                "pause_at_failed_percent",
                "pause_at_refused_permille",
                "pause_after_n",
                "budget_micro",
                "currency",
            ),
            *("follows", "follows_as"),
            *("created_at", "launched_at", "begins_at", "ends_at", "completed_at", "settled_at"),
        )
        read_only_fields = fields


class FunnelSerializer(serializers.Serializer[Any]):
    """How many people are where: ``audience`` is the sum of queued, skipped, sent, failed and unknown.

    ``sent`` is rough: it counts some who could not be reached, and below 100 people all of them.
    """

    audience = serializers.IntegerField()
    queued = serializers.IntegerField()
    skipped = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()


class TurnSerializer(serializers.Serializer[Any]):
    """The people of these time zones are next, at their own hour."""

    timezones = serializers.ListField(child=serializers.CharField())
    begins_at = serializers.DateTimeField()


class FullBroadcastSerializer(BroadcastSerializer):
    """With its results, as of now."""

    next_turn = serializers.SerializerMethodField()
    funnel = serializers.SerializerMethodField()
    not_reached = serializers.SerializerMethodField()

    class Meta:
        model = Broadcast
        fields = (*BroadcastSerializer.Meta.fields, "next_turn", "funnel", "not_reached")
        read_only_fields = fields

    @extend_schema_field(TurnSerializer(allow_null=True))
    def get_next_turn(self, broadcast: Broadcast) -> dict[str, Any] | None:
        turn = hours.next_turn(broadcast, timezone.now())
        return TurnSerializer(turn).data if turn else None

    @extend_schema_field(FunnelSerializer)
    def get_funnel(self, broadcast: Broadcast) -> dict[str, Any]:
        told: disclosure.Result = self.context["told"]
        return FunnelSerializer(told.funnel).data

    @extend_schema_field(ReasonSerializer(many=True))
    def get_not_reached(self, broadcast: Broadcast) -> list[dict[str, Any]]:
        told: disclosure.Result = self.context["told"]
        return [line._asdict() for line in told.lines]


class EstimateSerializer(serializers.ModelSerializer[Estimate]):
    """``n_eligible`` and everybody in ``not_reached`` are the audience.

    ``price_lines`` count all whom your own relation allows you to write to, reachable at the moment or not.
    """

    n_eligible = serializers.SerializerMethodField()
    not_reached = serializers.SerializerMethodField()
    price_lines = serializers.ListField(child=serializers.DictField(), read_only=True)
    currency = serializers.CharField(source="broadcast.business.currency", read_only=True)

    class Meta:
        model = Estimate
        fields = (
            *("token", "is_exact", "n_audience", "n_eligible", "not_reached", "price_lines"),
            *("min_micro", "likely_micro", "max_micro", "currency", "seconds", "created_at"),
        )
        read_only_fields = fields

    @extend_schema_field(serializers.IntegerField())
    def get_n_eligible(self, estimated: Estimate) -> int:
        return disclosure.forecast(estimated).n_reached

    @extend_schema_field(ReasonSerializer(many=True))
    def get_not_reached(self, estimated: Estimate) -> list[dict[str, Any]]:
        return [line._asdict() for line in disclosure.forecast(estimated).lines]


class OpenOutcomeSerializer(serializers.Serializer[Any]):
    """One message of which nobody knows whether it was taken."""

    delivery = serializers.CharField(help_text=_("The code under which it was handed over; your service knows it."))
    contact = serializers.CharField(allow_null=True)
    handed_over_at = serializers.DateTimeField()
    error_code = serializers.CharField(allow_null=True, help_text=_("What was said instead of an answer."))


class OpenOutcomesSerializer(serializers.Serializer[Any]):
    n_open = serializers.IntegerField()
    is_still_asking = serializers.BooleanField(help_text=_("They are still resolved without you: do not decide yet."))
    may_send_again = serializers.BooleanField(help_text=_("The offer is still alive."))
    outcomes = OpenOutcomeSerializer(many=True)


class PlaceSerializer(serializers.Serializer[Any]):
    after = serializers.CharField(max_length=40, required=False, help_text=_("The last code of the page before."))


class DecisionSerializer(StrictSerializer):
    decision = serializers.ChoiceField(choices=attention.Decision.choices)
    deliveries = serializers.ListField(
        child=serializers.CharField(max_length=40),
        min_length=1,
        max_length=1_000,
        required=False,
        help_text=_("Whom you decide about; without it: everybody whose outcome is open, up to 10,000 at a time."),
    )
    accepts_duplicates = serializers.BooleanField(
        required=False, default=False, help_text=_("Needed to send again: some may get the same offer twice.")
    )


class DecidedSerializer(serializers.Serializer[Any]):
    n_decided = serializers.IntegerField()
    n_open = serializers.IntegerField()


DRAFT = {
    "name": "Spring sale",
    "template": "tpl_0123456789abcdef",
    "sender": "snd_0123456789abcdef",
    "audience": {"countries": ["FR"], "attributes": {"city": "Lyon"}},
    "variables": {"discount": "20"},
    "life_hours": 24,
}


@extend_schema(tags=["broadcasts"])
class Broadcasts(GenericViewSet[Broadcast]):
    """Each operation looks up what its key's business owns, makes one call inward, and shows what came of it."""

    scopes: ClassVar = {
        "list": READ,
        "retrieve": READ,
        "create": WRITE,
        "edit": WRITE,
        "latest_estimate": READ,
        "estimate": WRITE,
        "launch": WRITE,
        "pause": WRITE,
        "resume": WRITE,
        "cancel": WRITE,
        "copy": WRITE,
        "retry": WRITE,
        "correct": WRITE,
        "open_outcomes": READ,
        "decide": WRITE,
    }
    serializer_class = BroadcastSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Broadcast]:
        return Broadcast.objects.of(business_of(self.request)).select_related(
            "business", "template", "sender", "follows"
        )

    @extend_schema(
        summary="List broadcasts, newest first",
        parameters=[OpenApiParameter("state", enum=Broadcast.State.values, description="Only those in this state.")],
        responses=BroadcastSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        wanted = StateSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        page = self.paginate_queryset(self.get_queryset().filter(**wanted.validated_data))
        return self.get_paginated_response(BroadcastSerializer(page, many=True).data)

    @extend_schema(
        summary="Create a draft",
        request=DraftSerializer,
        responses={201: FullBroadcastSerializer},
        examples=[OpenApiExample("A spring sale", value=DRAFT, request_only=True)],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        draft = {"audience": {}, "variables": {}} | self._read(DraftSerializer, request)
        broadcast = lifecycle.create(business=business_of(request), by=maker_of(request), now=timezone.now(), **draft)
        return self._show(broadcast, status=201)

    @extend_schema(summary="Read a broadcast and its results", responses=FullBroadcastSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return self._show(self.get_object())

    @extend_schema(summary="Change a draft", request=DraftSerializer(partial=True), responses=FullBroadcastSerializer)
    def edit(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        changes = self._read(DraftSerializer, request, partial=True)
        lifecycle.edit(broadcast=broadcast, by=maker_of(request), now=timezone.now(), **changes)
        return self._show(self.get_object())

    @extend_schema(
        summary="Estimate who will be reached, who not and why, and the cost",
        request=NothingSerializer,
        responses={201: EstimateSerializer},
    )
    @repeatable
    def estimate(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        self._read(NothingSerializer, request)
        estimated = estimate.estimate(broadcast=broadcast, now=timezone.now())
        return Response(EstimateSerializer(estimated).data, status=201)

    @extend_schema(
        summary="Read the latest estimate",
        description="Above 50,000 people the first answer comes from a sample (`is_exact` is false); the exact one "
        "follows within seconds as an estimate of its own, with its own token. 404 as long as there is none.",
        responses=EstimateSerializer,
    )
    def latest_estimate(self, request: Request, code: str) -> Response:
        latest = self.get_object().estimates.order_by("-id").first()
        if latest is None:
            raise NotFound
        return Response(EstimateSerializer(latest).data)

    @extend_schema(
        summary="Launch what an estimate showed", request=LaunchSerializer, responses=FullBroadcastSerializer
    )
    @repeatable
    def launch(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        token = self._read(LaunchSerializer, request)["token"]
        lifecycle.launch(broadcast=broadcast, token=token, by=maker_of(request), now=timezone.now())
        tick.delay_on_commit()
        return self._show(self.get_object())

    @extend_schema(summary="Pause the sending", request=PauseSerializer, responses=FullBroadcastSerializer)
    @repeatable
    def pause(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        reason = self._read(PauseSerializer, request)["reason"]
        lifecycle.pause(broadcast=broadcast, reason=reason, by=maker_of(request), now=timezone.now())
        return self._show(self.get_object())

    @extend_schema(summary="Go on with the sending", request=NothingSerializer, responses=FullBroadcastSerializer)
    @repeatable
    def resume(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        self._read(NothingSerializer, request)
        lifecycle.resume(broadcast=broadcast, by=maker_of(request), now=timezone.now())
        tick.delay_on_commit()
        return self._show(self.get_object())

    @extend_schema(summary="Cancel what is not sent yet", request=NothingSerializer, responses=FullBroadcastSerializer)
    @repeatable
    def cancel(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        self._read(NothingSerializer, request)
        lifecycle.cancel(broadcast=broadcast, by=maker_of(request), now=timezone.now())
        return self._show(self.get_object())

    @extend_schema(
        summary="Make a draft with the same answers",
        request=NothingSerializer,
        responses={201: FullBroadcastSerializer},
    )
    @repeatable
    def copy(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        self._read(NothingSerializer, request)
        draft = sequels.copy(broadcast=broadcast, by=maker_of(request), now=timezone.now())
        return self._show(draft, status=201)

    @extend_schema(
        summary="Make a draft to those who failed",
        description="Those whom the provider refused for a reason that may be over by now: not a wrong number, not a "
        "stop, nobody whose outcome is unknown. Estimate and launch it like any other; there is one for each.",
        request=NothingSerializer,
        responses={201: FullBroadcastSerializer},
    )
    @repeatable
    def retry(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        self._read(NothingSerializer, request)
        draft = sequels.retry(broadcast=broadcast, by=maker_of(request), now=timezone.now())
        return self._show(draft, status=201)

    @extend_schema(
        summary="Make the draft of a correction",
        description="Its audience are those who got the broadcast. Choose its words, then estimate it: `cap_business` "
        "in `not_reached` says how many have no free slot now; it waits for them within the offer's life.",
        request=CorrectSerializer,
        responses={201: FullBroadcastSerializer},
    )
    @repeatable
    def correct(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        was = self._read(CorrectSerializer, request)["was"]
        draft = sequels.correct(broadcast=broadcast, was=was, by=maker_of(request), now=timezone.now())
        return self._show(draft, status=201)

    @extend_schema(
        summary="List messages whose outcome nobody knows",
        parameters=[PlaceSerializer],
        responses=OpenOutcomesSerializer,
    )
    def open_outcomes(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        place = PlaceSerializer(data=request.query_params)
        place.is_valid(raise_exception=True)
        page = attention.page(broadcast=broadcast, after=place.validated_data.get("after", ""))
        told = {
            "n_open": attention.waiting(broadcast).count(),
            "is_still_asking": attention.is_still_asking(broadcast),
            "may_send_again": attention.may_send_again(broadcast, timezone.now()),
            "outcomes": [line._asdict() for line in page],
        }
        return Response(OpenOutcomesSerializer(told).data)

    @extend_schema(summary="Decide about them", request=DecisionSerializer, responses=DecidedSerializer)
    @repeatable
    def decide(self, request: Request, code: str) -> Response:
        broadcast = self.get_object()
        told = self._read(DecisionSerializer, request)
        chosen = told.get("deliveries")
        n = attention.decide(
            broadcast=broadcast,
            decision=attention.Decision(told["decision"]),
            recipient_ids=None if chosen is None else attention.people(broadcast=broadcast, delivery_codes=chosen),
            accepts_duplicates=told["accepts_duplicates"],
            by=maker_of(request),
            now=timezone.now(),
        )
        return Response({"n_decided": n, "n_open": attention.waiting(broadcast).count()})

    def _read(self, expected: type[StrictSerializer], request: Request, *, partial: bool = False) -> dict[str, Any]:
        sent = expected(data=request.data, partial=partial, context={"business": business_of(request)})
        sent.is_valid(raise_exception=True)
        return dict(sent.validated_data)

    def _show(self, broadcast: Broadcast, *, status: int = 200) -> Response:
        context = {"told": disclosure.result(broadcast=broadcast, funnel=counts.funnel(broadcast))}
        return Response(FullBroadcastSerializer(broadcast, context=context).data, status=status)
