"""Evidence that a person dealt with a business, where it came from, and the append-only proof of consent."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from businesses.codes import import_code
from businesses.models import Business
from consent.models.people import Recipient


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def of(self, business: Business) -> ImportBatchQuerySet:
        return self.filter(business=business)


class ImportBatch(models.Model):
    """A file of contacts or stops, or what programs attested in one month: who brought it, how far it is, what it held.

    All attested evidence belongs to one, and is worth what its ``trust`` says.
    """

    class Source(models.TextChoices):
        FILE = "file", _("file")
        API = "api", _("API")

    class Kind(models.TextChoices):
        CONTACTS = "contacts", _("contacts")
        STOPS = "stops", _("stops")

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("uploaded")
        MAPPING = "mapping", _("waits for its columns")
        READING = "reading", _("reading")
        CHECKED = "checked", _("checked, not taken in yet")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        DROPPED = "dropped", _("discarded")

    class Trust(models.TextChoices):
        PROBE = "probe", _("on probation")
        CLEAN = "clean", _("probation passed")
        VOUCHED = "vouched", _("vouched for by the operator")
        QUARANTINED = "quarantined", _("quarantined")
        WITHDRAWN = "withdrawn", _("undone")

    class Withdrawal(models.IntegerChoices):
        """How far an undo is: it goes on where it stopped."""

        NONE = 0, _("not undone")
        EVIDENCE = 1, _("withdrawing the evidence")
        CONTACTS = 2, _("removing the contacts")
        DONE = 3, _("undone")

    code = models.CharField(max_length=24, unique=True, default=import_code, editable=False)
    business = models.ForeignKey(Business, models.CASCADE, related_name="imports")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.CONTACTS)
    file = models.FileField(upload_to="imports/")
    # The sheet of a workbook, as CSV: what is read instead of ``file`` where it is not empty.
    table = models.FileField(upload_to="imports/", blank=True)
    filename = models.CharField(max_length=200)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.UPLOADED)
    source = models.CharField(max_length=4, choices=Source, default=Source.FILE)
    # What programs attest in one month ("2026-03") is one batch, so that single posts do not evade the probe.
    period = models.CharField(max_length=7, blank=True)
    trust = models.CharField(max_length=12, choices=Trust, default=Trust.PROBE)
    # How many people may be told before the others; see consent/trust.py.
    n_probe = models.PositiveIntegerField(default=0)
    # The operator's last word about this evidence: reports made before it were weighed in it.
    judged_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    withdrawal = models.PositiveSmallIntegerField(choices=Withdrawal, default=Withdrawal.NONE)
    # The last person or contact whom the undo has dealt with.
    withdrawn_to = models.BigIntegerField(default=0)
    n_withdrawn = models.PositiveIntegerField(default=0)
    n_removed = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=300, blank=True)
    # The business is asked what the columns hold, or (a program's file) takes our guess.
    asks_for_columns = models.BooleanField(default=False)
    is_dry_run = models.BooleanField(default=False)
    titles = models.JSONField(default=list)
    layout = models.JSONField(null=True, help_text=_("What each column holds: see consent/columns.py."))
    # First rows and sheets of the file: kept as long as the file itself, for they hold people's data.
    preview = models.JSONField(null=True)
    n_bytes = models.BigIntegerField(default=0)
    n_bytes_read = models.BigIntegerField(default=0)
    n_rows = models.PositiveIntegerField(default=0)
    n_new = models.PositiveIntegerField(default=0)
    n_updated = models.PositiveIntegerField(default=0)
    n_faulty = models.PositiveIntegerField(default=0)
    n_without_evidence = models.PositiveIntegerField(default=0)
    n_stopped = models.PositiveIntegerField(default=0)
    n_already_stopped = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    # The last sign of life of whoever reads the file: silence gives it to another worker, at most a few times.
    touched_at = models.DateTimeField(null=True)
    n_attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business", "period"],
                condition=Q(source="api") & ~Q(trust="withdrawn"),
                name="import_batch_of_month",
            )
        ]
        indexes = [models.Index(fields=["id"], condition=Q(withdrawal__in=[1, 2]), name="import_batch_being_undone")]

    @property
    def title(self) -> str:
        """What people call it: the file's name, or the month of the API."""
        if self.source == self.Source.API:
            return gettext("API, %(month)s") % {"month": self.period}
        return self.filename

    @property
    def latest_case(self) -> EvidenceCase | None:
        """The last time its evidence was doubted."""
        return self.cases.order_by("-id").first()


