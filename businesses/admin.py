"""The operator's desk for businesses: verify, suspend, top up. Money, keys and what happened can only be read."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from businesses import onboarding, prices, wallet
from businesses.forms import SuspendForm, TopUpForm
from businesses.models import (
    ApiKey,
    AuditEvent,
    Business,
    Event,
    Hold,
    LedgerEntry,
    LegalEntity,
    Member,
    Price,
    User,
    Wallet,
)


class ReadOnlyAdmin(admin.ModelAdmin[Model]):
    """Shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _operator(request: HttpRequest) -> User:
    return cast("User", request.user)


def _money(amount_micro: int, currency: str) -> str:
    return prices.format_micro(amount_micro, currency, get_language() or "en")


@admin.register(User)
class PeopleAdmin(UserAdmin[User]):
    ordering = ("email",)
    list_display = ("email", "is_staff", "is_superuser", "is_active", "last_login")
    search_fields = ("email", "first_name", "last_name")
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name", "locale")}),
        (
            gettext_lazy("What they may do"),
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "locale", "usable_password", "password1", "password2")}),)


@admin.register(LegalEntity)
class LegalEntityAdmin(ReadOnlyAdmin):
    list_display = ("name", "country", "registration_number")
    search_fields = ("name", "registration_number")


class MemberInline(admin.TabularInline[Member, Business]):
    model = Member
    fields = readonly_fields = ("user", "role", "created_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Business)
class BusinessAdmin(admin.ModelAdmin[Business]):
    """One limit is edited here; everything else about a business changes through ``businesses.onboarding``."""

    list_display = ("name", "mode", "state", "country", "legal_entity", "created_at")
    list_filter = ("state", "mode", "country")
    search_fields = ("name", "code", "legal_entity__name", "legal_entity__registration_number", "members__user__email")
    list_select_related = ("legal_entity",)
    inlines = (MemberInline,)
    actions = ("verify_selected", "reinstate_selected")
    change_form_template = "admin/businesses/business/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Business | None = None) -> list[str]:
        return [field.name for field in Business._meta.fields if field.name != "daily_people_limit"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=gettext_lazy("Verify"), permissions=["change"])
    def verify_selected(self, request: HttpRequest, selected: QuerySet[Business]) -> None:
        for business in selected:
            self._try(
                request,
                business,
                lambda b=business: onboarding.verify(business=b, by=_operator(request), now=timezone.now()),
            )

    @admin.action(description=gettext_lazy("End the suspension"), permissions=["change"])
    def reinstate_selected(self, request: HttpRequest, selected: QuerySet[Business]) -> None:
        for business in selected:
            self._try(
                request,
                business,
                lambda b=business: onboarding.reinstate(business=b, by=_operator(request), now=timezone.now()),
            )

    def _try(self, request: HttpRequest, business: Business, act: Any) -> bool:
        try:
            act()
        except ValidationError as error:
            messages.error(request, f"{business}: {error.messages[0]}")
            return False
        messages.success(request, _("%(business)s: done.") % {"business": business})
        return True

    def get_urls(self) -> list[URLPattern]:
        desk = [
            path("<int:pk>/verify/", self.admin_site.admin_view(self.verify), name="businesses_business_verify"),
            path("<int:pk>/suspend/", self.admin_site.admin_view(self.suspend), name="businesses_business_suspend"),
            path(
                "<int:pk>/reinstate/", self.admin_site.admin_view(self.reinstate), name="businesses_business_reinstate"
            ),
            path("<int:pk>/top-up/", self.admin_site.admin_view(self.top_up), name="businesses_business_top_up"),
        ]
        return desk + super().get_urls()

    def _of(self, request: HttpRequest, pk: int) -> Business:
        business = get_object_or_404(Business, pk=pk)
        if not self.has_change_permission(request, business):
            raise PermissionDenied
        return business

    def verify(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(
            request,
            pk,
            lambda business: onboarding.verify(business=business, by=_operator(request), now=timezone.now()),
        )

    def reinstate(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(
            request,
            pk,
            lambda business: onboarding.reinstate(business=business, by=_operator(request), now=timezone.now()),
        )

    def _act(self, request: HttpRequest, pk: int, act: Any) -> HttpResponse:
        business = self._of(request, pk)
        if request.method == "POST":
            self._try(request, business, lambda: act(business))
        return redirect("admin:businesses_business_change", pk)

    def suspend(self, request: HttpRequest, pk: int) -> HttpResponse:
        business, form = self._of(request, pk), SuspendForm(request.POST or None)

        def act() -> None:
            onboarding.suspend(
                business=business, reason=form.cleaned_data["reason"], by=_operator(request), now=timezone.now()
            )

        return self._ask(request, business, form, act, title=_("Suspend %(business)s") % {"business": business})

    def top_up(self, request: HttpRequest, pk: int) -> HttpResponse:
        business = self._of(request, pk)
        form = TopUpForm(request.POST or None, initial={"key": f"desk:{business.code}:{get_random_string(16)}"})

        def act() -> None:
            wallet.book(
                business=business,
                amount_micro=prices.to_micro(form.cleaned_data["amount"]),
                key=form.cleaned_data["key"],
                memo=form.cleaned_data["memo"],
                by=_operator(request),
                now=timezone.now(),
            )

        return self._ask(
            request,
            business,
            form,
            act,
            title=_("Top up or correct the wallet of %(business)s") % {"business": business},
        )

    def _ask(self, request: HttpRequest, business: Business, form: Form, act: Any, *, title: str) -> HttpResponse:
        if form.is_valid() and self._try(request, business, act):
            return redirect("admin:businesses_business_change", business.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "business": business,
            "form": form,
            "title": title,
        }
        return render(request, "admin/businesses/business/ask.html", context)


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ("business", "balance", "held", "available")
    search_fields = ("business__name", "business__code")
    list_select_related = ("business",)

    @admin.display(description=gettext_lazy("balance"), ordering="balance_micro")
    def balance(self, row: Wallet) -> str:
        return _money(row.balance_micro, row.currency)

    @admin.display(description=gettext_lazy("held"), ordering="held_micro")
    def held(self, row: Wallet) -> str:
        return _money(row.held_micro, row.currency)

    @admin.display(description=gettext_lazy("available"))
    def available(self, row: Wallet) -> str:
        return _money(row.available_micro, row.currency)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = (
        "code",
        "wallet",
        "purpose",
        "amount_micro",
        "captured_micro",
        "released_micro",
        "created_at",
        "closed_at",
    )
    list_filter = (("closed_at", admin.EmptyFieldListFilter),)
    search_fields = ("code", "purpose", "wallet__business__code")
    list_select_related = ("wallet__business",)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "wallet", "kind", "balance", "held", "hold", "memo", "idempotency_key")
    list_filter = ("kind",)
    search_fields = ("idempotency_key", "wallet__business__code", "hold__purpose")
    list_select_related = ("wallet__business", "hold")
    show_full_result_count = False
    ordering = ("-created_at", "-id")

    @admin.display(description=gettext_lazy("balance"))
    def balance(self, row: LedgerEntry) -> str:
        return _money(row.balance_micro, row.wallet.currency)

    @admin.display(description=gettext_lazy("held"))
    def held(self, row: LedgerEntry) -> str:
        return _money(row.held_micro, row.wallet.currency)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "business", "sequence", "kind")
    list_filter = ("kind",)
    search_fields = ("business__code",)
    list_select_related = ("business",)
    show_full_result_count = False
    ordering = ("-id",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "actor", "action", "object_kind", "object_code", "business")
    list_filter = ("action", "object_kind")
    search_fields = ("object_code", "actor__email", "business__code", "request_id")
    list_select_related = ("actor", "business")
    show_full_result_count = False
    ordering = ("-id",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("prefix", "name", "business", "created_at", "expires_at", "last_used_at", "revoked_at")
    search_fields = ("prefix", "name", "business__code")
    list_select_related = ("business",)
    exclude = ("secret_hash",)


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin[Price]):
    """A price is not changed but followed by a newer one: what was charged stays explained."""

    list_display = ("country", "category", "channel", "currency", "price", "valid_from", "is_example")
    list_filter = ("currency", "channel", "category", "is_example")
    search_fields = ("country", "source")
    ordering = ("country", "category", "channel", "currency", "-valid_from")

    @admin.display(description=gettext_lazy("price"), ordering="price_micro")
    def price(self, row: Price) -> str:
        return _money(row.price_micro, row.currency)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or obj.valid_from > timezone.now()
