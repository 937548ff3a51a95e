"""The proof of consent: sealed links that only grow, the keys that open them, and the words that people were shown."""

from __future__ import annotations

from django.db import models

from businesses.models import Business
from consent.models.people import Recipient


class ConsentEvent(models.Model):
    """One link of a person's chain of proof; the database refuses to change or remove it.

    What it says of the person lies encrypted in ``sealed``; the chain runs over that, so that it can be proven without
    being read. ``consent/ledger.py`` writes and opens it. Its foreign keys are not checked row by row, a
    million times a file: a guard keeps the people who are named here, and ``verify_ledger`` knows everybody's business.
    """

    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    position = models.PositiveIntegerField()
    business = models.ForeignKey(
        Business, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=24)
    sealed = models.BinaryField()
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recipient", "position"], name="consent_event_in_chain")]


class PersonKey(models.Model):
    """What opens one business's links about a person (0: those that belong to no business). Removed, never changed.

    Itself encrypted with a key that lies outside the database. There is no foreign key in the database, because a
    million of them are made with one file; whoever erases a person removes them here.
    """

    pk = models.CompositePrimaryKey("recipient_id", "business_id")
    recipient = models.ForeignKey(Recipient, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    business_id = models.BigIntegerField()
    wrapped = models.BinaryField()


class WordingQuerySet(models.QuerySet["Wording"]):
    def of(self, business: Business | None) -> WordingQuerySet:
        return self.filter(business=business)


class Wording(models.Model):
    """The exact words that people were shown before they agreed, kept for as long as somebody may ask."""

    business = models.ForeignKey(Business, models.PROTECT, null=True, related_name="+")
    code = models.CharField(max_length=40, help_text="Where they stood: join_page, keyword, confirmation …")
    locale = models.CharField(max_length=8)
    version = models.PositiveIntegerField()
    text = models.TextField()
    hash = models.CharField(max_length=64, help_text="SHA-256 of the text in UTF-8.")
    created_at = models.DateTimeField()

    objects = WordingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business", "code", "locale", "version"], nulls_distinct=False, name="wording_once"
            )
        ]
