"""Evidence for client programs: many interactions at once, each with its own result, and the undo of an import."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from businesses.models import Business
from businesses.rest import NothingSerializer, StrictSerializer, business_of, errors_of, maker_of, repeatable
from consent import attestations, faults, fiction, interactions, phones, withdrawal
from consent.api.contacts import EVIDENCE, KINDS, WRITE, EvidenceSerializer
from consent.attestations import Attested, Noted
from consent.faults import Fault
from consent.models import Address, ImportBatch

MOST = 1_000


class AttestedSerializer(EvidenceSerializer):
    """Who did it, by telephone number or by the code of a contact; and what is known of them, if anything is."""

    phone = serializers.CharField(max_length=phones.MAX_LETTERS, required=False)
    contact = serializers.CharField(max_length=24, required=False)
    country = serializers.RegexField(
        r"^[A-Z]{2}$", required=False, help_text=gettext_lazy("Of a number without its country's code.")
    )
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    language = serializers.RegexField(r"^[a-z]{2,3}([-_][A-Za-z]{2,4})?$", max_length=8, required=False)
    attributes = serializers.DictField(child=serializers.CharField(max_length=500, allow_blank=True), required=False)

    def validate_occurred_at(self, at: Any) -> Any:
        if at > self.context["now"] + interactions.CLOCK_SKEW:
            raise serializers.ValidationError(faults.sentence(Fault.DATE_IN_FUTURE), code=Fault.DATE_IN_FUTURE)
        if at.year < 1970:
            raise serializers.ValidationError(faults.sentence(Fault.IMPOSSIBLE_DATE), code=Fault.IMPOSSIBLE_DATE)
        return at

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("phone" in attrs) == ("contact" in attrs):
            raise serializers.ValidationError(_("Name the person by “phone” or by “contact”, by one of them."))
        country = attrs.pop("country", self.context["business"].country)
        whom = self._read(attrs.pop("phone"), country) if "phone" in attrs else {}
        return attrs | whom | {"kind": KINDS[attrs["kind"]]}

    def _read(self, phone: str, country: str) -> dict[str, str]:
        business: Business = self.context["business"]
        try:
            number = phones.parse(phone, default_country=country, allow_fiction=fiction.is_allowed(business))
        except phones.BadNumber as error:
            raise serializers.ValidationError({"phone": error.messages}, code=error.reason.value) from None
        # A test account's people have sandbox phones only: whatever it sends stays in the house.
        kind = Address.Kind.SANDBOX if business.is_test else Address.Kind.E164
        place = {"country": number.country, "timezone": number.timezone}
        return {"address_kind": kind, "value": number.e164} | place


class AnythingSerializer(serializers.Serializer[Any]):
    """An element that is looked at later, by itself: a bad one must not keep the others out."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class AttestationsSerializer(StrictSerializer):
    interactions = serializers.ListField(child=AnythingSerializer(), min_length=1, max_length=MOST)


class AttestationsRequest(serializers.Serializer[Any]):
    """What is sent, for the reference."""

    interactions = serializers.ListField(child=AttestedSerializer(), min_length=1, max_length=MOST)


class ErrorSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text=gettext_lazy("Its place in what was sent, from 0."))
    status = serializers.ChoiceField(choices=["created", "known", "refused"])
    contact = serializers.CharField(help_text=gettext_lazy("Empty when it was refused."))
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]


class AttestationsAnswer(serializers.Serializer[Any]):
    batch = serializers.CharField(help_text=gettext_lazy("What is attested in one month is one import, of this code."))
    trust = serializers.ChoiceField(choices=ImportBatch.Trust.choices)
    n_created = serializers.IntegerField()
    n_known = serializers.IntegerField()
    n_refused = serializers.IntegerField()
    results = ResultSerializer(many=True)


class UndoneSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    trust = serializers.ChoiceField(choices=ImportBatch.Trust.choices)
    is_new = serializers.BooleanField(help_text=gettext_lazy("False when it was undone before."))


