"""Notices: one short answer to somebody who wrote STOP, START or HELP. Never a word of marketing.

The sandbox shows them on its phones. The webhook channel has no words for them yet: its service answers people itself.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from broadcasts.channels.sandbox import network
from broadcasts.models import Sender


def answer(*, sender: Sender, address: str, meaning: str, language: str, now: datetime) -> bool:
    """Confirm what ``meaning`` ("stop", "resume", "help") has changed. Return whether the channel could say it."""
    if sender.channel != Sender.Channel.SANDBOX:
        return False
    with translation.override(translation.get_supported_language_variant(language) if _speaks(language) else "en"):
        text = wording(meaning, business=sender.business.name)
    network.show_notice(sender=sender, address=address, text=text, now=now)
    return True


def wording(meaning: str, *, business: str) -> str:
    """Return the notice in the active language."""
    match meaning:
        case "stop":
            words = _("You will get no more offers from %(business)s. To get them again, reply START.")
        case "resume":
            words = _("You will get offers from %(business)s again. To stop them, reply STOP.")
        case _:
            words = _("You get offers from %(business)s because you dealt with them. To stop them, reply STOP.")
    return words % {"business": business}


def _speaks(language: str) -> bool:
    try:
        translation.get_supported_language_variant(language)
    except LookupError:
        return False
    return True
