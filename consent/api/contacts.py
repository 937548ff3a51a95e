"""Contacts for client programs: who the business knows, and what proves that they dealt with it."""

from typing import Any, ClassVar, cast

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from businesses.models import Business
from businesses.rest import StrictSerializer, business_of, maker_of, repeatable
from consent import contacts, erasure, fiction, interactions, phones, proof, refusals, standing
from consent.lines import LineType
from consent.links import Circumstances
from consent.models import Address, Contact, Interaction
from consent.models.people import ContactQuerySet

WRITE = "contacts:write"
KINDS = {
    "opt_in": Interaction.Kind.OPT_IN,
    "purchase": Interaction.Kind.PURCHASE,
    "inquiry": Interaction.Kind.INQUIRY,
    "visit": Interaction.Kind.VISIT,
}


class PersonSerializer(StrictSerializer):
    """What the business itself knows of a person; it is seen by no other business."""

    phone = serializers.CharField(max_length=phones.MAX_LETTERS)
    country = serializers.RegexField(
        r"^[A-Z]{2}$", required=False, help_text=_("Of a number without its country's code.")
    )
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    language = serializers.RegexField(r"^[a-z]{2,3}([-_][A-Za-z]{2,4})?$", max_length=8, required=False)
    attributes = serializers.DictField(child=serializers.CharField(max_length=500, allow_blank=True), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        business: Business = self.context["business"]
        country = attrs.pop("country", business.country)
        try:
            number = phones.parse(
                attrs.pop("phone"), default_country=country, allow_fiction=fiction.is_allowed(business)
            )
        except phones.BadNumber as error:
            raise serializers.ValidationError({"phone": error.messages}, code=error.reason.value) from None
        # A test account's people have sandbox phones only: whatever it sends stays in the house.
        kind = Address.Kind.SANDBOX if business.is_test else Address.Kind.E164
        return attrs | {
            "address_kind": kind,
            "value": number.e164,
            "country": number.country,
            "timezone": number.timezone,
        }


class CorrectionSerializer(StrictSerializer):
    """What is not sent stays as it is; of the attributes too, and null takes one away."""

    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    language = serializers.RegexField(
        r"^([a-z]{2,3}([-_][A-Za-z]{2,4})?)?$", max_length=8, required=False, allow_blank=True
    )
    attributes = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True, allow_null=True),
        required=False,
        help_text=_("null takes one away."),
    )

    def validate_attributes(self, attributes: dict[str, str | None]) -> dict[str, str | None]:
        for name in attributes:
            if not name.strip() or len(name) > 80 or not name.isprintable():
                said = _("The name of an attribute has 1 to 80 letters.")
                raise serializers.ValidationError({name[:80]: [said]}, code="invalid")
        return attributes


class EvidenceSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=list(KINDS))
    occurred_at = serializers.DateTimeField()
    evidence = serializers.CharField(max_length=200, help_text=_("Order number, form, message id: what proves it."))
    opt_out_offered = serializers.BooleanField(default=False)


class ReachableSerializer(serializers.Serializer[Any]):
    reachable = serializers.BooleanField(required=False, allow_null=True, default=None)


class ContactSerializer(serializers.ModelSerializer[Contact]):
    phone = serializers.SerializerMethodField()
    line_type = serializers.SerializerMethodField()
    country = serializers.CharField(source="recipient.country", read_only=True)
    attributes = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Contact
        fields = ("code", "phone", "line_type", "country", "name", "language", "attributes", "created_at", "updated_at")
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_phone(self, contact: Contact) -> str | None:
        return next((address.value for address in contact.recipient.addresses.all()), None)

    @extend_schema_field(serializers.ChoiceField(choices=[line.name.lower() for line in LineType]))
    def get_line_type(self, contact: Contact) -> str:
        """What the numbering plan says of the number; ``unknown`` where it leaves that open."""
        found = next((address.line_type for address in contact.recipient.addresses.all()), LineType.UNKNOWN)
        return LineType(found).name.lower()


class InteractionSerializer(serializers.Serializer[Any]):
    contact = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(KINDS))
    occurred_at = serializers.DateTimeField()
    evidence = serializers.CharField()
    is_new = serializers.BooleanField(help_text=_("False when it was known already."))


class StopSerializer(StrictSerializer):
    evidence = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text=_("Where they said so: a call, a letter, a form.")
    )


class StoppedSerializer(serializers.Serializer[Any]):
    contact = serializers.CharField()
    is_new = serializers.BooleanField(help_text=_("False when they had stopped already."))


class ProofSerializer(serializers.Serializer[Any]):
    """A signed document. Its chains open the links of your business, and prove that nothing of them is missing."""

    format = serializers.CharField()
    installation = serializers.CharField()
    made_at = serializers.CharField()
    about = serializers.DictField()
    chains = serializers.ListField(child=serializers.DictField())
    wordings = serializers.ListField(child=serializers.DictField())
    key_id = serializers.CharField()
    public_key = serializers.CharField(help_text=_("Ed25519, in base64."))
    signature = serializers.CharField()


PERSON = {"phone": "+33639981234", "name": "Camille Durand", "language": "fr", "attributes": {"city": "Lyon"}}
EVIDENCE = {
    "kind": "purchase",
    "occurred_at": "2026-03-14T09:30:00Z",
    "evidence": "order 48211",
    "opt_out_offered": True,
}


