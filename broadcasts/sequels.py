"""What follows a broadcast: a copy of it, another try for those whom it failed, a correction for those who got it.

Each is a draft like any other. It has an estimate, a token, money, limits and results of its own, and everybody in it
passes the gate once more; what was launched before stays as it was confirmed
(``docs/decisions/0031-a-retry-is-a-broadcast-of-its-own.md``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from broadcasts import lifecycle
from broadcasts.filters.parts import Was
from broadcasts.models import Broadcast
from businesses.models import User

NAME_MAX = 120
KEPT = (
    *("variables", "life_hours", "waits_for_cap", "budget_micro", "messages_per_second", "holdout_permille"),
    *("pause_at_failed_percent", "pause_at_refused_permille", "pause_after_n"),
)
# A correction meets people who have just used up a slot: it waits for the next one.
CORRECTION_LIFE_HOURS = 72
GOT_IT = (Was.DELIVERED, Was.SENT)


class CannotRetry(ValidationError):
    """It is under way still, never began, or was tried again already."""


class CannotCorrect(ValidationError):
    """Nobody can have got it yet."""


def copy(*, broadcast: Broadcast, by: User | None, now: datetime) -> Broadcast:
    """Return a draft with the same answers, for now and not for a set time."""
    return _draft(broadcast, by, now, name=_("%(name)s (copy)"), audience=broadcast.audience)


def retry(*, broadcast: Broadcast, by: User | None, now: datetime) -> Broadcast:
    """Return a draft to those whom the provider refused for a reason that may be over by now. Raises ``CannotRetry``.

    There is one for each broadcast; asked again, the draft that waits is returned. Who failed in it, too, is tried
    again from there.
    """
    if broadcast.launched_at is None or broadcast.completed_at is None:
        raise CannotRetry(_("Wait until nothing of it is left to send: only then it is known who failed."))
    if earlier := _retry_of(broadcast):
        return _waiting(earlier)
    audience = {"broadcast": {"code": broadcast.code, "was": str(Was.FAILED_FOR_NOW)}}
    try:
        with transaction.atomic():
            return _draft(
                broadcast, by, now, name=_("%(name)s (again)"), audience=audience, follows=Broadcast.Follows.RETRY
            )
    except IntegrityError:
        earlier = _retry_of(broadcast)
        if earlier is None:
            raise
        return _waiting(earlier)


def _retry_of(broadcast: Broadcast) -> Broadcast | None:
    retries = Broadcast.objects.of(broadcast.business).filter(follows=broadcast, follows_as=Broadcast.Follows.RETRY)
    return retries.exclude(state=Broadcast.State.CANCELLED, launched_at__isnull=True).first()


def _waiting(earlier: Broadcast) -> Broadcast:
    if earlier.state != Broadcast.State.DRAFT:
        raise CannotRetry(
            _("It was tried again already, as “%(name)s” (%(code)s). Try that one again.")
            % {"name": earlier.name, "code": earlier.code}
        )
    return earlier


def correct(*, broadcast: Broadcast, by: User | None, now: datetime, was: str = Was.DELIVERED) -> Broadcast:
    """Return a draft to those who got ``broadcast``; its words are still to be chosen. Raises ``CannotCorrect``.

    A correction is an offer like any other: it takes a slot, and waits up to three days for one.
    """
    if broadcast.launched_at is None:
        raise CannotCorrect(_("Nothing of it has left: change the draft, or cancel it."))
    if was not in GOT_IT:
        raise CannotCorrect({"was": _("Choose those who received it, or all to whom it was sent.")})
    return _draft(
        broadcast,
        by,
        now,
        name=_("%(name)s (correction)"),
        audience={"broadcast": {"code": broadcast.code, "was": str(was)}},
        follows=Broadcast.Follows.CORRECTION,
        waits_for_cap=True,
        life_hours=max(broadcast.life_hours, CORRECTION_LIFE_HOURS),
        holdout_permille=0,
        budget_micro=None,
    )


def _draft(
    like: Broadcast, by: User | None, now: datetime, *, name: str, follows: str = "", **changes: Any
) -> Broadcast:
    # The end says what it is: a long name gives way.
    room = NAME_MAX - len(name % {"name": ""})
    answers = {field: getattr(like, field) for field in KEPT} | changes
    return lifecycle.create(
        business=like.business,
        name=name % {"name": like.name[:room]},
        template=like.template,
        sender=like.sender,
        by=by,
        now=now,
        follows=like if follows else None,
        follows_as=follows,
        **answers,
    )
