"""A notice is a service message: it answers or confirms, and never advertises. It has no broadcast, price or slot."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from broadcasts.models.sender import Sender
from businesses.codes import notice_code
from businesses.models import Business
from consent.models import Address, Recipient
from templates_approval.models import Version


class NoticeQuerySet(models.QuerySet["Notice"]):
    def of(self, business: Business) -> NoticeQuerySet:
        return self.filter(sender__business=business)

    def tests(self) -> NoticeQuerySet:
        return self.filter(kind=Notice.Kind.TEST)


class Notice(models.Model):
    """One notice, durable before it leaves. Its words are gone as soon as it has left, failed or expired."""

    class Kind(models.TextChoices):
        STOP = "stop", _("stop confirmed")
        RESUME = "resume", _("resume confirmed")
        HELP = "help", _("help")
        JOIN = "join", _("joining confirmed")
        CONFIRM = "confirm", _("asked to confirm")
        CODE = "code", _("code for one's own page")
        NUMBER = "number", _("code for a member's own number")
        TEST = "test", _("test of a template")
        REPLY = "reply", _("answer to a question")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")

    # The idempotency key on its way out.
    code = models.CharField(max_length=24, unique=True, default=notice_code, editable=False)
    sender = models.ForeignKey(Sender, models.CASCADE, related_name="+")
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="+")
    # Where to; the number itself is read when it leaves. An address may go at any time: the notice then expires.
    address = models.ForeignKey(Address, models.DO_NOTHING, related_name="+", db_constraint=False)
    kind = models.CharField(max_length=8, choices=Kind)
    # What it answers, in the caller's words: the same cause is answered once.
    cause = models.CharField(max_length=160)
    language = models.CharField(max_length=8)
    # What a test tries, and who sent it or the answer.
    version = models.ForeignKey(Version, models.CASCADE, null=True, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # Encrypted, because a code stands in some of them; NULL as soon as nothing waits to be said any more.
    text_encrypted = models.BinaryField(null=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    n_attempts = models.PositiveSmallIntegerField(default=0)
    # Whoever carries it holds it until then; afterwards it is due again.
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    # Only where the provider tells.
    delivered_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=32, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sender", "recipient", "kind", "cause"], name="notice_once"),
            models.CheckConstraint(name="notice_test_of_version", condition=~Q(kind="test") | Q(version__isnull=False)),
            models.CheckConstraint(
                name="notice_words_only_while_waiting",
                condition=Q(state="waiting", text_encrypted__isnull=False)
                | (~Q(state="waiting") & Q(text_encrypted__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="waiting"), name="notice_waiting"),
            models.Index(fields=["recipient", "kind", "created_at"], name="notice_rate"),
            models.Index(fields=["version", "id"], condition=Q(kind="test"), name="notice_tests"),
        ]