@extend_schema(tags=["contacts"])
class Attestations(GenericViewSet[Any]):
    """Many interactions at once: each is taken or refused by itself."""

    scopes: ClassVar = {"create": WRITE}
    serializer_class = AttestationsAnswer
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        summary="Attest that people dealt with you, up to 1,000 at once",
        description=(
            "Contacts that do not exist yet are made. The answer is 200 with one result for each element, in their"
            " order: “created”, “known” (the same evidence of the same person came before) or “refused”, with what to"
            " mend. Good elements are in even where others are refused; of a refused one nothing is.\n\n"
            "Attested evidence is on probation: of what is attested in one month the first 250 people may be written"
            " to, the others when these have been heard, or the operator has vouched for you."
        ),
        request=AttestationsRequest,
        responses={200: AttestationsAnswer},
        examples=[
            OpenApiExample(
                "A purchase", value={"interactions": [{"phone": "+33639981234", **EVIDENCE}]}, request_only=True
            )
        ],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        business, now = business_of(request), timezone.now()
        sent = AttestationsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        good, refused = _sift(sent.validated_data["interactions"], {"business": business, "now": now})
        batch, noted = attestations.take(business=business, attested=list(good.values()), now=now)
        results = sorted([*_results(good, noted), *refused], key=lambda result: result["index"])
        return Response(
            {
                "batch": batch.code,
                "trust": batch.trust,
                **{f"n_{status}": _n(results, status) for status in ("created", "known", "refused")},
                "results": results,
            }
        )


def _sift(elements: list[Any], context: dict[str, Any]) -> tuple[dict[int, Attested], list[dict[str, Any]]]:
    """Read each element by itself; return the good ones by index, and the results of the others."""
    reader = AttestedSerializer(context=context)
    good, refused = {}, []
    for index, element in enumerate(elements):
        try:
            good[index] = Attested(**reader.run_validation(element))
        except serializers.ValidationError as error:
            refused.append(_refusal(index, list(errors_of(error.detail, f"/interactions/{index}"))))
    return good, refused


def _results(good: dict[int, Attested], noted: list[Noted]) -> list[dict[str, Any]]:
    results = []
    for (index, one), note in zip(good.items(), noted, strict=True):
        if note.contact:
            status = "created" if note.is_new else "known"
            results.append({"index": index, "status": status, "contact": note.contact, "errors": []})
        elif one.contact:
            error = {"code": "does_not_exist", "detail": _("You have no contact with this code.")}
            results.append(_refusal(index, [{"pointer": f"/interactions/{index}/contact", **error}]))
        else:
            error = {"code": Fault.NOT_ACCEPTED.value, "detail": faults.sentence(Fault.NOT_ACCEPTED)}
            results.append(_refusal(index, [{"pointer": f"/interactions/{index}/phone", **error}]))
    return results


def _refusal(index: int, errors: list[dict[str, str]]) -> dict[str, Any]:
    return {"index": index, "status": "refused", "contact": "", "errors": errors}


def _n(results: list[dict[str, Any]], status: str) -> int:
    return sum(result["status"] == status for result in results)


@extend_schema(tags=["imports"])
class Undo(GenericViewSet[ImportBatch]):
    """Takes back what an import brought."""

    scopes: ClassVar = {"undo": WRITE}
    serializer_class = UndoneSerializer
    lookup_field = "code"
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ImportBatch]:
        return ImportBatch.objects.of(business_of(self.request)).select_related("business")

    @extend_schema(
        summary="Undo an import",
        description=(
            "Withdraws all evidence that came with it, at once; whoever waits in a running broadcast because of it is"
            " skipped. Contacts that it made and that have nothing else are removed in the following seconds. Stops and"
            " blocks stay. Undoing it again changes nothing."
        ),
        request=NothingSerializer,
        responses={200: UndoneSerializer},
    )
    @repeatable
    def undo(self, request: Request, code: str) -> Response:
        batch = self.get_object()
        NothingSerializer(data=request.data or {}).is_valid(raise_exception=True)
        is_new = withdrawal.undo(batch=batch, by=maker_of(request), now=timezone.now())
        batch.refresh_from_db()
        return Response({"code": batch.code, "trust": batch.trust, "is_new": is_new})
