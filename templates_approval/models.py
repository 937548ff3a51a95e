"""What may be said: a template, its versions (frozen and hashed at submission), and every decision about them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from businesses.codes import template_code, version_code
from businesses.models import Business


class TemplateQuerySet(models.QuerySet["Template"]):
    def of(self, business: Business) -> TemplateQuerySet:
        return self.filter(business=business)


class Template(models.Model):
    """A named message of a business; what it says is in its versions, one chain of them per language."""

    class Category(models.TextChoices):
        MARKETING = "marketing", _("marketing")
        UTILITY = "utility", _("utility")
        AUTHENTICATION = "authentication", _("authentication")

    code = models.CharField(max_length=24, unique=True, default=template_code, editable=False)
    business = models.ForeignKey(Business, models.CASCADE, related_name="templates")
    name = models.CharField(_("name"), max_length=512)
    category = models.CharField(_("category"), max_length=16, choices=Category, default=Category.MARKETING)
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business", "name"], name="template_name_once")]

    def __str__(self) -> str:
        return self.name


class VersionQuerySet(models.QuerySet["Version"]):
    def of(self, business: Business) -> VersionQuerySet:
        return self.filter(template__business=business)

    def waiting(self) -> VersionQuerySet:
        """Submitted and not yet decided, oldest first."""
        return self.filter(state=Version.State.SUBMITTED).order_by("submitted_at", "id")

    def approved(self) -> VersionQuerySet:
        return self.filter(state=Version.State.APPROVED)


class Version(models.Model):
    """One wording in one language. From submission on its content never changes: what is approved is what is sent."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("in review")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        PAUSED = "paused", _("paused")
        DISABLED = "disabled", _("disabled")
        ARCHIVED = "archived", _("archived")

    code = models.CharField(max_length=24, unique=True, default=version_code, editable=False)
    template = models.ForeignKey(Template, models.CASCADE, related_name="versions")
    language = models.CharField(_("language"), max_length=8)
    number = models.PositiveIntegerField(_("version"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    # WhatsApp's component JSON, with examples inside: [{"type": "HEADER", …}, {"type": "BODY", …}, …]
    components = models.JSONField(_("components"))
    # {"first_name": "there"}: said when a contact has no value for the variable.
    fallbacks = models.JSONField(_("fallbacks"), default=dict, blank=True)
    findings = models.JSONField(default=list, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    submitted_at = models.DateTimeField(null=True, blank=True)
    review_due_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["template", "language", "number"], name="version_number_once"),
            models.CheckConstraint(
                name="version_hashed_once_submitted",
                condition=Q(state="draft") | ~Q(content_hash=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["submitted_at", "id"],
                condition=Q(state="submitted"),
                name="version_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.template.name} · {self.language} · v{self.number}"


class Review(models.Model):
    """One decision about one version, kept for ever."""

    class Decision(models.TextChoices):
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    version = models.ForeignKey(Version, models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decision = models.CharField(_("decision"), max_length=10, choices=Decision)
    reason_codes = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    words = models.TextField(_("words to the author"), blank=True, max_length=2000)
    note = models.TextField(_("note for reviewers"), blank=True, max_length=2000)
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="review_rejection_explained",
                condition=Q(decision="approved") | ~Q(reason_codes=[]),
            )
        ]