class ImportFault(models.Model):
    """One row of a file that was not taken: where, what was there, and how to mend it."""

    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="faults")
    line = models.PositiveIntegerField()
    column = models.CharField(max_length=80, blank=True)
    value = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=32)
    # The whole row, so that it can be mended and brought again; forgotten with age, see ``retention``.
    cells = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["batch", "line"], name="import_fault_in_order")]


class RememberedLayoutQuerySet(models.QuerySet["RememberedLayout"]):
    def of(self, business: Business) -> RememberedLayoutQuerySet:
        return self.filter(business=business)


class RememberedLayout(models.Model):
    """What a business said that the columns of its files hold, for the next file with the same header."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=ImportBatch.Kind)
    fingerprint = models.CharField(max_length=64)
    roles = models.JSONField()
    used_at = models.DateTimeField()

    objects = RememberedLayoutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "kind", "fingerprint"], name="remembered_layout_once")
        ]


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

    # A million of them come with one file: foreign keys are not checked row by row (``docs/decisions/0017``).
    business = models.ForeignKey(Business, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="interactions", db_constraint=False)
    kind = models.PositiveSmallIntegerField(choices=Kind)
    provenance = models.PositiveSmallIntegerField(choices=Provenance)
    occurred_at = models.DateTimeField()
    opt_out_offered = models.BooleanField(default=False)
    evidence = models.CharField(max_length=200, help_text=_("Order number, form, message id: what proves it."))
    batch = models.ForeignKey(
        ImportBatch, models.PROTECT, null=True, related_name="interactions", db_index=False, db_constraint=False
    )
    # Attested of one of the first people of its batch, who are told before the others.
    is_probe = models.BooleanField(default=False, db_default=False)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            # The same file imported twice brings the same evidence once; what was withdrawn may be brought again.
            # Segments read from it all that they ask of interactions, in the order of people, without opening a row.
            models.UniqueConstraint(
                fields=["business", "recipient", "kind", "occurred_at", "evidence"],
                include=["provenance"],
                condition=Q(withdrawn_at__isnull=True),
                name="interaction_once",
            ),
            models.CheckConstraint(
                name="interaction_attested_has_evidence",
                condition=Q(provenance=1) | ~Q(evidence=""),
            ),
            models.CheckConstraint(
                name="interaction_attested_has_batch",
                condition=Q(provenance=1) | Q(batch__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "recipient"], condition=Q(batch__isnull=False), name="interaction_of_batch"),
            models.Index(fields=["batch", "recipient"], condition=Q(is_probe=True), name="interaction_of_probe"),
        ]


class EvidenceCaseQuerySet(models.QuerySet["EvidenceCase"]):
    def open(self) -> EvidenceCaseQuerySet:
        return self.filter(decided_at__isnull=True)


class EvidenceCase(models.Model):
    """A batch under suspicion: why, what the business answers, and what the operator decides."""

    class Decision(models.TextChoices):
        VOUCHED = "vouched", _("Vouched: the evidence is good")
        KEPT = "kept", _("Kept in quarantine")

    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="cases")
    opened_at = models.DateTimeField(_("opened"))
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    opening_words = models.TextField(_("why"), max_length=1000, blank=True)
    n_reporters = models.PositiveIntegerField(_("people who said that they did not sign up"), default=0)
    n_told = models.PositiveIntegerField(_("people who were written to"), default=0)
    answer = models.TextField(_("the business's answer"), max_length=2000, blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    answered_at = models.DateTimeField(_("answered"), null=True)
    decision = models.CharField(_("decision"), max_length=8, choices=Decision, blank=True)
    decision_words = models.TextField(_("reason"), max_length=1000, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided"), null=True)

    objects = EvidenceCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case about evidence")
        verbose_name_plural = _("cases about evidence")
        constraints = [
            models.UniqueConstraint(
                fields=["batch"], condition=Q(decided_at__isnull=True), name="evidence_case_open_once"
            )
        ]

    def __str__(self) -> str:
        return self.batch.code
