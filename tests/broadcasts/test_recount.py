"""The nightly look: it finds nothing where all is well, and each kind of wrong where somebody made it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from broadcasts import recount, tasks
from broadcasts.models import Broadcast, Delivery
from businesses.models import AuditEvent, Business
from config.celery import CLOCK_TABLE
from consent import merging, refusals
from consent.models import BasisRule, CapEntry, CapRule, Interaction, Recipient, Refusal
from consent.recount import GRACE
from tests.make import EURO, make_business, make_people, make_sent

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business() -> Business:
    return make_business(money=100 * EURO)


@pytest.fixture
def sent(business: Business, now: datetime) -> Broadcast:
    make_people(business=business, n=4, now=now)
    return make_sent(business=business, now=now)[0]


def kinds(now: datetime) -> dict[str, int]:
    return dict(recount.recount(since=now - HOUR, now=now + HOUR).kinds)


def test_nothing_is_found_where_all_is_well(sent: Broadcast, now: datetime) -> None:
    report = recount.recount(since=now - HOUR, now=now + HOUR)
    assert (report.n_told, report.kinds, report.is_whole) == (4, {}, True)
    assert recount.recount(since=now + HOUR, now=now + HOUR).n_told == 0


def _refused(person: int, now: datetime) -> None:
    entity = Interaction.objects.filter(recipient=person)[0].business.legal_entity_id
    Refusal.objects.create(legal_entity_id=entity, recipient_id=person, kind=1, via="page", refused_at=now - HOUR)


def _over_cap(person: int, now: datetime) -> None:
    most = max(CapRule.objects.filter(scope=1).values_list("max_offers", flat=True))
    CapEntry.objects.bulk_create(
        CapEntry(recipient_id=person, broadcast_id=10**6 + n, business_id=7, reserved_at=now - HOUR, counts_at=now)
        for n in range(most)
    )


WRONGS: dict[str, Callable[[int, datetime], object]] = {
    "no_evidence": lambda person, _: Interaction.objects.filter(recipient=person).delete(),
    "evidence_later": lambda person, now: Interaction.objects.filter(recipient=person).update(occurred_at=now + HOUR),
    "withdrawn_before": lambda person, now: Interaction.objects.filter(recipient=person).update(
        withdrawn_at=now - HOUR
    ),
    "evidence_of_another": lambda person, now: Recipient.objects.filter(pk=person).update(evidence_from=now - HOUR),
    "no_basis": lambda person, _: Delivery.objects.filter(recipient_id=person).update(basis=3),
    "refused_before": _refused,
    "paused_before": lambda person, now: Recipient.objects.filter(pk=person).update(paused_all_at=now - HOUR),
    "erased_before": lambda person, now: Recipient.objects.filter(pk=person).update(erased_at=now - HOUR),
    "no_slot": lambda person, _: CapEntry.objects.filter(recipient_id=person).delete(),
    "over_cap": _over_cap,
}


@pytest.mark.parametrize("kind", list(WRONGS))
def test_each_kind_of_wrong_is_found(sent: Broadcast, now: datetime, kind: str) -> None:
    person = Delivery.objects.filter(broadcast_id=sent.pk).earliest("recipient_id").recipient_id
    WRONGS[kind](person, now)
    report = recount.recount(since=now - HOUR, now=now + HOUR)
    assert kind in report.kinds
    assert {finding.recipient_id for finding in report.named} == {person}


def test_what_happened_afterwards_is_no_fault(sent: Broadcast, business: Business, now: datetime) -> None:
    """People may stop, be erased or merged, evidence be withdrawn, rules be changed: then it was right all the same."""
    first, second, third, fourth = Delivery.objects.filter(broadcast_id=sent.pk).values_list("recipient_id", flat=True)
    refusals.stop(recipient_id=first, business=business, via="page", now=now + GRACE)
    Interaction.objects.filter(recipient=first).update(withdrawn_at=now + GRACE)
    merging.merge(keep_id=second, gone_id=third, now=now + GRACE)
    Recipient.objects.filter(pk=fourth).update(erased_at=now + GRACE)
    Interaction.objects.filter(recipient=fourth).delete()
    BasisRule.objects.all().delete()
    CapRule.objects.update(max_offers=1)
    AuditEvent.objects.create(
        action="basisrule.removed", object_kind="basisrule", object_code="1", created_at=now + GRACE
    )
    assert kinds(now) == {}


def test_who_is_named_and_is_not_there_is_counted(sent: Broadcast, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO consent_address (recipient_id, kind, value, scope) VALUES (%s, 'e164', '+33612345678', '')",
            [10**9],
        )
    assert kinds(now) == {"orphans in consent_address": 1}


def test_it_is_done_once_a_night_and_the_operator_reads_it(
    sent: Broadcast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ("broadcasts.tasks.recount_told", 3600.0, "imports") in CLOCK_TABLE
    monkeypatch.setattr(tasks, "RECOUNT_HOUR", datetime.now(UTC).hour)
    tasks.recount_told()
    tasks.recount_told()
    line = AuditEvent.objects.get(action=recount.ACTION)
    assert (line.after["told"], line.after["findings"], line.after["whole"]) == (4, {}, True)


def test_a_night_that_is_too_short_says_so(sent: Broadcast, now: datetime) -> None:
    assert not recount.recount(since=now - HOUR, now=now + HOUR, seconds=-1).is_whole


def test_by_hand_it_exits_with_one_and_names_no_number(
    sent: Broadcast, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("recount", "--hours", "1")
    assert "4 people" in capsys.readouterr().out
    CapEntry.objects.all().delete()
    with pytest.raises(CommandError, match="4 findings"):
        call_command("recount", "--hours", "1")
    told = capsys.readouterr().err
    assert "no_slot: 4" in told
    assert f"{sent.code} rcp_" in told
    assert "+33" not in told
