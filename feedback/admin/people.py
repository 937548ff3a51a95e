"""The operator's desk for people: find one by number or code, erase them on their wish, or make two of them one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from businesses.models import User
from consent import merging
from consent.models import Recipient
from feedback import privacy

if TYPE_CHECKING:
    RecipientAdmin = admin.ModelAdmin[Recipient]
else:
    RecipientAdmin = admin.ModelAdmin


@admin.register(Recipient)
class PeopleDesk(RecipientAdmin):
    """People as the platform knows them, without what businesses know of them. Nobody is edited here."""

    list_display = ("code", "country", "locale", "own_limit", "paused_all_at", "erased_at", "merged_into", "created_at")
    search_fields = ("=code", "=addresses__value")
    ordering = ("-id",)
    actions = ("erase", "merge")
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Recipient | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Recipient | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_actions(request) if request.user.has_perm("consent.change_recipient") else {}

    @admin.action(description=_("Erase these people everywhere, because they asked for it"))
    def erase(self, request: HttpRequest, queryset: QuerySet[Recipient]) -> None:
        by, now = cast(User, request.user), timezone.now()
        for recipient_id in queryset.order_by("pk").values_list("pk", flat=True):
            privacy.erase(recipient_id=recipient_id, cause=privacy.Cause.OPERATOR, via="operator", by=by, now=now)
        n = queryset.count()
        said = ngettext("%d person is erased: copies go soon.", "%d people are erased: copies go soon.", n)
        self.message_user(request, said % n)

    @admin.action(description=_("These two are one person: merge them"))
    def merge(self, request: HttpRequest, queryset: QuerySet[Recipient]) -> None:
        """Whoever has been known for longer is kept."""
        chosen = list(queryset.order_by("created_at", "pk").values_list("pk", flat=True)[:3])
        if len(chosen) != 2:
            self.message_user(request, _("Choose exactly two people."), messages.ERROR)
            return
        try:
            keep = merging.merge(keep_id=chosen[0], gone_id=chosen[1], by=cast(User, request.user), now=timezone.now())
        except merging.CannotMerge as refused:
            self.message_user(request, refused.messages[0], messages.ERROR)
            return
        self.message_user(request, _("They are one person now: %(code)s.") % {"code": keep.code})
