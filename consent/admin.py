"""The operator's policy tables, and a look at evidence and refusals, which nobody edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from businesses import audit
from businesses.models import User
from consent import policy_desk, suspicion, trust
from consent.models import (
    ErasureRequest,
    EvidencePolicy,
    ImportBatch,
    Interaction,
    Refusal,
    RetentionRule,
)

# The rules have a desk of their own; to be found, it only needs to be imported.
__all__ = ["policy_desk"]


class RecordAdmin(admin.ModelAdmin[Any]):
    """What happened: to be read, never written."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(EvidencePolicy)
class EvidencePolicyAdmin(admin.ModelAdmin[Any]):
    """One row, which is changed and never removed."""

    list_display = (
        "__str__",
        "probe_people",
        "unproven_people",
        "clean_percent",
        "clean_days",
        "quarantine_people",
        "quarantine_permille",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = EvidencePolicy.objects.filter(pk=obj.pk).values(*form.changed_data).first() or {}
        super().save_model(request, obj, form, change)
        audit.note(
            action="policy.evidence",
            object_kind="policy",
            object_code="evidence",
            actor=cast(User, request.user),
            before=before,
            after={name: form.cleaned_data[name] for name in form.changed_data},
            now=timezone.now(),
        )


class JudgeForm(ActionForm):
    """An action on evidence comes with the words that everybody can read later."""

    words = forms.CharField(label=_("Reason"), required=False, max_length=trust.MAX_WORDS)


@admin.register(RetentionRule)
class RetentionRuleAdmin(policy_desk.RuleAdmin):
    list_display = ("kind", "days", "source")
    ordering = ("kind",)


@admin.register(ErasureRequest)
class ErasureRequestAdmin(RecordAdmin):
    """That somebody was erased, and how far it is; who it was is nowhere any more."""

    list_display = ("requested_at", "code", "business", "cause", "via", "state", "done_at")
    list_filter = ("state", "cause")
    list_select_related = ("business",)
    ordering = ("-id",)
    exclude = ("traces", "recipient")


@admin.register(ImportBatch)
class ImportBatchAdmin(RecordAdmin):
    list_display = (
        "code",
        "business",
        "title",
        "state",
        "trust",
        "n_probe",
        "n_rows",
        "n_new",
        "n_faulty",
        "created_at",
    )
    list_filter = ("state", "trust")
    list_select_related = ("business",)
    search_fields = ("code", "business__name")
    ordering = ("-created_at",)
    actions = ("vouch", "quarantine")
    action_form = JudgeForm
    exclude = ("file",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Judging evidence is for those who may change batches, though nobody edits one."""
        return super().get_actions(request) if request.user.has_perm("consent.change_importbatch") else {}

    @admin.action(description=_("Vouch for the evidence of these files"))
    def vouch(self, request: HttpRequest, queryset: Any) -> None:
        self._judge(request, queryset, suspicion.vouch)

    @admin.action(description=_("Quarantine the evidence of these files"))
    def quarantine(self, request: HttpRequest, queryset: Any) -> None:
        self._judge(request, queryset, suspicion.quarantine)

    def _judge(self, request: HttpRequest, queryset: Any, judge: Callable[..., bool]) -> None:
        by, words, now = cast(User, request.user), request.POST.get("words", ""), timezone.now()
        changed = 0
        for batch in queryset.select_related("business"):
            try:
                changed += judge(batch=batch, by=by, words=words, now=now)
            except suspicion.CannotJudge as refusal:
                self.message_user(request, f"{batch.code}: {refusal.messages[0]}", messages.ERROR)
        self.message_user(request, ngettext("%d file changed.", "%d files changed.", changed) % changed)


@admin.register(Refusal)
class RefusalAdmin(RecordAdmin):
    list_display = ("legal_entity", "recipient_code", "kind", "via", "refused_at", "lifted_at")
    list_filter = ("kind", "via")
    list_select_related = ("legal_entity", "recipient")
    ordering = ("-id",)

    @admin.display(description=_("person"))
    def recipient_code(self, refusal: Refusal) -> str:
        return refusal.recipient.code


@admin.register(Interaction)
class InteractionAdmin(RecordAdmin):
    list_display = ("business", "recipient_code", "kind", "provenance", "occurred_at", "evidence", "withdrawn_at")
    list_filter = ("kind", "provenance")
    list_select_related = ("business", "recipient")
    ordering = ("-id",)

    @admin.display(description=_("person"))
    def recipient_code(self, interaction: Interaction) -> str:
        return interaction.recipient.code
