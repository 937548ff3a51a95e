"""Onboarding: a business appears with its test twin, its money and its first owner; the operator verifies it."""

import zoneinfo
from datetime import datetime
from functools import cache

from babel.core import Locale
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from businesses import audit, events, prices, wallet
from businesses.models import Business, LegalEntity, Member, User

PLAY_MONEY_MICRO = 1_000 * prices.MICRO
# Babel also names regions (150), groups (EU, UN) and inventions (XA): not countries where a company is registered.
NOT_COUNTRIES = {"EU", "EZ", "UN", "ZZ", "XA", "XB", "QO"}
COUNTRIES = frozenset(code for code in map(str, Locale("en").territories) if len(code) == 2) - NOT_COUNTRIES


@cache
def timezones() -> frozenset[str]:
    """Return the names of all time zones; looked up once, since it opens hundreds of files."""
    return frozenset(zoneinfo.available_timezones())


class CannotOpen(ValidationError):
    """A business cannot be opened like this."""


@transaction.atomic
def open_business(
    *,
    name: str,
    country: str,
    registration_number: str,
    legal_name: str,
    owner: User,
    now: datetime,
    timezone: str = "Europe/Paris",
    currency: str = "EUR",
    locale: str = "fr",
    website: str = "",
    contact_email: str = "",
) -> Business:
    """Open a live business, waiting for verification, and its test twin, which may send to sandbox phones at once.

    Accounts with the same country and registration number share one legal entity, hence every stop given to one.
    """
    _must_exist(country=country, timezone=timezone, currency=currency, now=now)
    legal_entity, _is_new = LegalEntity.objects.get_or_create(
        country=country, registration_number=_plain(registration_number), defaults={"name": legal_name.strip()}
    )
    live = Business.objects.create(
        name=name.strip(),
        legal_entity=legal_entity,
        country=country,
        timezone=timezone,
        currency=currency,
        locale=locale,
        website=website,
        contact_email=contact_email or owner.email,
    )
    twin = _open_twin(live, now=now)
    for business in (live, twin):
        wallet.open_wallet(business=business)
        Member.objects.create(business=business, user=owner, role=Member.Role.OWNER)
    wallet.top_up(
        business=twin, amount_micro=PLAY_MONEY_MICRO, key=f"play-money:{twin.code}", memo=_("Play money"), now=now
    )
    _tell("business.opened", live, by=owner, before={}, now=now)
    return live


def _open_twin(live: Business, *, now: datetime) -> Business:
    """Open the test twin: the same facts, its own people, money and keys. Nothing it sends leaves the house."""
    return Business.objects.create(
        name=live.name,
        legal_entity=live.legal_entity,
        mode=Business.Mode.TEST,
        twin_of=live,
        state=Business.State.VERIFIED,
        verified_at=now,
        country=live.country,
        timezone=live.timezone,
        currency=live.currency,
        locale=live.locale,
        website=live.website,
        contact_email=live.contact_email,
    )


def _must_exist(*, country: str, timezone: str, currency: str, now: datetime) -> None:
    if country not in COUNTRIES:
        raise CannotOpen(
            _("“%(country)s” is not a country's two-letter code, like FR.") % {"country": country},
            code="country_unknown",
        )
    if timezone not in timezones():
        raise CannotOpen(
            _("There is no time zone “%(zone)s”; Europe/Paris is one.") % {"zone": timezone}, code="timezone_unknown"
        )
    if currency not in (priced := prices.currencies(now=now)):
        raise CannotOpen(
            _("Messages are not priced in “%(currency)s”. Choose one of: %(priced)s.")
            % {"currency": currency, "priced": ", ".join(priced)},
            code="currency_unknown",
        )


def _plain(registration_number: str) -> str:
    """Write a registration number in one way, so that “552 081 317” and “552.081.317” are the same company."""
    plain = "".join(letter for letter in registration_number.upper() if letter.isalnum())
    if not plain:
        raise CannotOpen(
            _("Enter the number under which the company is registered."), code="registration_number_missing"
        )
    return plain


class CannotVerify(ValidationError):
    """Only a business that waits for its verification can be verified."""


@transaction.atomic
def verify(*, business: Business, by: User, now: datetime) -> Business:
    """Let a business send: the operator has seen its papers."""
    n_verified = Business.objects.filter(pk=business.pk, state=Business.State.PENDING).update(
        state=Business.State.VERIFIED, verified_at=now
    )
    if not n_verified:
        raise CannotVerify(_("This business is not waiting for verification."), code="not_pending")
    return _changed("business.verified", business, by=by, now=now)


class CannotSuspend(ValidationError):
    """A suspension needs a reason, and a business that is open."""


@transaction.atomic
def suspend(*, business: Business, reason: str, by: User, now: datetime) -> Business:
    """Stop a business from sending at once, with a reason that its members can read."""
    if not reason.strip():
        raise CannotSuspend(
            _("Give the reason of the suspension: the business's members read it."), code="reason_missing"
        )
    n_suspended = Business.objects.filter(
        pk=business.pk, state__in=[Business.State.PENDING, Business.State.VERIFIED]
    ).update(state=Business.State.SUSPENDED, suspended_because=reason.strip())
    if not n_suspended:
        raise CannotSuspend(_("This business is suspended or closed already."), code="not_open")
    return _changed("business.suspended", business, by=by, now=now)


class CannotReinstate(ValidationError):
    """Only a suspended business can be reinstated."""


@transaction.atomic
def reinstate(*, business: Business, by: User, now: datetime) -> Business:
    """End a suspension. A business that had never been verified waits for its verification again."""
    suspended = Business.objects.filter(pk=business.pk, state=Business.State.SUSPENDED)
    n_reinstated = suspended.filter(verified_at__isnull=False).update(
        state=Business.State.VERIFIED, suspended_because=""
    ) or suspended.update(state=Business.State.PENDING, suspended_because="")
    if not n_reinstated:
        raise CannotReinstate(_("This business is not suspended."), code="not_suspended")
    return _changed("business.reinstated", business, by=by, now=now)


def _changed(kind: str, business: Business, *, by: User, now: datetime) -> Business:
    before = {"state": business.state}
    business.refresh_from_db()
    _tell(kind, business, by=by, before=before, now=now)
    return business


def _tell(kind: str, business: Business, *, by: User, before: dict[str, str], now: datetime) -> None:
    after = {"state": business.state, "reason": business.suspended_because}
    audit.note(
        action=kind,
        object_kind="business",
        object_code=business.code,
        actor=by,
        business=business,
        before=before,
        after=after,
        now=now,
    )
    events.record(business_id=business.pk, kind=kind, payload={"business": business.code, **after}, now=now)
