"""The nightly look: it finds nothing where all is well, and each kind of wrong where somebody made it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from broadcasts import recount, tasks
from broadcasts.models import Broadcast, Delivery
from businesses.models import AuditEvent, Business
from config.celery import CLOCK_TABLE
from consent import contacts, imports, merging, refusals, suppressions, withdrawal
from consent.models import Address, BasisRule, CapEntry, CapRule, ImportBatch, Interaction, Recipient, Refusal
from consent.recount import GRACE
from tests.at_once import at_once
from tests.conftest import OwnDatabase
from tests.make import EURO, make_batch, make_business, make_people, make_sent

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business(db: None) -> Business:
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
    Refusal.objects.create(
        legal_entity_id=entity, recipient_id=person, kind=1, via="page", refused_at=now - HOUR, written_at=now - HOUR
    )


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


def first_of(broadcast: Broadcast) -> int:
    return Delivery.objects.filter(broadcast_id=broadcast.pk).earliest("recipient_id").recipient_id


def test_a_file_of_stops_is_dated_before_it_is_in(sent: Broadcast, business: Business, now: datetime) -> None:
    """A large file carries the moment at which it was begun, and is taken in much later."""
    Address.objects.filter(recipient=first_of(sent)).update(value="+33612345678")
    begun_at = now - timedelta(seconds=45)
    file = ContentFile(b"phone\n+33612345678\n")
    batch = imports.receive(
        business=business, file=file, filename="x.csv", by=None, now=begun_at, kind=ImportBatch.Kind.STOPS
    )
    imports.run(batch=batch, now=begun_at)
    assert (batch.n_stopped, batch.n_faulty) == (1, 0)
    assert Refusal.objects.get(recipient=first_of(sent)).refused_at < now - GRACE
    assert kinds(now) == {}


def test_stops_come_with_an_address_that_is_learnt_later(sent: Broadcast, business: Business, now: datetime) -> None:
    """The provider answers to this very offer under which id the person writes: it was somebody's who had stopped."""
    person, entity = first_of(sent), business.legal_entity_id
    number = Address.objects.filter(recipient=person).latest("pk").value
    hashes = [suppressions.hash_address("+33142278187")]
    suppressions.add(hashes=hashes, kind="stopped", legal_entity_id=entity, now=now - 30 * DAY)
    suppressions.add(hashes=hashes, kind=suppressions.PAUSED_ALL, legal_entity_id=None, now=now - 30 * DAY)
    assert contacts.also_at(kind="e164", value=number, alias="+33142278187", legal_entity_id=entity)
    known = Recipient.objects.get(pk=person)
    assert known.paused_all_at == known.refusals.get().refused_at == now - 30 * DAY
    assert kinds(now) == {}


def test_an_own_pause_counts_from_its_moment_whatever_address_came_later(
    sent: Broadcast, business: Business, now: datetime
) -> None:
    person = first_of(sent)
    number = Address.objects.filter(recipient=person).latest("pk").value
    refusals.pause_all(recipient_id=person, via="page", now=now - HOUR)
    contacts.also_at(kind="e164", value=number, alias="+33142278187", legal_entity_id=business.legal_entity_id)
    assert kinds(now) == {"paused_before": 1}


def test_who_stops_again_had_not_stopped_in_between(sent: Broadcast, business: Business, now: datetime) -> None:
    person, before = first_of(sent), now - 10 * DAY
    Refusal.objects.create(
        legal_entity_id=business.legal_entity_id, recipient_id=person, kind=1, via="page", refused_at=before,
        written_at=before, lifted_at=now - DAY,
    )  # fmt: skip
    # The word came in a call that had waited for a minute.
    assert refusals.stop(recipient_id=person, business=business, via="keyword", now=now - timedelta(minutes=1))
    assert kinds(now) == {}


def test_a_list_is_undone_afterwards(business: Business, now: datetime) -> None:
    """Each slice has the same moment, which comes after the undo itself: from that on the gate lets nobody through."""
    batch = make_batch(business=business, now=now)
    make_people(business=business, n=4, batch=batch, now=now)
    make_sent(business=business, now=now)
    withdrawal.undo(batch=batch, by=None, now=now + timedelta(seconds=1))
    assert withdrawal.carry_on(now=now + timedelta(seconds=1))
    assert Interaction.objects.filter(batch=batch).exclude(withdrawn_at=None).count() == 4
    assert recount.recount(since=now - HOUR, now=now + HOUR).n_told == 4
    assert kinds(now) == {}


