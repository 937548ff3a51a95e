"""One contact's timeline for client programs, in the same bounds as the page."""

from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from businesses.rest import business_of
from consent import standing
from consent.models import Contact
from feedback import people


class StandingSerializer(serializers.Serializer[Any]):
    """Your own relation alone: what a person chose for all businesses, or got from others, is not in it."""

    may_be_reached = serializers.BooleanField()
    reason = serializers.CharField(help_text=_("Empty, or one of the reasons of your own relation."))
    sentence = serializers.CharField()


class MomentSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    sentence = serializers.CharField()
    is_good = serializers.BooleanField(allow_null=True)
    broadcast = serializers.CharField(help_text=_("Its code; empty when it is no offer."))


class TimelineSerializer(serializers.Serializer[Any]):
    contact = serializers.CharField()
    reachable = StandingSerializer()
    timeline = MomentSerializer(many=True)


@extend_schema(tags=["contacts"])
class Timelines(ViewSet):
    scopes: ClassVar = {"retrieve": "contacts:write"}

    @extend_schema(
        summary="Read whether a contact may be reached, and what happened so far",
        description="The newest 200 moments. Why an offer did not arrive is told where it is your own relation.",
        responses=TimelineSerializer,
    )
    def retrieve(self, request: Request, code: str) -> Response:
        mine = Contact.objects.of(business_of(request)).select_related("recipient", "business")
        contact, now = get_object_or_404(mine, code=code), timezone.now()
        told = {
            "contact": contact.code,
            "reachable": standing.of(contact=contact, now=now)._asdict(),
            "timeline": [moment._asdict() for moment in people.timeline(contact=contact, now=now)],
        }
        return Response(TimelineSerializer(told).data)
