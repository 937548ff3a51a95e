"""The operator changes rules: what cannot be meant is refused, what it does is shown first, who did it is noted."""

from datetime import time, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from businesses.models import AuditEvent, User
from consent import contacts, interactions, policy, quiet_hours, verdicts
from consent.models import BasisRule, CapRule, Interaction, QuietHours
from tests.make import make_business

pytestmark = pytest.mark.django_db
Kind = Interaction.Kind
RULE = "/admin/consent/basisrule/"


@pytest.fixture(autouse=True)
def _forgetful():
    cache.clear()
    quiet_hours.forget()


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("operator@example.org", "not a secret"))
    return client


@pytest.fixture
def business():
    return make_business()


def make_customer(business, number, *, country="FR", kind=Kind.PURCHASE, days_ago=30, offered=True):
    now = timezone.now()
    recipient = contacts.remember(
        business=business, address_kind="e164", value=number, country=country, timezone="UTC", now=now
    ).recipient
    interactions.attest(
        business=business,
        recipient=recipient,
        kind=kind,
        occurred_at=now - timedelta(days=days_ago),
        evidence="order 1",
        opt_out_offered=offered,
        now=now,
    )
    return recipient


def rule_of(country, kind):
    return BasisRule.objects.get(country=country, kind=kind)


def as_posted(rule, **changes):
    fields = {name: getattr(rule, name) for name in ("country", "kind", "basis", "valid_days", "conditions", "source")}
    posted = fields | ({"needs_opt_out_offered": "on"} if rule.needs_opt_out_offered else {}) | changes
    return {name: value for name, value in posted.items() if value is not None}


def faults(page):
    form = page.context["adminform"].form
    return {name: str(messages[0]) for name, messages in form.errors.items()}


def test_a_change_says_first_what_it_does_and_then_does_it(operator, business):
    make_customer(business, "+33639980001", days_ago=30)
    make_customer(business, "+33639980002", days_ago=90)
    make_customer(business, "+33639980003", days_ago=90, kind=Kind.OPT_IN)
    rule = rule_of("FR", Kind.PURCHASE)
    page = operator.post(f"{RULE}{rule.pk}/change/", as_posted(rule, valid_days=60))
    assert faults(page)["__all__"] == (
        "This takes the last basis from 1 contact. It makes a basis for 0 contacts."
        " Nothing is changed yet: save again to do it."
    )
    rule.refresh_from_db()
    assert rule.valid_days == 1095
    seen = page.context["adminform"].form["effect_seen"].value()
    assert seen
    # Another change than the one that was looked at is shown again.
    other = operator.post(f"{RULE}{rule.pk}/change/", as_posted(rule, valid_days=10, effect_seen=seen))
    assert faults(other)["__all__"].startswith("This takes the last basis from 2 contacts.")
    assert (
        operator.post(f"{RULE}{rule.pk}/change/", as_posted(rule, valid_days=60, effect_seen=seen)).status_code == 302
    )
    rule.refresh_from_db()
    assert rule.valid_days == 60
    noted = AuditEvent.objects.get(action="basisrule.changed")
    assert (noted.actor.email, noted.before, noted.after) == (
        "operator@example.org",
        {"valid_days": 1095},
        {"valid_days": 60},
    )


def test_words_alone_need_no_second_look(operator):
    rule = rule_of("FR", Kind.PURCHASE)
    changed = as_posted(rule, source="CPCE art. L34-5, read again", conditions=["similar"])
    assert operator.post(f"{RULE}{rule.pk}/change/", changed).status_code == 302
    rule.refresh_from_db()
    assert (rule.source, rule.conditions) == ("CPCE art. L34-5, read again", ["similar"])
    assert set(AuditEvent.objects.get(action="basisrule.changed").after) == {"source", "conditions"}


def test_the_first_rule_of_a_country_takes_it_away_from_the_strictest(operator, business):
    """It is the whole answer for its country: what the rule for all others allowed there ends."""
    make_customer(business, "+51912345678", country="PE", kind=Kind.OPT_IN, days_ago=10)
    make_customer(business, "+51912345679", country="PE", kind=Kind.PURCHASE, days_ago=10)
    new = BasisRule(country="PE", kind=Kind.PURCHASE, basis=2, valid_days=365, source="Ley 29733 del Perú")
    page = operator.post(f"{RULE}add/", as_posted(new))
    assert "last basis from 0 contacts. It makes a basis for 0" in faults(page)["__all__"]  # one lost, one won
    seen = page.context["adminform"].form["effect_seen"].value()
    assert operator.post(f"{RULE}add/", as_posted(new, effect_seen=seen)).status_code == 302
    assert AuditEvent.objects.get(action="basisrule.made").after["country"] == "PE"


