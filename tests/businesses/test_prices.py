"""What a message costs, and how amounts are written."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from businesses import prices
from businesses.models import Price
from tests.make import NOW


def prices_now(*, channel: str = "sandbox", currency: str = "EUR", now: datetime = NOW) -> dict[str, int]:
    return prices.price_list(category="marketing", channel=channel, currency=currency, now=now)


@pytest.mark.parametrize("channel", ["sandbox", "webhook", "whatsapp"])
@pytest.mark.parametrize("currency", ["EUR", "USD"])
def test_a_fresh_installation_has_example_prices(db: None, channel: str, currency: str) -> None:
    listed = prices_now(channel=channel, currency=currency)
    assert len(listed) > 12
    assert listed[""] > 0
    assert listed["FR"] > 0
    assert not Price.objects.filter(is_example=False).exists()
    assert not Price.objects.filter(source="").exists()


def test_the_newest_price_that_holds_already_wins(db: None) -> None:
    line = {"category": "marketing", "channel": "sandbox", "currency": "EUR", "country": "FR", "source": "our card"}
    Price.objects.create(**line, price_micro=1, valid_from=NOW - timedelta(days=1))
    Price.objects.create(**line, price_micro=2, valid_from=NOW + timedelta(days=1))
    assert prices_now()["FR"] == 1
    assert prices_now(now=NOW + timedelta(days=1))["FR"] == 2


def test_without_a_price_nothing_is_said_about_the_cost(db: None) -> None:
    with pytest.raises(prices.NoPrice, match="Ask the operator"):
        prices_now(currency="CHF")
    with pytest.raises(prices.NoPrice):
        prices_now(now=datetime(2025, 1, 1, tzinfo=UTC))


def test_currencies_are_those_with_prices(db: None) -> None:
    assert prices.currencies(now=NOW) == ["EUR", "USD"]


@pytest.mark.parametrize(
    ("amount_micro", "currency", "locale", "written"),
    [
        (12_340_000, "EUR", "en", "€12.34"),
        (12_340_000, "EUR", "fr", "12,34\u00a0€"),
        (79_000, "EUR", "en", "€0.079"),
        (0, "EUR", "en", "€0.00"),
        (-1_500_000, "USD", "en", "-$1.50"),
        (1_234_567_890_000, "EUR", "fr-CH", "1\u202f234\u202f567,89\u00a0€"),
        (1_000_000, "EUR", "xx-not-a-language", "€1.00"),
    ],
)
def test_amounts_are_written_for_people(amount_micro: int, currency: str, locale: str, written: str) -> None:
    assert prices.format_micro(amount_micro, currency, locale) == written


def test_amounts_are_read_without_loss() -> None:
    assert prices.to_micro(Decimal("12.34")) == 12_340_000
