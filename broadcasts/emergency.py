"""The emergency stop: one press, and within a second no more offers leave in its scope, until somebody lifts it.

Its commit is what is obeyed: the gate reads it in the transaction that decides, and looks once more at the end. What
had passed the gate by then is handed over within a second or goes back to the queue. Notices (the answer to a STOP,
codes) are no offers and still go out.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from broadcasts import lifecycle
from broadcasts.models import Broadcast, EmergencyStop, Sender
from broadcasts.models.stop import REASON_MAX
from businesses import audit, events, names
from businesses.models import Business, User
from templates_approval.models import Template

Scope = EmergencyStop.Scope
# What a business may stop of its own.
BUSINESS_SCOPES = (Scope.BROADCAST, Scope.TEMPLATE, Scope.SENDER, Scope.BUSINESS)
COUNTRY = re.compile(r"[A-Z]{2}")


class CannotStop(ValidationError):
    """What should be stopped does not exist, or no reason was given."""


class CannotLift(ValidationError):
    """It was lifted already, or it is the operator's."""


class Target(NamedTuple):
    """What a stop is about; its fields are those of ``EmergencyStop``."""

    scope: str
    business: Business | None = None
    sender: Sender | None = None
    template: Template | None = None
    broadcast: Broadcast | None = None
    country: str = ""


def target(*, scope: str, reference: str, business: Business | None = None) -> Target:
    """Return what ``reference`` names: a code, a country, or nothing for everything. Raises ``CannotStop``.

    With ``business`` only what belongs to it exists.
    """
    allowed = tuple(Scope) if business is None else BUSINESS_SCOPES
    if scope not in allowed:
        raise CannotStop({"scope": _("This cannot be stopped here.")})
    match scope:
        case Scope.PLATFORM:
            return Target(scope)
        case Scope.COUNTRY:
            return Target(scope, country=_country(reference))
        case Scope.BUSINESS:
            return Target(scope, _found(_businesses(business), reference))
        case Scope.SENDER:
            sender = _found(_of(Sender.objects.select_related("business"), business), reference)
            return Target(scope, sender.business, sender=sender)
        case Scope.TEMPLATE:
            template = _found(_of(Template.objects.select_related("business"), business), reference)
            return Target(scope, template.business, template=template)
    broadcast = _found(_of(Broadcast.objects.select_related("business"), business), reference)
    return Target(scope, broadcast.business, broadcast=broadcast)


def _country(reference: str) -> str:
    code = reference.strip().upper()
    if not COUNTRY.fullmatch(code) or names.country(code) == code:
        raise CannotStop({"reference": _("Write the two letters of the country, for example FR.")})
    return code


def _businesses(business: Business | None) -> Any:
    return Business.objects.filter(pk=business.pk) if business else Business.objects.all()


def _of(rows: Any, business: Business | None) -> Any:
    return rows.of(business) if business else rows


def _found(rows: Any, reference: str) -> Any:
    row = rows.filter(code=reference.strip()).first() if reference.strip().isprintable() else None
    if row is None:
        raise CannotStop({"reference": _("There is nothing with this code.")})
    return row


def stop(*, at: Target, reason: str, by: User | None, now: datetime, is_operators: bool = False) -> EmergencyStop:
    """Stop all offers of ``at``; return the stop that holds. Pressed twice, it is pressed once. Raises ``CannotStop``.

    It is obeyed from the first commit in here on; saying so on the broadcasts comes after it.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise CannotStop({"reason": _("Say why: whoever lifts it has to know.")})
    if len(reason) > REASON_MAX:
        raise CannotStop({"reason": _("Use %(n)d characters at most.") % {"n": REASON_MAX}})
    placed = _place(at, reason, by, now, is_operators)
    lifecycle.pause_stopped(now=now)
    return placed


def _place(at: Target, reason: str, by: User | None, now: datetime, is_operators: bool) -> EmergencyStop:
    what = {**at._asdict(), "is_operators": is_operators}
    holding = EmergencyStop.objects.holding()
    with transaction.atomic():
        if earlier := holding.filter(**what).first():
            return earlier
        try:
            with transaction.atomic():
                placed = EmergencyStop.objects.create(**what, reason=reason, created_by=by, created_at=now)
        except IntegrityError:
            return holding.get(**what)
        _tell(placed, "emergency_stop.placed", by, now)
    return placed


def lift(
    *, stop: EmergencyStop, by: User | None, now: datetime, goes_on: bool = True, is_operator: bool = False
) -> int:
    """End a stop; return how many broadcasts go on. Raises ``CannotLift``.

    Without ``goes_on`` what it paused stays paused, for each business to resume. What was paused before by somebody
    else stays so in any case.
    """
    if stop.is_operators and not is_operator:
        raise CannotLift(_("The operator placed this stop; only the operator can lift it."))
    with transaction.atomic():
        if not EmergencyStop.objects.holding().filter(pk=stop.pk).update(lifted_at=now, lifted_by=by):
            raise CannotLift(_("This stop was lifted already."))
        if not goes_on:
            Broadcast.objects.filter(stop=stop).update(stop=None)
        n = lifecycle.let_go_on(stop=stop, now=now)
        _tell(stop, "emergency_stop.lifted", by, now, {"n_broadcasts": n})
    return n


def _tell(stop: EmergencyStop, kind: str, by: User | None, now: datetime, more: dict[str, Any] | None = None) -> None:
    facts = {"scope": stop.scope, "reference": stop.reference, "reason": stop.reason, **(more or {})}
    audit.note(
        action=kind, object_kind="emergency_stop", object_code=stop.code, actor=by, business=stop.business,
        after=facts, now=now,
    )  # fmt: skip
    if stop.business_id is not None:
        events.record(business_id=stop.business_id, kind=kind, payload={"code": stop.code, **facts}, now=now)
