"""PATCH on a contact: what is sent changes, the rest stays; twice is once, and the trail says what, not which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from businesses.models import AuditEvent, Business
from consent import contacts
from consent.models import Contact
from tests.make import make_business, make_client, make_key, make_people


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def contact(business: Business) -> Contact:
    make_people(business=business, n=1)
    Contact.objects.update(attributes={"city": "Lyon", "size": "38"})
    return Contact.objects.get()


def patch(business: Business, contact: Contact, body: Any, *, scopes: tuple[str, ...] = ("contacts:write",)) -> Any:
    secret = make_key(business=business, scopes=scopes)[1]
    return make_client().patch(
        f"/api/v1/contacts/{contact.code}",
        data=body if isinstance(body, str) else json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )


def facts(contact: Contact) -> tuple[str, str, dict[str, str]]:
    contact.refresh_from_db()
    return contact.name, contact.language, contact.attributes


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "Zoé"}, ("Zoé", "en", {"city": "Lyon", "size": "38"})),
        ({"name": "", "language": ""}, ("", "", {"city": "Lyon", "size": "38"})),
        ({"language": "fr"}, ("Ana 1", "fr", {"city": "Lyon", "size": "38"})),
        ({"attributes": {"city": "Nantes"}}, ("Ana 1", "en", {"city": "Nantes", "size": "38"})),
        ({"attributes": {"size": None, "loft": ""}}, ("Ana 1", "en", {"city": "Lyon", "loft": ""})),
        ({"attributes": {"nothing": None}}, ("Ana 1", "en", {"city": "Lyon", "size": "38"})),
        ({}, ("Ana 1", "en", {"city": "Lyon", "size": "38"})),
    ],
)
def test_what_is_sent_changes_and_the_rest_stays(
    business: Business, contact: Contact, body: dict[str, Any], expected: tuple[str, str, dict[str, str]]
) -> None:
    before = contact.updated_at
    for _ in range(2):
        answer = patch(business, contact, body)
        assert answer.status_code == 200, answer.content
    assert facts(contact) == expected
    told = answer.json()
    assert (told["name"], told["language"], told["attributes"]) == expected
    is_changed = expected != ("Ana 1", "en", {"city": "Lyon", "size": "38"})
    assert (contact.updated_at > before) is is_changed
    assert AuditEvent.objects.filter(action="contact.corrected").count() == is_changed


def test_the_trail_names_the_facts_and_not_what_they_say(business: Business, contact: Contact) -> None:
    patch(business, contact, {"name": "Zebulon", "attributes": {"quartier": "Vaise"}})
    noted = AuditEvent.objects.get(action="contact.corrected")
    assert (noted.object_code, noted.after) == (contact.code, {"changed": ["attributes", "name"]})
    assert noted.actor is not None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "x" * 121}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "a\x00b"}, None),
        ({"language": "français"}, "/language"),
        ({"phone": "+33639980002"}, "/phone"),
        ({"attributes": {"": "x"}}, "/attributes"),
        ({"attributes": {"a\x00b": "x"}}, None),
        ({"attributes": {"x" * 81: "x"}}, "/attributes"),
        ({"attributes": {"city": "x" * 501}}, "/attributes/city"),
        ({"attributes": {"city": ["Lyon"]}}, "/attributes/city"),
        ({"attributes": "Lyon"}, "/attributes"),
        ([], ""),
        ("{", None),
    ],
)
def test_what_cannot_be_kept_is_named_and_nothing_changes(
    business: Business, contact: Contact, body: Any, pointer: str | None
) -> None:
    before = facts(contact)
    answer = patch(business, contact, body)
    assert answer.status_code in (400, 422), answer.content
    if pointer is not None:
        assert any(error["pointer"].startswith(pointer) for error in answer.json()["errors"])
    assert facts(contact) == before


def test_attributes_have_an_end(business: Business, contact: Contact) -> None:
    many = {f"n{i}": "x" for i in range(contacts.MAX_ATTRIBUTES - 2)}
    assert patch(business, contact, {"attributes": many}).status_code == 200
    answer = patch(business, contact, {"attributes": {"one": "more"}})
    assert answer.status_code == 422
    assert "at most 100" in answer.content.decode()


@pytest.mark.promise("P7")
def test_only_the_businesss_own_with_the_right_key(business: Business, contact: Contact) -> None:
    assert patch(make_business(name="Fleurs Petit"), contact, {"name": "X"}).status_code == 404
    assert patch(business, contact, {"name": "X"}, scopes=("broadcasts:read",)).status_code == 403
    assert facts(contact)[0] == "Ana 1"
