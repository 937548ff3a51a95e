"""Two recipients turn out to be one person: nothing gets looser, nothing is lost, and nobody waits for ever."""

import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from businesses.models import Event
from consent import contacts, interactions, ledger, merging, refusals, verdicts
from consent.models import Address, CapEntry, Contact, Interaction, Recipient, Refusal
from feedback import privacy
from tests.at_once import at_once
from tests.conftest import wait_for
from tests.make import NOW, make_business


def known(business, value, **facts):
    place = {"address_kind": "e164", "value": value, "country": "FR", "timezone": "Europe/Paris"}
    return contacts.remember(business=business, now=NOW, **place, **facts)


def dealt(business, contact, evidence="form"):
    at = NOW - timedelta(days=1)
    interactions.observe(
        business=business, recipient=contact.recipient, kind=Interaction.Kind.OPT_IN, occurred_at=at,
        evidence=evidence, now=NOW,
    )  # fmt: skip


def spend(contact, business, *broadcasts):
    CapEntry.objects.bulk_create(
        CapEntry(
            recipient_id=contact.recipient_id, broadcast_id=n, business_id=business.pk, reserved_at=NOW, counts_at=NOW
        )
        for n in broadcasts
    )


@pytest.fixture
def shop(db):
    return make_business()


@pytest.fixture
def neighbour(db):
    return make_business(name="Fleurs Petit")


@pytest.fixture
def two(shop):
    return known(shop, "+33639980001", name="Camille"), known(
        shop, "+33639980002", language="fr", attributes={"city": "Lyon"}
    )


def merge(two):
    return merging.merge(keep_id=two[0].recipient_id, gone_id=two[1].recipient_id, now=NOW)


def test_facts_evidence_and_addresses_come_together(shop, neighbour, two):
    first, second = two
    dealt(shop, first)
    dealt(shop, second)
    dealt(shop, second, "another form")
    only = known(neighbour, "+33639980002", name="C.")
    keep = merge(two)
    assert set(Address.objects.filter(recipient=keep).values_list("value", flat=True)) == {
        "+33639980001",
        "+33639980002",
    }
    contact = Contact.objects.of(shop).get()
    assert (contact.code, contact.name, contact.language, contact.attributes) == (
        first.code, "Camille", "fr", {"city": "Lyon"},
    )  # fmt: skip
    assert Contact.objects.of(neighbour).get().code == only.code
    assert Interaction.objects.filter(recipient=keep).count() == 2
    assert Event.objects.get(kind="contact.merged").payload == {"contact": first.code, "replaces": second.code}
    assert ledger.verify() == []
    assert Recipient.objects.get(pk=second.recipient_id).merged_into == keep


def test_whatever_either_refused_holds(shop, neighbour, two):
    first, second = (contact.recipient_id for contact in two)
    refusals.stop(recipient_id=second, business=shop, via="page", now=NOW)
    refusals.stop(recipient_id=first, business=neighbour, via="page", now=NOW)
    refusals.stop(recipient_id=second, business=neighbour, via="page", now=NOW)
    refusals.resume(recipient_id=first, business=neighbour, via="page", now=NOW)
    refusals.set_own_limit(recipient_id=first, limit=3, via="page", now=NOW)
    refusals.set_own_limit(recipient_id=second, limit=1, via="page", now=NOW)
    refusals.pause_all(recipient_id=second, via="page", now=NOW)
    refusals.react(recipient_id=second, business=shop, interested=False, via="page", now=NOW)
    keep = merge(two)
    standing = Refusal.objects.filter(recipient=keep, lifted_at=None).values_list("legal_entity_id", flat=True)
    assert set(standing) == {shop.legal_entity_id, neighbour.legal_entity_id}
    assert (keep.own_limit, keep.paused_all_at) == (1, NOW)
    assert Contact.objects.of(shop).get().last_reaction == Contact.Reaction.NOT_INTERESTED


