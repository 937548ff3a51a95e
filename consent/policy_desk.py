"""The operator's rules in the admin: each change is checked, shows what it does, and is noted with who made it."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from businesses.models import User
from consent import histories, policy, policy_forms, quiet_hours
from consent.models import BasisRule, CapRule, QuietHours


class RuleAdmin(admin.ModelAdmin[Any]):
    """Rules that the operator owns: one at a time, and every change in the audit trail."""

    list_per_page = 200
    actions = None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        known = self.model._default_manager.filter(pk=obj.pk).first() if change else None
        before = policy.facts_of(known) if known else {}
        super().save_model(request, obj, form, change)
        self._changed(request, obj, before, policy.facts_of(obj))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._changed(request, obj, policy.facts_of(obj), {})
        super().delete_model(request, obj)

    def _changed(self, request: HttpRequest, rule: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
        policy.note_change(rule=rule, before=before, after=after, by=cast(User, request.user), now=timezone.now())


@admin.register(BasisRule)
class BasisRuleAdmin(RuleAdmin):
    form = policy_forms.BasisRuleForm
    change_list_template = "admin/consent/basisrule/change_list.html"
    list_display = ("country", "kind", "basis", "valid_days", "needs_opt_out_offered", "source")
    list_filter = ("country", "kind", "basis")
    ordering = ("country", "kind", "basis")

    def get_urls(self) -> list[URLPattern]:
        table = self.admin_site.admin_view(self.histories_page)
        return [path("histories/", table, name="consent_basisrule_histories"), *super().get_urls()]

    def histories_page(self, request: HttpRequest) -> HttpResponse:
        """Show what counts as permission: twelve histories, with the verdict of the rules as they are."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("What counts as permission, by country"),
            "opts": self.opts,
            "tables": [histories.table(histories.COUNTRIES), histories.table(histories.MORE_COUNTRIES)],
        }
        return render(request, "admin/consent/basisrule/histories.html", context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say before the last question what it would do to the people on record."""
        rule = self.get_object(request, object_id)
        if request.method == "GET" and rule is not None and self.has_delete_permission(request, rule):
            tried = BasisRule.objects.filter(pk=rule.pk)
            effect = policy.effect_on_bases(change=tried.delete, now=timezone.now())
            messages.warning(request, policy_forms.in_words(*effect))
        return super().delete_view(request, object_id, extra_context)


@admin.register(CapRule)
class CapRuleAdmin(RuleAdmin):
    form = policy_forms.CapRuleForm
    list_display = ("scope", "country", "max_offers", "window_hours")
    ordering = ("scope", "country", "window_hours")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The last limit that holds for all countries stays: without it nobody would be protected."""
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or not policy_forms.is_last_for_everybody(obj))


@admin.register(QuietHours)
class QuietHoursAdmin(RuleAdmin):
    form = policy_forms.QuietHoursForm
    list_display = ("country", "day", "opens_at", "closes_at", "skips_public_holidays", "holiday_parts", "source")
    list_filter = ("country",)
    ordering = ("country", "weekday")

    @admin.display(description=_("weekday"), ordering="weekday")
    def day(self, hours: QuietHours) -> str:
        return str(policy_forms.WEEKDAYS[hours.weekday])

    def _changed(self, request: HttpRequest, rule: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
        super()._changed(request, rule, before, after)
        quiet_hours.forget()
