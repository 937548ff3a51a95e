"""Example prices, so that a fresh installation can estimate at once. The operator replaces them by their own rate card."""

from datetime import UTC, datetime

from django.db import migrations

VALID_FROM = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = "Example of the order of magnitude of public 2026 rate cards, not a quotation: replace it by your own"
CHANNELS = ("sandbox", "webhook", "whatsapp")

# Country → (EUR, USD) in micro-units per delivered marketing message; '' is elsewhere.
MARKETING = {
    "": (92_000, 100_000),
    "AE": (53_000, 57_600),
    "AR": (56_900, 61_800),
    "AU": (67_200, 73_200),
    "BE": (79_000, 85_900),
    "BR": (57_500, 62_500),
    "CA": (23_000, 25_000),
    "CH": (79_000, 85_900),
    "CL": (81_800, 88_900),
    "CO": (11_500, 12_500),
    "DE": (125_600, 136_500),
    "ES": (56_600, 61_500),
    "FR": (79_000, 85_900),
    "GB": (48_700, 52_900),
    "IE": (79_000, 85_900),
    "IN": (10_000, 10_900),
    "IT": (63_600, 69_100),
    "LU": (79_000, 85_900),
    "MX": (36_500, 39_700),
    "NL": (146_900, 159_700),
    "PE": (64_700, 70_300),
    "PT": (79_000, 85_900),
    "SA": (53_000, 57_600),
    "US": (23_000, 25_000),
}


def seed(apps, schema_editor):
    Price = apps.get_model("businesses", "Price")
    Price.objects.bulk_create(
        Price(
            country=country,
            category="marketing",
            channel=channel,
            currency=currency,
            price_micro=price_micro,
            valid_from=VALID_FROM,
            source=SOURCE,
            is_example=True,
        )
        for channel in CHANNELS
        for country, pair in MARKETING.items()
        for currency, price_micro in zip(("EUR", "USD"), pair, strict=True)
    )


def unseed(apps, schema_editor):
    apps.get_model("businesses", "Price").objects.filter(is_example=True, valid_from=VALID_FROM, source=SOURCE).delete()


class Migration(migrations.Migration):
    dependencies = [("businesses", "0002_guards")]

    operations = [migrations.RunPython(seed, unseed)]
