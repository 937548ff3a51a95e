"""The join page for client programs: its words and keyword, and every wording that was ever shown."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from businesses.models import Business
from businesses.rest import StrictSerializer, business_of, maker_of
from consent import joining, phones
from consent.models import JoinPage

WRITE = "contacts:write"


class PromisesSerializer(StrictSerializer):
    """By language. An empty text is the house's own words."""

    fr = serializers.CharField(max_length=joining.MAX_PROMISE, required=False, allow_blank=True)
    en = serializers.CharField(max_length=joining.MAX_PROMISE, required=False, allow_blank=True)


class JoinPageChanges(StrictSerializer):
    is_open = serializers.BooleanField(required=False)
    keyword = serializers.CharField(max_length=30, required=False, help_text=_("People write it after JOIN."))
    display_number = serializers.CharField(
        max_length=phones.MAX_LETTERS,
        required=False,
        allow_blank=True,
        help_text=_("With it the link opens a chat with the words written already."),
    )
    promises = PromisesSerializer(required=False)


class ShownWordingSerializer(serializers.Serializer[Any]):
    """The exact words, as they were shown from then on."""

    locale = serializers.CharField()
    version = serializers.IntegerField()
    text = serializers.CharField()
    hash = serializers.CharField(help_text=_("SHA-256 of the text in UTF-8."))
    created_at = serializers.DateTimeField()


class WaySerializer(serializers.Serializer[Any]):
    """How people join in one language: the words they read, the words they write, where the QR code leads."""

    wording = ShownWordingSerializer()
    words = serializers.CharField()
    link = serializers.CharField()


class JoinPageSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    is_open = serializers.BooleanField()
    keyword = serializers.CharField()
    display_number = serializers.CharField()
    n_joined = serializers.IntegerField()
    ways = WaySerializer(many=True)
    updated_at = serializers.DateTimeField()


EXAMPLE = {
    "keyword": "SOLEIL",
    "display_number": "+33639981234",
    "promises": {"en": "Once a week at most: our offers, on this number. I can answer STOP at any time."},
}


@extend_schema(tags=["contacts"])
class JoinPages(ViewSet):
    """A business has one join page. Whoever confirms with a message of their own is a contact with an opt-in."""

    scopes: ClassVar = {"retrieve": WRITE, "put": WRITE, "wordings": WRITE}

    @extend_schema(summary="Read the join page", responses=JoinPageSerializer)
    def retrieve(self, request: Request) -> Response:
        return self._show(self._page(business_of(request)))

    @extend_schema(
        summary="Change the join page",
        description="What is not sent stays as it is. New words become the next version; older ones stay archived.",
        request=JoinPageChanges,
        responses=JoinPageSerializer,
        examples=[OpenApiExample("A bakery", value=EXAMPLE, request_only=True)],
    )
    def put(self, request: Request) -> Response:
        sent = JoinPageChanges(data=request.data)
        sent.is_valid(raise_exception=True)
        changes = dict(sent.validated_data)
        if "promises" in changes:
            changes["promises"] = dict(changes["promises"])
        page = self._page(business_of(request))
        try:
            page = joining.edit(page=page, by=maker_of(request), now=timezone.now(), **changes)
        except joining.CannotEdit as refusal:
            raise serializers.ValidationError(refusal.message_dict) from None
        return self._show(page)

    @extend_schema(summary="List every wording that was ever shown", responses=ShownWordingSerializer(many=True))
    def wordings(self, request: Request) -> Response:
        shown = joining.versions(business=business_of(request))
        return Response({"data": ShownWordingSerializer(shown, many=True).data})

    def _page(self, business: Business) -> JoinPage:
        return joining.page_of(business=business, now=timezone.now())

    def _show(self, page: JoinPage) -> Response:
        ways = [joining.way(page=page, locale=locale, now=timezone.now()) for locale in joining.JOIN]
        facts = {name: getattr(page, name) for name in ("code", "is_open", "keyword", "display_number", "n_joined")}
        return Response(JoinPageSerializer(facts | {"ways": ways, "updated_at": page.updated_at}).data)
