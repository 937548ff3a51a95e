"""Prices: what one delivered message costs, by country, from a date on; and how money is written for people."""

from datetime import datetime
from decimal import Decimal

from babel.core import Locale, UnknownLocaleError
from babel.numbers import format_currency
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from businesses.models import Price

MICRO = 1_000_000
ELSEWHERE = ""


class NoPrice(ValidationError):
    """Nothing says what a message costs, so nothing may be sent."""


def price_list(*, category: str, channel: str, currency: str, now: datetime) -> dict[str, int]:
    """Return country → micro-units as valid at ``now``; ``''`` is every country without a line of its own.

    Raises NoPrice when there is not a single line.
    """
    lines = (
        Price.objects.filter(category=category, channel=channel, currency=currency, valid_from__lte=now)
        .order_by("country", "-valid_from")
        .distinct("country")
        .values_list("country", "price_micro")
    )
    prices = dict(lines)
    if not prices:
        raise NoPrice(
            _("There is no price in %(currency)s for %(category)s messages on this channel yet. Ask the operator.")
            % {"currency": currency, "category": category},
            code="no_price",
        )
    return prices


def currencies(*, now: datetime) -> list[str]:
    """Return the currencies that messages are priced in, hence those a wallet may have."""
    return list(
        Price.objects.filter(valid_from__lte=now).order_by("currency").values_list("currency", flat=True).distinct()
    )


def to_micro(amount: Decimal) -> int:
    """Turn an amount as a person types it into micro-units; further decimals than six are not money."""
    return int((amount * MICRO).to_integral_value())


def format_micro(amount_micro: int, currency: str, locale: str) -> str:
    """Write an amount for people. Less than one unit keeps all its digits: 0.0859 is not 0.09."""
    amount = Decimal(amount_micro) / MICRO
    return format_currency(amount, currency, locale=_babel_locale(locale), decimal_quantization=abs(amount) >= 1)


def _babel_locale(locale: str) -> Locale:
    try:
        return Locale.parse(locale.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
