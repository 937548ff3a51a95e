"""Attested evidence is believed of its first people only, until they have been heard or the operator vouches."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, transaction

from businesses.models import AuditEvent, Business, Event, User
from consent import contacts, imports, interactions, suspicion, trust, verdicts
from consent.models import EvidencePolicy, ImportBatch, Interaction, Recipient
from consent.reasons import Reason
from consent.verdicts import Question
from tests.at_once import at_once
from tests.make import NOW, make_batch, make_business, make_people, make_user

pytestmark = pytest.mark.promise("P4")


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def operator(db: None) -> User:
    return make_user(is_staff=True)


def reasons(business: Business, ids: list[int], now=NOW) -> list[int]:
    question = Question(
        business_id=business.pk, legal_entity_id=business.legal_entity_id, address_kinds=["e164"], salt="s"
    )
    with connection.cursor() as cursor:
        decided = verdicts.decide(
            cursor, question=question, recipient_ids=ids, lacks_variable=[False] * len(ids), now=now
        )
    return [verdict.reason for verdict in decided]


def n_of(business: Business, ids: list[int], reason: int) -> int:
    return reasons(business, ids).count(reason)


def attest(business: Business, recipient: Recipient, n: int, now=NOW) -> Interaction | None:
    return interactions.attest(
        business=business,
        recipient=recipient,
        kind=Interaction.Kind.OPT_IN,
        occurred_at=now,
        evidence=f"form {n}",
        now=now,
    )


def someone(business: Business, n: int) -> Recipient:
    return contacts.remember(
        business=business,
        address_kind="e164",
        value=f"+3363998{n:04d}",
        country="FR",
        timezone="Europe/Paris",
        now=NOW,
    ).recipient


# --- The probe -----------------------------------------------------------------------------------


def test_250_people_of_a_batch_may_be_told_and_the_rest_waits(business: Business) -> None:
    batch = make_batch(business=business)
    ids = make_people(business=business, n=600, batch=batch)
    assert (n_of(business, ids, 0), n_of(business, ids, Reason.AWAITING_PROBE)) == (250, 350)
    batch.refresh_from_db()
    assert (batch.n_probe, len(trust.probe_of(batch=batch))) == (250, 250)


def test_the_probe_is_drawn_not_the_top_of_the_file(business: Business) -> None:
    """Friends in the first lines do not speak for the rest: of 600 people about 5 of 12 are drawn from any part."""
    batch = make_batch(business=business)
    ids = make_people(business=business, n=600, batch=batch)
    drawn = set(trust.probe_of(batch=batch))
    assert 50 < sum(pk in drawn for pk in ids[:250]) < 160
    other = make_batch(business=make_business(name="Other"))
    make_people(business=other.business, n=600, batch=other)
    assert set(trust.probe_of(batch=other)) != drawn


def test_a_file_on_probation_is_read_with_its_probe(business: Business, settings, tmp_path) -> None:
    settings.MEDIA_ROOT, settings.FICTION_NUMBERS_ALLOWED = tmp_path, True
    EvidencePolicy.objects.update(probe_people=2)
    lines = [f"+3363998{n:04d},opt_in,2026-03-14,form {n}" for n in range(5)]
    # One of them with two pieces of evidence: a person is in the probe with all of theirs.
    lines += [f"+3363998{n:04d},opt_in,2026-04-14,form 1{n}" for n in range(5)]
    content = "\n".join(["phone,interaction,interaction_date,evidence", *lines]).encode()
    received = imports.receive(business=business, file=ContentFile(content), filename="x.csv", by=None, now=NOW)
    batch = imports.run(batch=received, now=NOW)
    assert (batch.trust, batch.n_probe, batch.n_new) == ("probe", 2, 5)
    assert Interaction.objects.filter(is_probe=True).count() == 4
    assert sorted(reasons(business, list(Recipient.objects.values_list("pk", flat=True)))) == [0, 0, 41, 41, 41]


def test_who_has_other_evidence_does_not_wait(business: Business) -> None:
    batch = make_batch(business=business)
    ids = make_people(business=business, n=300, batch=batch)
    waiting = next(
        pk for pk, reason in zip(ids, reasons(business, ids), strict=True) if reason == Reason.AWAITING_PROBE
    )
    person = Recipient.objects.get(pk=waiting)
    seen = {"business": business, "recipient": person, "occurred_at": NOW, "evidence": "page", "now": NOW}
    assert interactions.observe(kind=Interaction.Kind.INTERESTED, **seen)
    assert reasons(business, [waiting]) == [0]


def test_cutting_a_list_into_many_files_helps_nobody(business: Business) -> None:
    """No business writes to more than 1,000 people of whom nothing is proven, in 30 days."""
    files = [make_batch(business=business) for _ in range(6)]
    ids = [
        pk
        for n, batch in enumerate(files)
        for pk in make_people(business=business, n=240, first=1 + n * 240, batch=batch)
    ]
    assert (n_of(business, ids, 0), n_of(business, ids, Reason.AWAITING_PROBE)) == (1000, 440)
    assert trust.fill_probes(now=NOW) == 0

    # When one passes there is room for others, and they need not be brought again.
    trust.pass_probe(batch=files[0], now=NOW)
    assert trust.fill_probes(now=NOW) == 240
    assert n_of(business, ids, Reason.AWAITING_PROBE) == 200


def test_the_neighbour_has_room_of_its_own(business: Business) -> None:
    neighbour = make_business(name="Fleurs Petit")
    EvidencePolicy.objects.update(unproven_people=300)
    make_people(business=business, n=300, batch=make_batch(business=business))
    ids = make_people(business=neighbour, n=300, batch=make_batch(business=neighbour))
    assert n_of(neighbour, ids, 0) == 250


def test_a_clean_probe_releases_everybody(business: Business) -> None:
    batch = make_batch(business=business)
    ids = make_people(business=business, n=300, batch=batch)
    assert trust.pass_probe(batch=batch, now=NOW)
    assert not trust.pass_probe(batch=batch, now=NOW)
    assert n_of(business, ids, 0) == 300
    assert Event.objects.filter(business=business, kind="import.clean").count() == 1


def test_the_operator_vouches_with_words_and_is_no_member(business: Business, operator: User) -> None:
    batch = make_batch(business=business)
    ids = make_people(business=business, n=300, batch=batch)
    owner = business.members.get().user
    with pytest.raises(suspicion.CannotJudge, match="Write down why"):
        suspicion.vouch(batch=batch, by=operator, words=" ", now=NOW)
    with pytest.raises(suspicion.CannotJudge, match="somebody else"):
        suspicion.vouch(batch=batch, by=owner, words="We are honest.", now=NOW)
    assert n_of(business, ids, 0) == 250
    assert suspicion.vouch(batch=batch, by=operator, words="Saw the forms.", now=NOW)
    assert not suspicion.vouch(batch=batch, by=operator, words="Saw the forms.", now=NOW)
    assert n_of(business, ids, 0) == 300
    noted = AuditEvent.objects.get(action="import.vouched")
    assert (noted.actor, noted.after["words"]) == (operator, "Saw the forms.")


# --- Programs ------------------------------------------------------------------------------------


def test_what_is_attested_belongs_to_a_batch_says_the_database(business: Business) -> None:
    facts = {"business": business, "recipient": someone(business, 1), "kind": 1, "occurred_at": NOW, "created_at": NOW}
    with pytest.raises(IntegrityError, match="interaction_attested_has_batch"), transaction.atomic():
        Interaction.objects.create(**facts, provenance=2, evidence="form")
    with pytest.raises(IntegrityError, match="interaction_attested_has_evidence"), transaction.atomic():
        Interaction.objects.create(**facts, provenance=2, evidence="", batch=make_batch(business=business))
    Interaction.objects.create(**facts, provenance=1, evidence="")


def test_single_posts_of_one_month_are_one_probe(business: Business) -> None:
    EvidencePolicy.objects.update(probe_people=2)
    people = [someone(business, n) for n in range(4)]
    noted = [attest(business, person, n) for n, person in enumerate(people)]
    batch = ImportBatch.objects.get()
    assert (batch.source, batch.period, batch.trust, batch.n_probe) == ("api", "2026-06", "probe", 2)
    assert {one.batch for one in noted if one} == {batch}
    assert reasons(business, [person.pk for person in people]) == [0, 0, 41, 41]

    # A second proof of somebody in the probe is in it, too; known evidence is not written twice.
    assert attest(business, people[0], 100).is_probe
    assert not attest(business, people[3], 100).is_probe
    assert attest(business, people[0], 0) is None

    attest(business, people[3], 0, now=NOW + timedelta(days=31))
    assert list(ImportBatch.objects.order_by("period").values_list("period", "n_probe")) == [
        ("2026-06", 2),
        ("2026-07", 1),
    ]


@pytest.fixture
def crowd(own_database: object) -> tuple[Business, list[Recipient]]:
    business = make_business()
    EvidencePolicy.objects.update(probe_people=10)
    return business, [someone(business, n) for n in range(24)]


def test_the_probe_is_exact_however_many_post_at_once(crowd: tuple[Business, list[Recipient]]) -> None:
    business, people = crowd
    said = at_once(lambda n: [attest(business, person, n) for person in people[n * 3 : n * 3 + 3]], 8)
    assert not [fault for fault in said if isinstance(fault, Exception)], said
    assert ImportBatch.objects.get().n_probe == 10
    assert Interaction.objects.filter(is_probe=True).values("recipient").distinct().count() == 10
    assert Interaction.objects.count() == 24


def test_two_files_at_once_share_the_room_of_their_business(own_database: object) -> None:
    business = make_business()
    EvidencePolicy.objects.update(probe_people=10, unproven_people=12)
    batches = [make_batch(business=business) for _ in range(3)]

    def bring(n: int) -> None:
        with transaction.atomic():
            make_people(business=business, n=20, first=1 + 100 * n, batch=batches[n])

    assert at_once(bring, 3) == [None] * 3
    assert sum(ImportBatch.objects.values_list("n_probe", flat=True)) == 12
    assert Interaction.objects.filter(is_probe=True).count() == 12


def test_a_clock_that_is_minutes_ahead_is_forgiven_and_waited_for(business: Business) -> None:
    person = someone(business, 1)
    soon = NOW + timedelta(minutes=4)
    assert interactions.attest(business=business, recipient=person, kind=1, occurred_at=soon, evidence="form", now=NOW)
    assert reasons(business, [person.pk]) == [Reason.NO_INTERACTION]
    assert reasons(business, [person.pk], now=soon) == [0]
