"""Where people join: a business's page with its promise, and what was asked for there until it is confirmed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from businesses.codes import join_page_code, join_request_code
from businesses.models import Business
from consent.models.people import Recipient
from consent.models.proof import Wording


class JoinPage(models.Model):
    """One business's door for people who want its offers; what it promises is archived as a ``Wording``."""

    code = models.CharField(max_length=24, unique=True, default=join_page_code, editable=False)
    business = models.OneToOneField(Business, models.CASCADE, related_name="+")
    is_open = models.BooleanField(_("open"), default=True)
    # Capitals and digits; people write it after JOIN or REJOINDRE.
    keyword = models.CharField(_("keyword"), max_length=20)
    # E.164. With it the QR code opens a chat with the keyword written already.
    display_number = models.CharField(_("WhatsApp number"), max_length=20, blank=True)
    # {"fr": "…", "en": "…"}: the business's own promise; without one the house's stands there.
    promises = models.JSONField(_("promise"), default=dict, blank=True)
    n_joined = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()


class JoinRequest(models.Model):
    """Somebody entered a number on the page. It is worth nothing until a message from that number confirms it."""

    code = models.CharField(max_length=24, unique=True, default=join_request_code, editable=False)
    page = models.ForeignKey(JoinPage, models.CASCADE, related_name="+")
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="+")
    wording = models.ForeignKey(Wording, models.PROTECT, related_name="+")
    # The number was unknown: whoever does not confirm is forgotten again.
    is_new_person = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["recipient", "page", "-created_at"], name="join_request_of_person"),
            models.Index(fields=["expires_at"], name="join_request_end"),
        ]
