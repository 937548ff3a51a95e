"""“I didn't sign up”: three people are enough to stop a bought list in the middle of its broadcast."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from broadcasts import chunks, counts, gate, plan
from broadcasts.models import Broadcast, Delivery
from businesses.models import AuditEvent, Business, Event, User
from consent import suspicion
from consent.models import EvidenceCase, EvidencePolicy, ImportBatch
from consent.reasons import Reason
from feedback import denials, reports
from feedback.models import Report
from tests.make import EURO, make_batch, make_business, make_launched, make_people, make_sent, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P4")]


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def business() -> Business:
    return make_business(money=1_000 * EURO)


@pytest.fixture
def operator() -> User:
    return make_user(is_staff=True)


def deny(business: Business, recipient_id: int, now: datetime, **fields: Any) -> Report:
    told = {"broadcast_id": None, "reason": "no_sign_up", "words": "Who are you?", "via": "page", "now": now, **fields}
    report = reports.block_and_report(recipient_id=recipient_id, business=business, **told)
    assert report is not None
    return report


def trust_of(batch: ImportBatch) -> str:
    batch.refresh_from_db()
    return str(batch.trust)


def pass_some(broadcast: Broadcast, n: int, now: datetime) -> list[int]:
    """Let the gate decide about ``n`` more people of the broadcast; return who passed."""
    owner = uuid4()
    waiting = Delivery.objects.filter(broadcast_id=broadcast.pk, state=Delivery.State.QUEUED)
    ids = list(waiting.order_by("recipient_id").values_list("recipient_id", flat=True)[:n])
    claim = chunks.claim(owner=owner, busy=[], now=now)
    assert claim is not None
    passed = gate.pass_batch(
        chunk_id=claim.chunk_id, owner=owner, plan=plan.read(broadcast.pk), recipient_ids=ids, now=now
    )
    broadcast.chunks.filter(pk=claim.chunk_id).update(owner=None, lease_until=None)
    return [message.recipient_id for message in passed.messages]


def skipped(broadcast: Broadcast) -> dict[int, int]:
    rows = Delivery.objects.filter(broadcast_id=broadcast.pk, state=Delivery.State.SKIPPED)
    return dict(Counter(rows.values_list("reason", flat=True)))


def test_a_bought_list_is_stopped_in_the_middle_of_its_broadcast(business: Business, now: datetime) -> None:
    batch = make_batch(business=business, now=now)
    make_people(business=business, n=400, batch=batch, now=now)
    broadcast = make_launched(business=business, now=now)
    told = pass_some(broadcast, 200, now)
    assert 100 < len(told) < 150
    for pk in told[:2]:
        deny(business, pk, now)
    assert trust_of(batch) == "probe"
    deny(business, told[2], now)
    assert trust_of(batch) == "quarantined"

    assert pass_some(broadcast, 200, now) == []
    assert skipped(broadcast) == {
        Reason.AWAITING_PROBE: 200 - len(told),
        Reason.QUARANTINED: 200,
    }
    assert counts.verify(broadcast) == []


def test_the_operators_desk_gets_a_case_and_the_business_learns_no_names(business: Business, now: datetime) -> None:
    batch = make_batch(business=business, now=now)
    ids = make_people(business=business, n=20, batch=batch, now=now)
    make_sent(business=business, now=now)
    for pk in ids[:3]:
        deny(business, pk, now)
    case = EvidenceCase.objects.get()
    assert (case.batch, case.n_reporters, case.n_told, case.decided_at) == (batch, 3, 20, None)
    told = Event.objects.get(business=business, kind="import.quarantined")
    assert told.payload == {"code": batch.code, "trust": "quarantined"}
    assert AuditEvent.objects.get(action="import.quarantined").actor is None


@pytest.mark.parametrize(
    ("n_told", "n_deny", "trust"),
    [(30, 2, "vouched"), (30, 3, "quarantined"), (300, 3, "quarantined"), (301, 3, "vouched"), (301, 4, "quarantined")],
)
def test_it_takes_three_people_and_one_percent_of_those_who_were_written_to(
    business: Business, now: datetime, n_told: int, n_deny: int, trust: str
) -> None:
    """However many are in the file: those who were never written to cannot complain."""
    batch = make_batch(business=business, now=now, trust="vouched")
    ids = make_people(business=business, n=n_told, batch=batch, now=now)
    make_sent(business=business, now=now)
    make_people(business=business, n=500, first=1_001, batch=batch, now=now)
    for pk in ids[:n_deny]:
        deny(business, pk, now)
    assert trust_of(batch) == trust


def test_one_person_counts_once_and_other_reasons_do_not(business: Business, now: datetime) -> None:
    batch = make_batch(business=business, now=now)
    ids = make_people(business=business, n=20, batch=batch, now=now)
    for n in range(4):
        deny(business, ids[0], now, broadcast_id=n)
    for pk in ids[1:6]:
        deny(business, pk, now, reason="too_many")
    assert trust_of(batch) == "probe"


def test_who_came_by_themselves_does_not_speak_against_the_list(business: Business, now: datetime) -> None:
    batch = make_batch(business=business, now=now)
    make_people(business=business, n=20, batch=batch, now=now)
    for pk in make_people(business=business, n=5, first=101, now=now):
        deny(business, pk, now)
    assert trust_of(batch) == "probe"


def test_a_list_in_small_files_is_one_list(business: Business, now: datetime) -> None:
    batches = [make_batch(business=business, now=now) for _ in range(10)]
    people = [make_people(business=business, n=2, first=1 + 2 * n, batch=b, now=now) for n, b in enumerate(batches)]
    make_sent(business=business, now=now)
    for ids in people[:3]:
        deny(business, ids[0], now)
    # Those that somebody denies; the others are still on probation.
    assert [trust_of(batch) for batch in batches] == ["quarantined"] * 3 + ["probe"] * 7


def test_the_operator_vouches_and_what_was_said_before_is_weighed(
    business: Business, operator: User, now: datetime
) -> None:
    batch = make_batch(business=business, now=now)
    ids = make_people(business=business, n=20, batch=batch, now=now)
    make_sent(business=business, now=now)
    for pk in ids[:3]:
        deny(business, pk, now)
    later = now + timedelta(hours=1)
    assert suspicion.vouch(batch=batch, by=operator, words="They confuse it with another shop.", now=later)
    case = EvidenceCase.objects.get()
    assert (case.decision, case.decided_by, case.decided_at) == ("vouched", operator, later)
    deny(business, ids[3], later + timedelta(minutes=1))
    assert trust_of(batch) == "vouched"
    for pk in ids[4:6]:
        deny(business, pk, later + timedelta(minutes=2))
    assert trust_of(batch) == "quarantined"
    assert EvidenceCase.objects.open().count() == 1


def test_a_report_without_fault_does_not_count(business: Business, operator: User, now: datetime) -> None:
    batch = make_batch(business=business, now=now)
    ids = make_people(business=business, n=20, batch=batch, now=now)
    for pk in ids[:2]:
        reports.decide(report=deny(business, pk, now), by=operator, state="dismissed", words="Signed form.", now=now)
    deny(business, ids[2], now)
    assert trust_of(batch) == "probe"


def test_the_business_answers_and_appeals(business: Business, operator: User, now: datetime) -> None:
    batch, owner = make_batch(business=business, now=now), business.members.get().user
    with pytest.raises(suspicion.CannotAnswer, match="not in quarantine"):
        suspicion.answer(batch=batch, by=owner, words="It was our stand at the fair.", now=now)
    assert suspicion.quarantine(batch=batch, by=operator, words="Looks bought.", now=now)
    with pytest.raises(suspicion.CannotAnswer, match="Write where"):
        suspicion.answer(batch=batch, by=owner, words=" ", now=now)
    suspicion.answer(batch=batch, by=owner, words="It was our stand at the fair.", now=now)
    assert suspicion.keep(batch=batch, by=operator, words="There was no fair.", now=now)
    assert not suspicion.keep(batch=batch, by=operator, words="There was no fair.", now=now)
    suspicion.answer(batch=batch, by=owner, words="Here are the photographs.", now=now)
    said = EvidenceCase.objects.order_by("id").values_list("answer", "decision")
    assert list(said) == [("It was our stand at the fair.", "kept"), ("Here are the photographs.", "")]


# --- A clean probe -------------------------------------------------------------------------------


@pytest.fixture
def probe(business: Business, now: datetime) -> tuple[ImportBatch, list[int], Broadcast]:
    """Of 20 people 10 are the probe, and their offers have been handed over."""
    EvidencePolicy.objects.update(probe_people=10)
    batch = make_batch(business=business, now=now)
    ids = make_people(business=business, n=20, batch=batch, now=now)
    broadcast, messages = make_sent(business=business, now=now)
    assert len(messages) == 10
    return batch, ids, broadcast


def arrive(broadcast: Broadcast, n: int, at: datetime) -> None:
    ids = list(
        Delivery.objects.filter(broadcast_id=broadcast.pk, state=Delivery.State.ACCEPTED)
        .order_by("recipient_id")
        .values_list("recipient_id", flat=True)[:n]
    )
    rows = Delivery.objects.filter(broadcast_id=broadcast.pk, recipient_id__in=ids)
    rows.update(state=Delivery.State.DELIVERED, delivered_at=at)


def test_a_probe_that_was_heard_and_did_not_complain_releases_the_rest(
    probe: tuple[ImportBatch, list[int], Broadcast], now: datetime
) -> None:
    batch, ids, broadcast = probe
    in_time, later = now + timedelta(days=3, minutes=1), now + timedelta(days=2)
    assert denials.release_clean(now=in_time) == 0, "nothing has arrived"
    arrive(broadcast, 3, now)
    assert denials.release_clean(now=in_time) == 0, "too few"
    arrive(broadcast, 1, now)
    assert denials.release_clean(now=later) == 0, "too early"
    assert denials.release_clean(now=in_time) == 1
    assert trust_of(batch) == "clean"
    assert denials.release_clean(now=in_time) == 0

    _, messages = make_sent(business=batch.business, now=in_time)
    assert {message.recipient_id for message in messages} == set(ids)


def test_a_probe_that_complains_releases_nobody(
    probe: tuple[ImportBatch, list[int], Broadcast], business: Business, now: datetime
) -> None:
    batch, _ids, broadcast = probe
    arrive(broadcast, 10, now)
    told = Delivery.objects.filter(broadcast_id=broadcast.pk, state=Delivery.State.DELIVERED)
    for pk in list(told.values_list("recipient_id", flat=True)[:3]):
        deny(business, pk, now)
    assert trust_of(batch) == "quarantined"
    assert denials.release_clean(now=now + timedelta(days=10)) == 0
    assert trust_of(batch) == "quarantined"


def test_a_report_whose_weighing_was_cut_off_is_weighed_by_the_clock(
    business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = make_batch(business=business, now=now)
    ids = make_people(business=business, n=20, batch=batch, now=now)
    for pk in ids[:2]:
        deny(business, pk, now)
    with monkeypatch.context() as cut:
        cut.setattr(denials.suspicion, "suspect", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deny(business, ids[2], now)
    assert Report.objects.count() == 3
    assert denials.weigh_again(now=now) == 1
    assert trust_of(batch) == "quarantined"
