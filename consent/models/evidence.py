"""Evidence that a person dealt with a business, where it came from, and the append-only proof of consent."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from businesses.codes import import_code
from businesses.models import Business
from consent.models.people import Recipient


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def of(self, business: Business) -> ImportBatchQuerySet:
        return self.filter(business=business)


class ImportBatch(models.Model):
    """One contact file: who brought it, how far it is, what was in it. Its people come with evidence it attests."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("uploaded")
        READING = "reading", _("reading")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    class Trust(models.TextChoices):
        PROBE = "probe", _("on probation")
        VOUCHED = "vouched", _("vouched for by the operator")
        QUARANTINED = "quarantined", _("quarantined")

    code = models.CharField(max_length=24, unique=True, default=import_code, editable=False)
    business = models.ForeignKey(Business, models.CASCADE, related_name="imports")
    file = models.FileField(upload_to="imports/")
    filename = models.CharField(max_length=200)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.UPLOADED)
    trust = models.CharField(max_length=12, choices=Trust, default=Trust.VOUCHED)
    failure = models.CharField(max_length=300, blank=True)
    n_bytes = models.BigIntegerField(default=0)
    n_bytes_read = models.BigIntegerField(default=0)
    n_rows = models.PositiveIntegerField(default=0)
    n_new = models.PositiveIntegerField(default=0)
    n_updated = models.PositiveIntegerField(default=0)
    n_faulty = models.PositiveIntegerField(default=0)
    n_without_evidence = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    # The last sign of life of whoever reads the file: silence gives it to another worker, at most a few times.
    touched_at = models.DateTimeField(null=True)
    n_attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    objects = ImportBatchQuerySet.as_manager()


class ImportFault(models.Model):
    """One row of a file that was not taken: where, what was there, and how to mend it."""

    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="faults")
    line = models.PositiveIntegerField()
    column = models.CharField(max_length=80, blank=True)
    value = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=32)

    class Meta:
        indexes = [models.Index(fields=["batch", "line"], name="import_fault_in_order")]


class Interaction(models.Model):
    """Dated evidence that a person dealt with a business. Never changed; withdrawn by setting ``withdrawn_at``."""

    class Kind(models.IntegerChoices):
        OPT_IN = 1, _("written opt-in")
        PURCHASE = 2, _("purchase")
        INQUIRY = 3, _("question or message")
        CLICK = 4, _("click")
        INTERESTED = 5, _("interested")
        VISIT = 6, _("visit")

    class Provenance(models.IntegerChoices):
        OBSERVED = 1, _("observed")
        ATTESTED = 2, _("attested")

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="interactions")
    kind = models.PositiveSmallIntegerField(choices=Kind)
    provenance = models.PositiveSmallIntegerField(choices=Provenance)
    occurred_at = models.DateTimeField()
    opt_out_offered = models.BooleanField(default=False)
    evidence = models.CharField(max_length=200, help_text=_("Order number, form, message id: what proves it."))
    batch = models.ForeignKey(ImportBatch, models.PROTECT, null=True, related_name="interactions")
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            # The same file imported twice brings the same evidence once.
            models.UniqueConstraint(
                fields=["business", "recipient", "kind", "occurred_at", "evidence"],
                name="interaction_once",
            ),
            models.CheckConstraint(
                name="interaction_attested_has_evidence",
                condition=Q(provenance=1) | ~Q(evidence=""),
            ),
        ]


class ConsentEvent(models.Model):
    """One link of a person's chain of proof; the database refuses to change or remove it."""

    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    business = models.ForeignKey(Business, models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=24)
    payload = models.JSONField()
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recipient", "position"], name="consent_event_in_chain")]
