"""Segments for client programs: save filters over contacts, use them in audiences, count who they mean now."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from broadcasts import segments
from broadcasts.api.definitions import DEFINITION, DefinitionField
from broadcasts.filters import counting
from broadcasts.models import Segment
from businesses.rest import StrictSerializer, business_of, maker_of, repeatable

READ, WRITE = "broadcasts:read", "broadcasts:write"


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    definition = DefinitionField(read_only=True)

    class Meta:
        model = Segment
        fields = ("code", "name", "definition", "created_at", "updated_at", "archived_at")
        read_only_fields = fields


class NewSegmentSerializer(StrictSerializer):
    name = serializers.CharField(max_length=segments.NAME_MAX)
    definition = DefinitionField()


class CountSerializer(StrictSerializer):
    definition = DefinitionField()
    exact = serializers.BooleanField(
        default=False, help_text=_("Wait up to 20 seconds for the exact number where it takes long.")
    )


class CountedSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    is_about = serializers.BooleanField(help_text=_("Estimated from a sample, as the exact number takes longer."))


SEGMENT = {"name": "Young people of Lyon", "definition": DEFINITION["example"]}


@extend_schema(tags=["segments"])
class Segments(GenericViewSet[Segment]):
    """Filters over contacts under a name. What was launched with one does not change when it does."""

    scopes: ClassVar = {
        "list": READ,
        "retrieve": READ,
        "count": READ,
        "create": WRITE,
        "edit": WRITE,
        "archive": WRITE,
        "archived": READ,
        "restore": WRITE,
    }
    serializer_class = SegmentSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Segment]:
        return Segment.objects.of(business_of(self.request)).in_use().select_related("business")

    @extend_schema(summary="List segments, newest first", responses=SegmentSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(SegmentSerializer(page, many=True).data)

    @extend_schema(summary="Read a segment", responses=SegmentSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(SegmentSerializer(self.get_object()).data)

    @extend_schema(
        summary="Save a segment",
        request=NewSegmentSerializer,
        responses={201: SegmentSerializer},
        examples=[OpenApiExample("By city, age and behaviour", value=SEGMENT, request_only=True)],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        wanted = self._read(NewSegmentSerializer, request)
        segment = segments.create(business=business_of(request), by=maker_of(request), now=timezone.now(), **wanted)
        return Response(SegmentSerializer(segment).data, status=201)

    @extend_schema(summary="Change a segment", request=NewSegmentSerializer(partial=True), responses=SegmentSerializer)
    def edit(self, request: Request, code: str) -> Response:
        segment = self.get_object()
        wanted = self._read(NewSegmentSerializer, request, partial=True)
        segments.edit(segment=segment, by=maker_of(request), now=timezone.now(), **wanted)
        return Response(SegmentSerializer(segment).data)

    @extend_schema(summary="List archived segments, newest first", responses=SegmentSerializer(many=True))
    def archived(self, request: Request) -> Response:
        page = self.paginate_queryset(self._of_archive())
        return self.get_paginated_response(SegmentSerializer(page, many=True).data)

    @extend_schema(
        summary="Restore an archived segment",
        description="Its name must be free again. Restoring twice is restoring once.",
        request=None,
        responses=SegmentSerializer,
    )
    def restore(self, request: Request, code: str) -> Response:
        everyone = Segment.objects.of(business_of(request)).select_related("business")
        segment = segments.restore(
            segment=get_object_or_404(everyone, code=code), by=maker_of(request), now=timezone.now()
        )
        return Response(SegmentSerializer(segment).data)

    def _of_archive(self) -> QuerySet[Segment]:
        return Segment.objects.of(business_of(self.request)).put_away().select_related("business")

    @extend_schema(summary="Archive a segment", request=None, responses={204: None})
    def archive(self, request: Request, code: str) -> Response:
        segments.archive(segment=self.get_object(), by=maker_of(request), now=timezone.now())
        return Response(status=204)

    @extend_schema(
        summary="Count the contacts that filters mean",
        description="Nothing is saved. The answer comes within a second or so; where the exact number takes longer, it "
        "is estimated from a sample and says so.",
        request=CountSerializer,
        responses=CountedSerializer,
    )
    @repeatable
    def count(self, request: Request) -> Response:
        wanted = self._read(CountSerializer, request)
        business, now = business_of(request), timezone.now()
        tree = segments.read(business=business, definition=wanted["definition"])
        if wanted["exact"]:
            counted = counting.Counted(counting.exactly(business=business, tree=tree, now=now), is_about=False)
        else:
            counted = counting.count(business=business, tree=tree, now=now)
        return Response(CountedSerializer(counted._asdict()).data)

    def _read(self, expected: type[StrictSerializer], request: Request, *, partial: bool = False) -> dict[str, Any]:
        sent = expected(data=request.data, partial=partial, context={"business": business_of(request)})
        sent.is_valid(raise_exception=True)
        return dict(sent.validated_data)
