"""Choices: what a person may want of one business or of all. A link lets them protect themselves, a code more."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from consent import refusals
from consent.links import Circumstances
from consent.models import Recipient

LIMITS = (1, 2, 3, 5)
VIA = "page"


class Action(models.TextChoices):
    """What the pages' buttons do; the value stands in the forms."""

    INTERESTED = "interested", _("Interested")
    NOT_INTERESTED = "not-interested", _("Not interested")
    FEWER = "fewer", _("Set my limit")
    STOP = "stop", _("Stop their offers")
    RESUME = "resume", _("Resume their offers")
    BLOCK = "block", _("Block them")
    UNBLOCK = "unblock", _("Unblock")
    REPORT = "report", _("Say why")
    PAUSE_ALL = "pause-all", _("Pause all offers")
    UNPAUSE_ALL = "unpause-all", _("Resume all offers")
    NOT_ME = "not-me", _("This number is new to me")
    ASK_CODE = "ask-code", _("Open my page")


# What lets offers through again, or cannot be taken back.
NEEDS_CODE = frozenset({Action.RESUME, Action.UNBLOCK, Action.UNPAUSE_ALL, Action.ASK_CODE})


def needs_code(*, action: Action, recipient: Recipient, limit: int | None) -> bool:
    """Say whether the link alone is not enough: a limit may be made stricter by it, never looser."""
    if action == Action.FEWER:
        return recipient.own_limit is not None and (limit is None or limit > recipient.own_limit)
    return action in NEEDS_CODE


def read_limit(text: str) -> int | None:
    """Return the limit that was chosen, None for none of one's own."""
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) in LIMITS else None


def carry_out(
    *, action: Action, recipient_id: int, business: Business | None, now: datetime, limit: int | None = None
) -> None:
    """Do it through the same functions as every other door; committed on return. Doing it twice is doing it once.

    Without ``business`` only what concerns all of them is done.
    """
    said: Circumstances = {"locale": translation.get_language() or ""}
    match action:
        case Action.FEWER:
            refusals.set_own_limit(recipient_id=recipient_id, limit=limit, via=VIA, now=now, circumstances=said)
        case Action.PAUSE_ALL | Action.NOT_ME:
            refusals.pause_all(recipient_id=recipient_id, via=VIA, now=now, circumstances=said)
        case Action.UNPAUSE_ALL:
            refusals.unpause_all(recipient_id=recipient_id, via=VIA, now=now, circumstances=said)
    if business is None:
        return
    match action:
        case Action.STOP:
            refusals.stop(recipient_id=recipient_id, business=business, via=VIA, now=now, circumstances=said)
        case Action.RESUME:
            refusals.resume(recipient_id=recipient_id, business=business, via=VIA, now=now, circumstances=said)
        case Action.BLOCK:
            refusals.block(recipient_id=recipient_id, business=business, via=VIA, now=now, circumstances=said)
        case Action.UNBLOCK:
            refusals.unblock(recipient_id=recipient_id, business=business, via=VIA, now=now, circumstances=said)