def test_slots_of_two_who_are_one_are_no_more_than_each_had(sent: Broadcast, now: datetime) -> None:
    """Together they were told twice by one business within a day, which nobody could know."""
    keep, gone = Delivery.objects.filter(broadcast_id=sent.pk).values_list("recipient_id", flat=True)[:2]
    merging.merge(keep_id=keep, gone_id=gone, now=now + GRACE)
    assert CapEntry.objects.filter(recipient_id=keep, reserved_at=now).count() == 2
    assert kinds(now) == {}


def test_rules_are_read_once_whatever_number_of_people(
    sent: Broadcast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "SLICE", 1)
    with CaptureQueriesContext(connection) as asked:
        assert kinds(now) == {}
    of_rules = [query["sql"] for query in asked if '"consent_basisrule"' in query["sql"]]
    assert len(of_rules) == 1


# --- Once a night ---------------------------------------------------------------------------------


@pytest.fixture
def four(now: datetime) -> datetime:
    """The first hour of a recount after everybody was told."""
    tonight = now.replace(hour=recount.HOUR, minute=0, second=0, microsecond=0)
    return tonight if tonight > now else tonight + DAY


def test_it_is_done_once_a_night_and_the_operator_reads_it(
    sent: Broadcast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ("broadcasts.tasks.recount_told", 3600.0, "imports") in CLOCK_TABLE
    monkeypatch.setattr(recount, "HOUR", 0)
    tasks.recount_told()
    tasks.recount_told()
    line = AuditEvent.objects.get(action=recount.ACTION)
    assert (line.after["told"], line.after["findings"], line.after["whole"]) == (4, {}, True)


def test_a_run_by_hand_is_not_the_nights(sent: Broadcast, now: datetime, four: datetime) -> None:
    recount.recount(since=four - HOUR, now=four - HOUR)
    report = recount.nightly(now=four, seconds=60)
    assert report is not None
    assert (report.n_told, report.is_whole) == (4, True)
    assert recount.nightly(now=four + HOUR, seconds=60) is None


def test_nights_that_were_missed_are_made_up_for(sent: Broadcast, now: datetime, four: datetime) -> None:
    assert recount.nightly(now=four - DAY, seconds=60).n_told == 0  # type: ignore[union-attr]
    report = recount.nightly(now=four + 5 * DAY, seconds=60)
    assert report is not None
    assert (report.since, report.n_told, report.is_whole) == (four - DAY - recount.OVERLAP, 4, True)
    late = recount.nightly(now=four + 90 * DAY, seconds=60)
    assert late is not None
    assert late.since == four + 60 * DAY + recount.OVERLAP, "slots are not kept for longer"


def test_a_night_that_was_too_short_is_made_up_for(sent: Broadcast, now: datetime, four: datetime) -> None:
    short = recount.nightly(now=four, seconds=-1)
    assert short is not None
    assert not short.is_whole
    report = recount.nightly(now=four + 2 * DAY, seconds=60)
    assert report is not None
    assert (report.n_told, report.is_whole) == (4, True)


def test_a_backlog_gets_shorter_by_whole_days(
    sent: Broadcast, now: datetime, four: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recount.nightly(now=four - DAY, seconds=60)
    # Each look takes a second: two for the day in which they were told, and one for the day after, which is too much.
    seconds = count()
    monkeypatch.setattr(recount, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    report = recount.nightly(now=four + DAY, seconds=2.5)
    assert report is not None
    assert (report.n_told, report.until, report.is_whole) == (4, four, False)
    assert recount.nightly(now=four + 2 * DAY, seconds=60).since == four - recount.OVERLAP  # type: ignore[union-attr]


def test_two_clocks_are_one_run(own_database: OwnDatabase, four: datetime) -> None:
    done = at_once(lambda _: recount.nightly(now=four, seconds=60), 4)
    assert sorted(type(one).__name__ for one in done) == ["NoneType"] * 3 + ["Report"]
    assert AuditEvent.objects.filter(action=recount.ACTION).count() == 1


# --- By hand --------------------------------------------------------------------------------------


def test_a_run_that_is_too_short_says_so(sent: Broadcast, now: datetime) -> None:
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
    assert "named" not in told
    assert f"{sent.code} rcp_" in told
    assert "+33" not in told


def test_by_hand_it_names_a_hundred_at_most_and_says_so(
    sent: Broadcast, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "MOST_NAMED", 3)
    CapEntry.objects.all().delete()
    with pytest.raises(CommandError, match="4 findings"):
        call_command("recount", "--hours", "1")
    assert "Only the first 3 are named." in capsys.readouterr().err