def test_removing_a_rule_says_what_it_does(operator, business):
    make_customer(business, "+33639980001")
    rule = rule_of("FR", Kind.PURCHASE)
    page = operator.get(f"{RULE}{rule.pk}/delete/")
    assert "This takes the last basis from 1 contact." in page.content.decode()
    assert BasisRule.objects.filter(pk=rule.pk).exists()
    operator.post(f"{RULE}{rule.pk}/delete/", {"post": "yes"})
    assert not BasisRule.objects.filter(pk=rule.pk).exists()
    assert AuditEvent.objects.get(action="basisrule.removed").before["country"] == "FR"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"country": "XX"}, "country", "is no country"),
        ({"country": "1"}, "country", "is no country"),
        ({"valid_days": 0}, "valid_days", "from 1 to 3660 days"),
        ({"valid_days": 99_999}, "valid_days", "from 1 to 3660 days"),
        ({"valid_days": "soon"}, "valid_days", "whole number"),
        ({"source": "law"}, "source", "somebody will ask"),
        ({"conditions": ["luck"]}, "conditions", "not one of the available choices"),
        ({"kind": Kind.OPT_IN, "basis": 1}, "__all__", "already"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(operator, changes, field, words):
    rule = rule_of("FR", Kind.PURCHASE)
    page = operator.post(f"{RULE}{rule.pk}/change/", as_posted(rule, **changes))
    assert page.status_code == 200
    assert words in faults(page)[field]
    assert not AuditEvent.objects.filter(action__startswith="basisrule").exists()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"opens_at": "", "closes_at": "20:00"}, "opens_at", "both ends, or neither"),
        ({"opens_at": "20:00", "closes_at": "08:00"}, "closes_at", "closes before it opens"),
        ({"holiday_parts": "57 Atlantis"}, "holiday_parts", "ATLANTIS"),
        ({"weekday": "7"}, "weekday", "not one of the available choices"),
        ({"country": "ZZ"}, "country", "is no country"),
    ],
)
def test_hours_that_cannot_be_meant_are_refused(operator, changes, field, words):
    monday = QuietHours.objects.get(country="FR", weekday=0)
    posted = {"country": "FR", "weekday": 0, "opens_at": "08:00", "closes_at": "20:00", "source": "a source of ours"}
    page = operator.post(f"/admin/consent/quiethours/{monday.pk}/change/", posted | changes)
    assert words in faults(page)[field]


def test_changed_hours_hold_at_once_and_are_noted(operator):
    monday = QuietHours.objects.get(country="FR", weekday=0)
    posted = {"country": "fr", "weekday": 0, "opens_at": "10:00", "closes_at": "18:30", "holiday_parts": "57 6ae"}
    operator.post(f"/admin/consent/quiethours/{monday.pk}/change/", posted | {"source": "a source of ours"})
    monday.refresh_from_db()
    assert (monday.country, monday.opens_at, monday.holiday_parts) == ("FR", time(10), "57 6AE")
    noted = AuditEvent.objects.get(action="quiethours.changed")
    assert (noted.before["opens_at"], noted.after["opens_at"]) == ("08:00:00", "10:00:00")


def test_the_last_limit_for_all_countries_stays(operator):
    first, second = CapRule.objects.filter(scope=CapRule.Scope.PLATFORM, country="")
    assert operator.post(f"/admin/consent/caprule/{first.pk}/delete/", {"post": "yes"}).status_code == 302
    assert operator.post(f"/admin/consent/caprule/{second.pk}/delete/", {"post": "yes"}).status_code == 403
    moved = {"scope": second.scope, "country": "FR", "max_offers": 2, "window_hours": second.window_hours}
    page = operator.post(f"/admin/consent/caprule/{second.pk}/change/", moved)
    assert "last limit of its scope" in faults(page)["__all__"]
    too_long = operator.post("/admin/consent/caprule/add/", moved | {"window_hours": 721})
    assert "1 to 720 hours" in faults(too_long)["window_hours"]
    assert operator.post("/admin/consent/caprule/add/", moved | {"window_hours": 720}).status_code == 302
    assert AuditEvent.objects.filter(action="caprule.made").count() == 1


def caps_of(recipient, business, now):
    question = verdicts.Question(
        business_id=business.pk, legal_entity_id=business.legal_entity_id, address_kinds=["e164"], salt=""
    )
    with connection.cursor() as cursor:
        (verdict,) = verdicts.decide(
            cursor, question=question, recipient_ids=[recipient.pk], lacks_variable=[False], now=now
        )
    return verdict


@pytest.mark.parametrize(("scope", "reason"), [(CapRule.Scope.PLATFORM, 102), (CapRule.Scope.BUSINESS, 101)])
def test_a_country_that_has_a_limit_of_its_own_has_it_instead_of_that_for_all(business, scope, reason):
    """Per scope: with a limit of its own for one business, the one over all businesses stays that of everybody."""
    now = timezone.now()
    person = make_customer(business, "+33639980001")
    abroad = make_customer(business, "+447700900001", country="GB")
    assert caps_of(person, business, now).reason == 0
    CapRule.objects.create(scope=scope, country="FR", max_offers=0, window_hours=24)
    assert caps_of(person, business, now).reason == reason
    assert caps_of(abroad, business, now).reason == 0
    # Instead, not besides: a wider limit of one's own replaces narrower ones for all, and their windows with them.
    CapRule.objects.filter(country="FR").update(max_offers=9)
    CapRule.objects.filter(country="", scope=scope).update(max_offers=0)
    assert caps_of(person, business, now).reason == 0
    assert caps_of(abroad, business, now).reason == reason


def test_an_effect_is_tried_and_taken_back(business):
    make_customer(business, "+33639980001")
    now = timezone.now()
    assert policy.effect_on_bases(change=BasisRule.objects.all().delete, now=now) == (1, 0)
    assert BasisRule.objects.exists()
    made = BasisRule(country="FR", kind=Kind.VISIT, basis=1, valid_days=10, source="a trial of ours")
    make_customer(business, "+33639980002", kind=Kind.VISIT, days_ago=3)
    assert policy.effect_on_bases(change=made.save, now=now) == (0, 1)
    assert not BasisRule.objects.filter(kind=Kind.VISIT).exists()
