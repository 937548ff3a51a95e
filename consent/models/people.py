"""A recipient is a person as far as known, shared by all businesses; a contact is one business's relation to them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from businesses.codes import contact_code, recipient_code
from businesses.models import Business, LegalEntity
from consent.lines import LineType


class Recipient(models.Model):
    """A person. Whoever decides about a person first locks this row (``FOR NO KEY UPDATE``, in id order)."""

    code = models.CharField(max_length=24, unique=True, default=recipient_code, editable=False)
    country = models.CharField(
        max_length=2,
        help_text=_("Of the number's calling code; sets price, basis and caps."),
    )
    # One zone, or several where the number leaves it open, the most likely first (``consent/zones.py``).
    timezone = models.CharField(max_length=64)
    locale = models.CharField(max_length=8, blank=True, help_text=_("Chosen by the person; empty until then."))
    own_limit = models.PositiveSmallIntegerField(null=True, help_text=_("Offers per 7 days that the person accepts."))
    paused_all_at = models.DateTimeField(null=True)
    links_valid_from = models.DateTimeField(null=True, help_text=_("Links in older messages open nothing any more."))
    erased_at = models.DateTimeField(null=True)
    # Since when their number is theirs, where it was somebody else's before (``recycling``): what anybody attests of an
    # earlier day is the other's, and counts for nothing here.
    evidence_from = models.DateTimeField(null=True, editable=False)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["merged_into"], name="recipient_merged", condition=Q(merged_into__isnull=False)),
            # Segments by country: merged with a business's contacts in the order of people, without opening their rows.
            models.Index(fields=["id"], include=["country"], name="recipient_country"),
        ]
        constraints = [
            models.CheckConstraint(
                name="recipient_own_limit_sane",
                condition=Q(own_limit__isnull=True) | Q(own_limit__lte=100),
            )
        ]


class Address(models.Model):
    """One way to reach a person. ``scope`` is empty for phone numbers, the sender's account for provider ids."""

    class Kind(models.TextChoices):
        E164 = "e164", _("phone number")
        PROVIDER = "provider", _("provider's id")
        SANDBOX = "sandbox", _("sandbox phone")

    # People are kept by a guard on their own table (migration 0018), not by a million checks a file.
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="addresses", db_constraint=False)
    kind = models.CharField(max_length=8, choices=Kind)
    value = models.CharField(max_length=64)
    scope = models.CharField(max_length=64, blank=True)
    # Read from the number when it is made; which of them can be reached is a rule of the channel.
    line_type = models.PositiveSmallIntegerField(
        choices=LineType, default=LineType.UNKNOWN, db_default=LineType.UNKNOWN
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "value", "scope"], name="address_once")]


class ContactQuerySet(models.QuerySet["Contact"]):
    def of(self, business: Business) -> ContactQuerySet:
        return self.filter(business=business)


class Contact(models.Model):
    """A business's own facts about a person; one business never alters another's."""

    class Reaction(models.IntegerChoices):
        NONE = 0, _("none")
        INTERESTED = 1, _("interested")
        NOT_INTERESTED = 2, _("not interested")

    code = models.CharField(max_length=24, unique=True, default=contact_code, editable=False)
    # ``contact_once`` and ``contact_in_order`` begin with it: an index of its own would only cost.
    business = models.ForeignKey(Business, models.CASCADE, related_name="contacts", db_constraint=False, db_index=False)
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="contacts", db_constraint=False)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    last_reaction = models.PositiveSmallIntegerField(choices=Reaction, default=Reaction.NONE)
    # The file that made this contact (consent_importbatch.id): its undo takes away who has nothing else.
    brought_by_id = models.BigIntegerField(null=True, editable=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business", "recipient"], name="contact_once")]
        indexes = [
            models.Index(fields=["business", "id"], name="contact_in_order"),
        ]


class Refusal(models.Model):
    """A person stopped or blocked a legal entity. It holds while ``lifted_at`` is empty, for all its accounts."""

    class Kind(models.IntegerChoices):
        STOPPED = 1, _("stopped")
        BLOCKED = 2, _("blocked")

    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="+", db_index=False)
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="refusals")
    kind = models.PositiveSmallIntegerField(choices=Kind)
    via = models.CharField(
        max_length=24,
        help_text=_("The door: keyword, page, phone, api, import, provider."),
    )
    # What people are told. Files, and stops that were kept, carry a date of their own:
    refused_at = models.DateTimeField()
    # since when it stands here, by the database's clock and behind the person's lock. From then on the gate obeys it.
    written_at = models.DateTimeField(db_default=Now(), editable=False)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["legal_entity", "recipient", "kind"], name="refusal_once")]
        # Who refused lately: asked every second while something is being sent.
        indexes = [models.Index(fields=["legal_entity", "refused_at"], name="refusal_newest")]


class Suppression(models.Model):
    """The keyed hash of an address whose person was erased or refused: enough to keep the promise, not to call."""

    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, null=True, related_name="+")
    address_hash = models.BinaryField(max_length=32)
    kind = models.CharField(max_length=12)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["address_hash", "legal_entity", "kind"],
                nulls_distinct=False,
                name="suppression_once",
            )
        ]