def test_no_slot_is_won_by_merging(shop, two):
    first, second = two
    spend(first, shop, 1, 2)
    spend(second, shop, 2, 3)
    keep = merge(two)
    assert CapEntry.objects.filter(recipient_id=keep.pk).count() == 4
    with connection.cursor() as cursor:
        verdicts.give_back(cursor, recipient_ids=[keep.pk], broadcast_id=2)
    assert CapEntry.objects.filter(recipient_id=keep.pk).count() == 3
    third = known(shop, "+33639980003")
    spend(third, shop, 2)
    spend(first, shop, 2)
    merging.merge(keep_id=keep.pk, gone_id=third.recipient_id, now=NOW)
    assert CapEntry.objects.filter(recipient_id=keep.pk).count() == 5


def arrive(person_id, shop, *, broadcast_id, at):
    with connection.cursor() as cursor:
        verdicts.arrive(
            cursor, recipient_ids=[person_id], arrived_ats=[at.isoformat()], broadcast_id=broadcast_id,
            business_id=shop.pk, now=NOW,
        )  # fmt: skip


def give_back(person_id, *, broadcast_id):
    with connection.cursor() as cursor:
        verdicts.give_back(cursor, recipient_ids=[person_id], broadcast_id=broadcast_id)


def test_a_late_receipt_for_the_old_one_is_about_the_slot_that_moved(shop, two):
    """The delivery keeps its key; the slot is the kept person's now, and nobody else's delivery touches it."""
    first, second = two
    spend(first, shop, 2)
    spend(second, shop, 2, 3)
    CapEntry.objects.update(reserved_at=NOW - timedelta(days=3), counts_at=NOW + timedelta(days=1))
    keep, gone = merge(two), second.recipient_id
    third = known(shop, "+33639980003")
    keep = merging.merge(keep_id=third.recipient_id, gone_id=keep.pk, now=NOW)  # and once more

    arrive(gone, shop, broadcast_id=2, at=NOW - timedelta(days=2))

    assert set(CapEntry.objects.values_list("recipient_id", flat=True)) == {keep.pk}
    counted = sorted(CapEntry.objects.values_list("counts_at", flat=True))
    assert counted == [NOW - timedelta(days=2), NOW + timedelta(days=1), NOW + timedelta(days=1)]
    give_back(gone, broadcast_id=3)
    assert CapEntry.objects.count() == 2
    give_back(first.recipient_id, broadcast_id=2)
    assert [slot.counts_at for slot in CapEntry.objects.all()] == [NOW - timedelta(days=2)]


def test_a_slot_given_back_before_the_merging_is_taken_again_by_the_person(shop, two):
    """Failed, then merged, then delivered after all: it was told, and counts for who is asked about from now on."""
    keep = merge(two)
    for _ in range(2):
        arrive(two[1].recipient_id, shop, broadcast_id=9, at=NOW - timedelta(hours=1))
    slot = CapEntry.objects.get()
    assert (slot.recipient_id, slot.counts_at) == (keep.pk, NOW - timedelta(hours=1))
    assert slot.broadcast_id < 0


def test_what_is_said_to_the_old_one_is_said_to_the_person(shop, two):
    keep = merge(two)
    gone = two[1].recipient_id
    assert refusals.stop(recipient_id=gone, business=shop, via="page", now=NOW)
    assert Refusal.objects.get(lifted_at=None).recipient == keep
    third = known(shop, "+33639980003")
    last = merging.merge(keep_id=third.recipient_id, gone_id=keep.pk, now=NOW)
    assert refusals.current(gone) == last.pk
    assert Refusal.objects.get(lifted_at=None).recipient == last


def test_erasing_the_person_erases_both(shop, two, settings, tmp_path):
    settings.JOURNAL_ROOT = tmp_path
    keep = merge(two)
    privacy.erase(recipient_id=two[1].recipient_id, via="page", now=NOW)
    assert Recipient.objects.filter(erased_at=None).count() == 0
    assert not Address.objects.exists()
    assert ledger.verify() == []
    assert len(privacy.export(recipient_id=keep.pk, now=NOW)["proof"]) > 0


def test_two_that_cannot_be_one(shop, two):
    first, second = (contact.recipient_id for contact in two)
    with pytest.raises(merging.CannotMerge, match="different"):
        merging.merge(keep_id=first, gone_id=first, now=NOW)
    with pytest.raises(merging.CannotMerge, match="not known"):
        merging.merge(keep_id=first, gone_id=0, now=NOW)
    merge(two)
    with pytest.raises(merging.CannotMerge, match="part of somebody"):
        merging.merge(keep_id=first, gone_id=second, now=NOW)