@extend_schema(tags=["contacts"])
class Contacts(GenericViewSet[Contact]):
    """A contact alone may not be written to: it takes an interaction, with its date and its evidence."""

    scopes: ClassVar = {
        "list": WRITE,
        "retrieve": WRITE,
        "create": WRITE,
        "correct": WRITE,
        "attest": WRITE,
        "stop": WRITE,
        "proof": WRITE,
        "destroy": WRITE,
    }
    serializer_class = ContactSerializer
    lookup_field = "code"
    filter_backends = ()
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Contact]:
        numbers = Address.objects.filter(kind__in=[Address.Kind.E164, Address.Kind.SANDBOX]).order_by("id")
        mine = Contact.objects.of(business_of(self.request)).select_related("recipient", "business")
        return mine.prefetch_related(Prefetch("recipient__addresses", queryset=numbers))

    @extend_schema(
        summary="List contacts, newest first",
        parameters=[
            OpenApiParameter(
                "reachable",
                bool,
                description="Only those who may be reached now, or may not, as far as it is yours to know.",
            )
        ],
        responses=ContactSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        wanted = ReachableSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        rows = cast(ContactQuerySet, self.get_queryset())
        is_reachable = wanted.validated_data["reachable"]
        if is_reachable is not None:
            rows = standing.reachable(
                rows=rows, business=business_of(request), now=timezone.now(), is_reachable=is_reachable
            )
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ContactSerializer(page, many=True).data)

    @extend_schema(summary="Read a contact", responses=ContactSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        return Response(ContactSerializer(self.get_object()).data)

    @extend_schema(
        summary="Add a contact, or bring it up to date",
        description="The same number is the same contact. What is not sent stays as it is.",
        request=PersonSerializer,
        responses={200: ContactSerializer},
        examples=[OpenApiExample("A customer", value=PERSON, request_only=True)],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        business = business_of(request)
        person = PersonSerializer(data=request.data, context={"business": business})
        person.is_valid(raise_exception=True)
        contact = contacts.remember(business=business, now=timezone.now(), **person.validated_data)
        return Response(ContactSerializer(contact).data)

    @extend_schema(
        summary="Correct what you know of a contact",
        description="Name, language and attributes. The number is the person: add another contact for another one.",
        request=CorrectionSerializer,
        responses={200: ContactSerializer},
        examples=[OpenApiExample("Moved", value={"attributes": {"city": "Nantes", "loft": None}}, request_only=True)],
    )
    def correct(self, request: Request, code: str) -> Response:
        contact = self.get_object()
        sent = CorrectionSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        changes = sent.validated_data
        known = contacts.correct(
            contact=contact, by=maker_of(request), keeps_others=True, now=timezone.now(), **changes
        )
        return Response(ContactSerializer(known).data)

    @extend_schema(
        summary="Read the signed proof of what a contact allowed and refused",
        description="Keep it as it came. `docs/proof.md` tells how anybody can check it.",
        responses=ProofSerializer,
    )
    def proof(self, request: Request, code: str) -> Response:
        return Response(proof.of_contact(contact=self.get_object(), now=timezone.now()))

    @extend_schema(
        summary="Delete a contact",
        description="With what the person did and wrote. A stop or block stays in force, also if you add them again.",
        responses={204: None},
    )
    def destroy(self, request: Request, code: str) -> Response:
        erasure.delete_contact(contact=self.get_object(), via="api", by=maker_of(request), now=timezone.now())
        return Response(status=204)

    @extend_schema(
        summary="Attest that the person dealt with you",
        request=EvidenceSerializer,
        responses={200: InteractionSerializer},
        examples=[OpenApiExample("A purchase", value=EVIDENCE, request_only=True)],
    )
    @repeatable
    def attest(self, request: Request, code: str) -> Response:
        contact = self.get_object()
        sent = EvidenceSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        facts = sent.validated_data
        noted = interactions.attest(
            business=contact.business,
            recipient=contact.recipient,
            now=timezone.now(),
            **(facts | {"kind": KINDS[facts["kind"]]}),
        )
        return Response(InteractionSerializer({"contact": contact.code, "is_new": noted is not None, **facts}).data)

    @extend_schema(
        summary="Pass on that the person wants no more offers",
        description=(
            "For a stop that reached you elsewhere: at the till, on the telephone, in another program. It holds at "
            "once, before the answer, for every account of your company. Only the person can take it back."
        ),
        request=StopSerializer,
        responses={200: StoppedSerializer},
        examples=[OpenApiExample("On the telephone", value={"evidence": "call 5521"}, request_only=True)],
    )
    @repeatable
    def stop(self, request: Request, code: str) -> Response:
        contact = self.get_object()
        sent = StopSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        circumstances: Circumstances = {"evidence": said} if (said := sent.validated_data.get("evidence")) else {}
        is_new = refusals.stop(
            recipient_id=contact.recipient_id,
            business=contact.business,
            via="api",
            now=timezone.now(),
            circumstances=circumstances,
        )
        return Response(StoppedSerializer({"contact": contact.code, "is_new": is_new}).data)
