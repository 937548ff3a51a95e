"""P4, through the doors: what never makes somebody reachable, nor for longer, and what does, for a time of its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from broadcasts.channels.base import Message
from broadcasts.models import Broadcast
from businesses.models import Business
from consent import interactions, verdicts
from consent.models import BasisRule, Interaction, Recipient, Refusal
from consent.reasons import Reason
from consent.verdicts import Question
from feedback import receipts, reports
from tests.feedback.provider import body_of, button, call, receipt, text
from tests.make import EURO, make_business, make_people, make_sent

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P4")]

Sent = tuple[Broadcast, Message]
# Beyond every window of every cap: what is left to decide is the evidence.
LATER = timedelta(days=40)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def sent(now: datetime) -> Sent:
    """Somebody whose only evidence will have lapsed when they are asked about again."""
    business = make_business(money=100 * EURO)
    validity = BasisRule.objects.filter(country="FR", kind=Interaction.Kind.OPT_IN).values_list("valid_days", flat=True)
    make_people(business=business, n=1, days_ago=max(validity) - 1, now=now)
    broadcast, (message,) = make_sent(business=business, now=now)
    return broadcast, message


def reason(business: Business, recipient_id: int, now: datetime) -> int:
    question = Question(
        business_id=business.pk, legal_entity_id=business.legal_entity_id, address_kinds=["e164"], salt="s"
    )
    with connection.cursor() as cursor:
        decided = verdicts.decide(
            cursor, question=question, recipient_ids=[recipient_id], lacks_variable=[False], now=now
        )
    return decided[0].reason


def told(sent: Sent, *updates: object) -> None:
    assert call(sent[0].sender, body_of(updates)).status_code == 200
    receipts.fold(now=datetime.now(UTC), limit=10)


def stop(sent: Sent) -> None:
    told(sent, text(sent[1], "STOP"))


def stop_politely(sent: Sent) -> None:
    told(sent, text(sent[1], "Stop svp, merci beaucoup !"))


def not_interested(sent: Sent) -> None:
    told(sent, button(sent[1], "not_interested"))


def complain(sent: Sent) -> None:
    reports.block_and_report(
        recipient_id=sent[1].recipient_id,
        business=sent[0].business,
        broadcast_id=sent[0].pk,
        reason="spam",
        words="I loved your shop, but this is too much.",
        via="page",
        now=datetime.now(UTC),
    )


def sent_delivered_read(sent: Sent) -> None:
    told(sent, *(receipt(sent[1], status) for status in ("sent", "delivered", "read")))


@pytest.mark.parametrize("act", [stop, stop_politely, not_interested, complain, sent_delivered_read])
def test_what_never_qualifies_nor_extends(sent: Sent, now: datetime, act: Callable[[Sent], None]) -> None:
    business, recipient_id = sent[0].business, sent[1].recipient_id
    before = set(Interaction.objects.values_list("pk", "kind", "occurred_at"))
    act(sent)
    assert set(Interaction.objects.values_list("pk", "kind", "occurred_at")) == before
    assert reason(business, recipient_id, now + LATER) == Reason.NO_LEGAL_BASIS
    # Nor does taking a refusal back: it lifts the refusal and proves nothing.
    Refusal.objects.update(lifted_at=now)
    assert reason(business, recipient_id, now + LATER) == Reason.NO_LEGAL_BASIS


def test_start_lifts_a_stop_and_proves_nothing(sent: Sent, now: datetime) -> None:
    told(sent, text(sent[1], "STOP", key="a"))
    told(sent, text(sent[1], "START", key="b"))
    assert not Refusal.objects.filter(lifted_at=None).exists()
    assert reason(sent[0].business, sent[1].recipient_id, now + LATER) == Reason.NO_LEGAL_BASIS


def test_interested_qualifies_for_as_long_as_its_own_rule_says(sent: Sent, now: datetime) -> None:
    business, recipient_id = sent[0].business, sent[1].recipient_id
    told(sent, button(sent[1], "interested"))
    kept = BasisRule.objects.get(country="FR", kind=Interaction.Kind.INTERESTED).valid_days
    assert reason(business, recipient_id, now + LATER) == 0
    assert reason(business, recipient_id, now + timedelta(days=kept + 1)) == Reason.NO_LEGAL_BASIS


def test_a_click_qualifies_for_as_long_as_its_own_rule_says(sent: Sent, now: datetime) -> None:
    business, recipient_id = sent[0].business, sent[1].recipient_id
    recipient = Recipient.objects.get(pk=recipient_id)
    assert interactions.observe(
        business=business,
        recipient=recipient,
        kind=Interaction.Kind.CLICK,
        occurred_at=now,
        evidence="link 1",
        now=now,
    )
    kept = BasisRule.objects.get(country="FR", kind=Interaction.Kind.CLICK).valid_days
    assert reason(business, recipient_id, now + LATER) == 0
    assert reason(business, recipient_id, now + timedelta(days=kept + 1)) == Reason.NO_LEGAL_BASIS


def test_a_complaint_is_stronger_than_interest(sent: Sent, now: datetime) -> None:
    told(sent, button(sent[1], "interested"))
    complain(sent)
    assert reason(sent[0].business, sent[1].recipient_id, now + LATER) == Reason.BLOCKED


def test_a_question_is_evidence_of_a_question(sent: Sent, now: datetime) -> None:
    """It is kept as what it is; whether that is a basis is the country's rule, and in France it is none."""
    told(sent, text(sent[1], "Bonjour, êtes-vous ouverts dimanche ?"))
    kinds = Interaction.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == [Interaction.Kind.OPT_IN, Interaction.Kind.INQUIRY]
    assert reason(sent[0].business, sent[1].recipient_id, now + LATER) == Reason.NO_LEGAL_BASIS
