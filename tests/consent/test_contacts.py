"""One contact at a time: shared people, own facts, and no person twice however many ask at once."""

import threading

import pytest
from django.db import connections

from consent import contacts
from consent.models import Address, Contact, Recipient
from tests.make import NOW, make_business

CAMILLE = {"address_kind": "e164", "value": "+33639980001", "country": "FR", "timezone": "Europe/Paris", "now": NOW}


@pytest.mark.django_db
def test_a_person_is_shared_and_facts_are_not():
    ours, theirs = make_business(), make_business(name="Fleurs Petit")
    first = contacts.remember(business=ours, **CAMILLE, name="Camille", language="fr", attributes={"city": "Lyon"})
    second = contacts.remember(business=theirs, **CAMILLE, name="C. Durand")
    assert first.recipient == second.recipient
    assert (first.name, second.name) == ("Camille", "C. Durand")
    assert contacts.find_by_address(kind="e164", value="+33639980001") == first.recipient
    assert contacts.find_by_address(kind="sandbox", value="+33639980001") is None
    assert contacts.find_by_address(kind="e164", value="+33639980002") is None


@pytest.mark.django_db
def test_remembering_again_adds_and_never_erases():
    business = make_business()
    contacts.remember(business=business, **CAMILLE, name="Camille", language="fr", attributes={"city": "Lyon"})
    again = contacts.remember(business=business, **CAMILLE, attributes={"size": "M"})
    assert (again.name, again.language, again.attributes) == ("Camille", "fr", {"city": "Lyon", "size": "M"})
    assert Contact.objects.get() == again


def test_two_who_meet_the_same_person_at_once_make_one(own_database):
    businesses = [make_business(name=f"Shop {n}") for n in range(4)]
    start = threading.Barrier(4)
    failures = []

    def meet(business):
        try:
            start.wait(timeout=10)
            for n in range(20):
                contacts.remember(business=business, **{**CAMILLE, "value": f"+3363998{n:04d}"})
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=meet, args=[business]) for business in businesses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (Recipient.objects.count(), Address.objects.count(), Contact.objects.count()) == (20, 20, 80)
