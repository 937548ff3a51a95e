"""What a person asked to be forgotten, and for how long everything else is kept."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from businesses.codes import erasure_code
from businesses.models import Business
from consent.models.people import Recipient


class ErasureRequest(models.Model):
    """One person leaves, everywhere or at one business. The person is gone at once; their copies follow.

    The row outlives both: it says that it was done, and holds nothing of the person any more once it was.
    """

    class Cause(models.TextChoices):
        PERSON = "person", _("the person asked for it")
        OPERATOR = "operator", _("the operator, for the person")
        BUSINESS = "business", _("the business deleted its contact")

    class State(models.TextChoices):
        ASKED = "asked", _("copies are still to be removed")
        SWEPT = "swept", _("copies were removed once")
        DONE = "done", _("done")

    code = models.CharField(max_length=24, unique=True, default=erasure_code, editable=False)
    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="+")
    business = models.ForeignKey(Business, models.PROTECT, null=True, related_name="+")
    cause = models.CharField(max_length=8, choices=Cause)
    via = models.CharField(max_length=24)
    state = models.CharField(max_length=5, choices=State, default=State.ASKED)
    # What copies are recognised by (see consent.erasure.Traces); emptied when the last one is gone.
    traces = models.JSONField(default=dict)
    requested_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, help_text=_("When the businesses' programs were told."))
    swept_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="erasure_done_keeps_nothing",
                condition=~Q(state="done") | Q(traces={}, done_at__isnull=False),
            )
        ]
        indexes = [
            models.Index(fields=["requested_at"], condition=~Q(state="done"), name="erasure_waiting"),
            models.Index(fields=["recipient"], name="erasure_of_person"),
        ]


class RetentionRule(models.Model):
    """For how many days one kind of thing is kept, and who says so. A kind without a rule is kept."""

    class Kind(models.TextChoices):
        CONTACT = "contact", _("contact without an interaction")
        PERSON = "person", _("person whom no business knows any more")
        MESSAGE = "message", _("what people wrote to a business")
        REPORT = "report", _("words of a report")
        NOTICE = "notice", _("service message")
        PHONE = "phone", _("message on a sandbox phone")
        VARIABLES = "variables", _("values filled into a message, after its broadcast was settled")
        CALLBACK = "callback", _("call of a provider, folded")
        SET_ASIDE = "set_aside", _("body of a call that could not be understood")
        INBOUND_ID = "inbound_id", _("provider's id of something a person wrote")
        PROVIDER_ID = "provider_id", _("provider's id of a message, after its broadcast was settled")
        IMPORT_FILE = "import_file", _("contact file that nobody read")
        IMPORT_FAULT = "import_fault", _("wrong row of a contact file")
        ANSWER = "answer", _("answer to a repeatable request")
        REQUEST = "request", _("that somebody was erased: a code and dates")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind, unique=True)
    days = models.PositiveIntegerField(_("kept (days)"))
    source = models.CharField(_("source"), max_length=300)

    class Meta:
        constraints = [models.CheckConstraint(name="retention_at_least_a_day", condition=Q(days__gte=1))]

    def __str__(self) -> str:
        return self.get_kind_display()
