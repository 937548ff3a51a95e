"""Whether a business may write to one of its contacts, as far as it may know: its own relation, and nothing else.

What other businesses send, and what the person chose for all of them, is not asked here at all: of one person even
"not reachable now" would tell it. So the answer is *may be reached, other limits may apply*, or a reason of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.utils.translation import gettext as _

from consent import verdicts
from consent.models import Address, Contact
from consent.reasons import TOLD_APART, Reason


class Standing(NamedTuple):
    """``reason`` is '' when nothing of the business's own relation is in the way."""

    may_be_reached: bool
    reason: str
    sentence: str


def of(*, contact: Contact, now: datetime) -> Standing:
    """Return where the person stands with this business now."""
    question = verdicts.Question(
        business_id=contact.business_id,
        legal_entity_id=contact.business.legal_entity_id,
        address_kinds=(Address.Kind.SANDBOX, Address.Kind.E164),
        salt="",
    )
    with connection.cursor() as cursor:
        (value,) = verdicts.alone(cursor, question=question, recipient_ids=[contact.recipient_id], now=now).values()
    if value in TOLD_APART:
        return Standing(False, Reason(value).name.lower(), str(Reason(value).label))
    return Standing(True, "", _("May be reached. Other limits may apply: the person’s own, and those of all offers."))
