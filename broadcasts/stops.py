"""Which emergency stops hold, and over what. The rule is one function of the database, asked by gate and lanes, too."""

from __future__ import annotations

from django.db.models import BigIntegerField, F, Func, Q, QuerySet, Value
from django.utils.translation import gettext as _

from broadcasts.models import Broadcast, EmergencyStop
from businesses.models import Business


def over_all() -> Func:
    """Return the id of the oldest stop that holds the whole of a broadcast, or NULL: to annotate broadcasts with."""
    whose = (F("pk"), F("business_id"), F("sender_id"), F("template_id"))
    return Func(*whose, Value(""), function="emergency_stop_of", output_field=BigIntegerField(null=True))


def holding(broadcast: Broadcast) -> EmergencyStop | None:
    """Return the stop that holds the whole of ``broadcast``, the oldest one."""
    held = Broadcast.objects.filter(pk=broadcast.pk).values_list(over_all(), flat=True)
    return EmergencyStop.objects.filter(pk__in=held).first()


def touching(broadcast: Broadcast) -> list[EmergencyStop]:
    """Return all stops that hold ``broadcast`` or, of a country, some of its people who still wait."""
    own = Q(sender=broadcast.sender_id) | Q(template=broadcast.template_id) | Q(broadcast=broadcast)
    business = Q(scope=EmergencyStop.Scope.BUSINESS, business=broadcast.business_id)
    stops = EmergencyStop.objects.holding().filter(
        own | business | Q(scope__in=[EmergencyStop.Scope.PLATFORM, EmergencyStop.Scope.COUNTRY])
    )
    found = list(stops.order_by("pk"))
    countries = {stop.country for stop in found if stop.country}
    waiting = broadcast.chunks.filter(done_at__isnull=True, country__in=countries) if countries else None
    waited_for = set(waiting.values_list("country", flat=True).distinct()) if waiting is not None else set()
    return [stop for stop in found if not stop.country or stop.country in waited_for]


def shown_to(business: Business) -> QuerySet[EmergencyStop]:
    """Return what the business placed, and what of the operator's holds its offers; the newest first."""
    about_them = Q(business=business) | Q(business__isnull=True)
    seen = Q(business=business, is_operators=False) | (about_them & Q(is_operators=True, lifted_at__isnull=True))
    found = EmergencyStop.objects.filter(seen).select_related("business", "sender", "template", "broadcast")
    return found.order_by("-created_at", "-pk")


def sentence(stop: EmergencyStop) -> str:
    """Say, in the reader's language, that offers are stopped, by whom and why."""
    if stop.is_operators:
        return _("Emergency stop by the operator: %(reason)s") % {"reason": stop.reason}
    return _("Emergency stop: %(reason)s") % {"reason": stop.reason}