def n_waiting(own_database):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
            [own_database.name],
        )
        return cursor.fetchone()[0]


def test_merging_both_ways_at_once_ends_with_one(own_database):
    shop = make_business()
    ids = [known(shop, f"+3363998000{n}").recipient_id for n in (1, 2)]

    def act(number):
        keep, gone = ids if number % 2 else ids[::-1]
        if number < 4:
            return merging.merge(keep_id=keep, gone_id=gone, now=NOW)
        return refusals.stop(recipient_id=gone, business=shop, via="page", now=NOW)

    answers = at_once(act, 8)
    failures = [answer for answer in answers if isinstance(answer, Exception)]
    assert len(failures) == 3
    assert all(isinstance(failure, merging.CannotMerge) for failure in failures)
    assert Recipient.objects.filter(merged_into=None).count() == 1
    person = Recipient.objects.get(merged_into=None)
    assert Refusal.objects.filter(recipient=person, lifted_at=None).exists()
    assert ledger.verify() == []


def test_who_waited_for_a_merging_holds_nothing_that_the_next_one_needs(own_database):
    """Stops and a second merging wait for the first: whichever of the two rows each gets, nobody waits for ever."""
    shop = make_business()
    keep, gone = (known(shop, f"+3363998000{n}").recipient_id for n in (1, 2))

    def act(number):
        if number == 0:
            with transaction.atomic():
                merging.merge(keep_id=keep, gone_id=gone, now=NOW)
                wait_for(lambda: n_waiting(own_database) == 5, what="five who wait")
            return
        time.sleep(0.2)
        if number == 1:
            merging.merge(keep_id=gone, gone_id=keep, now=NOW)
        refusals.stop(recipient_id=gone, business=shop, via="page", now=NOW)

    merged, second, *stopped = at_once(act, 6)
    assert merged is None
    assert stopped == [None] * 4
    assert isinstance(second, merging.CannotMerge)
    assert Refusal.objects.get(lifted_at=None).recipient_id == keep


def is_locked(person_id):
    with transaction.atomic():
        return not Recipient.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=person_id).exists()


def lock_slot_holders(*ids):
    with connection.cursor() as cursor:
        verdicts.lock_slot_holders(cursor, recipient_ids=ids)


@pytest.mark.parametrize("is_kept_first", [True, False])
def test_who_waits_for_the_old_one_gets_the_lock_of_who_holds_the_slot_by_then(own_database, is_kept_first):
    """A late receipt waits while they are merged; what it then writes is the kept one's, whom a gate may have."""
    shop = make_business()
    keep, gone = sorted((known(shop, f"+3363998000{n}").recipient_id for n in (1, 2)), reverse=not is_kept_first)
    seen = []

    def act(number):
        if number == 0:
            with transaction.atomic():
                merging.merge(keep_id=keep, gone_id=gone, now=NOW)
                wait_for(lambda: n_waiting(own_database) == 1, what="the receipt")
            return
        time.sleep(0.2)
        with transaction.atomic():
            lock_slot_holders(gone)
            seen.extend(at_once(lambda _: is_locked(keep), 1))

    assert at_once(act, 2) == [None, None]
    assert seen == [True]


def test_a_merging_and_a_late_receipt_for_a_part_of_the_one_who_goes_do_not_wait_for_each_other(own_database):
    shop = make_business()
    part, gone, keep = sorted(known(shop, f"+3363998000{n}").recipient_id for n in (1, 2, 3))
    merging.merge(keep_id=gone, gone_id=part, now=NOW)

    def act(number):
        if number:
            time.sleep(0.2)
            merging.merge(keep_id=keep, gone_id=gone, now=NOW)
            return
        with transaction.atomic():
            Recipient.objects.select_for_update(no_key=True).get(pk=part)
            wait_for(lambda: n_waiting(own_database) == 1, what="the merging")
            lock_slot_holders(part)

    assert at_once(act, 2) == [None, None]
    assert refusals.current(part) == refusals.current(gone) == keep
