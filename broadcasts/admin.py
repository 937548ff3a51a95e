"""The operator's emergency stop, and a look at broadcasts, which nobody edits here."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from broadcasts import emergency
from broadcasts.forms import LiftForm, OperatorStopForm
from broadcasts.models import Broadcast, EmergencyStop
from broadcasts.tasks import tick
from businesses.models import User


class RecordAdmin(admin.ModelAdmin[Any]):
    """What happened: to be read, never written."""

    show_full_result_count = False
    list_per_page = 50

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(EmergencyStop)
class EmergencyStopAdmin(RecordAdmin):
    """Placed and lifted here; its history is read-only."""

    list_display = (
        "__str__",
        "reason",
        "is_operators",
        "created_by",
        "created_at",
        "lifted_at",
        "lifted_by",
        "lifting",
    )
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "scope", "is_operators")
    search_fields = ("code", "reason", "business__name", "business__code", "broadcast__code", "template__code")
    list_select_related = ("business", "sender", "template", "broadcast", "created_by", "lifted_by")
    ordering = ("-created_at", "-pk")

    def get_urls(self) -> list[URLPattern]:
        lift = path("<int:pk>/lift/", self.admin_site.admin_view(self.lift), name="broadcasts_emergencystop_lift")
        return [lift, *super().get_urls()]

    @admin.display(description=gettext_lazy("lift"))
    def lifting(self, stop: EmergencyStop) -> SafeString | str:
        if stop.lifted_at is not None:
            return ""
        return format_html(
            '<a class="button" href="{}">{}</a>',
            reverse("admin:broadcasts_emergencystop_lift", args=[stop.pk]),
            _("Lift"),
        )

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask what and why, and stop it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        asked = {name: request.GET.get(name, "") for name in ("scope", "reference")}
        form = OperatorStopForm(request.POST if request.method == "POST" else None, initial=asked)
        if form.is_valid():
            given = form.cleaned_data
            try:
                at = emergency.target(scope=given["scope"], reference=given["reference"])
                emergency.stop(
                    at=at, reason=given["reason"], by=_operator(request), now=timezone.now(), is_operators=True
                )
            except ValidationError as refusal:
                form.blame(refusal)
            else:
                messages.success(request, _("Stopped. No offer leaves there until somebody lifts it."))
                return redirect("admin:broadcasts_emergencystop_changelist")
        return self._ask(request, form, title=_("Emergency stop"), press=_("Stop now"), is_grave=True)

    def lift(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what goes on, and lift it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        stop = get_object_or_404(EmergencyStop, pk=pk)
        form = LiftForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                n = emergency.lift(
                    stop=stop,
                    by=_operator(request),
                    now=timezone.now(),
                    goes_on=form.cleaned_data["goes_on"],
                    is_operator=True,
                )
            except ValidationError as refusal:
                messages.error(request, refusal.messages[0])
            else:
                tick.delay_on_commit()
                words = ngettext("Lifted. %(n)d broadcast goes on.", "Lifted. %(n)d broadcasts go on.", n) % {"n": n}
                messages.success(request, words)
            return redirect("admin:broadcasts_emergencystop_changelist")
        return self._ask(request, form, title=_("Lift “%(stop)s”") % {"stop": stop}, press=_("Lift"), stop=stop)

    def _ask(self, request: HttpRequest, form: Form, **more: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "form": form, **more}
        status = 422 if form.errors else 200
        return render(request, "admin/broadcasts/emergencystop/ask.html", context, status=status)


@admin.register(Broadcast)
class BroadcastAdmin(RecordAdmin):
    """Every broadcast of every business; whatever is under way can be stopped from here."""

    list_display = ("name", "business", "state", "state_reason", "launched_at", "completed_at", "stopping")
    list_filter = ("state",)
    search_fields = ("code", "name", "business__name", "business__code")
    list_select_related = ("business",)
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description=gettext_lazy("emergency stop"))
    def stopping(self, broadcast: Broadcast) -> SafeString | str:
        if broadcast.has_ended or broadcast.state == Broadcast.State.DRAFT:
            return ""
        url = reverse(
            "admin:broadcasts_emergencystop_add",
            query={"scope": EmergencyStop.Scope.BROADCAST, "reference": broadcast.code},
        )
        return _button(url, _("Stop"))


def _button(url: str, words: str) -> SafeString:
    return format_html('<a class="button" href="{}">{}</a>', url, words)


def _operator(request: HttpRequest) -> User:
    return cast("User", request.user)
