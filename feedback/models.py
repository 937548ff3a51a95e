"""What came back: the providers' raw callbacks, people's reactions, and their reports."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from broadcasts.models import Notice, Sender
from businesses.codes import message_code, passcode_code, report_code
from businesses.models import Business
from consent.models import Address, Recipient


class Callback(models.Model):
    """One accepted call of a provider, kept as it came before anything is done with it; answered 200 means stored.

    Its body is full of addresses: once everything in it is obeyed and folded it is emptied. What could not be
    understood keeps it, for a person to look at, as long as retention says.
    """

    sender = models.ForeignKey(Sender, models.CASCADE, related_name="+", db_constraint=False)
    body = models.BinaryField()
    received_at = models.DateTimeField()
    # Whoever folds it holds it until then: receipts are folded in several transactions, one a broadcast.
    claimed_until = models.DateTimeField(null=True)
    folded_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(folded_at__isnull=True),
                name="callback_unfolded",
            ),
            models.Index(
                fields=["received_at"],
                condition=~Q(failure=""),
                name="callback_set_aside",
            ),
        ]


class InboundMessage(models.Model):
    """The provider's id of something a person wrote or pressed: only who inserts it first acts on it."""

    pk = models.CompositePrimaryKey("sender_id", "provider_id")
    sender_id = models.BigIntegerField()
    provider_id = models.CharField(max_length=128)
    heard_at = models.DateTimeField()

    class Meta:
        # They come in the order of time, and are read by it only when they are forgotten.
        indexes = [BrinIndex(fields=["heard_at"], name="inbound_message_age")]


class ReplyQuerySet(models.QuerySet["Reply"]):
    def of(self, business: Business) -> ReplyQuerySet:
        return self.filter(business=business)


class Reply(models.Model):
    """What a person wrote to a business. The outbox only grows, so an event names this row and never quotes it."""

    code = models.CharField(max_length=24, unique=True, default=message_code, editable=False)
    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    sender = models.ForeignKey(Sender, models.CASCADE, related_name="+")
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="+")
    text = models.TextField()
    said_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects = ReplyQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], name="reply_age"),
            models.Index(fields=["recipient", "business", "said_at"], name="reply_of_contact"),
        ]


class AnswerQuerySet(models.QuerySet["Answer"]):
    def of(self, business: Business) -> AnswerQuerySet:
        return self.filter(business=business)


class Answer(models.Model):
    """What a business answered somebody who had written, in free words. It travels as a notice."""

    code = models.CharField(max_length=24, unique=True, default=message_code, editable=False)
    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    sender = models.ForeignKey(Sender, models.CASCADE, related_name="+")
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # Notices are forgotten sooner than words.
    notice = models.OneToOneField(Notice, models.SET_NULL, null=True, related_name="+")
    text = models.TextField()
    # Keyed, of the letters alone: the same words to many people are no answers.
    words_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    objects = AnswerQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(name="answer_says_something", condition=~Q(text=""))]
        indexes = [
            models.Index(fields=["created_at"], name="answer_age"),
            models.Index(fields=["business", "words_hash", "created_at"], name="answer_alike"),
        ]


class Reaction(models.Model):
    """Interested or Not interested, said of one delivery. The latest word counts; every word is kept."""

    class Kind(models.IntegerChoices):
        INTERESTED = 1, _("interested")
        NOT_INTERESTED = 2, _("not interested")

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="+")
    broadcast_id = models.BigIntegerField()
    kind = models.PositiveSmallIntegerField(choices=Kind)
    via = models.CharField(max_length=12)
    created_at = models.DateTimeField()

    class Meta:
        # One word of each kind per delivery: the same press twice is one reaction.
        constraints = [models.UniqueConstraint(fields=["broadcast_id", "recipient", "kind"], name="reaction_once")]


class ReportQuerySet(models.QuerySet["Report"]):
    def open(self) -> ReportQuerySet:
        return self.filter(state=Report.State.OPEN).order_by("created_at", "id")


class Report(models.Model):
    """Somebody blocked a business and said why. The operator's desk decides; the business sees only sums."""

    class Reason(models.TextChoices):
        TOO_MANY = "too_many", _("Too many messages")
        NOT_RELEVANT = "not_relevant", _("Not relevant to me")
        INTRUSIVE = "intrusive", _("Intrusive or at a bad time")
        NO_SIGN_UP = "no_sign_up", _("I didn't sign up")
        NO_LONGER_NEEDED = "no_longer_needed", _("No longer needed")
        SPAM = "spam", _("Spam")
        OFFENSIVE = "offensive", _("Offensive")
        SCAM = "scam", _("Scam or fraud")
        OTHER = "other", _("Something else")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DISMISSED = "dismissed", _("no fault found")
        UPHELD = "upheld", _("upheld")

    code = models.CharField(max_length=24, unique=True, default=report_code, editable=False)
    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="+")
    broadcast_id = models.BigIntegerField(null=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    words = models.TextField(_("in their words"), max_length=1000, blank=True)
    via = models.CharField(max_length=12)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_words = models.TextField(_("decision"), max_length=1000, blank=True)
    created_at = models.DateTimeField()

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business", "recipient", "broadcast_id", "reason"],
                nulls_distinct=False,
                name="report_once",
            )
        ]

    def __str__(self) -> str:
        return self.code


class Passcode(models.Model):
    """Somebody asked for a code to their own page. A number that nobody knows gets a row like any other.

    Nothing in it opens anything: the number is encrypted until the clock has looked it up, and gone then; the code
    itself is kept as a keyed hash only.
    """

    class Wish(models.TextChoices):
        """What the code was asked for; done as soon as it is entered."""

        NOTHING = "", _("the page")
        RESUME = "resume", _("resume")
        UNBLOCK = "unblock", _("unblock")
        UNPAUSE_ALL = "unpause-all", _("resume all offers")
        FEWER = "fewer", _("set the limit")
        NOT_ME = "not-me", _("a number with a new owner")

    # In the address of the page where it is entered: opens nothing without the code.
    code = models.CharField(max_length=24, unique=True, default=passcode_code, editable=False)
    number_encrypted = models.BinaryField(null=True)
    # Keyed hashes of the number (or person) and of the visitor's address: how often each has asked.
    number_hash = models.BinaryField(max_length=32)
    visitor_hash = models.BinaryField(max_length=32)
    recipient = models.ForeignKey(Recipient, models.CASCADE, null=True, related_name="+")
    # Where the code went. As soon as the number is another person's, the session is nobody's.
    address = models.ForeignKey(Address, models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    # The message whose page asked, if it was one.
    broadcast_id = models.BigIntegerField(null=True)
    wish = models.CharField(max_length=12, choices=Wish, blank=True)
    limit = models.PositiveSmallIntegerField(null=True)
    language = models.CharField(max_length=8)
    code_hash = models.BinaryField(max_length=32)
    n_attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    # When the clock has looked whom it concerns, whether or not there was anybody.
    resolved_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    # The holder said that what is kept about the number is about them.
    confirmed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(resolved_at__isnull=True), name="passcode_unresolved"),
            models.Index(fields=["number_hash", "created_at"], name="passcode_of_number"),
            models.Index(fields=["visitor_hash", "created_at"], name="passcode_of_visitor"),
        ]
