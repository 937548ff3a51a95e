"""What kind of line a number is, is known through whatever door it came; only a channel makes a rule of it."""

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from businesses.models import Member
from consent import attestations, contacts, imports, phones
from consent.attestations import Attested
from consent.lines import LineType
from consent.models import Address, Contact, ImportBatch, Interaction
from tests.make import NOW, make_business, make_client, make_key, make_member

pytestmark = pytest.mark.django_db

LANDLINE, MOBILE, EITHER = "+33142278186", "+33612345678", "+14155552671"
AS_THEY_ARE = {LANDLINE: LineType.LANDLINE, MOBILE: LineType.MOBILE, EITHER: LineType.UNKNOWN}


@pytest.fixture
def business():
    return make_business()


def lines():
    return dict(Address.objects.values_list("value", "line_type"))


def bring(business, *rows):
    content = "\n".join(["phone,name", *(f"{row},Ana" for row in rows)]).encode()
    batch = imports.receive(business=business, file=ContentFile(content), filename="x", by=None, now=NOW)
    return imports.run(batch=batch, now=NOW)


def test_a_file_brings_landlines_like_anybody_and_knows_what_they_are(business, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    batch = bring(business, "01 42 27 81 86", MOBILE, EITHER)
    assert (batch.state, batch.n_new, batch.n_faulty) == (ImportBatch.State.DONE, 3, 0)
    assert lines() == AS_THEY_ARE
    assert bring(business, LANDLINE).n_faulty == 0
    assert lines() == AS_THEY_ARE


def test_sandbox_phones_are_no_lines(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    bring(make_business().twin, LANDLINE)
    assert lines() == {LANDLINE: LineType.UNKNOWN}


def test_what_programs_attest_and_who_writes_is_known_too(business):
    told = [
        Attested(
            kind=Interaction.Kind.PURCHASE, occurred_at=NOW - timedelta(days=1), evidence=f"order {value}",
            value=value, country="FR", timezone="Europe/Paris",
        )
        for value in (LANDLINE, EITHER)
    ]  # fmt: skip
    attestations.take(business=business, attested=told, now=NOW)
    where = {"kind": Address.Kind.E164, "country": "FR", "timezone": "Europe/Paris", "now": NOW}
    contacts.meet(value=MOBILE, **where)
    assert lines() == AS_THEY_ARE
    entity = business.legal_entity_id
    assert contacts.also_at(kind="e164", value=MOBILE, alias="+33142278187", legal_entity_id=entity)
    assert lines()["+33142278187"] == LineType.LANDLINE


def test_numbers_known_before_are_read_once(business):
    for value in AS_THEY_ARE:
        contacts.meet(kind="e164", value=value, country="FR", timezone="Europe/Paris", now=NOW)
    Address.objects.update(line_type=LineType.UNKNOWN)
    migration = import_module("consent.migrations.0023_known_line_types")
    migration.read_known(None, SimpleNamespace(connection=connection))
    assert lines() == AS_THEY_ARE


def test_the_page_and_the_api_say_it(business):
    where = {"country": "FR", "timezone": "Europe/Paris", "now": NOW}
    contacts.remember(business=business, address_kind="e164", value=LANDLINE, name="Ana", **where)
    contact = Contact.objects.get()
    marketer = make_client(make_member(business=business, role=Member.Role.MARKETER))
    page = marketer.get(f"/b/{business.code}/contacts/{contact.code}/")
    assert "landline" in page.content.decode()
    _, secret = make_key(business=business)
    told = make_client().get(f"/api/v1/contacts/{contact.code}", headers={"Authorization": f"Bearer {secret}"}).json()
    assert (told["phone"], told["line_type"]) == (LANDLINE, "landline")
    assert phones.line_type_of(told["phone"]) == LineType.LANDLINE
