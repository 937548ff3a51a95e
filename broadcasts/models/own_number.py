"""Members' own numbers, which tests may go to; how many tests went today; and who wrote to a sender lately."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from broadcasts.models.sender import Sender
from businesses.models import Business
from consent.models import Address, Recipient

MOST_TESTS_A_DAY = 10


class OwnNumber(models.Model):
    """The number of a member at one sender. It is theirs once a code that went there, over that sender, came back.

    Over each sender anew: what a pretended phone or the business's own service has shown proves nothing about another.
    """

    sender = models.ForeignKey(Sender, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Whose number it was when it was asked for. As soon as the address is another person's, it is not the member's.
    # NULL where no code may go: the row looks like any other.
    recipient = models.ForeignKey(Recipient, models.CASCADE, null=True, related_name="+")
    address = models.ForeignKey(Address, models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    # Nobody knew the number before: if it is never shown to be theirs, it is forgotten.
    is_new_person = models.BooleanField()
    # Keyed; no digits have the one that a row begins with.
    code_hash = models.BinaryField(max_length=32)
    n_attempts = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sender", "user"], name="own_number_once"),
            models.CheckConstraint(name="own_number_few_tries", condition=Q(n_attempts__lte=5)),
            models.CheckConstraint(
                name="own_number_verified_is_somewhere",
                condition=Q(verified_at=None) | Q(address__isnull=False, recipient__isnull=False),
            ),
        ]


class TestDay(models.Model):
    """How many tests a business has sent on one of its days."""

    # pytest collects by this name otherwise.
    __test__ = False

    pk = models.CompositePrimaryKey("business", "on")
    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    on = models.DateField()
    n = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(name="test_day_limit", condition=Q(n__lte=MOST_TESTS_A_DAY))]


class Window(models.Model):
    """When somebody last wrote to a sender: for a day they may be answered in free words."""

    pk = models.CompositePrimaryKey("sender", "address_id")
    sender = models.ForeignKey(Sender, models.CASCADE, related_name="+")
    address_id = models.BigIntegerField()
    heard_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["address_id"], name="window_of_address")]
