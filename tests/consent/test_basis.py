"""What an offer rests on, in words that a person understands; the words never contradict the decision."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils.translation import override

from consent import basis, contacts, interactions, verdicts
from consent.models import BasisRule, Interaction
from tests.make import NOW, make_business

pytestmark = pytest.mark.django_db
Kind = Interaction.Kind


def make_recipient(business, country):
    return contacts.remember(
        business=business, address_kind="e164", value="+33639980001", country=country, timezone="UTC", now=NOW
    ).recipient


@pytest.mark.parametrize(
    ("country", "kind", "days_ago", "opt_out_offered", "is_valid", "words"),
    [
        ("FR", Kind.OPT_IN, 30, False, True, "a basis (consent) until"),
        ("FR", Kind.PURCHASE, 30, True, True, "a basis (customer, similar products) until"),
        ("FR", Kind.PURCHASE, 30, False, False, "no way to refuse was offered"),
        ("FR", Kind.OPT_IN, 1200, False, False, "was a basis (consent) until"),
        ("FR", Kind.VISIT, 1, True, False, "no rule makes this a basis for offers in France"),
        ("CA", Kind.INQUIRY, 30, False, True, "implied consent"),
        ("CA", Kind.INQUIRY, 200, False, False, "was a basis"),
        ("US", Kind.PURCHASE, 1, True, False, "no rule"),
        ("PE", Kind.OPT_IN, 300, False, True, "a basis (consent)"),
        ("PE", Kind.PURCHASE, 1, True, False, "no rule makes this a basis for offers in Peru"),
    ],
)
def test_every_interaction_is_explained_as_it_is_decided(country, kind, days_ago, opt_out_offered, is_valid, words):
    business = make_business()
    recipient = make_recipient(business, country)
    interactions.attest(
        business=business,
        recipient=recipient,
        kind=kind,
        occurred_at=NOW - timedelta(days=days_ago),
        evidence="order 1",
        opt_out_offered=opt_out_offered,
        now=NOW,
    )
    with override("en"):
        (ground,) = basis.grounds(recipient=recipient, business=business, now=NOW)
    assert ground.is_valid is is_valid
    assert words in ground.sentence
    question = verdicts.Question(
        business_id=business.pk, legal_entity_id=business.legal_entity_id, address_kinds=["e164"], salt=""
    )
    with connection.cursor() as cursor:
        (verdict,) = verdicts.decide(
            cursor, question=question, recipient_ids=[recipient.pk], lacks_variable=[False], now=NOW
        )
    assert (verdict.reason == 0) is is_valid


def test_every_rule_of_the_first_policy_names_its_source():
    assert not BasisRule.objects.filter(source="").exists()
    countries = set(BasisRule.objects.values_list("country", flat=True))
    assert countries >= {"", "FR", "DE", "GB", "ES", "IT", "US", "CA", "IN", "BR", "BE", "CH"}
    assert list(BasisRule.objects.filter(country="").values_list("kind", "valid_days")) == [(Kind.OPT_IN, 365)]


def test_nothing_done_is_nothing_to_explain():
    business = make_business()
    assert basis.grounds(recipient=make_recipient(business, "FR"), business=business, now=NOW) == []
