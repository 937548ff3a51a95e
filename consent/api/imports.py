"""Files of contacts and of stops for client programs: bring one, see what it would do, take it in, read the faults."""

from typing import Any, ClassVar

import orjson
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from businesses.rest import NothingSerializer, StrictSerializer, business_of, maker_of, repeatable
from consent import choosing, faults, imports
from consent.models import ImportBatch, ImportFault
from consent.tasks import run_imports

WRITE = "contacts:write"
# What surrounds the file in a multipart body.
MAX_BODY_BYTES = imports.MAX_FILE_BYTES + 1_000_000


class FileParser(MultiPartParser):
    """A form with a file, of a size that may be."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        length = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        if length > MAX_BODY_BYTES:
            raise serializers.ValidationError({"file": [_("The file is larger than 512 MB: split it.")]})
        return super().parse(stream, media_type, parser_context)


class WordsField(serializers.CharField):
    """An object in JSON whose values are texts, in a field of a form."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            told = orjson.loads(super().to_internal_value(data))
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict) or not all(
            isinstance(value, str) and "\x00" not in value for value in told.values()
        ):
            raise serializers.ValidationError(_("Send an object in JSON whose values are texts."), code="no_object")
        return told

    def to_representation(self, value: Any) -> Any:
        return value


class FileSerializer(StrictSerializer):
    file = serializers.FileField(help_text=_("CSV, XLSX, XLSB, XLS or ODS, up to 512 MB."))
    kind = serializers.ChoiceField(choices=ImportBatch.Kind.choices, default=ImportBatch.Kind.CONTACTS)
    dry_run = serializers.BooleanField(default=False, help_text=_("Only say what the file would do."))
    columns = WordsField(
        required=False, help_text=_("What columns hold, by title: {“Portable”: “phone”}. The others are guessed.")
    )
    for_all = WordsField(
        required=False,
        help_text=_(
            "What holds for all rows: interaction, interaction_date, evidence, opt_out_offered, country, language."
        ),
    )
    sheet = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)


class ImportSerializer(serializers.ModelSerializer[ImportBatch]):
    dry_run = serializers.BooleanField(source="is_dry_run")
    columns = serializers.SerializerMethodField(help_text=_("What each column was taken for, by title."))

    class Meta:
        model = ImportBatch
        fields = (
            "code", "kind", "source", "state", "trust", "dry_run", "filename", "failure", "columns", "n_bytes",
            "n_bytes_read", "n_rows", "n_new", "n_updated", "n_faulty", "n_without_evidence", "n_stopped",
            "n_already_stopped", "created_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_columns(self, batch: ImportBatch) -> dict[str, str]:
        roles = (batch.layout or {}).get("roles", [])
        return dict(zip(batch.titles, roles, strict=False))


class FaultSerializer(serializers.ModelSerializer[ImportFault]):
    detail = serializers.SerializerMethodField()
    cells = serializers.ListField(child=serializers.CharField(), allow_null=True)

    class Meta:
        model = ImportFault
        fields = ("line", "column", "value", "reason", "detail", "cells")
        read_only_fields = fields

    def get_detail(self, fault: ImportFault) -> str:
        return faults.sentence(fault.reason)


@extend_schema(tags=["imports"])
class Imports(GenericViewSet[ImportBatch]):
    """A file is read by a worker, and is in as a whole or not at all; wrong rows are reported and left out."""

    scopes: ClassVar = {"list": WRITE, "retrieve": WRITE, "create": WRITE}
    serializer_class = ImportSerializer
    parser_classes = (FileParser,)
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ImportBatch]:
        return ImportBatch.objects.of(business_of(self.request)).select_related("business")

    @extend_schema(summary="List imports, newest first", responses=ImportSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(ImportSerializer(page, many=True).data)

    @extend_schema(summary="Read how far an import is, and what came of it", responses=ImportSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(ImportSerializer(self.get_object()).data)

    @extend_schema(
        summary="Bring a file of contacts or of stops",
        description="Stops in a file are obeyed before any contact of it is taken in.",
        request={"multipart/form-data": FileSerializer},
        responses={201: ImportSerializer},
    )
    @repeatable
    def create(self, request: Request) -> Response:
        business, now = business_of(request), timezone.now()
        sent = FileSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        told = sent.validated_data
        choice = choosing.checked(
            roles=told.get("columns", {}), for_all=told.get("for_all", {}), sheet=told["sheet"], kind=told["kind"],
            timezone=business.timezone, now=now,
        )  # fmt: skip
        batch = imports.receive(
            business=business, file=told["file"], filename=told["file"].name, kind=told["kind"], choice=choice,
            is_dry_run=told["dry_run"], by=maker_of(request), now=now,
        )  # fmt: skip
        run_imports.delay_on_commit()
        return Response(ImportSerializer(batch).data, status=201)


@extend_schema(tags=["imports"])
class ImportSteps(GenericViewSet[ImportBatch]):
    """What may be done with a file that was read for trial."""

    scopes: ClassVar = {"take_in": WRITE, "discard": WRITE}
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ImportBatch]:
        return ImportBatch.objects.of(business_of(self.request)).select_related("business")

    @extend_schema(summary="Take a checked file in", request=NothingSerializer, responses=ImportSerializer)
    @repeatable
    def take_in(self, request: Request, code: str) -> Response:
        batch = self.get_object()
        if not imports.take_in(batch=batch, by=maker_of(request), now=timezone.now()):
            raise imports.CannotTakeIn(_("This file is not waiting to be taken in."))
        run_imports.delay_on_commit()
        batch.refresh_from_db()
        return Response(ImportSerializer(batch).data)

    @extend_schema(summary="Forget a file that was not taken in", request=NothingSerializer, responses=ImportSerializer)
    @repeatable
    def discard(self, request: Request, code: str) -> Response:
        batch = self.get_object()
        if not imports.discard(batch=batch, by=maker_of(request), now=timezone.now()):
            raise imports.CannotTakeIn(_("This file cannot be discarded any more."))
        batch.refresh_from_db()
        return Response(ImportSerializer(batch).data)


@extend_schema(tags=["imports"])
class ImportFaults(GenericViewSet[ImportFault]):
    """The rows that were not taken, in the file's order: at most 10,000 are kept."""

    scopes: ClassVar = {"list": WRITE}
    serializer_class = FaultSerializer
    filter_backends = ()
    ordering = ("line", "id")

    def get_queryset(self) -> QuerySet[ImportFault]:
        batches = ImportBatch.objects.of(business_of(self.request))
        return get_object_or_404(batches, code=self.kwargs["code"]).faults.all()

    @extend_schema(summary="List the rows that were not taken, and why", responses=FaultSerializer(many=True))
    def list(self, request: Request, code: str) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(FaultSerializer(page, many=True).data)
