"""Who speaks: users log in with their e-mail address and are members of businesses."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from businesses.codes import business_code


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address; there is no user name."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """Somebody who logs in: a member of businesses, a reviewer or the operator (both staff)."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail address"), unique=True)
    locale = models.CharField(_("language"), max_length=8, default="en")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email


class LegalEntity(models.Model):
    """The company behind one or more businesses: a stop given to one account holds for all of its accounts."""

    name = models.CharField(_("legal name"), max_length=200)
    country = models.CharField(_("country"), max_length=2)
    registration_number = models.CharField(_("registration number"), max_length=64)

    class Meta:
        verbose_name_plural = _("legal entities")
        constraints = [models.UniqueConstraint(fields=["country", "registration_number"], name="legal_entity_once")]

    def __str__(self) -> str:
        return self.name


class BusinessQuerySet(models.QuerySet["Business"]):
    def of(self, user: User) -> BusinessQuerySet:
        """The businesses that ``user`` is a member of."""
        return self.filter(members__user=user)


class Business(models.Model):
    """A tenant. Its test twin (``mode = test``) has its own people, money and keys, and only sandbox addresses."""

    class Mode(models.TextChoices):
        LIVE = "live", _("live")
        TEST = "test", _("test")

    class State(models.TextChoices):
        PENDING = "pending", _("waiting for verification")
        VERIFIED = "verified", _("verified")
        SUSPENDED = "suspended", _("suspended")
        CLOSED = "closed", _("closed")

    code = models.CharField(max_length=24, unique=True, default=business_code, editable=False)
    name = models.CharField(_("name"), max_length=120)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="businesses")
    mode = models.CharField(_("mode"), max_length=4, choices=Mode, default=Mode.LIVE)
    twin_of = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="twin")
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PENDING)
    suspended_because = models.CharField(_("reason of the suspension"), max_length=300, blank=True)
    country = models.CharField(_("country"), max_length=2)
    timezone = models.CharField(_("time zone"), max_length=64, default="Europe/Paris")
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    locale = models.CharField(_("language"), max_length=8, default="fr")
    website = models.URLField(_("website"), blank=True)
    contact_email = models.EmailField(_("contact e-mail"), blank=True)
    daily_people_limit = models.PositiveIntegerField(
        _("people per rolling 24 hours"),
        null=True,
        blank=True,
        help_text=_("Empty means no limit."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True, blank=True)

    objects = BusinessQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("businesses")
        constraints = [
            models.CheckConstraint(
                name="business_twin_is_test",
                condition=models.Q(mode="test", twin_of__isnull=False) | models.Q(mode="live", twin_of__isnull=True),
            ),
            models.CheckConstraint(
                name="business_verified_has_date",
                condition=~models.Q(state="verified") | models.Q(verified_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_test(self) -> bool:
        return self.mode == self.Mode.TEST

    @property
    def may_send(self) -> bool:
        return self.state == self.State.VERIFIED


class MemberQuerySet(models.QuerySet["Member"]):
    def of(self, business: Business) -> MemberQuerySet:
        return self.filter(business=business)


class Member(models.Model):
    """A user's place in a business."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        MARKETER = "marketer", _("marketer")
        ANALYST = "analyst", _("analyst")

    business = models.ForeignKey(Business, models.CASCADE, related_name="members")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=8, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.business} ({self.get_role_display()})"
